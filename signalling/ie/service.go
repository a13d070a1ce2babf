package ie

// What the connection carries: AAL, bearer, layers above.

// AALParameters is the ATM adaptation layer parameters: Q.2931, 4.5.5. Which
// fields count depends on Type.
type AALParameters struct {
	Type uint8 // AALVoice, AAL1 … AALUser

	// AAL type 1.
	Subtype         Opt[uint8]
	CBRRate         Opt[uint8]  // 1 64 kbit/s, 4 1544, 16 2048, 64 n x 64 kbit/s …
	Multiplier      Opt[uint16] // n of n x 64 kbit/s, 2…65535
	ClockRecovery   Opt[uint8]  // 0 none, 1 SRTS, 2 adaptive
	ErrorCorrection Opt[uint8]  // 0 none, 1 loss sensitive, 2 delay sensitive
	BlockSize       Opt[uint16] // structured data transfer, octets
	PartialFill     Opt[uint8]  // octets in a cell, 1…47

	// AAL types 3/4 and 5.
	ForwardMaxSDU, BackwardMaxSDU Opt[uint16] // CPCS-SDU, octets; 0 is 65,536
	MID                           Opt[uint32] // type 3/4: lowest MID << 16 | highest
	Mode                          Opt[uint8]  // UNI 3.0: 1 message, 2 streaming
	SSCS                          Opt[uint8]  // 0 null, 1 assured SSCOP, 2 non-assured, 4 frame relay

	// User-defined AAL.
	User []byte // up to 4 octets
}

// ID is 0x58.
func (*AALParameters) ID() ID { return AALParametersID }

// AAL types.
const (
	AALVoice uint8 = 0
	AAL1     uint8 = 1
	AAL2     uint8 = 2
	AAL34    uint8 = 3
	AAL5     uint8 = 5
	AALUser  uint8 = 16
)

// BearerCapability is the broadband bearer capability: Q.2931, 4.5.7, and
// UNI 4.0, 2.
type BearerCapability struct {
	Class uint8 // BearerA, BearerC, BearerX or BearerVP
	// Transfer is octet 5a: the ATM transfer capability of UNI 4.0, or the
	// traffic type (bits 5 to 3) and timing (bits 2, 1) of UNI 3.x.
	Transfer   Opt[uint8]
	Clipping   uint8 // 1: susceptible to clipping
	Multipoint uint8 // 1: point-to-multipoint
}

// ID is 0x5e.
func (*BearerCapability) ID() ID { return BearerCapabilityID }

// Bearer classes.
const (
	BearerA  uint8 = 1
	BearerC  uint8 = 3
	BearerX  uint8 = 16
	BearerVP uint8 = 24 // transparent VP service (UNI 4.0)
)

// ATM transfer capabilities (UNI 4.0, 2; Q.2961.2).
const (
	TransferCBR  uint8 = 5
	TransferCBR1 uint8 = 7 // with a loss commitment on CLP=0+1
	TransferRT   uint8 = 9
	TransferNRT  uint8 = 10
	TransferNRT1 uint8 = 11
	TransferABR  uint8 = 12
	TransferRT1  uint8 = 19
	TransferNone uint8 = 0 // UNI 3.x: no indication
)

// HighLayer is the broadband high layer information: Q.2931, 4.5.8.
type HighLayer struct {
	Type uint8  // 0 ISO, 1 user-specific, 2 profile (UNI 3.0), 3 vendor-specific, 4 ITU-T
	Info []byte // up to 8 octets
}

// ID is 0x5d.
func (*HighLayer) ID() ID { return HighLayerID }

// LowLayer is the broadband low layer information: Q.2931, 4.5.9. Fields that
// follow a protocol count for the protocols that have them.
type LowLayer struct {
	Layer1 Opt[uint8]

	Layer2       Opt[uint8]
	Layer2Mode   Opt[uint8] // 1 normal, 2 extended
	Layer2Q933   uint8      // bits 2 and 1 of the octet of the mode
	Layer2Window Opt[uint8] // 1…127
	Layer2User   Opt[uint8] // of a user-specified protocol

	Layer3       Opt[uint8]
	Layer3Mode   Opt[uint8] // 1 normal, 2 extended
	Layer3Packet Opt[uint8] // log2 of the default packet size
	Layer3Window Opt[uint8]
	Layer3User   Opt[uint8]
	Terminal     Opt[uint8] // H.310: 1 receive, 2 send, 3 both
	Capability   uint8      // H.310: 1 AAL1, 2 AAL5, 3 both
	Multiplex    Opt[uint8] // H.310: forward << 3 | backward
	IPI          Opt[uint8] // ISO/IEC TR 9577: initial protocol identifier; 0x80 is SNAP
	OUI          Opt[uint32]
	PID          Opt[uint16]
}

