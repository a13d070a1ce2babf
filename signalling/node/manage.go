package node

import (
	"slices"

	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/ie"
	"github.com/cellhub/cellhub/signalling/ilmi"
)

// Management is the ILMI of an interface: the network side gives Prefixes and learns
// which addresses are behind the interface, the user side has Identifiers and learns the
// prefixes that make addresses of them.
type Management struct {
	ilmi.Config
	Prefixes    []ilmi.Prefix
	Identifiers []ilmi.Identifier
}

// manage starts ILMI on an interface.
func (i *iface) manage(c *Management) error {
	if c == nil {
		return nil
	}
	m, err := ilmi.New(c.Config)
	if err != nil {
		return err
	}
	if c.Side == ilmi.NetworkSide {
		err = m.SetPrefixes(i.n.now, c.Prefixes)
	} else {
		err = m.SetIdentifiers(i.n.now, c.Identifiers)
	}
	if err != nil {
		return err
	}
	i.mgmt = m
	return nil
}

// learn carries out what ILMI wants, and takes what it has learnt.
func (i *iface) learn() (some bool) {
	if i.mgmt == nil {
		return false
	}
	for _, a := range i.mgmt.Actions() {
		some = true
		switch a.Kind {
		case ilmi.Send:
			i.n.act(Action{Kind: SendManagement, Port: i.Port, Data: a.PDU})
		case ilmi.Added:
			i.added(&a)
		case ilmi.Removed:
			i.removed(&a)
		case ilmi.Registered:
			if i.Management.Side == ilmi.UserSide {
				i.address(a.Address, true)
			}
		case ilmi.Withdrawn:
			if i.Management.Side == ilmi.UserSide {
				i.address(a.Address, false)
			}
		case ilmi.Down:
			for _, known := range slices.Clone(i.addresses) {
				i.address(known, false)
			}
		case ilmi.PeerRestarted: // af-ilmi-0065, 9.3.3: its switched connections are gone
			for _, l := range i.sorted() {
				i.n.lost(l, ie.CauseTemporaryFailure)
			}
		}
	}
	return some
}

// added: the user has registered an address with us: calls to it go there.
func (i *iface) added(a *ilmi.Action) {
	if a.Address.IsZero() {
		return
	}
	p := address.Whole(a.Address)
	ports, _ := i.n.routes.Get(p)
	if !slices.Contains(ports, i.Port) {
		i.n.SetRoute(p, append(slices.Clone(ports), i.Port)...)
	}
	i.address(a.Address, true)
}

func (i *iface) removed(a *ilmi.Action) {
	if a.Address.IsZero() {
		return
	}
	p := address.Whole(a.Address)
	ports, _ := i.n.routes.Get(p)
	i.n.SetRoute(p, slices.DeleteFunc(slices.Clone(ports), func(port uint16) bool { return port == i.Port })...)
	i.address(a.Address, false)
}

// address tells of an address that the interface has got or lost.
func (i *iface) address(a address.Address, got bool) {
	at := slices.Index(i.addresses, a)
	switch {
	case got && at < 0:
		i.addresses = append(i.addresses, a)
		i.n.act(Action{Kind: Addressed, Port: i.Port, Called: a})
	case !got && at >= 0:
		i.addresses = slices.Delete(i.addresses, at, at+1)
		i.n.act(Action{Kind: Unaddressed, Port: i.Port, Called: a})
	}
}
