package server

import (
	"fmt"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/pcb"
)

// conn is a connection of an application: its control block, and what the hub keeps with it.
type conn struct {
	id       control.ConnID
	pcb      *pcb.PCB
	client   *client // the application …
	gone     bool    // … which has ended
	user     uint32
	body     control.Sock // as its user, or its caller, has it
	trailer  []byte       // elements and contract, likewise
	vc       *vc          // what it stands on; nil: nothing, or another socket
	channel  *channel     // its rings; nil: none yet, or no more
	other    *conn        // the other side of a call within this host
	listener control.ConnID
	crossing *passage        // what is between it and the other
	modify   *control.Packet // its MODIFY, which the manager has not answered
}

// sock carries out what is of class SOCK: an application's or, downwards, a manager's.
func (s *Server) sock(c *client, in, out *control.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	out.Trailer = nil
	if c.role == control.RoleManager {
		return s.managerSays(c, in, out)
	}
	switch in.Type {
	case control.SockBind, control.SockListen, control.SockConnect:
		return s.begin(c, in, out)
	}
	cn, err := s.connOf(c, in.Conn)
	if err != nil {
		return err
	}
	switch in.Type {
	case control.SockAccept:
		before := cn.body
		if b := in.Sock(); b.MaxSDU != 0 || b.AAL != 0 {
			cn.body.AAL, cn.body.MaxSDU = b.AAL, b.MaxSDU
		}
		err := s.step(cn, pcb.Accept, in)
		if err != nil {
			cn.body = before
		}
		return err
	case control.SockReject:
		return s.step(cn, pcb.Reject, in)
	case control.SockClose:
		return s.step(cn, pcb.Close, in)
	case control.SockModify:
		return s.modify(cn, in)
	case control.SockAddParty:
		return s.leaf(cn, pcb.LeafAdd, in)
	default:
		return s.leaf(cn, pcb.LeafDrop, in)
	}
}

// connOf finds a connection of an application's own. Another's is as good as none.
func (s *Server) connOf(c *client, id control.ConnID) (*conn, error) {
	if _, err := s.table.Get(id); err != nil {
		return nil, err
	}
	cn := s.conns[id]
	if cn == nil || cn.client != c {
		return nil, syscall.ENOTCONN
	}
	return cn, nil
}

// begin is a connection's first message, or the next one of a bound connection.
func (s *Server) begin(c *client, in, out *control.Packet) error {
	if c.app == nil {
		return fmt.Errorf("no shared memory: %w", syscall.EOPNOTSUPP)
	}
	end, isPVC := control.FindTLV(in.Trailer, control.TLVSecondEnd)
	event := map[control.Type]pcb.Event{control.SockBind: pcb.Bind, control.SockListen: pcb.Listen, control.SockConnect: pcb.Connect}[in.Type]
	if in.Conn != 0 {
		cn, err := s.connOf(c, in.Conn)
		if err != nil {
			return err
		}
		if isPVC {
			return syscall.EINVAL
		}
		body, trailer := cn.body, cn.trailer
		cn.body, cn.trailer = in.Sock(), in.Trailer
		err = s.beginSwitched(cn, event, in)
		if err != nil { // what a listener listens to is what its manager was asked
			cn.body, cn.trailer = body, trailer
		}
		return err
	}
	if isPVC {
		return s.beginPVC(c, end, in, out)
	}
	callee := s.listenerOf(in)
	manager := exchange
	if callee == nil {
		manager = s.managerOf(in.Sock().Port)
	}
	cn, err := s.newConn(c, in, manager)
	if err != nil {
		return err
	}
	if err := s.beginSwitched(cn, event, in); err != nil {
		s.discard(cn)
		return err
	}
	out.Conn = cn.id
	return nil
}

// beginSwitched takes what a manager has to see to.
func (s *Server) beginSwitched(cn *conn, event pcb.Event, in *control.Packet) error {
	err := s.step(cn, event, in)
	if err == nil && event == pcb.Listen {
		cn.pcb.Listen(int(in.Sock().Backlog))
	}
	return err
}

