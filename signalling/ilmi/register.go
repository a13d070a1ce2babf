package ilmi

import (
	"slices"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
)

// row is one that we register with the peer: an address on the user side, a
// prefix on the network side.
type row struct {
	octets  string
	scope   Scope      // of a group address, or 0
	want    bool       // it should be there
	have    bool       // it is there
	seen    bool       // in this walk
	refused bool       // do not offer it before the next walk
	said    ActionKind // Registered, Withdrawn or Refused: what the caller knows
}

// SetIdentifiers says which ends the interface has: each is registered under
// each prefix that the network gives. User side only; at most MaxIdentifiers.
func (m *Machine) SetIdentifiers(now time.Duration, ids []Identifier) error {
	if m.cfg.Side != UserSide {
		return ErrSide
	}
	if len(ids) > MaxIdentifiers {
		return ErrLimit
	}
	m.identifiers = slices.Clone(ids)
	m.changed(now)
	return nil
}

// SetGroups says which groups the interface is a member of. User side only; at
// most MaxGroups; addresses of groups only.
func (m *Machine) SetGroups(now time.Duration, groups []Group) error {
	if m.cfg.Side != UserSide {
		return ErrSide
	}
	if len(groups) > MaxGroups {
		return ErrLimit
	}
	for _, g := range groups {
		if err := g.Address.Check(); err != nil {
			return err
		}
		if !g.Address.IsGroup() || g.Scope < ScopeLocal || g.Scope > ScopeGlobal {
			return ErrGroup
		}
	}
	m.groups = slices.Clone(groups)
	m.changed(now)
	return nil
}

// SetPrefixes says under which prefixes the peer may have addresses. Those
// that are new are registered, then those that are gone are withdrawn, with
// the addresses under them. Network side only; at most MaxPrefixes.
func (m *Machine) SetPrefixes(now time.Duration, prefixes []Prefix) error {
	if m.cfg.Side != NetworkSide {
		return ErrSide
	}
	if len(prefixes) > MaxPrefixes {
		return ErrLimit
	}
	for _, p := range prefixes {
		if _, err := prefixOf(p.octets); err != nil {
			return err
		}
	}
	m.prefixes = slices.Clone(prefixes)
	m.changed(now)
	return nil
}

// changed brings the rows in line with what is wanted.
func (m *Machine) changed(now time.Duration) {
	m.advance(now)
	m.wanted()
	m.goOn()
}

// goOn uses the time between polls, if there is something to do.
func (m *Machine) goOn() {
	if m.state == Verifying && m.request == nil && (m.dirty() != nil || len(m.discoveries) > 0) {
		m.next()
	}
}

// wanted marks the rows that should be there.
func (m *Machine) wanted() {
	for _, r := range m.ours {
		r.want = false
	}
	for _, p := range m.prefixes {
		m.want(p.octets, 0)
	}
	for _, e := range m.theirs {
		if m.cfg.Side != UserSide {
			break
		}
		p := Prefix{e.octets}
		if _, ok := p.Number(); ok {
			m.want(e.octets, 0)
			continue
		}
		for _, id := range m.identifiers {
			m.want(addressOctets(p.Address(id)), 0)
		}
	}
	for _, g := range m.groups {
		m.want(string(g.Address[:]), g.Scope)
	}
	m.ours = slices.DeleteFunc(m.ours, func(r *row) bool {
		gone := !r.want && !r.have && !m.setting(r)
		if gone && r.said == Registered {
			m.say(r, Withdrawn, NoError)
		}
		return gone
	})
}

// say tells the caller about a row, if it does not know yet.
func (m *Machine) say(r *row, kind ActionKind, status Status) {
	if r.said == kind {
		return
	}
	r.said = kind
	a := told(kind, m.cfg.Side == NetworkSide, r.octets)
	a.Status = status
	m.emit(a)
}

// setting says whether a request about this row is under way.
func (m *Machine) setting(r *row) bool { return m.request != nil && m.request.row == r }

func (m *Machine) want(octets string, scope Scope) {
	r := m.row(octets)
	if r == nil {
		r = &row{octets: octets, said: Withdrawn}
		m.ours = append(m.ours, r)
	}
	if r.scope != scope {
		r.scope, r.have = scope, false
	}
	r.want = true
}

func (m *Machine) row(octets string) *row {
	for _, r := range m.ours {
		if r.octets == octets {
			return r
		}
	}
	return nil
}

