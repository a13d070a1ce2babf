package offload

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/cmd/internal/port"
	"github.com/cellhub/cellhub/loader/tunnel"
	"github.com/cellhub/cellhub/nic"
	"github.com/cellhub/cellhub/nic/link"
)

// Config says what the kernel is to carry. What Refuse refuses is none.
type Config struct {
	Name   string // of the host's device
	MTU    int    // of it, when it is made
	MAC    net.HardwareAddr
	Spec   port.Spec
	Encap  aal.Encap
	BPFFS  string  // where pins go
	GSO    nic.GSO // whether super-frames and unfinished checksums may reach the far end as they are
	Hub    int     // the number of the TAP called HubDevice(Name)
	Source uint16  // the port that the hub's datagrams leave by, over UDP
	Limit  int     // octets of the longest frame of the host that the carrier holds
}

// Offload is a tunnel in the kernel with its pair of veths. One goroutine at a time uses it.
type Offload struct {
	c      Config
	inner  link.State // NAME-net
	pins   *tunnel.Pins
	tunnel *tunnel.Tunnel
	set    bool   // the host's end is set,
	plain  bool   // and so: it sends no super-frames
	note   string // what it has to do without; empty: nothing
}

// ErrExists says that the host has an interface of that name already.
var ErrExists = errors.New("there is an interface of that name already")

// CheckName refuses the name of an interface that is there and is no end of a pair that was left.
func CheckName(name string) error {
	if there, _ := link.Exists(name); !there {
		return nil
	}
	if left, _ := link.Exists(name + netSuffix); left {
		return nil
	}
	return fmt.Errorf("%s: %w: take another", name, ErrExists)
}

// Open makes the pair and the tunnel in the namespace of the calling thread, or takes over what an earlier process has left.
func Open(c Config) (o *Offload, err error) {
	o = &Offload{c: c}
	if o.pins, err = tunnel.OpenPins(c.BPFFS, c.Name); err != nil {
		o.note = fmt.Sprintf("the tunnel ends with this process: %v", err)
	}
	if err := o.makePair(); err != nil {
		return nil, err
	}
	config, err := o.config()
	if err == nil {
		o.tunnel, err = tunnel.Open(config, o.pins)
	}
	if err == nil {
		err = errors.Join(o.tunnel.SetHub(c.Hub), o.listen(true))
	}
	if err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// makePair makes the pair, or takes the one that an earlier process has left.
func (o *Offload) makePair() error {
	c := &o.c
	far := c.Name + netSuffix
	_, err := link.Get(far)
	switch {
	case err == nil: // wherever the host's end is by now
	case !errors.Is(err, link.ErrNotFound):
		return err
	default:
		if err := CheckName(c.Name); err != nil {
			return err
		}
		if err := link.AddVeth(link.Veth{Name: c.Name, Peer: far, MTU: c.MTU}); err != nil {
			return err
		}
		if err := o.configure(); err != nil {
			_ = link.Delete(far)
			return err
		}
	}
	if err := errors.Join(link.SilenceIPv6(HubDevice(c.Name)), link.Up(far)); err != nil {
		return err
	}
	o.inner, err = link.Get(far)
	return err
}

// configure sets a new pair up. The network's end is silent, so that the host hears no neighbour there.
func (o *Offload) configure() error {
	c := &o.c
	err := link.SilenceIPv6(c.Name + netSuffix)
	if err == nil && c.MAC != nil {
		err = link.SetHardwareAddr(c.Name, c.MAC)
	}
	return errors.Join(err, link.Up(c.Name))
}

// config works out the constants as things are now, and sets the host's end to match.
func (o *Offload) config() (tunnel.Config, error) {
	t, err := o.way()
	if err != nil {
		return t, err
	}
	t.Plain = o.c.GSO == nic.GSOOff || o.c.GSO == nic.GSOAuto && (o.c.Spec.Kind == port.Ethernet || !link.Hardware(t.Underlay))
	if o.set && o.plain == t.Plain {
		return t, nil
	}
	// Over a virtual link the far end may be a program, which reads frames as they are; and a card may not look for TCP behind
	// a label stack, which nobody has told it of. Then the host's end finishes them.
	err = link.SetOffloads(o.c.Name, !t.Plain, hostOffloads(t.Plain)...)
	if errors.Is(err, unix.ENODEV) {
		err = nil // somebody has moved or renamed it, and has it as it is
	}
	o.set, o.plain = true, t.Plain
	return t, err
}

// hostOffloads are those of the host's end, in the order to switch them.
func hostOffloads(off bool) []link.Offload {
	all := []link.Offload{link.TCPSegmentation, link.SendChecksum}
	if !off {
		slices.Reverse(all)
	}
	return all
}

// way works out what stands before a frame, and where it goes.
func (o *Offload) way() (t tunnel.Config, err error) {
	s := &o.c.Spec
	t = tunnel.Config{Inner: o.inner.Index, MaxFrame: o.c.Limit, Labels: s.AppendStack(nil), Label: s.LabelIn}
	t.Encap = make([]byte, o.c.Encap.HeaderSize(aal.Bridged))
	o.c.Encap.PutHeader(t.Encap, aal.Bridged, 0)
	if s.Kind == port.Ethernet {
		state := s.Underlay()
		if state.Index == 0 {
			return t, fmt.Errorf("interface %q: %w", s.Device, link.ErrNotFound)
		}
		t.Underlay, t.Station, t.Check = state.Index, s.Peer, s.HasPeer
		t.Own, err = s.Station(state.Index)
		return t, err
	}
	path, err := link.PathTo(s.Local.Addr(), s.Remote.Addr())
	if err != nil {
		return t, err
	}
	if path.Kind != link.Unicast {
		return t, fmt.Errorf("remote=%s: another host's address", s.Remote)
	}
	t.Underlay, t.Source, t.Class = path.Index, o.c.Source, s.DSCP<<2
	t.Local, t.Remote, t.NextHop = bare(s.Local), bare(s.Remote), s.Remote.Addr().WithZone("")
	if path.Via.IsValid() {
		t.NextHop = path.Via.WithZone("")
	}
	return t, nil
}

// bare is an address without its zone: the interface is known by number.
func bare(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().WithZone(""), a.Port())
}

