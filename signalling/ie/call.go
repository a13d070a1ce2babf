package ie

// Elements that every call needs: states, references, channels, restart.

// CallState is the state of a call, or of the restart machine: Q.2931, 4.5.10.
type CallState struct {
	State uint8 // 0…12 of the call, 61 and 62 of a restart
}

// ID is 0x14.
func (*CallState) ID() ID { return CallStateID }

// States of the global call reference (Q.2931, 4.5.10).
const (
	StateRestartNull    uint8 = 0
	StateRestartRequest uint8 = 61
	StateRestart        uint8 = 62
)

var callStateNames = names{
	{0, "null"}, {1, "call initiated"}, {2, "overlap sending"},
	{3, "outgoing call proceeding"}, {4, "call delivered"}, {6, "call present"},
	{7, "call received"}, {8, "connect request"}, {9, "incoming call proceeding"},
	{10, "active"}, {11, "release request"}, {12, "release indication"},
	{25, "overlap receiving"}, {61, "restart request"}, {62, "restart"},
}

// EndpointReference names a party of a point-to-multipoint call: Q.2971,
// 8.2.1.
type EndpointReference struct {
	Type  uint8  // 0: a locally defined integer
	Flag  bool   // the message goes to the side that chose the reference
	Value uint16 // 0…32767; 0 is the party of the SETUP
}

// ID is 0x54.
func (*EndpointReference) ID() ID { return EndpointReferenceID }

// EndpointState is the state of a party: Q.2971, 8.2.2.
type EndpointState struct {
	State uint8 // Party…
}

// ID is 0x55.
func (*EndpointState) ID() ID { return EndpointStateID }

var endpointStateNames = names{
	{0, "null"}, {1, "add party initiated"}, {4, "party alerting delivered"},
	{6, "add party received"}, {7, "party alerting received"},
	{10, "active"}, {11, "drop party initiated"}, {12, "drop party received"},
}

// Connection is the connection identifier: Q.2931, 4.5.16.
type Connection struct {
	// Associated says whose VPCI is meant: Explicit, the one given, or
	// Associated, that of the path that carries the signalling.
	Associated uint8
	Exclusive  uint8 // ExclusiveVCI, AnyVCI or NoVCI
	VPCI, VCI  uint16
}

// ID is 0x5a.
func (*Connection) ID() ID { return ConnectionID }

// What Connection.Associated and Connection.Exclusive say.
const (
	Associated   uint8 = 0
	Explicit     uint8 = 1
	ExclusiveVCI uint8 = 0
	AnyVCI       uint8 = 1
	NoVCI        uint8 = 4
)

// Restart is the restart indicator: Q.2931, 4.5.20.
type Restart struct {
	Class uint8 // RestartVC, RestartVP or RestartAll
}

// ID is 0x79.
func (*Restart) ID() ID { return RestartIndicatorID }

// Classes of a restart.
const (
	RestartVC  uint8 = 0
	RestartVP  uint8 = 1
	RestartAll uint8 = 2
)

// Repeat is the broadband repeat indicator: Q.2931, 4.5.19.
type Repeat struct {
	Indication uint8 // RepeatPrioritized
}

// ID is 0x63.
func (*Repeat) ID() ID { return RepeatIndicatorID }

// RepeatPrioritized is a list in descending order of priority, to choose one
// from.
const RepeatPrioritized uint8 = 2

// Notification is the notification indicator: Q.2931, 4.5.23. Its octets
// belong to supplementary services.
type Notification struct {
	Description []byte
}

// ID is 0x27.
func (*Notification) ID() ID { return NotificationID }

// LockingShift changes the codeset for the rest of the message: Q.2931, 4.5.3.
type LockingShift struct {
	Codeset uint8 // 4…7
}

// ID is 0x60.
func (*LockingShift) ID() ID { return LockingShiftID }

// NonLockingShift changes the codeset for the next element: Q.2931, 4.5.4.
type NonLockingShift struct {
	Codeset uint8 // 0, 4…7
}

// ID is 0x61.
func (*NonLockingShift) ID() ID { return NonLockingShiftID }

// SendingComplete says that the called party number is complete: Q.2931,
// 4.5.21.
type SendingComplete struct{}

// ID is 0x62.
func (*SendingComplete) ID() ID { return SendingCompleteID }

// ReportType is the broadband report type: Q.2963.1, 8.2.1.
type ReportType struct {
	Report uint8
}

// ID is 0x89.
func (*ReportType) ID() ID { return ReportTypeID }