// ID is 0x5f.
func (*LowLayer) ID() ID { return LowLayerID }

// Protocols of layers 2 and 3.
const (
	Layer2Basic uint8 = 1
	Layer2Q921  uint8 = 2
	Layer2X25   uint8 = 6
	Layer2X25ML uint8 = 7
	Layer2LAPB  uint8 = 8
	Layer2ARM   uint8 = 9
	Layer2NRM   uint8 = 10
	Layer2ABM   uint8 = 11
	Layer2LLC   uint8 = 12
	Layer2X75   uint8 = 13
	Layer2Q922  uint8 = 14
	Layer2User  uint8 = 16
	Layer2DTE   uint8 = 17

	Layer3X25    uint8 = 6
	Layer3ISO    uint8 = 7
	Layer3X223   uint8 = 8
	Layer3CLNP   uint8 = 9
	Layer3T70    uint8 = 10
	Layer3TR9577 uint8 = 11
	Layer3H310   uint8 = 12
	Layer3H321   uint8 = 13
	Layer3User   uint8 = 16
)

// IPISNAP is the initial protocol identifier that OUI and PID follow.
const IPISNAP uint8 = 0x80

var aalTypes = names{
	{0, "AAL for voice"}, {1, "AAL type 1"}, {2, "AAL type 2"}, {3, "AAL type 3/4"},
	{5, "AAL type 5"}, {16, "user-defined AAL"},
}

func aal(of ...uint8) func(Value) bool {
	return func(v Value) bool {
		for _, t := range of {
			if v.(*AALParameters).Type == t {
				return true
			}
		}
		return false
	}
}

var cbrRates = names{
	{1, "64 kbit/s"}, {4, "1544 kbit/s"}, {5, "6312 kbit/s"}, {6, "32064 kbit/s"},
	{7, "44736 kbit/s"}, {8, "97728 kbit/s"}, {16, "2048 kbit/s"}, {17, "8448 kbit/s"},
	{18, "34368 kbit/s"}, {19, "139264 kbit/s"}, {64, "n x 64 kbit/s"}, {65, "n x 8 kbit/s"},
}

var sscsTypes = names{{0, "null"}, {1, "SSCOP assured"}, {2, "SSCOP non-assured"}, {4, "frame relay"}}

func forwardSDU() tag {
	return param(0x8c, 2, all(16, opt("forward max SDU", func(v *AALParameters) *Opt[uint16] { return &v.ForwardMaxSDU })))
}

func backwardSDU() tag {
	return param(0x81, 2, all(16, opt("backward max SDU", func(v *AALParameters) *Opt[uint16] { return &v.BackwardMaxSDU })))
}

func aalMode() tag {
	return param(0x83, 1, all(8, opt("mode", func(v *AALParameters) *Opt[uint8] { return &v.Mode }).of(names{{1, "message"}, {2, "streaming"}})))
}

func aalSSCS() tag {
	return param(0x84, 1, all(8, opt("SSCS", func(v *AALParameters) *Opt[uint8] { return &v.SSCS }).of(sscsTypes)))
}

