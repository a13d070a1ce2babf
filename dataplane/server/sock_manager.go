package server

import (
	"fmt"
	"math"
	"slices"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/pcb"
)

// welcome sees to a client that declares a role, before its HELLO is answered. With an error
// it is refused, and answer names whom it concerns. s.mu is held.
func (s *Server) welcome(c *client, role control.Role, in *control.Packet, answer *control.Hub, out *control.Packet) error {
	out.Trailer = nil
	switch role {
	case control.RoleApplication:
		return s.enterApplication(c, out)
	case control.RoleManager:
		return s.enterManager(c, in, answer)
	}
	return nil
}

// enterManager gives a manager the ports that it asks for, unless another has one of them.
func (s *Server) enterManager(c *client, in *control.Packet, answer *control.Hub) error {
	var ports []uint16
	if value, ok := control.FindTLV(in.Trailer, control.TLVPorts); ok {
		var err error
		if ports, err = control.ParsePorts(value); err != nil {
			return syscall.EBADMSG
		}
		if len(ports) == 0 {
			return fmt.Errorf("a list of no ports: %w", syscall.EINVAL)
		}
	}
	for _, m := range s.managers {
		if m.ports == nil || ports == nil || slices.ContainsFunc(ports, m.serves) {
			answer.Name, _ = control.MakeName(m.name)
			return fmt.Errorf("%q manages a port of these: %w", m.name, syscall.EBUSY)
		}
	}
	c.ports = ports
	s.managers = append(s.managers, c)
	s.raiseManager(c, in.Hub().Name.String(), control.EventRegistered, control.EventManagerAttached)
	return nil
}

// serves tells whether a port is a manager's.
func (c *client) serves(port uint16) bool { return c.ports == nil || slices.Contains(c.ports, port) }

// mayTouch refuses a manager a port that is not its own. Other roles have no ports.
func (c *client) mayTouch(port uint16) error {
	if c.role == control.RoleManager && !c.serves(port) {
		return fmt.Errorf("port %d is not this manager's: %w", port, syscall.EPERM)
	}
	return nil
}

// managerOf is the number of a port's manager, or, where the manager is to choose, of the first;
// 0 if there is none.
func (s *Server) managerOf(port uint16) uint32 {
	for _, m := range s.managers {
		if port == 0 || m.serves(port) {
			return m.id
		}
	}
	return 0
}

// goodbye lets go of all that a client had. s.mu is held, but for moments in which others have
// their turn: there may be a hundred thousand connections.
func (s *Server) goodbye(c *client) {
	switch c.role {
	case control.RoleApplication:
		for _, cn := range s.conns {
			if cn.client == c {
				cn.gone = true
			}
		}
		s.inParts(func(part pcb.Part, emit func(control.ConnID, pcb.Result)) uint32 {
			return s.table.UserGone(c.id, part, s.now(), emit)
		})
		s.leaveApplication(c)
		s.leavePrims(c)
	case control.RoleManager:
		s.closeManaged(c)
		s.managers = slices.DeleteFunc(s.managers, func(m *client) bool { return m == c })
		s.raiseManager(c, c.name, control.EventManagerGone, control.EventGone)
		for _, cn := range s.conns {
			if cn.pcb.Manager == c.id && cn.modify != nil {
				s.answerLater(cn, -int32(syscall.EUNATCH), 0)
			}
		}
		s.inParts(func(part pcb.Part, emit func(control.ConnID, pcb.Result)) uint32 {
			return s.table.ManagerGone(c.id, part, s.now(), emit)
		})
	}
}

// goneAtOnce is how many connections end in one visit of the hub, which stands meanwhile.
const goneAtOnce = 16

// inParts steps many connections, some at a time; between, whoever waits for s.mu has it.
func (s *Server) inParts(step func(part pcb.Part, emit func(control.ConnID, pcb.Result)) (next uint32)) {
	for part := (pcb.Part{Most: goneAtOnce}); ; {
		err := s.bundle(func() error {
			s.each(func(emit func(control.ConnID, pcb.Result)) { part.From = step(part, emit) })
			return nil
		})
		if err != nil { // the hubs are closed, and all that there was on them
			s.each(func(emit func(control.ConnID, pcb.Result)) { step(pcb.Part{Most: math.MaxInt}, emit) })
			return
		}
		if part.From == 0 {
			return
		}
		s.giveWay()
	}
}

