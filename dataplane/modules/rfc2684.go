package modules

import (
	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/nic"
)

// rfc2684 is the module that puts the headers of RFC 2684 before the host's frames
// and takes them off.
type rfc2684 struct {
	hub    *dataplane.Hub
	encap  aal.Encap
	kind   aal.Kind
	last   loss
	counts struct {
		in, out  uint64
		encap    uint64 // not what RFC 2684 allows on this VC
		kind     uint64 // bridged where routed was due, another protocol, or the other way round
		version  uint64 // host packets that are neither IPv4 nor IPv6
		noBlocks uint64
		short    uint64 // host frames too short to be one
		notECT   uint64 // packets that met congestion and whose transport takes no marks: RFC 6040, section 4.2
	}
}

// ethernetMin is the header of the shortest frame that can be bridged.
const ethernetMin = 14

// RFC2684 makes the module. kind is aal.Bridged or aal.Routed.
func RFC2684(encap aal.Encap, kind aal.Kind) dataplane.Module {
	r := &rfc2684{encap: encap, kind: kind}
	here := func(q *dataplane.Queue) { r.hub = q.Hub() }
	return dataplane.Module{
		Name: "rfc2684", ReadPut: r.readPut, WritePut: r.writePut,
		Open:     func(q *dataplane.Queue) error { here(q); return nil },
		Arrive:   here,
		Counters: r.count,
		Commands: []dataplane.ModuleCommand{readText(128, "encapsulation", func() string { return encap.String() + " " + kindName(kind) })},
	}
}

// readPut strips the header of an SDU.
func (r *rfc2684) readPut(q *dataplane.Queue, m dataplane.Msg) {
	if m.Type != dataplane.Data {
		q.PutNext(m)
		return
	}
	sdu := r.hub.Pool.Bytes(m.Block)
	p, err := r.encap.Decap(sdu, r.kind)
	switch {
	case err != nil:
		r.counts.encap++
		r.last.note(r.hub, "rx_drop_encapsulation")
		r.hub.Free(m)
		return
	case p.Kind != r.kind || p.Kind == aal.Routed && p.EtherType != aal.EtherTypeIPv4 && p.EtherType != aal.EtherTypeIPv6:
		r.counts.kind++
		r.last.note(r.hub, "rx_drop_kind")
		r.hub.Free(m)
		return
	}
	tail := 0
	if p.FCS {
		tail = fcsBytes
	}
	if outer := ecn(&m); outer != nic.NotECT {
		if !decapsulate(innerIP(p.Data, r.kind), outer) {
			r.counts.notECT++
			r.last.note(r.hub, "rx_drop_not_ect")
			r.hub.Free(m)
			return
		}
		setECN(&m, nic.NotECT)
	} else if m.Flags&dataplane.FlagEFCI != 0 {
		congest(innerIP(p.Data, r.kind))
	}
	r.hub.Pool.Cut(m.Block, len(sdu)-tail)
	r.hub.Pool.Trim(m.Block, len(sdu)-tail-len(p.Data))
	m.Len = uint32(len(p.Data))
	r.counts.in++
	q.PutNext(m)
}

const fcsBytes = 4

// writePut puts the header before a frame.
func (r *rfc2684) writePut(q *dataplane.Queue, m dataplane.Msg) {
	if m.Type != dataplane.Data {
		q.PutNext(m)
		return
	}
	frame := r.hub.Pool.Bytes(m.Block)
	etherType, ok := r.protocol(frame)
	if !ok {
		r.hub.Free(m)
		return
	}
	ip := innerIP(frame, r.kind)
	setECN(&m, markOf(ip))
	setDSCP(&m, ip)
	n := r.encap.HeaderSize(r.kind)
	dst := r.hub.Pool.Prepend(m.Block, n)
	if dst == nil { // borrowed or shared: the header needs a block of our own
		b := r.hub.Pool.Copy(m.Block)
		r.hub.Free(m)
		if b == 0 {
			r.counts.noBlocks++
			r.last.note(r.hub, "tx_drop_no_block")
			return
		}
		m.Block = b
		dst = r.hub.Pool.Prepend(b, n)
	}
	r.encap.PutHeader(dst, r.kind, etherType)
	m.Len += uint32(n)
	r.counts.out++
	q.PutNext(m)
}

// protocol is the EtherType of what the host sends on a TUN: IPv4 or IPv6.
func (r *rfc2684) protocol(frame []byte) (uint16, bool) {
	if r.kind == aal.Bridged {
		if len(frame) < ethernetMin {
			r.counts.short++
			r.last.note(r.hub, "tx_drop_short")
			return 0, false
		}
		return 0, true
	}
	if len(frame) > 0 {
		switch frame[0] >> 4 {
		case 4:
			return aal.EtherTypeIPv4, true
		case 6:
			return aal.EtherTypeIPv6, true
		}
	}
	r.counts.version++
	r.last.note(r.hub, "tx_drop_not_ip")
	return 0, false
}

func (r *rfc2684) count() []dataplane.Count {
	c := &r.counts
	return r.last.mark(r.hub, []dataplane.Count{
		{Name: "rx_frames", N: c.in}, {Name: "tx_frames", N: c.out},
		{Name: "rx_drop_encapsulation", N: c.encap}, {Name: "rx_drop_kind", N: c.kind},
		{Name: "rx_drop_not_ect", N: c.notECT},
		{Name: "tx_drop_short", N: c.short}, {Name: "tx_drop_not_ip", N: c.version}, {Name: "tx_drop_no_block", N: c.noBlocks},
	})
}
