package ie

import "fmt"

// Traffic and quality of service. Cell rates are cells a second, burst sizes
// are cells; both are numbers of 24 bits.

// Traffic is the parameters of a traffic descriptor. Forward is from the
// calling to the called user; 0 is for CLP=0 cells, 01 for all cells.
type Traffic struct {
	ForwardPeak0, BackwardPeak0     Opt[uint32]
	ForwardPeak01, BackwardPeak01   Opt[uint32]
	ForwardSust0, BackwardSust0     Opt[uint32] // sustainable cell rate
	ForwardSust01, BackwardSust01   Opt[uint32]
	ForwardMin01, BackwardMin01     Opt[uint32] // ABR minimum cell rate (UNI 4.0)
	ForwardBurst0, BackwardBurst0   Opt[uint32] // maximum burst size
	ForwardBurst01, BackwardBurst01 Opt[uint32]
	BestEffort                      bool
	// Options is the traffic management options, FrameDiscardForward… or'ed.
	Options Opt[uint8]
}

// Bits of Traffic.Options.
const (
	TaggingForward       uint8 = 0x01
	TaggingBackward      uint8 = 0x02
	FrameDiscardBackward uint8 = 0x40
	FrameDiscardForward  uint8 = 0x80
)

// TrafficDescriptor is the ATM traffic descriptor: Q.2931, 4.5.6, and UNI 4.0.
type TrafficDescriptor struct{ Traffic }

// ID is 0x59.
func (*TrafficDescriptor) ID() ID { return TrafficDescriptorID }

// AlternativeTraffic is the alternative ATM traffic descriptor: Q.2962.
type AlternativeTraffic struct{ Traffic }

// ID is 0x82.
func (*AlternativeTraffic) ID() ID { return AlternativeTrafficID }

// MinimumTraffic is the minimum acceptable ATM traffic descriptor: Q.2962. Of
// Traffic it has peak and minimum cell rates only.
type MinimumTraffic struct{ Traffic }

// ID is 0x81.
func (*MinimumTraffic) ID() ID { return MinimumTrafficID }

// MinimumDesiredRate is the minimum desired cell rate: af-cs-0147.
type MinimumDesiredRate struct {
	Origin            uint8 // 0 user, 1 network
	Forward, Backward Opt[uint32]
}

// ID is 0xf0.
func (*MinimumDesiredRate) ID() ID { return MinimumDesiredRateID }

// OAMTraffic is the OAM traffic descriptor: Q.2931, 4.5.24.
type OAMTraffic struct {
	Shaping   uint8 // 1: aggregate shaping of user and OAM cells is not allowed
	Mandatory bool  // end-to-end F5 flows must be complied with
	Faults    uint8 // 1: user-originated fault management at 1 cell a second
	Forward   uint8 // end-to-end F5 flow: 0 0%, 1 0.1%, 4 1% of the cell rate
	Backward  uint8
}

// ID is 0x5b.
func (*OAMTraffic) ID() ID { return OAMTrafficID }

// QoSParameter is the quality of service parameter: Q.2931, 4.5.18. Class 0 is
// coded by the ITU-T, all classes by the ATM Forum (coding standard Network).
type QoSParameter struct {
	Forward, Backward uint8 // class, 0 unspecified, 1…4
}

// ID is 0x5c.
func (*QoSParameter) ID() ID { return QoSParameterID }

// ExtendedQoS is the extended QoS parameters: UNI 4.0, 9.1.2.2. Delay
// variation is in microseconds; a loss ratio n is 10^-n. All ones mean any
// value.
type ExtendedQoS struct {
	Origin                                uint8       // 0 originating user, 1 intermediate network
	ForwardAcceptable, BackwardAcceptable Opt[uint32] // acceptable peak-to-peak CDV
	ForwardCumulated, BackwardCumulated   Opt[uint32] // cumulative peak-to-peak CDV
	ForwardLoss, BackwardLoss             Opt[uint8]  // acceptable cell loss ratio
}

// ID is 0xec.
func (*ExtendedQoS) ID() ID { return ExtendedQoSID }

// AnyDelayVariation and AnyLossRatio accept whatever there is.
const (
	AnyDelayVariation uint32 = 1<<24 - 1
	AnyLossRatio      uint8  = 255
)

// TransitDelay is the end-to-end transit delay: Q.2931, 4.5.17, in
// milliseconds.
type TransitDelay struct {
	Cumulative Opt[uint16]
	Maximum    Opt[uint16] // AnyTransitDelay: whatever there is
	Network    bool        // network generated (UNI 4.0, 9.1.2.1)
}

