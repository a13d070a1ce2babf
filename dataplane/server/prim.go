package server

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"syscall"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
)

// MaxPrimStreams is how many streams with a service interface an application may have.
const MaxPrimStreams = 64

// etherModule is the driver that such streams attach to: the PPA is its process's number.
const etherModule = "ether"

// interfaces are the modules with a service interface.
var interfaces = map[string]control.Interface{"cdi": control.InterfaceCDI, "dlpi": control.InterfaceDLPI}

// primStream is a stream with a service interface: its module, and, while it is attached, the
// pair of a driver below.
type primStream struct {
	owner *client
	top   dataplane.ProcID
	kind  control.Interface
	below dataplane.ProcID // 0: not attached
	ppa   dataplane.ProcID
	shed  uint64 // what its owner was too slow for
}

// openPrim is HUB OPEN by an application.
func (s *Server) openPrim(c *client, in, out *control.Packet) error {
	cmd := asked(in)
	kind, known := interfaces[cmd.Name]
	switch {
	case !known:
		return fmt.Errorf("%q: a module with a service interface, cdi or dlpi: %w", cmd.Name, syscall.EOPNOTSUPP)
	case cmd.Arg != "":
		return fmt.Errorf("%s has no argument: %w", cmd.Name, syscall.EINVAL)
	}
	name, err := s.nameOf(in)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, p := range s.prims {
		if p.owner == c {
			n++
		}
	}
	if n == MaxPrimStreams {
		return fmt.Errorf("more than %d streams: %w", MaxPrimStreams, syscall.EDQUOT)
	}
	if err := s.openLine(); err != nil {
		return err
	}
	cmd.Arg = strconv.FormatUint(uint64(s.sig.line.ID()), 10)
	a, err := s.fabric.Do(cmd)
	if err != nil {
		return errnoOf(err)
	}
	s.prims[a.Number] = &primStream{owner: c, top: a.Number, kind: kind}
	s.names.give(name, a.Number)
	s.note(c, "stream opened", "process", a.Number, "module", cmd.Name, "name", name)
	told(out, a)
	return nil
}

// primOf finds a stream of an application's own. Another's is as good as none.
func (s *Server) primOf(c *client, id uint32) (*primStream, error) {
	p := s.prims[dataplane.ProcID(id)]
	if p == nil || p.owner != c {
		return nil, fmt.Errorf("process %d is no stream of this client's: %w", id, syscall.ENOENT)
	}
	return p, nil
}

// closePrim is HUB CLOSE by an application.
func (s *Server) closePrim(c *client, in *control.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.primOf(c, in.Hub().A)
	if err != nil {
		return err
	}
	s.leavePrim(p)
	return nil
}

// leavePrim closes a stream. s.mu is held.
func (s *Server) leavePrim(p *primStream) {
	delete(s.prims, p.top)
	s.names.forget(p.top)
	s.mustClose(p.top)
	if p.below != 0 {
		s.mustClose(p.below)
	}
}

// leavePrims closes all that a client has. s.mu is held.
func (s *Server) leavePrims(c *client) {
	for _, p := range s.prims {
		if p.owner == c {
			s.leavePrim(p)
		}
	}
}

// primitive is PRIM PRIMITIVE by an application: it goes to the stream's top. What becomes of
// it the stream says by a primitive of its own.
func (s *Server) primitive(c *client, in, out *control.Packet) error {
	out.Trailer = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.primOf(c, in.Dst)
	switch {
	case err != nil:
		return err
	case control.Interface(in.Idx) != p.kind:
		return fmt.Errorf("interface %d of a stream of %v: %w", in.Idx, p.kind, syscall.EINVAL)
	case len(in.Trailer) < 4 || binary.BigEndian.Uint32(in.Trailer) != in.Val:
		return fmt.Errorf("primitive %d: its block begins with its number: %w", in.Val, syscall.EINVAL)
	}
	return s.sayPrim(p, control.ProviderPrimitive, in.Trailer)
}

