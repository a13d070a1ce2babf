package port

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"reflect"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/dataplane/server"
	"github.com/cellhub/cellhub/loader/classifier"
	"github.com/cellhub/cellhub/nic/link"
)

// relayPort is a port as the classifier knows it.
type relayPort struct {
	*shared
	c      *classifier.Classifier
	log    *slog.Logger
	number uint32

	state    link.State // the interface by which frames come and leave
	to       [6]byte    // the next station
	local    netip.Addr // datagrams
	mtu      int        // of packets on the way
	resolved error      // nil: to and all else is known

	attached int                                 // the interface that the classifier was attached to; 0: none
	from     map[classifier.Key]*relayPort       // what comes from it, and where that leaves
	paths    int                                 // VPs among them
	users    int                                 // what leaves by it
	bound    map[classifier.Wire]classifier.Port // at most one
	sent     *classifier.Output                  // as the kernel has it; nil: it has none
	numbers  bool                                // the kernel numbers its frames
}

// receivable refuses ports whose frames the hub must see, and sendable those whose frames the kernel cannot make.
func (s *shared) receivable() error {
	switch {
	case s.Impairment.Any():
		return errors.New("loss=, errors= and the like are done by the hub")
	case s.Numbered:
		return errors.New("seq=on: the hub judges the numbers of frames that come")
	case s.Kind == UDP && s.Local.Addr().IsUnspecified():
		return fmt.Errorf("%s: the kernel must know the address that datagrams come to", s.Local)
	}
	return nil
}

func (s *shared) sendable() error {
	switch {
	case s.Fragment:
		return errors.New("frag=on: the hub cuts what is too long")
	case s.QoS != "":
		return errors.New("qos=: the hub marks the frames that leave")
	case s.Rate != 0:
		return errors.New("the way out has a rate, which the hub keeps")
	case s.Kind == UDP && s.Local.Addr().Is6() && !s.ZeroSum:
		return errors.New("datagrams over IPv6 have checksums, which the kernel's relay does not make: checksum=off at both ends")
	}
	return nil
}

// RelayWish is what the specification says of what comes from the port.
func (s *shared) RelayWish() server.RelayWish { return s.Relaying }

// leadsTo refuses ways out by which frames cannot go as they come, or not in order.
func (p *relayPort) leadsTo(out *relayPort, insist bool) error {
	if err := cmp.Or(p.receivable(), out.sendable()); err != nil {
		return err
	}
	switch {
	case p.payload() != out.payload() || p.payload() == classifier.Unit && p.Mode != out.Mode:
		return fmt.Errorf("mode %s does not leave as mode %s without the hub", p.Mode, out.Mode)
	case insist || !p.Mode.Cells():
		return nil
	}
	cell := cmp.Or(p.cell(), aal.CellSize)
	most, room := (p.room(1)+1)/cell, (out.room(len(out.AppendStack(nil))/modules.LabelBytes)+1)/cell
	if out.Spec.Cells != 0 {
		room = min(room, out.Spec.Cells)
	}
	if most > room {
		return fmt.Errorf("a frame that comes may hold %d cells, and one that leaves %d: the hub would split it, and others overtake it; relay=on does it nevertheless", most, room)
	}
	return nil
}

// cell is the octets of a cell in the modes of one VC or VP; 0: there are many VCs, or a frame is an SDU.
func (p *relayPort) cell() int {
	switch p.Mode {
	case modules.ModeVCC:
		return aal.ChannelCellSize
	case modules.ModeVPC:
		return aal.PathCellSize
	case modules.ModeAAL5PDU:
		return aal.PayloadSize
	}
	return 0
}

// room is the octets of cells that a frame with so many labels may hold, as far as packets on the way go.
func (p *relayPort) room(labels int) int {
	n := min(p.MaxFrame(p.mtu), modules.MaxCellFrame) - labels*modules.LabelBytes
	if p.Mode.ControlWord() {
		n -= modules.ControlWordBytes
	}
	if p.Kind == Ethernet {
		n -= headersMAC
	}
	return n
}

// resolve asks the kernel for the interface, and for the next station. What it finds it keeps, also when its error says
// that something is missing.
func (p *relayPort) resolve() error {
	p.resolved = p.ask()
	return p.resolved
}

