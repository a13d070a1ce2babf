package ie

import "fmt"

// Party numbers, subaddresses, and the choice of a network.

// Number is a number as the elements carry it. How an NSAP address or an E.164
// number is made of text is another package's business.
type Number struct {
	Type uint8 // NumberUnknown, NumberInternational…
	Plan uint8 // PlanE164, PlanATM…
	// Digits are IA5 digits for PlanE164, and 20 octets for PlanATM.
	Digits []byte
}

// Types of number and numbering plans (Q.2931, 4.5.11).
const (
	NumberUnknown       uint8 = 0
	NumberInternational uint8 = 1
	NumberNational      uint8 = 2
	NumberNetwork       uint8 = 3
	NumberSubscriber    uint8 = 4
	NumberAbbreviated   uint8 = 6

	PlanUnknown uint8 = 0
	PlanE164    uint8 = 1
	PlanATM     uint8 = 2 // ATM endsystem address, ISO/IEC 8348
	PlanPrivate uint8 = 9
)

// MaxDigits is the octets of the longest number: an ATM endsystem address.
const MaxDigits = 20

// CalledNumber is the called party number: Q.2931, 4.5.11.
type CalledNumber struct{ Number }

// ID is 0x70.
func (*CalledNumber) ID() ID { return CalledNumberID }

// Screening is octet 5a of a calling or connected number. It is there when
// one of its fields is.
type Screening struct {
	Presentation Opt[uint8] // 0 allowed, 1 restricted, 2 number not available
	Screening    Opt[uint8] // 0 not screened, 1 passed, 2 failed, 3 network provided
}

// CallingNumber is the calling party number: Q.2931, 4.5.13.
type CallingNumber struct {
	Number
	Screening
}

// ID is 0x6c.
func (*CallingNumber) ID() ID { return CallingNumberID }

// ConnectedNumber is the number that answered: Q.2951.5 and UNI 4.0, 4.
type ConnectedNumber struct {
	Number
	Screening
}

// ID is 0x4c.
func (*ConnectedNumber) ID() ID { return ConnectedNumberID }

// Subaddress is a subaddress: Q.2931, 4.5.12.
type Subaddress struct {
	Type    uint8 // SubaddressNSAP, SubaddressATM or SubaddressUser
	Odd     bool  // an odd number of address signals
	Address []byte
}

// Types of subaddress.
const (
	SubaddressNSAP uint8 = 0
	SubaddressATM  uint8 = 1
	SubaddressUser uint8 = 2
)

// CalledSubaddress is the called party subaddress: Q.2931, 4.5.12.
type CalledSubaddress struct{ Subaddress }

// ID is 0x71.
func (*CalledSubaddress) ID() ID { return CalledSubaddressID }

// CallingSubaddress is the calling party subaddress: Q.2931, 4.5.14.
type CallingSubaddress struct{ Subaddress }

// ID is 0x6d.
func (*CallingSubaddress) ID() ID { return CallingSubaddressID }

// ConnectedSubaddress is the subaddress that answered: Q.2951.5.
type ConnectedSubaddress struct{ Subaddress }

// ID is 0x4d.
func (*ConnectedSubaddress) ID() ID { return ConnectedSubaddressID }

// TransitNetwork is the transit network selection: Q.2931, 4.5.22.
type TransitNetwork struct {
	Type    uint8  // 0 user specified, 2 national, 3 international
	Plan    uint8  // 0 unknown, 1 carrier identification code, 3 X.121
	Network []byte // IA5 characters
}

// ID is 0x78.
func (*TransitNetwork) ID() ID { return TransitNetworkID }

var numberTypes = names{
	{0, "unknown"}, {1, "international"}, {2, "national"}, {3, "network specific"},
	{4, "subscriber"}, {6, "abbreviated"},
}

var numberPlans = names{
	{0, "unknown"}, {1, "E.164"}, {2, "ATM endsystem address"}, {3, "X.121"}, {9, "private"},
}

func typeOfNumber[T any](of func(*T) *Number) *word {
	return octet(
		at(4, 3, num("type", func(v *T) *uint8 { return &of(v).Type }).of(numberTypes)),
		all(4, num("plan", func(v *T) *uint8 { return &of(v).Plan }).of(numberPlans)))
}

func screening[T any](of func(*T) *Screening) *word {
	return octet(
		at(5, 2, opt("presentation", func(v *T) *Opt[uint8] { return &of(v).Presentation }).of(names{
			{0, "allowed"}, {1, "restricted"}, {2, "number not available"}})),
		at(2, 3, spare),
		all(2, opt("screening", func(v *T) *Opt[uint8] { return &of(v).Screening }).of(names{
			{0, "user-provided, not screened"}, {1, "user-provided, verified and passed"},
			{2, "user-provided, verified and failed"}, {3, "network-provided"}})))
}

