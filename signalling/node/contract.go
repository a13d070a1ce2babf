package node

import (
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/ie"
)

// Contract is what a connection may carry, in cells a second: Forward is from the calling
// to the called user. A rate of 0 is none asked for.
type Contract struct {
	Service                   control.Service
	ForwardPeak, BackwardPeak uint32
	// ForwardRate and BackwardRate are what admission sets aside: the peak of CBR, the
	// sustainable rate of VBR, the minimum of ABR, nothing for UBR.
	ForwardRate, BackwardRate uint32
}

// ContractOf reads the contract out of the elements of a SETUP: the traffic descriptor and
// the bearer capability (Q.2931, 4.5.6 and 4.5.7; UNI 4.0, annex 9 for the categories).
func ContractOf(elements []ie.Element) (c Contract) {
	t := ie.Find[ie.TrafficDescriptor](elements)
	if t == nil {
		return c
	}
	bearer := ie.Find[ie.BearerCapability](elements)
	c.Service = service(t, bearer)
	c.ForwardPeak = first(t.ForwardPeak01, t.ForwardPeak0)
	c.BackwardPeak = first(t.BackwardPeak01, t.BackwardPeak0)
	switch c.Service {
	case control.ServiceCBR:
		c.ForwardRate, c.BackwardRate = c.ForwardPeak, c.BackwardPeak
	case control.ServiceRealTimeVBR, control.ServiceVBR:
		c.ForwardRate = first(t.ForwardSust01, t.ForwardSust0)
		c.BackwardRate = first(t.BackwardSust01, t.BackwardSust0)
	case control.ServiceABR:
		c.ForwardRate = first(t.ForwardMin01)
		c.BackwardRate = first(t.BackwardMin01)
	}
	return c
}

// service is the category that the elements ask for (UNI 4.0, table A9-1; UNI 3.x has no
// transfer capability: what has a sustainable rate is VBR, what is best effort UBR).
func service(t *ie.TrafficDescriptor, b *ie.BearerCapability) control.Service {
	if t.BestEffort {
		return control.ServiceUBR
	}
	sustained := t.ForwardSust01.Present || t.ForwardSust0.Present || t.BackwardSust01.Present || t.BackwardSust0.Present
	if b != nil && b.Transfer.Present {
		switch b.Transfer.Value {
		case ie.TransferABR:
			return control.ServiceABR
		case ie.TransferRT, ie.TransferRT1:
			return control.ServiceRealTimeVBR
		case ie.TransferNRT, ie.TransferNRT1:
			return control.ServiceVBR
		}
	}
	if sustained {
		return control.ServiceVBR
	}
	return control.ServiceCBR
}

func first(values ...ie.Opt[uint32]) uint32 {
	for _, v := range values {
		if v.Present {
			return v.Value
		}
	}
	return 0
}

// lineRate is the cells a second of an STM-1 or OC-3c (I.432.2).
const lineRate = 353207

// descriptor is the traffic descriptor of a contract that an application gave in numbers.
func (c Contract) descriptor(oneWay bool) *ie.TrafficDescriptor {
	t := &ie.TrafficDescriptor{}
	t.BestEffort = c.Service == control.ServiceUBR
	if t.BestEffort && c.ForwardPeak == 0 && c.BackwardPeak == 0 { // it must have a peak, even so (Q.2931, 4.5.6)
		c.ForwardPeak = lineRate
		if !oneWay {
			c.BackwardPeak = lineRate
		}
	}
	t.ForwardPeak01, t.BackwardPeak01 = ie.Some(c.ForwardPeak), ie.Some(c.BackwardPeak)
	return t
}
