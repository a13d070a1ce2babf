package ie

// Leaf initiated join, anycast, user information, generic identifiers and the
// elements of narrowband ISDN.

// LeafCallIdentifier names a call that leaves may join: UNI 4.0, 6.1.2.1.
type LeafCallIdentifier struct {
	Type       uint8 // 0: chosen by the root
	Identifier uint32
}

// ID is 0xe8.
func (*LeafCallIdentifier) ID() ID { return LeafCallIdentifierID }

// LeafParameters is the leaf initiated join parameters: UNI 4.0, 6.1.2.2.
type LeafParameters struct {
	Screening uint8 // 0: the network joins leaves without telling the root
}

// ID is 0xe9.
func (*LeafParameters) ID() ID { return LeafParametersID }

// LeafSequence joins a LEAF SETUP REQUEST to its answer: UNI 4.0, 6.1.2.3.
type LeafSequence struct {
	Number uint32
}

// ID is 0xea.
func (*LeafSequence) ID() ID { return LeafSequenceID }

// ConnectionScope is the connection scope selection of an anycast: UNI 4.0,
// 7.1.2.1.
type ConnectionScope struct {
	Type  uint8 // 1: organizational
	Scope uint8 // 1 local network … 15 global
}

// ID is 0xeb.
func (*ConnectionScope) ID() ID { return ConnectionScopeID }

// UserUser is user-to-user information: Q.2957.
type UserUser struct {
	Protocol uint8
	Info     []byte // up to 128 octets
}

// ID is 0x7e.
func (*UserUser) ID() ID { return UserUserID }

// Identifier is one identifier of generic identifier transport.
type Identifier struct {
	Type  uint8 // 1 session, 2 resource
	Value []byte
}

// GenericIdentifier is generic identifier transport: UNI 4.0, 2.1.2, and
// Q.2941.
type GenericIdentifier struct {
	Standard    uint8 // 1 DSM-CC, 2 H.245
	Identifiers []Identifier
}

// ID is 0x7f.
func (*GenericIdentifier) ID() ID { return GenericIdentifierID }

// ProgressIndicator is Q.931's, for interworking with the narrowband ISDN.
type ProgressIndicator struct {
	Location    uint8
	Description uint8
}

// ID is 0x1e.
func (*ProgressIndicator) ID() ID { return ProgressIndicatorID }

// NarrowbandBearer is Q.931's bearer capability (Q.2931, 4.6). Contents of
// narrowband elements are carried, not looked into.
type NarrowbandBearer struct{ Octets []byte }

// ID is 0x04.
func (*NarrowbandBearer) ID() ID { return NarrowbandBearerID }

// NarrowbandLowLayer is Q.931's low layer compatibility.
type NarrowbandLowLayer struct{ Octets []byte }

// ID is 0x7c.
func (*NarrowbandLowLayer) ID() ID { return NarrowbandLowLayerID }

// NarrowbandHighLayer is Q.931's high layer compatibility.
type NarrowbandHighLayer struct{ Octets []byte }

// ID is 0x7d.
func (*NarrowbandHighLayer) ID() ID { return NarrowbandHighLayerID }

// identifiers is the list of a GenericIdentifier: type, length, value.
type identifiers struct{}

// maxIdentifier is the octets of the longest value.
const maxIdentifier = 20

func (identifiers) decode(v Value, r *reader) error {
	g := v.(*GenericIdentifier)
	for len(r.b) > 0 {
		if len(r.b) < 2 || len(r.b) < 2+int(r.b[1]) {
			return errShort
		}
		n := int(r.b[1])
		if n > maxIdentifier {
			return errLong
		}
		g.Identifiers = append(g.Identifiers, Identifier{r.b[0], append([]byte(nil), r.b[2:2+n]...)})
		r.b = r.b[2+n:]
	}
	return nil
}

func (identifiers) encode(v Value, to []byte) ([]byte, error) {
	for _, i := range v.(*GenericIdentifier).Identifiers {
		if len(i.Value) > maxIdentifier {
			return to, errLong
		}
		to = append(to, i.Type, byte(len(i.Value)))
		to = append(to, i.Value...)
	}
	return to, nil
}

func (identifiers) visit(v Value, see func(Field)) {
	for _, i := range v.(*GenericIdentifier).Identifiers {
		see(Field{Name: "identifier", Number: uint32(i.Type), Meaning: identifierTypes.find(uint32(i.Type))})
		see(Field{Name: "value", Octets: i.Value})
	}
}

var identifierTypes = names{{1, "session"}, {2, "resource"}}