// ID is 0x42.
func (*TransitDelay) ID() ID { return TransitDelayID }

// AnyTransitDelay accepts every delay.
const AnyTransitDelay uint16 = 65535

// ABRSetup is the ABR setup parameters: UNI 4.0, 10.1.2.2.
type ABRSetup struct {
	ForwardInitial, BackwardInitial   Opt[uint32] // initial cell rate, cells a second
	ForwardExposure, BackwardExposure Opt[uint32] // transient buffer exposure, cells
	RoundTrip                         Opt[uint32] // cumulative RM fixed round-trip time, µs
	ForwardIncrease, BackwardIncrease Opt[uint8]  // rate increase factor, log2 of 32768·RIF
	ForwardDecrease, BackwardDecrease Opt[uint8]  // rate decrease factor, log2 of 32768·RDF
}

// ID is 0x84.
func (*ABRSetup) ID() ID { return ABRSetupID }

// ABRRecord is one direction of the additional parameters.
type ABRRecord struct {
	HasNrm, HasTrm, HasCDF, HasADTF bool
	Nrm, Trm, CDF                   uint8  // 3 bits each
	ADTF                            uint16 // 10 bits, 10 ms
}

// ABRAdditional is the ABR additional parameters: UNI 4.0, 10.1.2.3.
type ABRAdditional struct {
	Forward, Backward Opt[uint32] // see Record
}

// ID is 0xe4.
func (*ABRAdditional) ID() ID { return ABRAdditionalID }

// Record takes an additional parameters record apart.
func Record(x uint32) ABRRecord {
	return ABRRecord{
		HasNrm: x>>31&1 != 0, HasTrm: x>>30&1 != 0, HasCDF: x>>29&1 != 0, HasADTF: x>>28&1 != 0,
		Nrm: uint8(x >> 25 & 7), Trm: uint8(x >> 22 & 7), CDF: uint8(x >> 19 & 7), ADTF: uint16(x >> 9 & 1023),
	}
}

// Bits puts the record together. Fields that are not there are 0.
func (r ABRRecord) Bits() uint32 {
	var x uint32
	for _, f := range []struct {
		has        bool
		bit, shift uint
		v, mask    uint32
	}{
		{r.HasNrm, 31, 25, uint32(r.Nrm), 7}, {r.HasTrm, 30, 22, uint32(r.Trm), 7},
		{r.HasCDF, 29, 19, uint32(r.CDF), 7}, {r.HasADTF, 28, 9, uint32(r.ADTF), 1023},
	} {
		if f.has {
			x |= 1<<f.bit | f.v&f.mask<<f.shift
		}
	}
	return x
}

func rate[T any](id byte, name string, ref func(*T) *Opt[uint32]) tag {
	return param(id, 3, all(24, opt(name, ref)))
}

// peaks are the parameters that the minimum acceptable descriptor has, too.
func peaks[T any](of func(*T) *Traffic) []tag {
	return []tag{
		rate(0x82, "forward PCR 0", func(v *T) *Opt[uint32] { return &of(v).ForwardPeak0 }),
		rate(0x83, "backward PCR 0", func(v *T) *Opt[uint32] { return &of(v).BackwardPeak0 }),
		rate(0x84, "forward PCR 0+1", func(v *T) *Opt[uint32] { return &of(v).ForwardPeak01 }),
		rate(0x85, "backward PCR 0+1", func(v *T) *Opt[uint32] { return &of(v).BackwardPeak01 }),
	}
}

func minima[T any](of func(*T) *Traffic) []tag {
	return []tag{
		rate(0x92, "forward MCR 0+1", func(v *T) *Opt[uint32] { return &of(v).ForwardMin01 }),
		rate(0x93, "backward MCR 0+1", func(v *T) *Opt[uint32] { return &of(v).BackwardMin01 }),
	}
}

