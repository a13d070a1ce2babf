package server

import (
	"cmp"
	"maps"
	"slices"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/pcb"
)

// stateTypes are the messages that tell what a connection has come to, in a dump.
var stateTypes = map[pcb.State]control.Type{
	pcb.Idle: control.SockBind, pcb.Binding: control.SockBind, pcb.Bound: control.SockBind, pcb.Listening: control.SockListen,
	pcb.Connecting: control.SockConnect, pcb.Offered: control.SockIncoming, pcb.Deferred: control.SockAlerting,
	pcb.Accepting: control.SockAccept, pcb.Connected: control.SockOkay, pcb.Held: control.SockOkay,
	pcb.Cleared: control.SockClosed, pcb.Closing: control.SockClose, pcb.Dead: control.SockReleased,
}

// tellConns describes the connections of all applications, each by the message that has
// brought it where it is, with its state in TEXT, its user's name in NAME and its VC in
// SECOND_END. s.mu is held.
func (s *Server) tellConns() (all []*control.Packet, err error) {
	byID := func(a, b *conn) int { return cmp.Compare(a.id.Index(), b.id.Index()) }
	for _, cn := range slices.SortedFunc(maps.Values(s.conns), byID) {
		out := new(control.Packet)
		out.Type, out.Conn, out.Src = stateTypes[cn.pcb.State], cn.id, cn.client.id
		out.SetSock(&cn.body)
		if out.Trailer, err = control.AppendTLV(nil, control.TLVText, []byte(cn.pcb.State.String())); err != nil {
			return nil, err
		}
		if cn.client.name != "" {
			if out.Trailer, err = control.AppendTLV(out.Trailer, control.TLVName, []byte(cn.client.name)); err != nil {
				return nil, err
			}
		}
		if v := cn.vc; v != nil {
			end := control.SecondEnd{Port: v.port, VPI: v.vpi, VCI: v.vci}
			if out.Trailer, err = end.Append(out.Trailer); err != nil {
				return nil, err
			}
		}
		all = append(all, out)
	}
	return all, nil
}
