package server

import (
	"cmp"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
)

// vcThen is what a VC was like at some moment.
type vcThen struct {
	vcKey
	conn    control.ConnID
	body    control.ATM // receiver: the process at the bottom of its stream
	trailer []byte      // of a cross-connected one
	cookie  []byte      // which nobody writes to
}

func (k vcKey) compare(o vcKey) int {
	return cmp.Or(cmp.Compare(k.port, o.port), cmp.Compare(k.vpi, o.vpi), cmp.Compare(k.vci, o.vci))
}

// vcThen is a VC as it is now, but for its receiver. s.mu is held.
func (s *Server) vcThen(v *vc) vcThen {
	then := vcThen{vcKey: v.vcKey, conn: v.id, body: v.body, cookie: v.cookie}
	then.body.Receiver = 0
	switch {
	case v.cross != nil:
		var p control.Packet
		s.tellCross(v, &p)
		then.body, then.trailer, then.cookie = p.ATM(), p.Trailer, nil
	case v.switched && v.owner != nil:
		then.conn = v.owner.id
	}
	return then
}

// vcsThen are all VCs as they are now, in any order. Who stands on them the fabric is asked once.
// s.mu is held.
func (s *Server) vcsThen() []vcThen {
	all := make([]vcThen, 0, len(s.vcs.byKey))
	pairs := make([]dataplane.ProcID, 0, len(s.vcs.byKey))
	for i := range s.vcs.slots {
		if v := s.vcs.slots[i].vc; v != nil {
			all, pairs = append(all, s.vcThen(v)), append(pairs, v.pair)
		}
	}
	for i, above := range s.fabric.Above(pairs) {
		if above != 0 {
			all[i].body.Receiver = uint32(above)
		}
	}
	return all
}

// message tells of it, as ATM QUERY.
func (t *vcThen) message() *control.Packet {
	p := &control.Packet{Trailer: t.trailer}
	p.SetATM(&t.body)
	p.Type, p.Conn = control.ATMQuery, t.conn
	if len(t.cookie) > 0 {
		p.Trailer, _ = control.AppendTLV(p.Trailer, control.TLVCookie, t.cookie) // it has been in a trailer before
	}
	return p
}