func traffic[T any](of func(*T) *Traffic) layout {
	t := append(peaks(of),
		rate(0x88, "forward SCR 0", func(v *T) *Opt[uint32] { return &of(v).ForwardSust0 }),
		rate(0x89, "backward SCR 0", func(v *T) *Opt[uint32] { return &of(v).BackwardSust0 }),
		rate(0x90, "forward SCR 0+1", func(v *T) *Opt[uint32] { return &of(v).ForwardSust01 }),
		rate(0x91, "backward SCR 0+1", func(v *T) *Opt[uint32] { return &of(v).BackwardSust01 }))
	t = append(t, minima(of)...)
	return layout{tags(append(t,
		rate(0xa0, "forward MBS 0", func(v *T) *Opt[uint32] { return &of(v).ForwardBurst0 }),
		rate(0xa1, "backward MBS 0", func(v *T) *Opt[uint32] { return &of(v).BackwardBurst0 }),
		rate(0xb0, "forward MBS 0+1", func(v *T) *Opt[uint32] { return &of(v).ForwardBurst01 }),
		rate(0xb1, "backward MBS 0+1", func(v *T) *Opt[uint32] { return &of(v).BackwardBurst01 }),
		mark(0xbe, flag("best effort", func(v *T) *bool { return &of(v).BestEffort })),
		param(0xbf, 1, all(8, opt("options", func(v *T) *Opt[uint8] { return &of(v).Options }))),
	))}
}

// trafficTagName is the name of a subfield of the traffic descriptor.
func trafficTagName(id byte) string {
	for _, t := range table[TrafficDescriptorID].layout[0].(tags) {
		switch {
		case t.id != id:
		case t.mark != nil:
			return t.mark.name
		default:
			return t.bits[0].name
		}
	}
	return fmt.Sprintf("subfield 0x%02x", id)
}

var flows = names{{0, "0%"}, {1, "0.1%"}, {4, "1%"}}

var origins = names{{0, "originating user"}, {1, "intermediate network"}}

// maxFactor is the largest rate increase or decrease factor, 2^0.
const maxFactor = 15

func factor[T any](id byte, name string, ref func(*T) *Opt[uint8]) tag {
	return param(id, 1, all(8, opt(name, ref).between(0, maxFactor)))
}