func digits[T any](least int, of func(*T) *Number) *remainder {
	return rest("number", least, MaxDigits, func(v *T) *[]byte { return &of(v).Digits }).
		shown(func(v Value) string { return of(any(v).(*T)).String() }).
		each(func(v Value, o byte) bool {
			return of(any(v).(*T)).Plan != PlanE164 || o&0x80 == 0
		})
}

// String is the digits of E.164, and octets in hexadecimal otherwise.
func (n *Number) String() string {
	if n.Plan == PlanE164 {
		return fmt.Sprintf("%q", n.Digits)
	}
	return fmt.Sprintf("%x", n.Digits)
}

func subaddress[T any](of func(*T) *Subaddress) layout {
	return layout{
		extended(octet(
			at(4, 3, num("type", func(v *T) *uint8 { return &of(v).Type }).of(names{
				{0, "NSAP"}, {1, "ATM endsystem address"}, {2, "user-specified"}})),
			at(3, 1, flag("odd", func(v *T) *bool { return &of(v).Odd })),
			at(0, 3, spare))),
		rest("address", 0, MaxDigits, func(v *T) *[]byte { return &of(v).Address }),
	}
}

var addressElements = []description{
	{
		id: CalledNumberID, name: "Called party number", clause: "Q.2931 4.5.11", max: 21, codings: itu,
		make: func() Value { return new(CalledNumber) },
		layout: layout{
			extended(typeOfNumber(func(v *CalledNumber) *Number { return &v.Number })),
			digits(1, func(v *CalledNumber) *Number { return &v.Number }),
		},
	},
	{
		id: CallingNumberID, name: "Calling party number", clause: "Q.2931 4.5.13", max: 22, codings: itu,
		make: func() Value { return new(CallingNumber) },
		layout: layout{
			extended(typeOfNumber(func(v *CallingNumber) *Number { return &v.Number }),
				screening(func(v *CallingNumber) *Screening { return &v.Screening })),
			digits(0, func(v *CallingNumber) *Number { return &v.Number }),
		},
	},
	{
		id: ConnectedNumberID, name: "Connected number", clause: "Q.2951.5 4.5.1", max: 22, codings: itu,
		make: func() Value { return new(ConnectedNumber) },
		layout: layout{
			extended(typeOfNumber(func(v *ConnectedNumber) *Number { return &v.Number }),
				screening(func(v *ConnectedNumber) *Screening { return &v.Screening })),
			digits(0, func(v *ConnectedNumber) *Number { return &v.Number }),
		},
	},
	{
		id: CalledSubaddressID, name: "Called party subaddress", clause: "Q.2931 4.5.12", max: 21, codings: itu, access: true,
		make:   func() Value { return new(CalledSubaddress) },
		layout: subaddress(func(v *CalledSubaddress) *Subaddress { return &v.Subaddress }),
	},
	{
		id: CallingSubaddressID, name: "Calling party subaddress", clause: "Q.2931 4.5.14", max: 21, codings: itu, access: true,
		make:   func() Value { return new(CallingSubaddress) },
		layout: subaddress(func(v *CallingSubaddress) *Subaddress { return &v.Subaddress }),
	},
	{
		id: ConnectedSubaddressID, name: "Connected subaddress", clause: "Q.2951.5 4.5.2", max: 21, codings: itu, access: true,
		make:   func() Value { return new(ConnectedSubaddress) },
		layout: subaddress(func(v *ConnectedSubaddress) *Subaddress { return &v.Subaddress }),
	},
	{
		id: TransitNetworkID, name: "Transit network selection", clause: "Q.2931 4.5.22", max: 128, codings: itu | network,
		make: func() Value { return new(TransitNetwork) },
		layout: layout{
			extended(octet(
				at(4, 3, num("type", func(v *TransitNetwork) *uint8 { return &v.Type }).of(names{
					{0, "user specified"}, {2, "national"}, {3, "international"}})),
				all(4, num("plan", func(v *TransitNetwork) *uint8 { return &v.Plan }).of(names{
					{0, "unknown"}, {1, "carrier identification code"}, {3, "X.121"}})))),
			rest("network", 1, 127, func(v *TransitNetwork) *[]byte { return &v.Network }).
				shown(func(v Value) string { return fmt.Sprintf("%q", v.(*TransitNetwork).Network) }).
				each(func(_ Value, o byte) bool { return o&0x80 == 0 }),
		},
	},
}