var aalLayout = layout{
	octet(all(8, num("type", func(v *AALParameters) *uint8 { return &v.Type }).of(aalTypes))),
	when(aal(AAL1), tagged(
		param(0x85, 1, all(8, opt("subtype", func(v *AALParameters) *Opt[uint8] { return &v.Subtype }).of(names{
			{0, "null"}, {1, "64 kbit/s voice-band"}, {2, "circuit"}, {4, "high-quality audio"}, {5, "video"}}))),
		param(0x86, 1, all(8, opt("CBR rate", func(v *AALParameters) *Opt[uint8] { return &v.CBRRate }).of(cbrRates))),
		param(0x87, 2, all(16, opt("multiplier", func(v *AALParameters) *Opt[uint16] { return &v.Multiplier }))),
		param(0x88, 1, all(8, opt("clock recovery", func(v *AALParameters) *Opt[uint8] { return &v.ClockRecovery }).of(names{
			{0, "null"}, {1, "SRTS"}, {2, "adaptive"}}))),
		param(0x89, 1, all(8, opt("error correction", func(v *AALParameters) *Opt[uint8] { return &v.ErrorCorrection }).of(names{
			{0, "null"}, {1, "for loss sensitive signals"}, {2, "for delay sensitive signals"}}))),
		param(0x8a, 2, all(16, opt("block size", func(v *AALParameters) *Opt[uint16] { return &v.BlockSize }))),
		param(0x8b, 1, all(8, opt("partial fill", func(v *AALParameters) *Opt[uint8] { return &v.PartialFill }).between(1, 47))),
	)),
	when(aal(AAL34), tagged(forwardSDU(), backwardSDU(),
		param(0x82, 4, all(32, opt("MID range", func(v *AALParameters) *Opt[uint32] { return &v.MID }))),
		aalMode(), aalSSCS())),
	when(aal(AAL5), tagged(forwardSDU(), backwardSDU(), aalMode(), aalSSCS())),
	when(aal(AALUser), rest("user information", 0, 4, func(v *AALParameters) *[]byte { return &v.User })),
}

func layer2(of ...uint8) func(Value) bool {
	return func(v Value) bool { return oneOf(v.(*LowLayer).Layer2, of) }
}

func layer3(of ...uint8) func(Value) bool {
	return func(v Value) bool { return oneOf(v.(*LowLayer).Layer3, of) }
}

func oneOf(p Opt[uint8], of []uint8) bool {
	for _, x := range of {
		if p.Present && p.Value == x {
			return true
		}
	}
	return false
}

var modes = names{{1, "normal"}, {2, "extended"}}

func ipi() field {
	return opt("initial protocol identifier", func(v *LowLayer) *Opt[uint8] { return &v.IPI })
}

// snap says that octets 8 to 8.5 follow.
func snap(v Value) bool { return v.(*LowLayer).IPI == Some(IPISNAP) }

// withMode are the layer 2 protocols that octets 6a and 6b say more of.
var withMode = layer2(Layer2X25, Layer2X25ML, Layer2ARM, Layer2NRM, Layer2ABM, Layer2Q922, Layer2DTE)

var lowLayerLayout = layout{layers{
	{id: 1, have: func(v Value) bool { return v.(*LowLayer).Layer1.Present },
		part: extended(octet(constant(5, 2, 1),
			all(5, opt("layer 1", func(v *LowLayer) *Opt[uint8] { return &v.Layer1 }))))},
	{id: 2, have: func(v Value) bool { return v.(*LowLayer).Layer2.Present },
		part: extended(octet(constant(5, 2, 2),
			all(5, opt("layer 2", func(v *LowLayer) *Opt[uint8] { return &v.Layer2 }).of(layer2Names)))).
			and(withMode,
				octet(at(5, 2, opt("layer 2 mode", func(v *LowLayer) *Opt[uint8] { return &v.Layer2Mode }).of(modes)),
					at(2, 3, spare), all(2, num("Q.933 use", func(v *LowLayer) *uint8 { return &v.Layer2Q933 }).quiet())),
				octet(all(7, opt("window", func(v *LowLayer) *Opt[uint8] { return &v.Layer2Window }).between(1, 127)))).
			and(layer2(Layer2User),
				octet(all(7, opt("user layer 2", func(v *LowLayer) *Opt[uint8] { return &v.Layer2User }))))},
	{id: 3, have: func(v Value) bool { return v.(*LowLayer).Layer3.Present },
		part: layout{extended(octet(constant(5, 2, 3),
			all(5, opt("layer 3", func(v *LowLayer) *Opt[uint8] { return &v.Layer3 }).of(layer3Names)))).
			and(layer3(Layer3X25, Layer3ISO, Layer3X223),
				octet(at(5, 2, opt("layer 3 mode", func(v *LowLayer) *Opt[uint8] { return &v.Layer3Mode }).of(modes)), at(0, 5, spare)),
				octet(at(4, 3, spare), all(4, opt("packet size", func(v *LowLayer) *Opt[uint8] { return &v.Layer3Packet }).between(4, 12))),
				octet(all(7, opt("packet window", func(v *LowLayer) *Opt[uint8] { return &v.Layer3Window }).between(1, 127)))).
			and(layer3(Layer3User),
				octet(all(7, opt("user layer 3", func(v *LowLayer) *Opt[uint8] { return &v.Layer3User })))).
			and(layer3(Layer3H310),
				octet(at(4, 3, num("capability", func(v *LowLayer) *uint8 { return &v.Capability }).quiet().between(0, 3)),
					all(4, opt("terminal", func(v *LowLayer) *Opt[uint8] { return &v.Terminal }).of(names{
						{1, "receive only"}, {2, "send only"}, {3, "receive and send"}}))),
				octet(at(6, 1, spare), all(6, opt("multiplexing", func(v *LowLayer) *Opt[uint8] { return &v.Multiplex })))).
			and(layer3(Layer3TR9577),
				octet(all(7, ipi()).shifted(1)),
				octet(at(6, 1, ipi()).joined(), at(0, 6, spare))),
			when(snap,
				extended(octet(constant(0, 7, 0))),
				octets(3, all(24, opt("OUI", func(v *LowLayer) *Opt[uint32] { return &v.OUI }))),
				octets(2, all(16, opt("PID", func(v *LowLayer) *Opt[uint16] { return &v.PID })))),
		}},
}}