// Says is how it was opened, in lines for the user.
func (o *Offload) Says() (lines []string) {
	what := "carried by the kernel"
	if o.tunnel.Adopted() {
		what += ", taken over from an earlier process"
	}
	if o.plain {
		what += fmt.Sprintf("; %s sends no super-frames, which might reach the far end whole (if they may: --gso on)", o.c.Name)
	}
	lines = append(lines, o.c.Name+": "+what)
	if o.note != "" {
		lines = append(lines, o.c.Name+": "+o.note)
	}
	return lines
}

// Counts reads the counters.
func (o *Offload) Counts() (tunnel.Counts, error) { return o.tunnel.Counts() }

// Overhead is the octets that the port puts before a frame of the host, as the hub's port counts them.
func (o *Offload) Overhead() uint64 {
	n := o.c.Spec.Overhead() + o.c.Encap.HeaderSize(aal.Bridged)
	if o.c.Spec.Kind == port.Ethernet {
		n += macHeader
	}
	return uint64(n)
}

const macHeader = 14

// Update is what may change while the tunnel is there.
type Update struct {
	Spec   port.Spec
	Hub    int
	Source uint16
	Limit  int
}

// Follow brings the tunnel after what has changed: the way to the peer, the interface, the hub's devices. A pair that
// somebody has deleted is made again; then it says so.
func (o *Offload) Follow(u Update) (remade bool, err error) {
	hub := o.c.Hub
	o.c.Spec, o.c.Hub, o.c.Source, o.c.Limit = u.Spec, u.Hub, u.Source, u.Limit
	if _, err := link.GetIndex(o.inner.Index); errors.Is(err, link.ErrNotFound) {
		if err := o.makePair(); err != nil {
			return false, err
		}
		remade, o.set = true, false
	}
	config, err := o.config()
	if err != nil {
		return remade, err
	}
	if !config.Equal(o.tunnel.Config()) || !o.tunnel.Attached() {
		if err := o.tunnel.Change(config); err != nil {
			return remade, err
		}
		if err := o.listen(true); err != nil {
			return remade, err
		}
	}
	if u.Hub != hub && u.Hub != 0 {
		err = o.tunnel.SetHub(u.Hub)
	}
	return remade, err
}

// listen has the interface below receive the group's frames, where they come to one, or no more: a hub that dies takes what
// its socket has asked for along.
func (o *Offload) listen(on bool) error {
	if o.c.Spec.Kind != port.Ethernet || o.c.Spec.HasPeer {
		return nil
	}
	below, err := link.GetIndex(o.tunnel.Config().Underlay)
	if err != nil {
		return err
	}
	return link.SetGroup(below.Name, o.c.Spec.Peer[:], on)
}

// SetCarrier gives the host's device its carrier, or takes it.
func (o *Offload) SetCarrier(on bool) error {
	now, err := link.GetIndex(o.inner.Index)
	switch {
	case err != nil:
		return err
	case on:
		return link.Up(now.Name)
	}
	return link.Down(now.Name)
}

// Leave lets go of the tunnel, which goes on where it is pinned, for a later process to take over.
func (o *Offload) Leave() error { return errors.Join(o.tunnel.Leave(), o.pins.Close()) }

// Close removes the tunnel and the pair.
func (o *Offload) Close() error {
	var err error
	if o.tunnel != nil {
		_ = o.listen(false) // the interface may be gone
		err = o.tunnel.Close()
	}
	if now, e := link.GetIndex(o.inner.Index); e == nil {
		err = errors.Join(err, link.Delete(now.Name))
	}
	return errors.Join(err, o.pins.Close())
}