// forgetOurs says that the peer has none of our rows.
func (m *Machine) forgetOurs() {
	for _, r := range m.ours {
		r.have, r.refused, r.said = false, false, Withdrawn
	}
	m.wanted()
}

// dirty gives the next row that the peer must be told of: those to register
// come first, so that an address is not missed for a while.
func (m *Machine) dirty() *row {
	if !m.peer.Registration {
		return nil
	}
	var stale *row
	for _, r := range m.ours {
		if r.want && !r.have && !r.refused {
			return r
		}
		if !r.want && r.have && stale == nil {
			stale = r
		}
	}
	return stale
}

// statusColumn is where our rows stand in the peer's MIB.
func (m *Machine) statusColumn() OID {
	if m.cfg.Side == NetworkSide {
		return oidPrefixStatus
	}
	return oidAddressStatus
}

// verify looks at the rows when it is time, or goes on.
func (m *Machine) verify() {
	if m.cfg.VerifyEvery > 0 && m.polls >= m.cfg.VerifyEvery {
		m.polls = 0
		m.retrieve()
		return
	}
	m.next()
}

// retrieve begins to walk through our rows in the peer's MIB.
func (m *Machine) retrieve() {
	if !m.peer.Registration {
		m.next()
		return
	}
	m.state, m.walked = Retrieving, 0
	for _, r := range m.ours {
		r.seen, r.refused = false, false
	}
	m.ask(askRows, GetNextRequest, []OID{m.statusColumn()})
}

// takeRow takes one row of the walk, or its end.
func (m *Machine) takeRow(r *request, p PDU) {
	if b := okBindings(p); len(b) == 1 && b[0].Name.Compare(r.pdu.Bindings[0].Name) > 0 && m.walked < MaxRows {
		if index, inColumn := b[0].Name.suffix(m.statusColumn()); inColumn {
			m.walked++
			if octets, ok := fromRowIndex(index); ok && b[0].Value.Number == statusValid {
				m.see(octets)
			}
			m.ask(askRows, GetNextRequest, []OID{b[0].Name})
			return
		}
	}
	m.endWalk()
	m.next()
}

// endWalk believes what the walk has shown.
func (m *Machine) endWalk() {
	for _, r := range m.ours {
		r.have = r.seen
		if r.want && r.have {
			m.say(r, Registered, NoError)
		}
	}
	m.wanted()
}

// see notes a row in the peer's MIB. One that we do not know is to go.
func (m *Machine) see(octets string) {
	r := m.row(octets)
	if r == nil {
		r = &row{octets: octets, said: Withdrawn}
		m.ours = append(m.ours, r)
	}
	r.seen = true
}

// next does the next thing there is to do, or waits for the next poll.
func (m *Machine) next() {
	if r := m.dirty(); r != nil {
		m.state = Registering
		m.set(r)
		return
	}
	m.state = Verifying
	if len(m.discoveries) > 0 {
		m.discover()
		return
	}
	m.arm(m.cfg.Poll)
}

// set registers or withdraws a row.
func (m *Machine) set(r *row) {
	status := statusInvalid
	if r.want {
		status = statusValid
	}
	index := rowIndex(r.octets)
	p := PDU{Type: SetRequest, Bindings: []Binding{{m.statusColumn().with(index...), integer(status)}}}
	if r.want && r.scope != 0 {
		p.Bindings = append(p.Bindings, Binding{oidAddressScope.with(index...), integer(int(r.scope))})
	}
	m.askWith(&request{kind: askSet, pdu: p, row: r})
}

// takeSet takes the answer to set.
func (m *Machine) takeSet(req *request, p PDU) {
	r := req.row
	valid := req.pdu.Bindings[0].Value.Number == statusValid
	switch {
	case !valid: // whatever the answer: the peer does not have it, or will not let it go
		r.have = false
		if m.cfg.Side == NetworkSide && !r.want {
			m.removeTheirs(func(e entry) bool { return under(e.octets, r.octets) })
		}
	case p.ErrorStatus == NoError:
		r.have = true
		m.say(r, Registered, NoError)
	default:
		r.refused = true
		m.say(r, Refused, p.ErrorStatus)
	}
	m.wanted()
	m.next()
}

// under says whether an address is under a prefix.
func under(octets, prefix string) bool {
	if len(prefix) == address.BCDSize {
		return octets == prefix
	}
	return len(octets) == address.AESASize && octets[:len(prefix)] == prefix
}