var layer2Names = names{
	{1, "basic mode ISO 1745"}, {2, "Q.921"}, {6, "X.25 link layer"}, {7, "X.25 multilink"},
	{8, "extended LAPB"}, {9, "HDLC ARM"}, {10, "HDLC NRM"}, {11, "HDLC ABM"},
	{12, "LAN LLC"}, {13, "X.75"}, {14, "Q.922"}, {16, "user-specified"}, {17, "ISO 7776"},
}

var layer3Names = names{
	{6, "X.25 packet layer"}, {7, "ISO/IEC 8208"}, {8, "X.223"}, {9, "ISO/IEC 8473"},
	{10, "T.70"}, {11, "ISO/IEC TR 9577"}, {12, "H.310"}, {13, "H.321"}, {16, "user-specified"},
}

var transferNames = names{
	{0, "no indication"}, {1, "no indication, end-to-end timing"}, {2, "no indication, no timing"},
	{4, "constant bit rate"}, {5, "CBR"}, {6, "constant bit rate, no timing"}, {7, "CBR, loss commitment on CLP=0+1"},
	{8, "variable bit rate"}, {9, "real-time VBR"}, {10, "non-real-time VBR"},
	{11, "non-real-time VBR, loss commitment on CLP=0+1"}, {12, "ABR"}, {19, "real-time VBR, loss commitment on CLP=0+1"},
}

var serviceElements = []description{
	{
		id: AALParametersID, name: "AAL parameters", clause: "Q.2931 4.5.5", max: 20, codings: itu, access: true,
		make: func() Value { return new(AALParameters) }, layout: aalLayout,
	},
	{
		id: BearerCapabilityID, name: "Broadband bearer capability", clause: "Q.2931 4.5.7", max: 3, codings: itu,
		make: func() Value { return new(BearerCapability) },
		layout: layout{
			extended(
				octet(at(5, 2, spare), all(5, num("class", func(v *BearerCapability) *uint8 { return &v.Class }).of(names{
					{1, "BCOB-A"}, {3, "BCOB-C"}, {16, "BCOB-X"}, {24, "transparent VP service"}}))),
				octet(all(7, opt("transfer", func(v *BearerCapability) *Opt[uint8] { return &v.Transfer }).called(transferNames)))),
			extended(octet(
				at(5, 2, num("clipping", func(v *BearerCapability) *uint8 { return &v.Clipping }).of(names{
					{0, "not susceptible"}, {1, "susceptible"}})),
				at(2, 3, spare),
				all(2, num("configuration", func(v *BearerCapability) *uint8 { return &v.Multipoint }).of(names{
					{0, "point-to-point"}, {1, "point-to-multipoint"}})))),
		},
	},
	{
		id: HighLayerID, name: "Broadband high layer information", clause: "Q.2931 4.5.8", max: 9, codings: itu, access: true,
		make: func() Value { return new(HighLayer) },
		layout: layout{
			extended(octet(all(7, num("type", func(v *HighLayer) *uint8 { return &v.Type }).of(names{
				{0, "ISO"}, {1, "user-specific"}, {2, "high layer profile"}, {3, "vendor-specific"}, {4, "ITU-T"}})))),
			rest("information", 0, 8, func(v *HighLayer) *[]byte { return &v.Info }),
		},
	},
	{
		id: LowLayerID, name: "Broadband low layer information", clause: "Q.2931 4.5.9", max: 17, codings: itu, access: true,
		make: func() Value { return new(LowLayer) }, layout: lowLayerLayout,
	},
}