var scopeNames = names{
	{1, "local network"}, {2, "local network plus one"}, {3, "local network plus two"},
	{4, "site minus one"}, {5, "intra-site"}, {6, "site plus one"}, {7, "organization minus one"},
	{8, "intra-organization"}, {9, "organization plus one"}, {10, "community minus one"},
	{11, "intra-community"}, {12, "community plus one"}, {13, "regional"}, {14, "inter-regional"}, {15, "global"},
}

var extraElements = []description{
	{
		id: LeafCallIdentifierID, name: "Leaf initiated join call identifier", clause: "UNI 4.0 6.1.2.1", max: 5, codings: network, coding: Network,
		make: func() Value { return new(LeafCallIdentifier) },
		layout: layout{
			extended(octet(at(4, 3, spare), all(4, num("type", func(v *LeafCallIdentifier) *uint8 { return &v.Type }).of(names{{0, "root assigned"}})))),
			octets(4, all(32, num("identifier", func(v *LeafCallIdentifier) *uint32 { return &v.Identifier }))),
		},
	},
	{
		id: LeafParametersID, name: "Leaf initiated join parameters", clause: "UNI 4.0 6.1.2.2", max: 1, codings: network, coding: Network,
		make: func() Value { return new(LeafParameters) },
		layout: layout{extended(octet(at(4, 3, spare), all(4, num("screening", func(v *LeafParameters) *uint8 { return &v.Screening }).of(names{
			{0, "network join without root notification"}}))))},
	},
	{
		id: LeafSequenceID, name: "Leaf sequence number", clause: "UNI 4.0 6.1.2.3", max: 4, codings: network, coding: Network,
		make:   func() Value { return new(LeafSequence) },
		layout: layout{octets(4, all(32, num("number", func(v *LeafSequence) *uint32 { return &v.Number })))},
	},
	{
		id: ConnectionScopeID, name: "Connection scope selection", clause: "UNI 4.0 7.1.2.1", max: 2, codings: network, coding: Network,
		make: func() Value { return new(ConnectionScope) },
		layout: layout{
			extended(octet(at(4, 3, spare), all(4, num("type", func(v *ConnectionScope) *uint8 { return &v.Type }).of(names{{1, "organizational"}})))),
			octet(all(8, num("scope", func(v *ConnectionScope) *uint8 { return &v.Scope }).of(scopeNames))),
		},
	},
	{
		id: UserUserID, name: "User-user", clause: "Q.2957 4.5", max: 129, codings: itu,
		make: func() Value { return new(UserUser) },
		layout: layout{
			octet(all(8, num("protocol", func(v *UserUser) *uint8 { return &v.Protocol }))),
			rest("information", 0, 128, func(v *UserUser) *[]byte { return &v.Info }),
		},
	},
	{
		id: GenericIdentifierID, name: "Generic identifier transport", clause: "UNI 4.0 2.1.2", max: 63, codings: itu | network, coding: Network,
		make: func() Value { return new(GenericIdentifier) },
		layout: layout{
			octet(all(8, num("standard", func(v *GenericIdentifier) *uint8 { return &v.Standard }).called(names{
				{1, "DSM-CC"}, {2, "H.245"}}))),
			identifiers{},
		},
	},
	{
		id: ProgressIndicatorID, name: "Progress indicator", clause: "Q.931 4.5.23", max: 2, codings: itu,
		make: func() Value { return new(ProgressIndicator) },
		layout: layout{
			extended(octet(at(4, 3, spare), all(4, num("location", func(v *ProgressIndicator) *uint8 { return &v.Location }).called(locationNames)))),
			extended(octet(all(7, num("description", func(v *ProgressIndicator) *uint8 { return &v.Description })))),
		},
	},
	{
		id: NarrowbandBearerID, name: "Narrowband bearer capability", clause: "Q.2931 4.6.2", max: 14, codings: itu,
		make:   func() Value { return new(NarrowbandBearer) },
		layout: layout{rest("octets", 0, 14, func(v *NarrowbandBearer) *[]byte { return &v.Octets })},
	},
	{
		id: NarrowbandLowLayerID, name: "Narrowband low layer compatibility", clause: "Q.2931 4.6.4", max: 20, codings: itu,
		make:   func() Value { return new(NarrowbandLowLayer) },
		layout: layout{rest("octets", 0, 20, func(v *NarrowbandLowLayer) *[]byte { return &v.Octets })},
	},
	{
		id: NarrowbandHighLayerID, name: "Narrowband high layer compatibility", clause: "Q.2931 4.6.3", max: 7, codings: itu,
		make:   func() Value { return new(NarrowbandHighLayer) },
		layout: layout{rest("octets", 0, 7, func(v *NarrowbandHighLayer) *[]byte { return &v.Octets })},
	},
}