func (p *relayPort) ask() error {
	if p.Kind == Ethernet {
		state, err := p.find(0)
		if err != nil {
			return err
		}
		p.state, p.to, p.mtu = state, p.Peer, state.MTU
	} else {
		hop, err := link.NextHop(p.Local.Addr(), p.Remote.Addr())
		if hop.Link.Index != 0 {
			p.state, p.mtu, p.local = hop.Link, hop.MTU, hop.Local.WithZone("")
		}
		if err != nil {
			return err
		}
		if len(hop.To) != len(p.to) {
			return fmt.Errorf("%s is no Ethernet", p.state.Name)
		}
		p.to = [6]byte(hop.To)
	}
	switch {
	case len(p.state.HardwareAddr) != 6:
		return fmt.Errorf("%s is no Ethernet", p.state.Name)
	case !p.state.Running:
		return fmt.Errorf("%s is down", p.state.Name)
	}
	return nil
}

// attach attaches the classifier to the port's interface.
func (p *relayPort) attach() error {
	if err := p.c.Attach(p.state.Index); err != nil {
		return fmt.Errorf("%s: %w", p.state.Name, err)
	}
	p.attached = p.state.Index
	return nil
}

// takes tells whether the kernel can redirect frames to the interface from a program in a driver, as far as it tells.
func (p *relayPort) takes() bool {
	has, err := link.XDPOf(p.state.Index)
	need := link.XDPTransmit
	if p.mtu > onePiece {
		need |= link.XDPPieces
	}
	return err != nil || has&need == need
}

// onePiece is an MTU whose frames any driver has in one piece: a page has 256 octets of room before them and 320 of the
// kernel's own behind.
const onePiece = 4096 - 256 - 320 - headersMAC - vlanTag

func (p *relayPort) takesNothing() error {
	return fmt.Errorf("%s takes no redirected frames: of a veth, turn GRO on at its far end (ethtool -K IFNAME gro on)", p.state.Name)
}

// wire is how the port's frames come.
func (p *relayPort) wire() classifier.Wire {
	if p.Kind == Ethernet {
		return classifier.Wire{Interface: p.state.Index, Label: p.LabelIn, VLAN: p.VLAN}
	}
	local := netip.AddrPortFrom(p.Local.Addr().WithZone(""), p.Local.Port())
	return classifier.Wire{Label: p.LabelIn, Local: local, Remote: p.Remote.Addr().WithZone("")}
}

// key names what comes from an end. In a mode that carries one VC all is that one's.
func (p *relayPort) key(e server.RelayEnd) classifier.Key {
	if e.VCI == 0 {
		return classifier.Key{Port: p.number, VC: classifier.MakeVP(e.VPI)}
	}
	return classifier.Key{Port: p.number, VC: classifier.MakeVC(e.VPI, e.VCI)}
}

func (p *relayPort) payload() classifier.Payload {
	if p.Mode.OneVC() || p.Mode.OneVP() {
		return classifier.Unit
	}
	return classifier.Cells
}

// value is what the classifier must know of frames that come.
func (p *relayPort) value() classifier.Port {
	v := classifier.Port{
		Verdict: classifier.Hub, Packet: true, Connections: true, Number: p.number, Payload: p.payload(), ControlWord: p.Mode.ControlWord(),
		Frames: p.Mode == modules.ModeAAL5SDU, Cell: p.cell(), Paths: p.paths > 0,
		CheckOwn: true, Sender: p.Peer, CheckSender: p.HasPeer,
	}
	copy(v.Own[:], p.state.HardwareAddr)
	if v.Group = v.Own; p.Kind == Ethernet {
		v.Group = modules.RFC7213Address
	}
	for k := range p.from { // of a unit there is one
		v.VC = k.VC
	}
	return v
}

// output is how frames leave.
func (p *relayPort) output() classifier.Output {
	o := classifier.Output{
		Device: p.state.Index, To: p.to, VLAN: p.VLAN, Payload: p.payload(), ControlWord: p.Mode.ControlWord(),
		Numbered: p.Numbered, Specific: p.cell() != 0, DSCP: p.DSCP, Frame: p.mtu + headersMAC,
	}
	copy(o.Own[:], p.state.HardwareAddr)
	if p.Kind == UDP {
		o.Local, o.Remote = netip.AddrPortFrom(p.local, p.Local.Port()), netip.AddrPortFrom(p.Remote.Addr().WithZone(""), p.Remote.Port())
		if p.Entropy == "on" {
			o.Local = netip.AddrPortFrom(p.local, ephemeral|uint16(entropy(p.LabelOut))%ephemeralPorts)
		}
	}
	o.Labels = p.AppendStack(nil)
	room := p.room(len(o.Labels) / modules.LabelBytes)
	if p.VLAN != 0 {
		room -= vlanTag
	}
	o.Cells = max(room/aal.CellSize, 0) * aal.CellSize
	if p.Spec.Cells != 0 {
		o.Cells = min(o.Cells, p.Spec.Cells*aal.CellSize)
	}
	return o
}

