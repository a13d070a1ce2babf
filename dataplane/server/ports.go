package server

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
)

// Opener reads specifications of ports.
type Opener interface {
	// Read reads a specification. It may ask a resolver, and take as long as that does.
	Read(spec string) (PortSpec, error)
}

// PortSpec is a specification of a port.
type PortSpec interface {
	// Carrier names what the port stands on: ports of one name share one carrier.
	Carrier() string
	// Open opens the carrier, without ports on it.
	Open() (Carrier, error)
	// Hold takes what this port must have for itself, or refuses it; release gives it back.
	Hold() (release func(), err error)
}

// Carrier is a device with ports on it. What is not called Module is called on its hub, by
// Fabric.On, or before the module is opened.
type Carrier interface {
	// Module is the driver's code; who opens or discards it closes the device.
	Module() dataplane.Module
	// AddPort adds a port that has this carrier, and gives its number there.
	AddPort(PortSpec) (uint32, error)
	// RemovePort takes one away.
	RemovePort(p PortSpec, number uint32) error
	// SetUp lets a port carry, or not: then what comes for it is lost and counted, and what
	// waits is sent; told so again, it loses that, too.
	SetUp(number uint32, up bool) error
	// AddVC and RemoveVC tell which VCs the port carries; some kinds have one alone.
	AddVC(number uint32, vpi, vci uint16) error
	RemoveVC(number uint32, vpi, vci uint16)
	// PortCounts is what one port has counted, in a fixed order.
	PortCounts(number uint32) []dataplane.Count
}

// Starter is a carrier that is told when a VC of a port has a receiver, as what comes before
// that is nobody's. On its hub.
type Starter interface{ Started(number uint32) }

// SDULimiter is a carrier that knows the octets of the longest SDU that a port sends. On its hub.
type SDULimiter interface{ MaxSDU(number uint32) int }

// holds refuses SDUs that are longer than those the port sends. On the carrier's hub.
func (p *port) holds(sdu int) error {
	l, knows := p.carrier.Carrier.(SDULimiter)
	if !knows {
		return nil
	}
	if most := l.MaxSDU(p.index); sdu > most {
		return fmt.Errorf("SDUs of %d octets: port %d carries %d at most, or longer ones with frag=on: %w", sdu, p.number, most, syscall.EMSGSIZE)
	}
	return nil
}

// Limits of ports.
const (
	MaxPorts    = 1<<16 - 1
	maxPortName = 31 // octets
)

// portModule is the name under which OPEN and CLOSE know ports.
const portModule = "port"

// port is a port of the hub.
type port struct {
	number  uint16
	name    string
	text    string // its specification
	spec    PortSpec
	release func()
	carrier *carrier
	index   uint32 // the carrier's number of it
	down    bool   // by PORTDOWN
	unable  bool   // as the carrier's follower has it
	vcs     map[*vc]struct{}
	relay   portRelaying
}

// carrier is a device that is open, and what stands on it.
type carrier struct {
	Carrier
	name  string
	id    dataplane.ProcID // its process
	assoc dataplane.ProcID // the multiplexor above it
	ports int
}

// ports is the tables of both.
type ports struct {
	all      map[uint16]*port
	byName   map[string]*port
	carriers map[string]*carrier
}

func newPorts() ports {
	return ports{map[uint16]*port{}, map[string]*port{}, map[string]*carrier{}}
}

// inOrder gives the ports by number.
func (p *ports) inOrder() []*port {
	return slices.SortedFunc(maps.Values(p.all), func(a, b *port) int { return cmp.Compare(a.number, b.number) })
}

// free is the lowest number that no port has; 0 when all are given.
func (p *ports) free() uint16 {
	for n := uint16(1); n != 0; n++ {
		if p.all[n] == nil {
			return n
		}
	}
	return 0
}

