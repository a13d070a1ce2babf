package ilmi

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// entry is a row that the peer has registered with us.
type entry struct {
	octets string
	scope  Scope
	at     time.Duration // when the peer set it or read it last
}

// compareRows orders rows as the MIB does: the length stands first.
func compareRows(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

func (m *Machine) find(octets string) (int, bool) {
	return slices.BinarySearchFunc(m.theirs, octets, func(e entry, o string) int { return compareRows(e.octets, o) })
}

// removeTheirs takes rows of the peer away and says so.
func (m *Machine) removeTheirs(gone func(entry) bool) {
	m.theirs = slices.DeleteFunc(m.theirs, func(e entry) bool {
		if gone(e) {
			m.emit(told(Removed, m.cfg.Side == UserSide, e.octets))
			return true
		}
		return false
	})
}

// objects gives all that we have, in order.
func (m *Machine) objects() []Binding {
	s, i, l := m.cfg.System, m.cfg.Interface, m.cfg.Layer
	out := []Binding{
		{oidSysDescr, octetString(s.Description)}, {oidSysObjectID, identifier(s.ObjectID)}, {oidSysUpTime, ticks(m.upTime())},
		{oidSysContact, octetString(s.Contact)}, {oidSysName, octetString(s.Name)}, {oidSysLocation, octetString(s.Location)},
		{oidSysServices, integer(int(s.Services))},
		{portColumn(colPortIndex), integer(0)},
		{portColumn(colPortTransmission), identifier(oidUnknownTransmission)}, {portColumn(colPortMedium), identifier(oidUnknownMedium)},
		{portColumn(colPortStatus), integer(portInService)}, {portColumn(colPortSpecific), identifier(oidNothing)},
		{portColumn(colPortName), octetString(i.Name)}, {portColumn(colPortIdentifier), integer(int(i.Identifier))},
	}
	if i.IP.IsValid() {
		ip := i.IP.As4()
		out = append(out, Binding{oidMyIPAddress, Value{Kind: IPAddress, Octets: string(ip[:])}})
	}
	out = append(out, Binding{oidMySystem, octetString(string(i.System[:]))})
	uniType := 2
	if l.Public {
		uniType = 1
	}
	for c, v := range map[uint32]int{
		colLayerIndex: 0, colLayerMaxVPCs: int(l.MaxVPCs), colLayerMaxVCCs: int(l.MaxVCCs),
		colLayerConfiguredVPCs: int(l.ConfiguredVPCs), colLayerConfiguredVCCs: int(l.ConfiguredVCCs),
		colLayerMaxVPIBits: int(l.MaxVPIBits), colLayerMaxVCIBits: int(l.MaxVCIBits), colLayerUNIType: uniType,
		colLayerUNIVersion: int(l.UNI), colLayerDeviceType: int(m.cfg.Side), colLayerILMIVersion: int(l.ILMIVersion),
		colLayerNNIVersion: int(l.NNIVersion), colLayerMaxSVPCVPI: int(l.MaxSVPCVPI), colLayerMaxSVCCVPI: int(l.MaxSVCCVPI),
		colLayerMinSVCCVCI: int(l.MinSVCCVCI),
	} {
		out = append(out, Binding{layerColumn(c), integer(v)})
	}
	for _, e := range m.theirs {
		index := rowIndex(e.octets)
		if m.cfg.Side == UserSide {
			out = append(out, Binding{oidPrefixStatus.with(index...), integer(statusValid)})
			continue
		}
		out = append(out, Binding{oidAddressStatus.with(index...), integer(statusValid)}, Binding{oidAddressScope.with(index...), integer(int(e.scope))})
	}
	for _, v := range m.services {
		out = append(out, Binding{oidServiceAddress.with(serviceIndex(v)...), octetString(addressOctets(v.Address))})
		out = append(out, Binding{oidServiceParameter.with(serviceIndex(v)...), octetString(v.Parameter)})
	}
	out = append(out, Binding{registrationColumn(colRegistrationIndex), integer(0)},
		Binding{registrationColumn(colRegistrationStatus), integer(registrationSupported)})
	slices.SortFunc(out, func(a, b Binding) int { return a.Name.Compare(b.Name) })
	return out
}

// respond answers a request of the peer (RFC 1157, 4.1.2, 4.1.3, 4.1.5).
func (m *Machine) respond(p PDU) {
	answer := PDU{Type: GetResponse, RequestID: p.RequestID}
	var changes []change
	switch p.Type {
	case GetRequest:
		answer.Bindings, answer.ErrorStatus, answer.ErrorIndex = m.get(p.Bindings, false)
	case GetNextRequest:
		answer.Bindings, answer.ErrorStatus, answer.ErrorIndex = m.get(p.Bindings, true)
	case SetRequest:
		answer.Bindings = p.Bindings
		changes, answer.ErrorStatus, answer.ErrorIndex = m.plan(p.Bindings)
	}
	if answer.ErrorStatus != NoError { // the answer is the request but for these fields
		answer.Bindings = p.Bindings
	}
	octets, err := Encode(answer)
	if err != nil {
		answer.Bindings, answer.ErrorStatus, answer.ErrorIndex, changes = p.Bindings, TooBig, 0, nil
		if octets, err = Encode(answer); err != nil { // the request was at the limit, in shorter form than ours
			m.count.TooLong++
			return
		}
	}
	m.sendOctets(GetResponse, octets)
	m.commit(changes)
}

// get finds the values of variables, or of those that follow.
func (m *Machine) get(asked []Binding, following bool) ([]Binding, Status, int32) {
	have := m.objects()
	out := make([]Binding, len(asked))
	for i, a := range asked {
		at, exact := slices.BinarySearchFunc(have, a.Name, func(b Binding, o OID) int { return b.Name.Compare(o) })
		if following && exact {
			at++
		}
		if at == len(have) || !following && !exact {
			return nil, NoSuchName, int32(i + 1)
		}
		out[i] = have[at]
	}
	for _, b := range out {
		m.seenByPeer(b.Name)
	}
	return out, NoError, 0
}

// seenByPeer notes that the peer knows of its row: it need not set it again
// after a restart.
func (m *Machine) seenByPeer(name OID) {
	index, ok := name.suffix(m.theirColumn())
	if !ok {
		return
	}
	if octets, ok := fromRowIndex(index); ok {
		if at, have := m.find(octets); have {
			m.theirs[at].at = m.now
		}
	}
}

// theirColumn is where the peer's rows stand in our MIB.
func (m *Machine) theirColumn() OID {
	if m.cfg.Side == UserSide {
		return oidPrefixStatus
	}
	return oidAddressStatus
}

// change is what a SET does to a row of the peer.
type change struct {
	octets string
	remove bool
	scope  Scope // 0: as it was
}

// plan checks a SET, of which all is done or nothing.
func (m *Machine) plan(bindings []Binding) (changes []change, status Status, index int32) {
	rows := len(m.theirs)
	for i, b := range bindings {
		c, status := m.planOne(b, changes)
		if status != NoError {
			return nil, status, int32(i + 1)
		}
		if _, have := m.find(c.octets); !have && !c.remove {
			rows++
		}
		if n := len(changes); n > 0 && changes[n-1].octets == c.octets && changes[n-1].remove == c.remove && c.scope != 0 {
			changes[n-1].scope = c.scope
			continue
		}
		changes = append(changes, c)
	}
	if limit := m.maxTheirs(); rows > limit && rows > len(m.theirs) {
		return nil, GenErr, 1
	}
	return changes, NoError, 0
}

func (m *Machine) maxTheirs() int {
	if m.cfg.Side == UserSide {
		return MaxPrefixes
	}
	return MaxRows
}

func (m *Machine) planOne(b Binding, before []change) (c change, status Status) {
	index, isStatus := b.Name.suffix(m.theirColumn())
	isScope := false
	if !isStatus && m.cfg.Side == NetworkSide {
		index, isScope = b.Name.suffix(oidAddressScope)
	}
	octets, ok := fromRowIndex(index)
	if !ok || !isStatus && !isScope {
		return c, NoSuchName
	}
	c.octets = octets
	n := b.Value.Number
	switch {
	case b.Value.Kind != Integer:
		return c, BadValue
	case isScope:
		if n < int64(ScopeLocal) || n > int64(ScopeGlobal) {
			return c, BadValue
		}
		c.scope = Scope(n)
		_, have := m.find(octets)
		if have || slices.ContainsFunc(before, func(o change) bool { return o.octets == octets && !o.remove }) {
			return c, NoError
		}
		return c, NoSuchName
	case n != statusValid && n != statusInvalid, n == statusValid && !m.acceptable(octets):
		return c, BadValue
	}
	c.remove = n == statusInvalid
	return c, NoError
}

// acceptable says whether the peer may register this row: on the user side
// what is a prefix; on the network side an address under a prefix of ours, or
// a group's.
func (m *Machine) acceptable(octets string) bool {
	if m.cfg.Side == UserSide {
		_, err := prefixOf(octets)
		return err == nil
	}
	a, err := addressOf(octets)
	if err != nil {
		return false
	}
	return a.AESA.IsGroup() || slices.ContainsFunc(m.prefixes, func(p Prefix) bool { return under(octets, p.octets) })
}

// commit does what plan found good.
func (m *Machine) commit(changes []change) {
	if len(changes) == 0 {
		return
	}
	for _, c := range changes {
		m.apply(c)
	}
	m.wanted()
	m.goOn()
}

func (m *Machine) apply(c change) {
	prefixes := m.cfg.Side == UserSide
	at, have := m.find(c.octets)
	switch {
	case c.remove:
		m.removeTheirs(func(e entry) bool { return e.octets == c.octets })
		return
	case !have:
		e := entry{octets: c.octets, scope: ScopeGlobal}
		if a, err := addressOf(c.octets); err == nil && a.AESA.IsGroup() {
			e.scope = ScopeLocal // the default for groups
		}
		m.theirs = slices.Insert(m.theirs, at, e)
	}
	e := &m.theirs[at]
	e.at = m.now
	changed := !have
	if c.scope != 0 && c.scope != e.scope {
		e.scope, changed = c.scope, true
	}
	if changed {
		a := told(Added, prefixes, c.octets)
		if !prefixes {
			a.Scope = e.scope
		}
		m.emit(a)
		return
	}
	if prefixes { // the network says it again: it may have lost our addresses
		for _, r := range m.ours {
			if under(r.octets, c.octets) {
				r.have = r.have && m.setting(r)
			}
		}
	}
}