// Source ports of RFC 6335 that nobody has registered, for entropy.
const (
	ephemeral      = 0xC000
	ephemeralPorts = 0x4000
)

// send tells the classifier how frames leave, or that they cannot.
func (p *relayPort) send() error {
	if p.resolved != nil {
		if p.sent != nil {
			p.log.Warn("relay: the hub takes what leaves", "port", p.Spec, "why", p.resolved)
		}
		return p.unsend()
	}
	o := p.output()
	if o.Numbered && !p.numbers {
		var last uint16
		if err := p.onHub(func(c *Carrier, number uint32) { last = c.LendNumbers(number) }); err != nil {
			return err
		}
		p.numbers = true
		if err := p.c.StartNumbers(p.number, last); err != nil {
			return err
		}
	}
	if err := p.c.SetOutput(p.number, o); err != nil {
		return err
	}
	p.sent = &o
	return nil
}

// unsend has the hub alone send by the port.
func (p *relayPort) unsend() error {
	p.sent = nil
	err := p.c.RemoveOutput(p.number)
	if p.numbers {
		p.numbers = false
		last, failed := p.c.LastNumber(p.number)
		go func() { // it may stand just now, for a bundle of changes
			_ = p.onHub(func(c *Carrier, number uint32) { c.TakeNumbers(number, last) }) // else its carrier has gone
		}()
		err = errors.Join(err, failed)
	}
	return err
}

// receive tells the classifier how frames come, with one more key.
func (p *relayPort) receive(k classifier.Key, out *relayPort) error {
	if p.from[k] == nil {
		if p.from == nil {
			p.from = map[classifier.Key]*relayPort{}
		}
		p.from[k] = out
		out.users++
		p.countPath(k, 1)
	}
	return p.listen()
}

func (p *relayPort) countPath(k classifier.Key, n int) {
	if k.VC >= classifier.MakeVP(0) {
		p.paths += n
	}
}

// listen binds the port's wire as it is now, and no other. Without connections it is not bound.
func (p *relayPort) listen() error {
	want := map[classifier.Wire]classifier.Port{}
	if len(p.from) > 0 && p.state.Index != 0 {
		want[p.wire()] = p.value()
	}
	var err error
	for w := range p.bound {
		if _, keeps := want[w]; !keeps {
			err = errors.Join(err, p.c.Unbind(w))
		}
	}
	for w, v := range want {
		if p.bound[w] != v {
			err = errors.Join(err, p.c.Bind(w, v))
		}
	}
	p.bound = want
	return err
}

// forget takes a key away.
func (p *relayPort) forget(k classifier.Key) (err error) {
	out := p.from[k]
	if out == nil {
		return nil
	}
	delete(p.from, k)
	p.countPath(k, -1)
	err = p.listen()
	if out.users--; out.users == 0 {
		err = errors.Join(err, out.unsend())
	}
	return err
}

// end takes away all that there is of it.
func (p *relayPort) end() (err error) {
	for k := range maps.Clone(p.from) {
		_, failed := p.c.Disconnect(k)
		err = errors.Join(err, failed, p.forget(k))
	}
	return err
}

// follow looks at the interface and the next station again; false: something is missing.
func (p *relayPort) follow() bool {
	err := p.resolve()
	if err == nil && p.state.Index != p.attached {
		if err = p.attach(); err != nil {
			p.resolved = err
		}
	}
	if p.users > 0 && (err != nil || p.sent == nil || !reflect.DeepEqual(*p.sent, p.output())) {
		if failed := p.send(); failed != nil {
			p.log.Error("relay", "port", p.Spec, "error", failed)
		}
	}
	if failed := p.listen(); failed != nil {
		p.log.Error("relay", "port", p.Spec, "error", failed)
	}
	return err == nil
}