// openPort is HUB OPEN of a port.
func (s *Server) openPort(c *client, in, out *control.Packet) error {
	b := in.Hub()
	name, text, _ := strings.Cut(textOf(in), " ")
	switch {
	case s.opener == nil:
		return fmt.Errorf("no ports here: %w", syscall.EOPNOTSUPP)
	case name == "" || len(name) > maxPortName || text == "":
		return fmt.Errorf("text %q: a name of 1 to %d octets and a specification: %w", textOf(in), maxPortName, syscall.EINVAL)
	case b.B > MaxPorts:
		return fmt.Errorf("port %d: at most %d: %w", b.B, MaxPorts, syscall.EINVAL)
	}
	spec, err := s.opener.Read(text)
	if err != nil {
		return invalid(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &port{number: uint16(b.B), name: name, text: text, spec: spec, vcs: map[*vc]struct{}{}}
	if p.number == 0 {
		p.number = s.ports.free()
	}
	switch {
	case p.number == 0:
		return fmt.Errorf("more than %d ports: %w", MaxPorts, syscall.ENOSPC)
	case s.ports.all[p.number] != nil:
		return fmt.Errorf("port %d is there already: %w", p.number, syscall.EEXIST)
	case s.names.find(name) != 0:
		return fmt.Errorf("%q: a port or a process is called so: %w", name, syscall.EEXIST)
	}
	if err := s.enterPort(p); err != nil {
		return err
	}
	s.note(c, "port opened", "port", p.number, "name", name, "spec", text)
	answer := control.Hub{A: uint32(p.carrier.assoc), B: uint32(p.number), Name: b.Name}
	out.SetHub(&answer)
	return nil
}

// enterPort puts a port on its carrier, which it opens when it is the first there.
func (s *Server) enterPort(p *port) (err error) {
	if p.release, err = p.spec.Hold(); err != nil {
		return invalid(err)
	}
	c := s.ports.carriers[p.spec.Carrier()]
	if c == nil {
		if c, err = s.openCarrier(p.spec); err != nil {
			p.release()
			return err
		}
	}
	if failed := s.fabric.On(c.id, func() { p.index, err = c.AddPort(p.spec) }); failed != nil {
		err = failed
	}
	if err != nil {
		s.closeIdle(c)
		p.release()
		return invalid(err)
	}
	c.ports++
	p.carrier = c
	s.ports.all[p.number], s.ports.byName[p.name] = p, p
	s.names.set(p.name, c.id)
	s.raisePort(p, control.EventRegistered)
	return nil
}

// openCarrier opens a device and the multiplexor above it.
func (s *Server) openCarrier(spec PortSpec) (*carrier, error) {
	device, err := spec.Open()
	if err != nil {
		return nil, invalid(err)
	}
	m := device.Module()
	ids, err := s.fabric.Build(0, dataplane.Part{Module: &m}, dataplane.Part{Name: "associations", Arg: "carrier"})
	if err != nil {
		return nil, invalid(err)
	}
	c := &carrier{Carrier: device, name: spec.Carrier(), id: ids[0], assoc: ids[1]}
	s.ports.carriers[c.name] = c
	if err := s.watchQueues(c); err != nil {
		s.closeIdle(c)
		return nil, errnoOf(err)
	}
	s.follow(c)
	return c, nil
}

// closeIdle closes a carrier that has no ports.
func (s *Server) closeIdle(c *carrier) {
	if c.ports > 0 {
		return
	}
	delete(s.ports.carriers, c.name)
	for _, id := range []dataplane.ProcID{c.assoc, c.id} {
		if _, err := s.fabric.Do(dataplane.Command{Number: control.HubClose, A: id}); err != nil {
			s.log.Error("carrier", "name", c.name, "error", err)
		}
	}
}

// closePort is HUB CLOSE of a port: its VCs go with it.
func (s *Server) closePort(c *client, in *control.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := in.Hub()
	p, err := s.port(b.B)
	if err != nil {
		return err
	}
	for v := range p.vcs {
		s.removeVC(v)
	}
	if failed := s.fabric.On(p.carrier.id, func() { err = p.carrier.RemovePort(p.spec, p.index) }); failed != nil {
		err = failed
	}
	if s.relay != nil {
		s.relay.Forget(p.spec)
	}
	delete(s.ports.all, p.number)
	delete(s.ports.byName, p.name)
	s.names.drop(p.name)
	p.carrier.ports--
	s.closeIdle(p.carrier)
	p.release()
	s.raisePort(p, control.EventGone)
	s.note(c, "port closed", "port", p.number, "name", p.name)
	return err
}

// port finds a port by number. s.mu is held.
func (s *Server) port(number uint32) (*port, error) {
	if p := s.ports.all[uint16(number)]; p != nil && number <= MaxPorts {
		return p, nil
	}
	return nil, fmt.Errorf("no port %d: %w", number, syscall.ENODEV)
}

func (s *Server) portUp(c *client, in, _ *control.Packet) error   { return s.setPort(c, in, true) }
func (s *Server) portDown(c *client, in, _ *control.Packet) error { return s.setPort(c, in, false) }

func (s *Server) setPort(c *client, in *control.Packet, up bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.port(uint32(in.ATM().Port))
	if err != nil {
		return err
	}
	if failed := s.fabric.On(p.carrier.id, func() { err = p.carrier.SetUp(p.index, up) }); failed != nil {
		err = failed
	}
	if err != nil {
		return err
	}
	was := p.carries()
	p.down = !up
	s.reviewPort(p)
	s.portChanged(p, was, "")
	s.note(c, "port set", "port", p.number, "up", up)
	return nil
}

// portStat is ATM PORTSTAT: the counters are the trailer.
func (s *Server) portStat(_ *client, in, out *control.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.port(uint32(in.ATM().Port))
	if err != nil {
		return err
	}
	return s.tellPort(p, out)
}

func (s *Server) tellPort(p *port, out *control.Packet) error {
	out.Type = control.ATMPortStat
	direction := control.DirectionBoth
	if p.down {
		direction = control.DirectionNone
	}
	out.SetATM(&control.ATM{Port: p.number, Direction: direction, Receiver: uint32(p.carrier.assoc)})
	var counts []dataplane.Count
	if err := s.changes.On(p.carrier.id, func() { counts = p.carrier.PortCounts(p.index) }); err != nil {
		return err
	}
	if s.relay != nil {
		counts = addCounts(counts, s.relay.Counts(p.spec))
	}
	t, err := control.AppendTLV(nil, control.TLVName, []byte(p.name))
	if err != nil {
		return err
	}
	out.Trailer, err = appendCounts(t, "", counts)
	return err
}

// appendCounts appends counters to a trailer; of is put before their names.
func appendCounts(trailer []byte, of string, counts []dataplane.Count) (_ []byte, err error) {
	for _, n := range counts {
		if trailer, err = control.AppendCounter(trailer, of+n.Name, n.N); err != nil {
			return trailer, err
		}
	}
	return trailer, nil
}

// textOf is the text of a message.
func textOf(in *control.Packet) string {
	text, _ := control.FindTLV(in.Trailer, control.TLVText)
	return string(text)
}

// invalid gives an error without an errno one.
func invalid(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return err
	}
	return fmt.Errorf("%w: %w", err, syscall.EINVAL)
}
