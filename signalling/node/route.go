package node

import (
	"slices"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/ie"
)

// target is where a call may go: a listener, or an interface.
type target struct {
	listener control.ConnID
	port     uint16
}

// SetRoute says by which interfaces calls go to the addresses with a prefix, in the order
// in which they are tried. None withdraws the route.
func (n *Node) SetRoute(p address.Prefix, ports ...uint16) {
	if len(ports) == 0 {
		n.routes.Delete(p)
		return
	}
	n.routes.Set(p, slices.Clone(ports))
}

// targets are where a call to this address may go, in the order to try: who listens for
// it, then interfaces by the longest prefix. A call never leaves as it came: neither by the
// interface, nor from an application to a listener, which the hub joins by itself.
func (n *Node) targets(called address.Address, from uint16) (t []target) {
	if from != 0 {
		t = append(t, n.listener(called)...)
	}
	for _, ports := range n.routes.Matches(called) {
		for _, p := range ports {
			if p != from && n.ifaces[p] != nil && !slices.Contains(t, target{port: p}) {
				t = append(t, target{port: p})
			}
		}
	}
	if l, ok := n.listeners[address.Address{}]; ok && len(t) == 0 && from != 0 {
		t = append(t, target{listener: l}) // whoever listens for any
	}
	return t
}

// listener is who listens for an address.
func (n *Node) listener(called address.Address) []target {
	for _, a := range [...]address.Address{called, selectorless(called)} {
		if l, ok := n.listeners[a]; ok {
			return []target{{listener: l}}
		}
	}
	return nil
}

// selectorless is the address without its selector, which tells apart who is within an
// end system: a listener with selector 0 takes all (as linux-atm compares them).
func selectorless(a address.Address) address.Address {
	if a.HasAESA() {
		a.AESA[address.AESASize-1] = 0
	}
	return a
}

// CalledAddress is whom a SETUP is for: the called party number, and an AESA behind it as
// its sub-address.
func CalledAddress(elements []ie.Element) address.Address {
	number := ie.Find[ie.CalledNumber](elements)
	if number == nil {
		return address.Address{}
	}
	a := numberAddress(&number.Number)
	if sub := ie.Find[ie.CalledSubaddress](elements); sub != nil && !a.HasAESA() {
		if s, err := address.FromOctets(sub.Address); err == nil {
			a.AESA = s
		}
	}
	return a
}

func callingAddress(elements []ie.Element) address.Address {
	if number := ie.Find[ie.CallingNumber](elements); number != nil {
		return numberAddress(&number.Number)
	}
	return address.Address{}
}

func numberAddress(n *ie.Number) (a address.Address) {
	if n.Plan == ie.PlanATM {
		if s, err := address.FromOctets(n.Digits); err == nil {
			a.AESA = s
		}
		return a
	}
	if number, err := address.NewNumber(string(n.Digits)); err == nil {
		a.Number = number
	}
	return a
}

// number is an address as an element carries it.
func number(a address.Address) ie.Number {
	if !a.Number.IsZero() {
		return ie.Number{Type: ie.NumberInternational, Plan: ie.PlanE164, Digits: []byte(a.Number.Digits())}
	}
	return ie.Number{Type: ie.NumberUnknown, Plan: ie.PlanATM, Digits: append([]byte(nil), a.AESA[:]...)}
}
