package ilmi

import (
	"net/netip"
	"time"
)

// attachment is where we are connected to: who the peer is, and since when
// (af-ilmi-0065, 8.3).
type attachment struct {
	system     string
	identifier int64
	upTime     uint32
	known      bool          // upTime is
	at         time.Duration // when the answer came
}

var attachmentObjects = []OID{portColumn(colPortIdentifier), oidMySystem, oidSysUpTime}

var configObjects = []OID{
	portColumn(colPortName), oidMyIPAddress,
	layerColumn(colLayerMaxVPCs), layerColumn(colLayerMaxVCCs), layerColumn(colLayerConfiguredVPCs), layerColumn(colLayerConfiguredVCCs),
	layerColumn(colLayerMaxVPIBits), layerColumn(colLayerMaxVCIBits), layerColumn(colLayerUNIType), layerColumn(colLayerUNIVersion),
	layerColumn(colLayerDeviceType), layerColumn(colLayerILMIVersion), layerColumn(colLayerNNIVersion),
	layerColumn(colLayerMaxSVPCVPI), layerColumn(colLayerMaxSVCCVPI), layerColumn(colLayerMinSVCCVCI),
	registrationColumn(colRegistrationStatus),
}

// fail goes to state LinkFailing: nothing is known of the peer any more, and
// it is told that we know nothing.
func (m *Machine) fail() {
	m.forget()
	m.state = LinkFailing
	m.coldStart()
	m.ask(askAttachment, GetRequest, attachmentObjects)
}

// forget empties both tables and says so.
func (m *Machine) forget() {
	m.request, m.armed = nil, false
	m.attached = attachment{}
	m.removeTheirs(func(entry) bool { return true })
	m.forgetOurs()
	m.epoch = m.now
	if m.up {
		m.up = false
		m.emit(Action{Kind: Down})
	}
}

// trapped takes a trap: coldStart says that the peer's tables are empty.
func (m *Machine) trapped(p PDU) {
	if p.Trap.Generic != ColdStart {
		m.count.Ignored++
		return
	}
	if m.state == LinkFailing { // nothing to forget, and somebody is there now
		m.count.Repeated++
		m.send(m.request.pdu)
		return
	}
	m.restarted(func(entry) bool { return true })
	m.ask(askAttachment, GetRequest, attachmentObjects)
}

// restarted goes back to state Establishing, without what the peer had before.
func (m *Machine) restarted(gone func(entry) bool) {
	m.count.Restarts++
	m.request, m.armed = nil, false
	m.removeTheirs(gone)
	m.forgetOurs()
	m.state = Establishing
	if m.up {
		m.up = false
		m.emit(Action{Kind: PeerRestarted})
	}
}

// takeAttachment takes the answer that says who the peer is.
func (m *Machine) takeAttachment(r *request, p PDU) {
	got := attachment{at: m.now}
	for _, b := range okBindings(p) {
		switch {
		case b.Name.Compare(portColumn(colPortIdentifier)) == 0:
			got.identifier = b.Value.Number
		case b.Name.Compare(oidMySystem) == 0:
			got.system = b.Value.Octets
		case b.Name.Compare(oidSysUpTime) == 0 && b.Value.Kind == TimeTicks:
			got.upTime, got.known = uint32(b.Value.Number), true
		}
	}
	last := m.attached
	m.attached = got
	if m.state != Verifying {
		m.state = Establishing
		m.ask(askConfig, GetRequest, configObjects)
		return
	}
	switch {
	case got.system != last.system || got.identifier != last.identifier:
		m.restarted(func(entry) bool { return true })
	case got.wentBack(last, r.first):
		// What the peer has registered or read since it started stays.
		start := r.first - time.Duration(got.upTime)*10*time.Millisecond
		m.restarted(func(e entry) bool { return e.at < start })
	default:
		m.polls++
		m.verify()
		return
	}
	m.ask(askConfig, GetRequest, configObjects)
}

// wentBack says whether the peer's clock shows less than it must, the answer
// having been asked for at asked. A clock may be a sixteenth and a second
// behind.
func (a attachment) wentBack(last attachment, asked time.Duration) bool {
	if !a.known || !last.known || asked < last.at {
		return false
	}
	passed := asked - last.at
	least := last.upTime + uint32((passed-passed/16-time.Second)/(10*time.Millisecond))
	return int32(a.upTime-least) < 0
}

// okBindings gives what an answer holds, if it is not an error.
func okBindings(p PDU) []Binding {
	if p.ErrorStatus != NoError {
		return nil
	}
	return p.Bindings
}

// takeConfig takes the answer that says what the peer can do.
func (m *Machine) takeConfig(p PDU) {
	peer := Peer{Registration: true}
	copy(peer.Interface.System[:], m.attached.system)
	peer.Interface.Identifier = int32(m.attached.identifier)
	for _, b := range okBindings(p) {
		peer.take(b)
	}
	peer.UNI = m.commonUNI(peer.Layer.UNI)
	m.peer, m.up, m.polls = peer, true, 0
	m.emit(Action{Kind: Up, Peer: peer})
	m.retrieve()
}

// take keeps one object of the peer.
func (p *Peer) take(b Binding) {
	n := int32(b.Value.Number)
	l := &p.Layer
	if c, ok := b.Name.suffix(oidLayer); ok && len(c) == 2 && b.Value.Kind == Integer {
		for _, f := range []struct {
			column uint32
			to     *int32
		}{
			{colLayerMaxVPCs, &l.MaxVPCs}, {colLayerMaxVCCs, &l.MaxVCCs},
			{colLayerConfiguredVPCs, &l.ConfiguredVPCs}, {colLayerConfiguredVCCs, &l.ConfiguredVCCs},
			{colLayerMaxVPIBits, &l.MaxVPIBits}, {colLayerMaxVCIBits, &l.MaxVCIBits}, {colLayerUNIVersion, (*int32)(&l.UNI)},
			{colLayerILMIVersion, &l.ILMIVersion}, {colLayerNNIVersion, &l.NNIVersion},
			{colLayerMaxSVPCVPI, &l.MaxSVPCVPI}, {colLayerMaxSVCCVPI, &l.MaxSVCCVPI}, {colLayerMinSVCCVCI, &l.MinSVCCVCI},
		} {
			if c[0] == f.column {
				*f.to = n
			}
		}
		switch {
		case c[0] == colLayerUNIType:
			l.Public = n == 1
		case c[0] == colLayerDeviceType && (n == 1 || n == 2):
			p.Side = Side(n)
		}
		return
	}
	switch {
	case b.Name.Compare(portColumn(colPortName)) == 0:
		p.Interface.Name = b.Value.Octets
	case b.Name.Compare(oidMyIPAddress) == 0 && b.Value.Kind == IPAddress:
		p.Interface.IP, _ = netip.AddrFromSlice([]byte(b.Value.Octets))
	case b.Name.Compare(registrationColumn(colRegistrationStatus)) == 0:
		p.Registration = n != registrationUnsupported
	}
}

// commonUNI gives the version that both ends have.
func (m *Machine) commonUNI(peer UNIVersion) UNIVersion {
	ours := m.cfg.Layer.UNI
	switch {
	case ours == UNIUnsupported || peer == UNIUnsupported:
		return UNIUnsupported
	case peer < UNI20 || peer > UNI40:
		return ours
	}
	return min(ours, peer)
}