// newConn makes a block for a user's first message, under his limits.
func (s *Server) newConn(c *client, in *control.Packet, manager uint32) (*conn, error) {
	u := s.usageOf(c.app.user)
	if u.connections >= s.limits.Connections {
		return nil, fmt.Errorf("user %d has %d connections: %w", c.app.user, u.connections, syscall.EDQUOT)
	}
	id, p, err := s.table.New(in.Sock().Port, c.id, manager)
	if err != nil {
		return nil, err
	}
	u.connections++
	cn := &conn{id: id, pcb: p, client: c, user: c.app.user, body: in.Sock(), trailer: in.Trailer}
	s.conns[id] = cn
	return cn, nil
}

// discard takes a block back whose first message was refused.
func (s *Server) discard(cn *conn) {
	cn.gone = true // nothing is to be told
	_ = s.step(cn, pcb.Close, nil)
}

// beginPVC attaches an application to a PVC.
func (s *Server) beginPVC(c *client, end []byte, in, out *control.Packet) error {
	if in.Type == control.SockListen {
		return fmt.Errorf("a PVC has no calls: %w", syscall.EOPNOTSUPP)
	}
	v, err := s.namedPVC(end, in)
	if err != nil {
		return err
	}
	switch {
	case v.switched:
		return fmt.Errorf("VC %v is a call's: %w", v, syscall.EPERM)
	case v.owner != nil || v.body.Receiver != 0 || v.cross != nil:
		return fmt.Errorf("VC %v is in use: %w", v, syscall.EBUSY)
	}
	cn, err := s.newConn(c, in, 0)
	if err != nil {
		return err
	}
	cn.pcb.Port = v.port
	if err := s.bundle(func() error { return s.attach(cn, v) }); err != nil {
		s.discard(cn)
		return err
	}
	if err := s.step(cn, pcb.Attach, nil); err != nil {
		s.discard(cn)
		return err
	}
	out.Conn = cn.id
	s.tellUser(cn, control.SockOkay, 0, 0, cn.channel.ring(nil))
	return nil
}

// namedPVC finds the PVC that a message names; its port by number, or by TLV NAME.
func (s *Server) namedPVC(end []byte, in *control.Packet) (*vc, error) {
	e, err := control.ParseSecondEnd(end)
	if err != nil {
		return nil, syscall.EBADMSG
	}
	if name, ok := control.FindTLV(in.Trailer, control.TLVName); ok {
		p := s.ports.byName[string(name)]
		if p == nil {
			return nil, fmt.Errorf("no port %q: %w", name, syscall.ENODEV)
		}
		e.Port = p.number
	}
	k := vcKey{e.Port, e.VPI, e.VCI}
	v := s.vcs.byKey[k]
	if v == nil {
		return nil, fmt.Errorf("no VC %v: %w", k, syscall.ENOENT)
	}
	return v, nil
}

// modify passes a wish for another contract to the manager, whose reply is the answer. A PVC's
// contract is the administrator's.
func (s *Server) modify(cn *conn, in *control.Packet) error {
	switch {
	case cn.pcb.PVC:
		return syscall.EOPNOTSUPP
	case cn.modify != nil:
		return syscall.EALREADY
	case cn.other != nil:
		return nil // between two sockets of one host there is no contract to keep
	}
	if err := s.step(cn, pcb.Modify, in); err != nil {
		return err
	}
	request := *in
	cn.modify = &request
	return errLater
}

// leaf takes ADDPARTY and DROPPARTY.
func (s *Server) leaf(cn *conn, e pcb.LeafEvent, in *control.Packet) error {
	value, ok := control.FindTLV(in.Trailer, control.TLVLeaf)
	if !ok {
		return fmt.Errorf("no TLV LEAF: %w", syscall.EBADMSG)
	}
	l, err := control.ParseLeaf(value)
	if err != nil {
		return syscall.EBADMSG
	}
	if cn.other != nil {
		return syscall.EOPNOTSUPP
	}
	m := s.clients[cn.pcb.Manager]
	if m != nil && !m.hasRoom() {
		return syscall.ENOBUFS
	}
	action, err := cn.pcb.StepLeaf(l.ID, e)
	if err != nil {
		return err
	}
	if action == pcb.Forward {
		s.toManager(cn, in)
	}
	return nil
}

// now is the clock of held connections.
func (s *Server) now() time.Duration { return time.Since(s.begun) }