// giveWay lets those have s.mu, which is held, who wait for it.
func (s *Server) giveWay() {
	s.mu.Unlock()
	s.mu.Lock()
}

// managerSays takes a manager's message.
func (s *Server) managerSays(c *client, in, out *control.Packet) error {
	if in.Type == control.SockIncoming {
		return s.managerOffers(c, in, out)
	}
	if _, err := s.table.Get(in.Conn); err != nil {
		return err
	}
	cn := s.conns[in.Conn]
	if cn == nil {
		return syscall.ENOTCONN
	}
	if in.Type == control.SockOkay && cn.pcb.State == pcb.Held && c.serves(cn.pcb.Port) {
		var refused error
		s.each(func(emit func(control.ConnID, pcb.Result)) { refused = s.table.Claim(in.Conn, c.id, s.now(), emit) })
		return refused
	}
	if cn.pcb.Manager != c.id {
		return syscall.EPERM
	}
	if value, ok := control.FindTLV(in.Trailer, control.TLVLeaf); ok {
		return s.managerLeaf(cn, value, in)
	}
	if in.Cause != 0 {
		cn.pcb.Cause = in.Cause
	}
	event, ok := map[control.Type]pcb.Event{control.SockOkay: pcb.Okay, control.SockFail: pcb.Fail, control.SockClosed: pcb.Closed,
		control.SockReleased: pcb.Released, control.SockAlerting: pcb.Alerting}[in.Type]
	if !ok {
		return syscall.EPERM
	}
	status, err := s.stepStatus(cn, event, in)
	out.Status = status
	return err
}

// managerOffers is INCOMING.
func (s *Server) managerOffers(c *client, in, out *control.Packet) error {
	if _, err := s.table.Get(in.Conn); err != nil {
		return err
	}
	l := s.conns[in.Conn]
	if l == nil || l.pcb.Manager != c.id {
		return syscall.ECONNREFUSED
	}
	cn, err := s.incoming(l, c.id, in.Sock(), in.Trailer)
	if err != nil {
		return err
	}
	out.Conn = cn.id
	return nil
}

// managerLeaf is a manager's word on a leaf.
func (s *Server) managerLeaf(cn *conn, value []byte, in *control.Packet) error {
	l, err := control.ParseLeaf(value)
	if err != nil {
		return syscall.EBADMSG
	}
	event, ok := map[control.Type]pcb.LeafEvent{control.SockOkay: pcb.LeafOkay, control.SockFail: pcb.LeafFail,
		control.SockClosed: pcb.LeafClosed, control.SockReleased: pcb.LeafReleased}[in.Type]
	if !ok {
		return syscall.EINVAL
	}
	action, err := cn.pcb.StepLeaf(l.ID, event)
	if err != nil {
		return err
	}
	switch action {
	case pcb.Forward:
		s.tellUser(cn, in.Type, in.Status, in.Cause, passedOn(in.Trailer))
	case pcb.UserReleased:
		s.tellUser(cn, control.SockReleased, 0, in.Cause, passedOn(in.Trailer))
	}
	return nil
}

