package client

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cellhub/cellhub/dataplane/control"
)

// manager is a small static signalling manager: it takes every address, and carries a call to
// an address of routes to the listener that routes names, over a VC of the wire.
type manager struct {
	t      testing.TB
	conn   *control.Conn
	epoch  uint32
	routes map[[20]byte][20]byte
	events chan control.Packet
	seen   func(*control.Packet) bool // unless nil: true: the test sees to it

	mu      sync.Mutex
	waiting map[uint32]chan control.Packet
	listens map[[20]byte]control.ConnID
	calls   map[control.ConnID]control.ConnID // to the other side
	vcs     map[control.ConnID]bool
	next    atomic.Uint32
}

func (d *daemon) manage(seen func(*control.Packet) bool, routes map[[20]byte][20]byte) *manager {
	d.t.Helper()
	m := &manager{t: d.t, routes: routes, seen: seen, events: make(chan control.Packet, 1024), waiting: map[uint32]chan control.Packet{},
		listens: map[[20]byte]control.ConnID{}, calls: map[control.ConnID]control.ConnID{}, vcs: map[control.ConnID]bool{}}
	m.conn, m.epoch = d.hello(control.RoleManager, "manager", nil)
	m.next.Store(200)
	go m.read()
	go m.serve()
	return m
}

func (m *manager) read() {
	defer close(m.events)
	for {
		var p control.Packet
		err := m.conn.Recv(&p)
		var fault control.Fault
		if errors.As(err, &fault) {
			m.t.Errorf("manager got %v", fault)
			continue
		}
		if err != nil {
			return
		}
		if p.Flags&control.FlagReply != 0 {
			m.mu.Lock()
			w := m.waiting[p.Seq]
			delete(m.waiting, p.Seq)
			m.mu.Unlock()
			if w != nil {
				w <- p
			}
			continue
		}
		m.events <- p
	}
}

// call asks the hub; the reply's error is returned.
func (m *manager) call(p *control.Packet) error {
	p.Epoch = m.epoch
	w := make(chan control.Packet, 1)
	m.mu.Lock() // the reader looks for it under the lock
	err := m.conn.Send(p)
	if err == nil {
		m.waiting[p.Seq] = w
	}
	m.mu.Unlock()
	if err != nil {
		return err
	}
	*p = <-w
	return p.Err()
}

// sock tells the hub something of a connection.
func (m *manager) sock(t control.Type, id control.ConnID, cause uint8, trailer []byte) error {
	p := control.Packet{Trailer: trailer}
	p.SetSock(&control.Sock{})
	p.Type, p.Conn, p.Cause = t, id, cause
	return m.call(&p)
}

// vc gives a connection its VC.
func (m *manager) vc(t control.Type, id control.ConnID, port, vci uint16) error {
	p := control.Packet{}
	p.SetATM(&control.ATM{Port: port, VCI: vci, AAL: control.AAL5, Direction: control.DirectionBoth})
	p.Type, p.Conn = t, id
	if t == control.ATMAdd {
		p.Trailer, _ = control.AppendTLV(nil, control.TLVCookie, []byte("note"))
	}
	return m.call(&p)
}

func (m *manager) serve() {
	for p := range m.events {
		reply := control.Packet{Message: p.Message}
		reply.Epoch = m.epoch
		seen := m.seen != nil && m.seen(&p)
		reply.Status, reply.Cause = p.Status, p.Cause // a test may have changed them
		if seen {
			_ = m.conn.Reply(&p.Header, &reply)
			continue
		}
		_ = m.conn.Reply(&p.Header, &reply)
		b := p.Sock()
		switch p.Type {
		case control.SockBind:
			_ = m.sock(control.SockOkay, p.Conn, 0, nil)
		case control.SockListen:
			m.listens[b.Local] = p.Conn
			_ = m.sock(control.SockOkay, p.Conn, 0, nil)
		case control.SockConnect:
			m.connect(&p)
		case control.SockAlerting:
			_ = m.sock(control.SockAlerting, m.calls[p.Conn], 0, nil)
		case control.SockAccept:
			m.accept(p.Conn)
		case control.SockReject, control.SockClose:
			m.release(&p)
		case control.SockAddParty:
			leaf, _ := control.FindTLV(p.Trailer, control.TLVLeaf)
			t, _ := control.AppendTLV(nil, control.TLVLeaf, leaf)
			if b.Remote[19] == 0xFF {
				_ = m.sock(control.SockFail, p.Conn, 1, t) // unassigned number
			} else {
				_ = m.sock(control.SockOkay, p.Conn, 0, t)
			}
		case control.SockDropParty:
			leaf, _ := control.FindTLV(p.Trailer, control.TLVLeaf)
			t, _ := control.AppendTLV(nil, control.TLVLeaf, leaf)
			_ = m.sock(control.SockReleased, p.Conn, 0, t)
		}
	}
}

func (m *manager) connect(p *control.Packet) {
	b := p.Sock()
	to, ok := m.routes[b.Remote]
	l := m.listens[to]
	if !ok || l == 0 {
		_ = m.sock(control.SockFail, p.Conn, 3, nil) // no route to destination
		return
	}
	in := control.Packet{Trailer: p.Trailer}
	b.Local, b.Remote = b.Remote, b.Local
	in.SetSock(&b)
	in.Type, in.Conn = control.SockIncoming, l
	if m.call(&in) != nil {
		_ = m.sock(control.SockFail, p.Conn, 17, nil) // user busy
		return
	}
	m.calls[p.Conn], m.calls[in.Conn] = in.Conn, p.Conn
}

func (m *manager) accept(callee control.ConnID) {
	caller := m.calls[callee]
	vci := uint16(m.next.Add(1))
	for i, id := range []control.ConnID{caller, callee} {
		if m.vc(control.ATMAdd, id, uint16(i+1), vci) == nil {
			m.vcs[id] = true
		}
	}
	for _, id := range []control.ConnID{caller, callee} {
		_ = m.sock(control.SockOkay, id, 0, nil)
	}
}

func (m *manager) release(p *control.Packet) {
	if other := m.calls[p.Conn]; other != 0 {
		delete(m.calls, p.Conn)
		delete(m.calls, other)
		if p.Type == control.SockReject {
			_ = m.sock(control.SockFail, other, p.Cause, nil)
		} else {
			_ = m.sock(control.SockClosed, other, 16, nil)
		}
	}
	if m.vcs[p.Conn] {
		delete(m.vcs, p.Conn)
		_ = m.vc(control.ATMDel, p.Conn, 0, 0)
	}
	_ = m.sock(control.SockReleased, p.Conn, 0, nil)
}
