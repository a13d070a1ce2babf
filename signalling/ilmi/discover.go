package ilmi

import (
	"slices"
	"time"
)

// serviceIndex is the index of a row of the service registry: this interface,
// the identifier with its length, the number.
func serviceIndex(s Service) []uint32 {
	out := append([]uint32{0, uint32(len(s.ID))}, s.ID...)
	return append(out, uint32(s.Index))
}

// SetServices says what the registry shows. Network side only; at most
// MaxServices, no two of the same ID and Index.
func (m *Machine) SetServices(services []Service) error {
	if m.cfg.Side != NetworkSide {
		return ErrSide
	}
	if len(services) > MaxServices {
		return ErrLimit
	}
	for i, s := range services {
		if !s.ID.valid() || len(s.ID) > 32 || s.Index < 1 || s.Address.IsZero() || len(s.Parameter) > MaxParameter {
			return ErrService
		}
		if slices.ContainsFunc(services[:i], func(o Service) bool { return o.ID.Compare(s.ID) == 0 && o.Index == s.Index }) {
			return ErrService
		}
	}
	m.services = slices.Clone(services)
	return nil
}

// Discover looks for a service in the peer's registry: Found tells, as soon as
// the peer is up and has answered. User side only; at most MaxDiscoveries wait.
func (m *Machine) Discover(now time.Duration, id OID) error {
	m.advance(now)
	switch {
	case m.cfg.Side != UserSide:
		return ErrSide
	case !id.valid() || len(id) > 32:
		return ErrService
	case len(m.discoveries) == MaxDiscoveries:
		return ErrLimit
	}
	m.discoveries = append(m.discoveries, slices.Clone(id))
	m.goOn()
	return nil
}

// discover begins the walk through one service.
func (m *Machine) discover() {
	id := m.discoveries[0]
	under := append([]uint32{0, uint32(len(id))}, id...)
	m.found, m.walked = nil, 0
	m.ask(askServices, GetNextRequest, []OID{oidServiceAddress.with(under...), oidServiceParameter.with(under...)})
}

// takeService takes one row of the walk, or its end.
func (m *Machine) takeService(r *request, p PDU) {
	if m.takeServiceRow(r, okBindings(p)) {
		return
	}
	id := m.discoveries[0]
	m.discoveries = m.discoveries[1:]
	m.emit(Action{Kind: Found, Service: id, Services: m.found})
	m.found = nil
	m.next()
}

// takeServiceRow takes a row of the service that is looked for, and asks for
// the next.
func (m *Machine) takeServiceRow(r *request, b []Binding) bool {
	if len(b) != len(r.pdu.Bindings) || b[0].Name.Compare(r.pdu.Bindings[0].Name) <= 0 || m.walked == MaxServices {
		return false
	}
	id := m.discoveries[0]
	under := append([]uint32{0, uint32(len(id))}, id...)
	index, ok := b[0].Name.suffix(oidServiceAddress.with(under...))
	if !ok || len(index) != 1 || index[0] >= 1<<31 {
		return false
	}
	m.walked++
	s := Service{ID: id, Index: int32(index[0])}
	names := []OID{b[0].Name}
	if len(b) == 2 {
		names = append(names, oidServiceParameter.with(under...).with(index...))
		if b[1].Name.Compare(names[1]) == 0 {
			s.Parameter = b[1].Value.Octets
		}
	}
	var err error
	if s.Address, err = addressOf(b[0].Value.Octets); err == nil {
		m.found = append(m.found, s)
	}
	m.ask(askServices, GetNextRequest, names)
	return true
}