var callElements = []description{
	{
		id: CauseID, name: "Cause", clause: "Q.2931 4.5.15", max: 30, codings: itu | network,
		make: func() Value { return new(Cause) },
		layout: layout{
			extended(octet(at(4, 3, spare), all(4, num("location", func(v *Cause) *uint8 { return &v.Location }).called(locationNames)))),
			extended(octet(all(7, num("value", func(v *Cause) *uint8 { return &v.Value }).called(causeNames)))),
			rest("diagnostics", 0, 28, func(v *Cause) *[]byte { return &v.Diagnostics }).shown(diagnosis),
		},
	},
	{
		id: CallStateID, name: "Call state", clause: "Q.2931 4.5.10", max: 1, codings: itu,
		make:   func() Value { return new(CallState) },
		layout: layout{octet(at(6, 2, spare), all(6, num("state", func(v *CallState) *uint8 { return &v.State }).of(callStateNames)))},
	},
	{
		id: EndpointReferenceID, name: "Endpoint reference", clause: "Q.2971 8.2.1", max: 3, codings: itu,
		make: func() Value { return new(EndpointReference) },
		layout: layout{
			octet(all(8, num("type", func(v *EndpointReference) *uint8 { return &v.Type }).of(names{{0, "locally defined integer"}}))),
			octets(2, at(15, 1, flag("flag", func(v *EndpointReference) *bool { return &v.Flag })),
				all(15, num("value", func(v *EndpointReference) *uint16 { return &v.Value }))),
		},
	},
	{
		id: EndpointStateID, name: "Endpoint state", clause: "Q.2971 8.2.2", max: 1, codings: itu,
		make:   func() Value { return new(EndpointState) },
		layout: layout{octet(at(6, 2, spare), all(6, num("state", func(v *EndpointState) *uint8 { return &v.State }).of(endpointStateNames)))},
	},
	{
		id: ConnectionID, name: "Connection identifier", clause: "Q.2931 4.5.16", max: 5, codings: itu,
		make: func() Value { return new(Connection) },
		layout: layout{
			extended(octet(at(5, 2, spare),
				at(3, 2, num("associated", func(v *Connection) *uint8 { return &v.Associated }).of(names{{0, "VP-associated"}, {1, "explicit VPCI"}})),
				all(3, num("exclusive", func(v *Connection) *uint8 { return &v.Exclusive }).of(names{
					{0, "exclusive VPCI, exclusive VCI"}, {1, "exclusive VPCI, any VCI"}, {4, "exclusive VPCI, no VCI"}})))),
			octets(2, all(16, num("VPCI", func(v *Connection) *uint16 { return &v.VPCI }))),
			octets(2, all(16, num("VCI", func(v *Connection) *uint16 { return &v.VCI }))),
		},
	},
	{
		id: RestartIndicatorID, name: "Restart indicator", clause: "Q.2931 4.5.20", max: 1, codings: itu,
		make: func() Value { return new(Restart) },
		layout: layout{extended(octet(at(3, 4, spare), all(3, num("class", func(v *Restart) *uint8 { return &v.Class }).of(names{
			{0, "indicated VC"}, {1, "all VCs in the indicated VPC"}, {2, "all VCs of the signalling channel"}}))))},
	},
	{
		id: RepeatIndicatorID, name: "Broadband repeat indicator", clause: "Q.2931 4.5.19", max: 1, codings: itu,
		make: func() Value { return new(Repeat) },
		layout: layout{extended(octet(at(4, 3, spare), all(4, num("indication", func(v *Repeat) *uint8 { return &v.Indication }).of(names{
			{2, "prioritized list for selecting one possibility"}}))))},
	},
	{
		id: NotificationID, name: "Notification indicator", clause: "Q.2931 4.5.23", max: 128, codings: itu,
		make:   func() Value { return new(Notification) },
		layout: layout{rest("description", 1, 128, func(v *Notification) *[]byte { return &v.Description })},
	},
	{
		id: LockingShiftID, name: "Broadband locking shift", clause: "Q.2931 4.5.3", max: 1, codings: itu,
		make:   func() Value { return new(LockingShift) },
		layout: layout{extended(octet(at(3, 4, spare), all(3, num("codeset", func(v *LockingShift) *uint8 { return &v.Codeset }).of(codesets))))},
	},
	{
		id: NonLockingShiftID, name: "Broadband non-locking shift", clause: "Q.2931 4.5.4", max: 1, codings: itu,
		make:   func() Value { return new(NonLockingShift) },
		layout: layout{extended(octet(at(3, 4, spare), all(3, num("codeset", func(v *NonLockingShift) *uint8 { return &v.Codeset }).of(codesets))))},
	},
	{
		id: SendingCompleteID, name: "Broadband sending complete", clause: "Q.2931 4.5.21", max: 1, codings: itu,
		make:   func() Value { return new(SendingComplete) },
		layout: layout{extended(octet(constant(0, 7, 0x21)))},
	},
	{
		id: ReportTypeID, name: "Broadband report type", clause: "Q.2963.1 8.2.1", max: 1, codings: itu,
		make: func() Value { return new(ReportType) },
		layout: layout{octet(all(8, num("report", func(v *ReportType) *uint8 { return &v.Report }).of(names{
			{1, "modification confirmation"}, {2, "clock recovery"}, {4, "end-to-end availability"}, {5, "end-to-end required"}, {6, "end-to-end completed"}})))},
	},
}

var codesets = names{
	{0, "Q.2931"}, {4, "ISO/IEC"}, {5, "national"}, {6, "local network"}, {7, "user"},
}