var trafficElements = []description{
	{
		id: TrafficDescriptorID, name: "ATM traffic descriptor", clause: "Q.2931 4.5.6", max: 60, codings: itu | network,
		make:   func() Value { return new(TrafficDescriptor) },
		layout: traffic(func(v *TrafficDescriptor) *Traffic { return &v.Traffic }),
	},
	{
		id: AlternativeTrafficID, name: "Alternative ATM traffic descriptor", clause: "Q.2962 8.2.1", max: 60, codings: itu | network,
		make:   func() Value { return new(AlternativeTraffic) },
		layout: traffic(func(v *AlternativeTraffic) *Traffic { return &v.Traffic }),
	},
	{
		id: MinimumTrafficID, name: "Minimum acceptable ATM traffic descriptor", clause: "Q.2962 8.2.2", max: 24, codings: itu | network,
		make: func() Value { return new(MinimumTraffic) },
		layout: layout{tags(append(peaks(func(v *MinimumTraffic) *Traffic { return &v.Traffic }),
			minima(func(v *MinimumTraffic) *Traffic { return &v.Traffic })...))},
	},
	{
		id: MinimumDesiredRateID, name: "Minimum desired cell rate", clause: "af-cs-0147 4.2", max: 9, codings: network, coding: Network,
		make: func() Value { return new(MinimumDesiredRate) },
		layout: layout{
			octet(all(8, num("origin", func(v *MinimumDesiredRate) *uint8 { return &v.Origin }).of(origins))),
			tagged(rate(0x00, "forward MDCR", func(v *MinimumDesiredRate) *Opt[uint32] { return &v.Forward }),
				rate(0x02, "backward MDCR", func(v *MinimumDesiredRate) *Opt[uint32] { return &v.Backward })),
		},
	},
	{
		id: OAMTrafficID, name: "OAM traffic descriptor", clause: "Q.2931 4.5.24", max: 2, codings: itu,
		make: func() Value { return new(OAMTraffic) },
		layout: layout{
			extended(octet(
				at(5, 2, num("shaping", func(v *OAMTraffic) *uint8 { return &v.Shaping }).of(names{
					{0, "no user specified requirement"}, {1, "aggregate shaping not allowed"}})),
				at(4, 1, flag("mandatory", func(v *OAMTraffic) *bool { return &v.Mandatory })),
				at(3, 1, spare),
				all(3, num("fault management", func(v *OAMTraffic) *uint8 { return &v.Faults }).of(names{
					{0, "none"}, {1, "1 cell/s"}})))),
			extended(octet(
				at(4, 3, num("forward F5", func(v *OAMTraffic) *uint8 { return &v.Forward }).of(flows)),
				at(3, 1, spare),
				all(3, num("backward F5", func(v *OAMTraffic) *uint8 { return &v.Backward }).of(flows)))),
		},
	},
	{
		id: QoSParameterID, name: "Quality of service parameter", clause: "Q.2931 4.5.18", max: 2, codings: itu | network,
		make: func() Value { return new(QoSParameter) },
		layout: layout{
			octet(all(8, num("forward class", func(v *QoSParameter) *uint8 { return &v.Forward }).of(classes))),
			octet(all(8, num("backward class", func(v *QoSParameter) *uint8 { return &v.Backward }).of(classes))),
		},
	},
	{
		id: ExtendedQoSID, name: "Extended QoS parameters", clause: "UNI 4.0 9.1.2.2", max: 21, codings: network, coding: Network,
		make: func() Value { return new(ExtendedQoS) },
		layout: layout{
			octet(all(8, num("origin", func(v *ExtendedQoS) *uint8 { return &v.Origin }).of(origins))),
			tagged(
				rate(0x94, "acceptable forward CDV", func(v *ExtendedQoS) *Opt[uint32] { return &v.ForwardAcceptable }),
				rate(0x95, "acceptable backward CDV", func(v *ExtendedQoS) *Opt[uint32] { return &v.BackwardAcceptable }),
				rate(0x96, "cumulative forward CDV", func(v *ExtendedQoS) *Opt[uint32] { return &v.ForwardCumulated }),
				rate(0x97, "cumulative backward CDV", func(v *ExtendedQoS) *Opt[uint32] { return &v.BackwardCumulated }),
				param(0xa2, 1, all(8, opt("acceptable forward CLR", func(v *ExtendedQoS) *Opt[uint8] { return &v.ForwardLoss }))),
				param(0xa3, 1, all(8, opt("acceptable backward CLR", func(v *ExtendedQoS) *Opt[uint8] { return &v.BackwardLoss }))),
			),
		},
	},
	{
		id: TransitDelayID, name: "End-to-end transit delay", clause: "Q.2931 4.5.17", max: 7, codings: itu | network,
		make: func() Value { return new(TransitDelay) },
		layout: layout{tagged(
			param(0x01, 2, all(16, opt("cumulative", func(v *TransitDelay) *Opt[uint16] { return &v.Cumulative }))),
			param(0x03, 2, all(16, opt("maximum", func(v *TransitDelay) *Opt[uint16] { return &v.Maximum }))),
			mark(0x0a, flag("network generated", func(v *TransitDelay) *bool { return &v.Network })),
		)},
	},
	{
		id: ABRSetupID, name: "ABR setup parameters", clause: "UNI 4.0 10.1.2.2", max: 32, codings: network, coding: Network,
		make: func() Value { return new(ABRSetup) },
		layout: layout{tagged(
			rate(0xc2, "forward ICR", func(v *ABRSetup) *Opt[uint32] { return &v.ForwardInitial }),
			rate(0xc3, "backward ICR", func(v *ABRSetup) *Opt[uint32] { return &v.BackwardInitial }),
			rate(0xc4, "forward TBE", func(v *ABRSetup) *Opt[uint32] { return &v.ForwardExposure }),
			rate(0xc5, "backward TBE", func(v *ABRSetup) *Opt[uint32] { return &v.BackwardExposure }),
			rate(0xc6, "RM fixed round-trip time", func(v *ABRSetup) *Opt[uint32] { return &v.RoundTrip }),
			factor(0xc8, "forward RIF", func(v *ABRSetup) *Opt[uint8] { return &v.ForwardIncrease }),
			factor(0xc9, "backward RIF", func(v *ABRSetup) *Opt[uint8] { return &v.BackwardIncrease }),
			factor(0xca, "forward RDF", func(v *ABRSetup) *Opt[uint8] { return &v.ForwardDecrease }),
			factor(0xcb, "backward RDF", func(v *ABRSetup) *Opt[uint8] { return &v.BackwardDecrease }),
		)},
	},
	{
		id: ABRAdditionalID, name: "ABR additional parameters", clause: "UNI 4.0 10.1.2.3", max: 10, codings: network, coding: Network,
		make: func() Value { return new(ABRAdditional) },
		layout: layout{tagged(
			param(0xc2, 4, all(32, opt("forward record", func(v *ABRAdditional) *Opt[uint32] { return &v.Forward }))),
			param(0xc3, 4, all(32, opt("backward record", func(v *ABRAdditional) *Opt[uint32] { return &v.Backward }))),
		)},
	},
}

var classes = names{{0, "unspecified"}, {1, "class 1"}, {2, "class 2"}, {3, "class 3"}, {4, "class 4"}}
