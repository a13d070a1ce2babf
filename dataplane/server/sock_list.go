package server

import (
	"cmp"
	"maps"
	"slices"

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

// tellConns describes all connections, by id. s.mu is held.
func (s *Server) tellConns() (state []*control.Packet) {
	for _, cn := range slices.SortedFunc(maps.Values(s.conns), func(a, b *conn) int { return cmp.Compare(a.id.Index(), b.id.Index()) }) {
		p := &control.Packet{}
		body := cn.body
		body.Port = cn.pcb.Port
		p.SetSock(&body)
		p.Type, p.Conn, p.Cause = stateTypes[cn.pcb.State], cn.id, cn.pcb.Cause
		if cn.vc != nil {
			end := control.SecondEnd{Port: cn.vc.port, VPI: cn.vc.vpi, VCI: cn.vc.vci}
			p.Trailer, _ = end.Append(nil)
		}
		state = append(state, p)
	}
	return state
}