func (s *Server) sayPrim(p *primStream, info uint32, data []byte) error {
	if !s.sig.line.Send(dataplane.Msg{Type: dataplane.Proto, Class: control.ClassPrim, Info: info, Dst: p.top}, data) {
		return syscall.ENOBUFS
	}
	return nil
}

// primSays takes what the top of a stream says by the line.
func (s *Server) primSays(m dataplane.Msg, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.prims[m.Src]
	if p == nil {
		s.sig.late++
		return
	}
	var err error
	switch m.Info {
	case control.ProviderAttach:
		said := control.ProviderAttach
		if why := s.attachPrim(p, m.Conn); why != nil {
			said = control.ProviderRefuse
			s.log.Info("not attached", "process", p.top, "client", p.owner.name, "ppa", m.Conn, "error", why)
		}
		err = s.sayPrim(p, said, nil)
	case control.ProviderDetach:
		s.mustClose(p.below)
		p.below, p.ppa = 0, 0
		err = s.sayPrim(p, control.ProviderDetach, nil)
	default:
		s.postPrim(p, data)
	}
	if err != nil {
		s.log.Error("stream was not told", "process", p.top, "error", err)
		_ = p.owner.conn.Close() // what it knows of its stream is wrong now
	}
}

// postPrim hands a primitive to the stream's owner.
func (s *Server) postPrim(p *primStream, data []byte) {
	out := &control.Packet{Trailer: data}
	out.Class, out.Type, out.Flags = control.ClassPrim, control.PrimPrimitive, control.FlagNoReply
	out.Src, out.Idx, out.Val = uint32(p.top), uint32(p.kind), binary.BigEndian.Uint32(data)
	out.SetHub(&control.Hub{})
	out.Class = control.ClassPrim
	if !p.owner.post(out) {
		p.shed++
	}
}

// attachPrim puts a stream on a driver that an administrator has opened.
func (s *Server) attachPrim(p *primStream, ppa uint64) error {
	id := dataplane.ProcID(ppa)
	if on := s.streams[id]; on == nil || on.module != etherModule {
		return fmt.Errorf("process %d is no driver of Ethernet: %w", ppa, syscall.ENXIO)
	}
	a, err := s.fabric.Do(dataplane.Command{Number: control.HubPair, A: id})
	if err != nil {
		return errnoOf(err)
	}
	if err := s.join(a.Number, p.top); err != nil {
		s.mustClose(a.Number)
		return err
	}
	p.below, p.ppa = a.Number, id
	return nil
}

// clientUses refuses a process that a client's streams, connections or channels are made of, or
// stand on: they go with the client, and would not know. s.mu is held.
func (s *Server) clientUses(id dataplane.ProcID) error {
	if s.prims[id] != nil {
		return fmt.Errorf("process %d is an application's: %w", id, syscall.EBUSY)
	}
	for _, p := range s.prims {
		if id == p.below || id == p.ppa {
			return fmt.Errorf("process %d is attached to by an application: %w", id, syscall.EBUSY)
		}
	}
	for _, u := range s.saps {
		if id == u.pair || id == u.driver {
			return fmt.Errorf("process %d hands frames of SAPs to a stream: cellctl sap del: %w", id, syscall.EBUSY)
		}
	}
	if _, made := s.names.parts[id]; made { // by an administrator
		return nil
	}
	for _, cn := range s.conns {
		if cn.has(id) {
			return fmt.Errorf("process %d is connection %#x's, of %q, which its client closes: %w", id, uint64(cn.id), cn.client.name, syscall.EBUSY)
		}
	}
	for _, c := range s.clients {
		if c.app != nil && c.app.has(id) {
			return fmt.Errorf("process %d is the memory of %q: %w", id, c.name, syscall.EBUSY)
		}
	}
	for _, ch := range s.sig.channels {
		if id == ch.top || id == ch.aal5 {
			return fmt.Errorf("process %d is of a channel of manager %q: %w", id, ch.manager.name, syscall.EBUSY)
		}
	}
	return nil
}