// claimed is a manager's DONE: what it has not claimed by now closes.
func (s *Server) claimed(c *client, in, _ *control.Packet) error {
	if c.role != control.RoleManager {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(func(x *cross) bool { return c.serves(x.a.port) })
	s.each(func(emit func(control.ConnID, pcb.Result)) { s.table.Done(c.serves, s.now(), emit) })
	for _, cn := range s.conns {
		if cn.pcb.Manager == c.id && cn.pcb.Leaves() > 0 {
			s.settleLeaves(cn)
		}
	}
	return nil
}

// settleLeaves sees to what a manager that has gone was asked about leaves, and did not answer: its
// successor has said which take part.
func (s *Server) settleLeaves(cn *conn) {
	asked := map[uint32]pcb.LeafState{}
	cn.pcb.EachLeaf(func(id uint32, state pcb.LeafState) { asked[id] = state })
	for id, state := range asked {
		t, err := (&control.Leaf{ID: id}).Append(nil)
		switch {
		case err != nil || state == pcb.LeafActive:
		case state == pcb.LeafAdding:
			if _, err := cn.pcb.StepLeaf(id, pcb.LeafFail); err == nil {
				s.tellUser(cn, control.SockFail, -int32(syscall.EUNATCH), 0, t)
			}
		default:
			p := &control.Packet{Trailer: t}
			p.SetSock(&control.Sock{})
			p.Type = control.SockDropParty
			s.toManager(cn, p)
		}
	}
}

// addSwitched is ATM ADD for a connection, by its manager: the VC and the rings are there before
// OKAY is.
func (s *Server) addSwitched(c *client, in, out *control.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.table.Get(in.Conn); err != nil {
		return err
	}
	cn, b := s.conns[in.Conn], in.ATM()
	if cn == nil || cn.pcb.Manager != c.id || c.role != control.RoleManager || !c.serves(b.Port) {
		return syscall.EPERM
	}
	p, err := s.port(uint32(b.Port))
	if err != nil {
		return err
	}
	cookie, _ := control.FindTLV(in.Trailer, control.TLVCookie)
	v := &vc{vcKey: vcKey{b.Port, b.VPI, b.VCI}, body: b, on: p, switched: true, cookie: slices.Clone(cookie)}
	v.body.Receiver = 0
	switch {
	case s.vcs.byKey[v.vcKey] != nil:
		return fmt.Errorf("VC %v is there already: %w", v, syscall.EEXIST)
	case cn.pcb.VC || cn.channel != nil:
		return syscall.EEXIST
	case len(s.vcs.byKey) == MaxVCs:
		return fmt.Errorf("more than %d VCs: %w", MaxVCs, syscall.ENOSPC)
	}
	return s.bundle(func() error {
		if err := s.enterVC(v); err != nil {
			return err
		}
		if err := s.attach(cn, v); err != nil {
			s.removeVC(v)
			return err
		}
		if err := s.step(cn, pcb.AddVC, nil); err != nil {
			s.closeChannel(cn)
			return err
		}
		cn.pcb.Port = b.Port
		return nil
	})
}

// delSwitched is ATM DEL of a connection's VC.
func (s *Server) delSwitched(c *client, cn *conn) error {
	if cn.pcb.Manager != c.id || c.role != control.RoleManager {
		return fmt.Errorf("a VC in use by connection %#x: %w", uint64(cn.id), syscall.EBUSY)
	}
	if err := s.step(cn, pcb.DelVC, nil); err != nil {
		return err
	}
	if cn.pcb.State == pcb.Connecting || cn.pcb.State == pcb.Accepting { // nobody knows its rings yet: another VC's may come
		s.closeChannel(cn)
	}
	return nil
}

// answeredSock takes the answer to what the hub has asked a manager or an application.
func (s *Server) answeredSock(c *client, p *control.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cn := s.conns[p.Conn]
	if cn == nil || p.Class != control.ClassSock {
		return
	}
	p.Flags &^= control.FlagReply
	switch {
	case c == cn.client && p.Type == control.SockIncoming:
		switch {
		case p.Status < 0:
			p.Type = control.SockReject
			_ = s.step(cn, pcb.Reject, p)
		case p.Status == control.StatusDeferred:
			_ = s.step(cn, pcb.Defer, p)
		}
	case cn.pcb.Manager != c.id:
	case p.Type == control.SockModify:
		s.answerLater(cn, p.Status, p.Cause)
	case p.Status < 0:
		s.managerRefuses(cn, p)
	}
}

// managerRefuses takes a manager's refusal, after which it holds nothing more of the matter.
func (s *Server) managerRefuses(cn *conn, p *control.Packet) {
	if p.Cause != 0 {
		cn.pcb.Cause = p.Cause
	}
	switch p.Type {
	case control.SockBind, control.SockListen, control.SockConnect, control.SockAccept:
		p.Type = control.SockFail
		_ = s.step(cn, pcb.Fail, p)
	case control.SockClose, control.SockReject:
		p.Type = control.SockReleased
		_ = s.step(cn, pcb.Released, p)
	}
}

// answerLater answers a MODIFY that the manager has decided.
func (s *Server) answerLater(cn *conn, status int32, cause uint8) {
	request := cn.modify
	cn.modify = nil
	if request == nil || cn.gone {
		return
	}
	out := cn.client.reply(request)
	out.Status, out.Cause = status, cause
	go cn.client.answer(request, out) //nolint:errcheck // a client that has gone is noticed by who reads it
}
