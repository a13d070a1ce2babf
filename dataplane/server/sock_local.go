package server

import (
	"syscall"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/pcb"
	"github.com/cellhub/cellhub/dataplane/region"
)

// exchange is the manager of calls between two sockets of this host: the hub itself, which
// nobody's number is.
const exchange uint32 = 1

// address is what a listener listens to.
type address struct {
	aesa [20]byte
	sap  uint64
}

func listenKey(b *control.Sock) address { return address{b.Local, b.SAP} }

// crossing is a message from a connection to the exchange.
type crossing struct {
	cn *conn
	in *control.Packet
}

// listenerOf finds who listens, in this host and with its manager's OKAY, to the address that a
// CONNECT calls.
func (s *Server) listenerOf(in *control.Packet) *conn {
	b := in.Sock()
	if in.Type != control.SockConnect || b.Remote == ([20]byte{}) {
		return nil
	}
	l := s.listening[address{b.Remote, b.SAP}]
	if l == nil || l.pcb.State != pcb.Listening {
		return nil
	}
	return l
}

// runExchange does what a manager would do for the calls within the host.
func (s *Server) runExchange() {
	s.stepping++ // what it causes waits behind what there is
	for len(s.exchanges) > 0 {
		x := s.exchanges[0]
		s.exchanges = s.exchanges[1:]
		if s.conns[x.cn.id] == x.cn {
			s.exchangeOne(x.cn, x.in)
		}
	}
	s.exchanges = nil
	s.stepping--
}

func (s *Server) exchangeOne(cn *conn, in *control.Packet) {
	switch in.Type {
	case control.SockConnect:
		if err := s.offer(cn); err != nil {
			s.told(cn, pcb.Fail, control.SockFail, control.Status(err), causeNoRoute)
		}
	case control.SockAlerting:
		if cn.other != nil {
			s.told(cn.other, pcb.Alerting, control.SockAlerting, 0, 0)
		}
	case control.SockAccept:
		if err := s.cross(cn); err != nil {
			s.told(cn, pcb.Fail, control.SockFail, control.Status(err), causeResources)
		}
	case control.SockReject, control.SockClose:
		s.partCall(cn, in)
	}
}

// Causes of Q.850 that the exchange gives.
const (
	causeNoRoute   = 3  // no route to destination
	causeNormal    = 16 // normal call clearing
	causeRejected  = 21 // call rejected
	causeResources = 47 // resource unavailable, unspecified
)

// told has the exchange say something to a connection.
func (s *Server) told(cn *conn, e pcb.Event, t control.Type, status int32, cause uint8) {
	p := &control.Packet{}
	p.SetSock(&cn.body)
	p.Type, p.Status, p.Cause = t, status, cause
	_ = s.step(cn, e, p) // refused: it has ended meanwhile
}

// offer brings a call to the listener that it is for.
func (s *Server) offer(cn *conn) error {
	request := &control.Packet{}
	request.SetSock(&cn.body)
	request.Type = control.SockConnect
	l := s.listenerOf(request)
	if l == nil {
		return syscall.ECONNREFUSED
	}
	body := cn.body
	body.Local, body.Remote = cn.body.Remote, cn.body.Local
	callee, err := s.incoming(l, exchange, body, cn.trailer)
	if err == nil {
		cn.other, callee.other = callee, cn
	}
	return err
}

// incoming makes the block of a call to a listener, and tells its user.
func (s *Server) incoming(l *conn, manager uint32, body control.Sock, trailer []byte) (*conn, error) {
	u := s.usageOf(l.user)
	if u.connections >= s.limits.Connections || l.gone {
		return nil, syscall.ECONNREFUSED
	}
	id, p, err := s.table.Incoming(l.id)
	if err != nil {
		return nil, err
	}
	p.Manager = manager
	u.connections++
	if body.MaxSDU == 0 {
		body.MaxSDU = l.body.MaxSDU
	}
	cn := &conn{id: id, pcb: p, client: l.client, user: l.user, body: body, trailer: trailer, listener: l.id}
	s.conns[id] = cn
	who := control.ListenerConn{Conn: uint64(l.id)}
	t, err := who.Append(nil)
	if err == nil {
		s.tellUser(cn, control.SockIncoming, 0, 0, append(t, passedOn(trailer)...))
	}
	return cn, nil
}

// cross joins both sockets of a call that was accepted, and tells their users.
func (s *Server) cross(callee *conn) error {
	caller := callee.other
	if caller == nil {
		return syscall.ECONNABORTED
	}
	if err := s.bundle(func() error { return s.crossConnect(caller, callee) }); err != nil {
		return err
	}
	for _, cn := range [...]*conn{caller, callee} {
		if err := s.step(cn, pcb.AddVC, nil); err != nil {
			return err
		}
		s.told(cn, pcb.Okay, control.SockOkay, 0, 0)
	}
	return nil
}

func (s *Server) crossConnect(caller, callee *conn) (err error) {
	ends := [2]*conn{caller, callee}
	defer func() {
		if err != nil {
			s.closeChannel(caller)
			s.closeChannel(callee)
		}
	}()
	for _, cn := range ends {
		if err := s.openChannel(cn, region.Local); err != nil {
			return err
		}
	}
	ids, err := s.changes.Build(0, dataplane.Part{Name: "local"}, dataplane.Part{})
	if err != nil {
		return errnoOf(err)
	}
	way := &passage{ends: ids, users: len(ends)}
	caller.crossing, callee.crossing = way, way
	for i, cn := range ends {
		if err := s.join(ids[i], cn.channel.socket); err != nil {
			return err
		}
	}
	return nil
}

// passage is the module between two sockets. It stays until both have gone: what the one has
// sent before it went waits there for the other.
type passage struct {
	ends  []dataplane.ProcID
	users int
}

func (s *Server) leavePassage(cn *conn) {
	way := cn.crossing
	if way == nil {
		return
	}
	cn.crossing = nil
	if way.users--; way.users == 0 {
		for _, id := range way.ends {
			s.mustClose(id)
		}
	}
}

// partCall ends a call when one side has said so: the other is told, and this one released.
func (s *Server) partCall(cn *conn, in *control.Packet) {
	other := cn.other
	cn.other = nil
	if other != nil {
		other.other = nil
		cause := in.Cause
		switch {
		case other.pcb.State == pcb.Connecting:
			if cause == 0 {
				cause = causeRejected
			}
			s.told(other, pcb.Fail, control.SockFail, -int32(syscall.ECONNREFUSED), cause)
		default:
			if cause == 0 {
				cause = causeNormal
			}
			s.told(other, pcb.Closed, control.SockClosed, 0, cause)
		}
	}
	s.told(cn, pcb.Released, control.SockReleased, 0, 0)
}
