package node

import (
	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/ie"
)

// setupOf makes the elements of a SETUP of what an application has said: its own
// elements, and those that a SETUP must have, by the simplest values, where it gave none
// (Q.2931, 3.1.7: AAL parameters are optional; traffic descriptor, bearer capability,
// called number and QoS parameter are not).
func setupOf(e *Event, calling address.Address) []ie.Element {
	elements := without(e.Elements, ie.ConnectionID, ie.EndpointReferenceID)
	add := func(v ie.Value) {
		if ie.Index(elements, v.ID()) < 0 {
			elements = append(elements, ie.New(v))
		}
	}
	oneWay := isMultipoint(elements)
	if oneWay { // nothing comes back from leaves (Q.2971, 8.2.2)
		e.Contract.BackwardPeak = 0
	}
	add(aal5(e.MaxSDU))
	add(e.Contract.descriptor(oneWay))
	add(&ie.BearerCapability{Class: ie.BearerX})
	add(&ie.CalledNumber{Number: number(e.Called)})
	if e.Called.HasAESA() && !e.Called.Number.IsZero() {
		add(&ie.CalledSubaddress{Subaddress: ie.Subaddress{Type: ie.SubaddressATM, Address: append([]byte(nil), e.Called.AESA[:]...)}})
	}
	if !calling.IsZero() {
		add(&ie.CallingNumber{Number: number(calling)})
	}
	add(&ie.QoSParameter{})
	return elements
}

// aal5 is AAL5 without a convergence sublayer of its own; peers compare the SDU sizes with
// what their application takes, and want them there.
func aal5(maxSDU uint16) *ie.AALParameters {
	if maxSDU == 0 {
		maxSDU = DefaultMaxSDU
	}
	return &ie.AALParameters{Type: ie.AAL5, ForwardMaxSDU: ie.Some(maxSDU), BackwardMaxSDU: ie.Some(maxSDU), SSCS: ie.Some[uint8](0)}
}
