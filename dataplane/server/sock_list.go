package server

import (
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/pcb"
)

// stateTypes are the messages by which RESYNC tells what a connection has come to: the last that
// was said of it.
var stateTypes = map[pcb.State]control.Type{
	pcb.Idle: control.SockBind, pcb.Binding: control.SockBind, pcb.Bound: control.SockBind, pcb.Listening: control.SockListen,
	pcb.Connecting: control.SockConnect, pcb.Offered: control.SockIncoming, pcb.Deferred: control.SockAlerting,
	pcb.Accepting: control.SockAccept, pcb.Connected: control.SockOkay, pcb.Held: control.SockOkay,
	pcb.Cleared: control.SockClosed, pcb.Closing: control.SockClose,
}

// connThen is what a connection was like at some moment.
type connThen struct {
	id    control.ConnID
	typ   control.Type
	cause uint8
	on    bool // a VC, which is vc
	vc    vcKey
	body  control.Sock
}

// connsThen are all connections as they are now, in any order. s.mu is held.
func (s *Server) connsThen() []connThen {
	all := make([]connThen, 0, len(s.conns))
	for _, cn := range s.conns {
		then := connThen{id: cn.id, typ: stateTypes[cn.pcb.State], cause: cn.pcb.Cause, body: cn.body}
		then.body.Port = cn.pcb.Port
		if cn.vc != nil {
			then.on, then.vc = true, cn.vc.vcKey
		}
		all = append(all, then)
	}
	return all
}

// message tells of it.
func (t *connThen) message() *control.Packet {
	p := &control.Packet{}
	p.SetSock(&t.body)
	p.Type, p.Conn, p.Cause = t.typ, t.id, t.cause
	if t.on {
		end := control.SecondEnd{Port: t.vc.port, VPI: t.vc.vpi, VCI: t.vc.vci}
		p.Trailer, _ = end.Append(nil)
	}
	return p
}
