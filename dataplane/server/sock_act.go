package server

import (
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/pcb"
)

// step has an event happen to a connection, and carries out what the machine says. in is the
// message that it is, to be passed on; nil: none. The error is the machine's refusal: nothing
// has happened.
func (s *Server) step(cn *conn, e pcb.Event, in *control.Packet) (refused error) {
	_, refused = s.stepStatus(cn, e, in)
	return refused
}

// stepStatus is step, and gives the status that answers the message.
func (s *Server) stepStatus(cn *conn, e pcb.Event, in *control.Packet) (status int32, refused error) {
	if m := s.clients[cn.pcb.Manager]; m != nil && wantsManager(e) && !m.hasRoom() {
		return 0, syscall.ENOBUFS // it does not read: nothing but ends goes to it
	}
	s.stepping++
	err := s.table.Step(cn.id, e, s.now(), func(id control.ConnID, r pcb.Result) {
		switch {
		case id != cn.id:
			s.act(id, r, nil)
		case r.Errno != 0:
			refused = r.Errno
		default:
			status = r.Status
			s.act(id, r, in)
		}
	})
	if s.stepping--; s.stepping == 0 {
		s.runExchange()
		s.watchGrace()
	}
	if err != nil {
		return 0, err
	}
	return status, refused
}

// wantsManager tells which events are requests that a manager has to see to.
func wantsManager(e pcb.Event) bool {
	switch e {
	case pcb.Bind, pcb.Listen, pcb.Connect, pcb.Accept, pcb.Modify:
		return true
	}
	return false
}

// fromUser tells which messages are a user's.
func fromUser(t control.Type) bool {
	return t <= control.SockClose || t >= control.SockModify && t <= control.SockDropParty
}

// each has package pcb step many connections.
func (s *Server) each(steps func(emit func(control.ConnID, pcb.Result))) {
	s.stepping++
	steps(func(id control.ConnID, r pcb.Result) { s.act(id, r, nil) })
	if s.stepping--; s.stepping == 0 {
		s.runExchange()
		s.watchGrace()
	}
}

// act carries out a result.
func (s *Server) act(id control.ConnID, r pcb.Result, in *control.Packet) {
	cn := s.conns[id]
	if cn == nil || r.Errno != 0 {
		return
	}
	for _, a := range r.Actions {
		switch a {
		case pcb.None:
			return
		case pcb.Forward:
			s.forward(cn, in)
		case pcb.UserReleased:
			s.tellUser(cn, control.SockReleased, 0, cn.pcb.Cause, nil)
		case pcb.UserUnattached:
			s.tellUser(cn, control.SockClosed, -int32(syscall.EUNATCH), 0, nil)
		case pcb.UserClosed:
			s.tellUser(cn, control.SockClosed, 0, cn.pcb.Cause, nil)
		case pcb.ManagerClose:
			s.tellManager(cn, control.SockClose, in)
		case pcb.ManagerReject:
			s.tellManager(cn, control.SockReject, in)
		case pcb.ManagerAlerting:
			s.tellManager(cn, control.SockAlerting, in)
		case pcb.UnbindVC:
			_ = s.bundle(func() error { s.unbind(cn); return nil }) // nothing fails in it
		case pcb.Free:
			s.free(cn)
		case pcb.BindVC, pcb.Offer, pcb.StartHold, pcb.StopHold: // done by whoever has stepped
		}
	}
}

// free is the end of a block: its id is stale.
func (s *Server) free(cn *conn) {
	if cn.vc != nil || cn.channel != nil || cn.crossing != nil {
		_ = s.bundle(func() error { s.closeChannel(cn); return nil }) // nothing fails in it
	}
	delete(s.conns, cn.id)
	if k := listenKey(&cn.body); s.listening[k] == cn {
		delete(s.listening, k)
	}
	if cn.modify != nil {
		s.answerLater(cn, -int32(syscall.ECONNABORTED), 0)
	}
	u := s.usageOf(cn.user)
	u.connections--
	s.forgetUsage(cn.user)
}

// forward passes a message on to the other side.
func (s *Server) forward(cn *conn, in *control.Packet) {
	switch {
	case in == nil:
	case fromUser(in.Type):
		s.toManager(cn, in)
	default:
		var trailer []byte
		switch {
		case in.Type == control.SockOkay && cn.pcb.State == pcb.Connected:
			trailer = cn.channel.ring(nil)
		case in.Type == control.SockOkay && cn.pcb.State == pcb.Listening:
			s.listening[listenKey(&cn.body)] = cn
		}
		s.tellUser(cn, in.Type, in.Status, in.Cause, append(trailer, passedOn(in.Trailer)...))
	}
}

// passedOn is the trailer of a manager's message for the user: all but a ring, which is the
// hub's to give.
func passedOn(trailer []byte) (t []byte) {
	r := control.ReadTLVs(trailer)
	for r.Next() {
		if r.Type() != control.TLVRing && r.Type() != control.TLVCookie {
			t, _ = control.AppendTLV(t, r.Type(), r.Value())
		}
	}
	return t
}

// tellUser sends a message to a connection's user.
func (s *Server) tellUser(cn *conn, t control.Type, status int32, cause uint8, trailer []byte) {
	if cn.gone {
		return
	}
	p := &control.Packet{Trailer: trailer}
	body := cn.body
	body.Backlog = 0
	p.SetSock(&body)
	p.Type, p.Conn, p.Status, p.Cause = t, cn.id, status, cause
	if t != control.SockIncoming {
		p.Flags = control.FlagNoReply
	}
	if !cn.client.post(p) {
		s.putOut(cn.client)
	}
}

// tellManager sends the hub's own word to a connection's manager; a cause is the user's.
func (s *Server) tellManager(cn *conn, t control.Type, in *control.Packet) {
	p := &control.Packet{}
	body := cn.body
	p.SetSock(&body)
	p.Type = t
	if in != nil {
		p.Cause = in.Cause
	}
	s.toManager(cn, p)
}

// toManager sends a message to whoever manages a connection: a manager, or the hub's own
// exchange of local calls.
func (s *Server) toManager(cn *conn, in *control.Packet) {
	if cn.pcb.Manager == exchange { // once the machine has come to rest
		s.exchanges = append(s.exchanges, crossing{cn, in})
		return
	}
	m := s.clients[cn.pcb.Manager]
	if m == nil {
		return
	}
	p := &control.Packet{Message: in.Message, Trailer: in.Trailer}
	p.Conn, p.Src, p.Flags, p.Status = cn.id, cn.pcb.User, 0, 0
	m.mustPost(p)
}

// watchGrace has held connections closed when their time has come.
func (s *Server) watchGrace() {
	at, held := s.nextExpiry()
	if !held || s.graceTimer != nil || s.closed {
		return
	}
	s.graceTimer = time.AfterFunc(max(at-s.now(), 0), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.graceTimer = nil
		if !s.closed {
			s.release(func(x *cross) bool { return x.until <= s.now() })
			s.each(func(emit func(control.ConnID, pcb.Result)) { s.table.Expire(s.now(), emit) })
		}
	})
}
