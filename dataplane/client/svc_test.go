package client

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/server"
)

// Addresses of the tests: where somebody listens, what the manager routes there, and nobody's.
const (
	here   = "47000580ffe1000000f21a26d80000000000aa00"
	routed = "47000580ffe1000000f21a26d80000000000bb00"
	nobody = "47000580ffe1000000f21a26d80000000000cc00"
)

func aesa(t testing.TB, s string) [20]byte {
	t.Helper()
	a, err := ParseAddr("svc://" + s)
	must(t, err)
	return a.AESA
}

func routes(t testing.TB) map[[20]byte][20]byte {
	return map[[20]byte][20]byte{aesa(t, routed): aesa(t, here)}
}

func listen(t testing.TB, c *Client, address string, config *Config) *Listener {
	t.Helper()
	l, err := c.Listen(context.Background(), address, config)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// call makes a call to an address where l listens, and gives both sides.
func call(t testing.TB, c *Client, address string, l *Listener, config *Config) (caller, callee *Conn) {
	t.Helper()
	got := make(chan *Conn, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			t.Error(err)
			got <- nil
			return
		}
		got <- conn.(*Conn)
	}()
	caller = dial(t, c, address, config)
	if callee = <-got; callee == nil {
		t.FailNow()
	}
	return caller, callee
}

// TestSVC: calls by way of the manager, over VCs that it adds, and calls within the host, which
// it never hears of.
func TestSVC(t *testing.T) {
	for _, c := range []struct {
		name, to string
		local    bool
	}{{"through the network", routed, false}, {"within the host", here, true}} {
		t.Run(c.name, func(t *testing.T) {
			d := newDaemon(t, nil)
			d.manage(nil, routes(t))
			one, two := d.open(), d.open()
			l := listen(t, two, "svc://"+here, nil)
			for range 5 {
				a, b := call(t, one, "svc://"+c.to, l, nil)
				if a.IsLocal() != c.local || b.IsLocal() != c.local {
					t.Errorf("local is %v and %v", a.IsLocal(), b.IsLocal())
				}
				if got := a.RemoteAddr().String(); got != "svc://"+c.to {
					t.Errorf("remote address %s", got)
				}
				if got := b.LocalAddr().String(); got != "svc://"+c.to {
					t.Errorf("called address %s", got)
				}
				say(t, a, b, "hello")
				say(t, b, a, strings.Repeat("hello to you ", 500))
				if err := a.CloseWrite(); (err == nil) != c.local || err != nil && !errors.Is(err, errors.ErrUnsupported) {
					t.Errorf("CloseWrite: %v", err)
				}
				must(t, b.Close())
				p := make([]byte, 100)
				if _, err := a.Read(p); !errors.Is(err, io.EOF) {
					t.Errorf("after the far side's close: %v", err)
				}
				must(t, a.Close())
				<-a.released
				<-b.released
			}
			must(t, l.Close())
			if _, err := one.Dial(context.Background(), "svc://"+nobody, nil); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("to nobody: %v", err)
			}
		})
	}
}

// TestLocalLast: what was written before a close within the host arrives, all of it and then
// the end.
func TestLocalLast(t *testing.T) {
	d := newDaemon(t, nil)
	d.manage(nil, nil)
	c := d.open()
	l := listen(t, c, "svc://"+here, nil)
	a, b := call(t, c, "svc://"+here, l, nil)
	for i := range 200 {
		_, err := a.Write([]byte{byte(i)})
		must(t, err)
	}
	must(t, a.Close())
	<-a.released
	p := make([]byte, 10)
	for i := range 200 {
		if n, err := b.Read(p); err != nil || n != 1 || p[0] != byte(i) {
			t.Fatalf("SDU %d: %d octets, %v", i, n, err)
		}
	}
	if _, err := b.Read(p); !errors.Is(err, io.EOF) {
		t.Errorf("then: %v", err)
	}
}

// TestDeferred: a call that the user holds: the caller is told that it is seen to, and then
// either way.
func TestDeferred(t *testing.T) {
	for _, to := range []string{routed, here} {
		d := newDaemon(t, nil)
		d.manage(nil, routes(t))
		c := d.open()
		l := listen(t, c, "svc://"+here, &Config{Deferred: true})
		for _, accept := range []bool{true, false} {
			alerted, done := make(chan bool, 1), make(chan error, 1)
			ie := []byte{0x5C, 0x80, 0, 2, 1, 2} // broadband low layer information
			go func() {
				conn, err := c.Dial(context.Background(), "svc://"+to, &Config{Alerting: func() { alerted <- true }, Elements: [][]byte{ie}})
				if err == nil {
					err = conn.Close()
				}
				done <- err
			}()
			in, err := l.Next(context.Background())
			must(t, err)
			if s := in.LocalAddr().String(); s != "svc://"+to {
				t.Errorf("%s is called, want %s", s, to)
			}
			<-alerted
			if e := in.Elements(); len(e) != 1 || string(e[0]) != string(ie) {
				t.Errorf("elements % x", e)
			}
			if accept {
				_, err := in.Accept(context.Background())
				must(t, err)
				must(t, <-done)
				continue
			}
			must(t, in.Reject(21))
			var refused *Refused
			if err := <-done; !errors.As(err, &refused) || refused.Cause != 21 || refused.Errno != syscall.ECONNREFUSED {
				t.Errorf("%s: rejected: %v", to, err)
			}
		}
	}
}

// TestParties: leaves of a point-to-multipoint call, and another contract.
func TestParties(t *testing.T) {
	d := newDaemon(t, nil)
	contracts := make(chan control.Traffic, 4)
	d.manage(func(p *control.Packet) bool {
		if value, ok := control.FindTLV(p.Trailer, control.TLVTraffic); ok {
			c, err := control.ParseTraffic(value)
			if err == nil {
				contracts <- c
			}
			if c.ForwardPCR01 > 5000 {
				p.Status, p.Cause = -int32(syscall.ENOSR), 37 // user cell rate not available
			}
		}
		return false
	}, routes(t))
	c := d.open()
	l := listen(t, c, "svc://"+here, nil)
	contract := control.Traffic{ForwardService: control.ServiceCBR, ForwardPCR01: 4000, BackwardPCR01: 2000}
	root, _ := call(t, c, "svc://"+routed, l, &Config{Traffic: &contract})
	if got := <-contracts; got != contract {
		t.Errorf("the manager has heard of %+v", got)
	}
	ctx := context.Background()
	must(t, root.AddParty(ctx, 1, "svc://"+nobody))
	if err := root.AddParty(ctx, 1, "svc://"+nobody); !errors.Is(err, syscall.EISCONN) {
		t.Errorf("the same leaf again: %v", err)
	}
	var refused *Refused
	if err := root.AddParty(ctx, 2, "svc://"+nobody[:38]+"ff"); !errors.As(err, &refused) || refused.Cause != 1 {
		t.Errorf("a leaf that the network refuses: %v", err)
	}
	must(t, root.DropParty(ctx, 1))
	if err := root.DropParty(ctx, 1); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("a leaf that is none: %v", err)
	}
	contract.ForwardPCR01 = 1000
	must(t, root.Modify(ctx, &contract))
	if got := <-contracts; got != contract {
		t.Errorf("the manager has heard of %+v", got)
	}
	contract.ForwardPCR01 = 6000
	if err := root.Modify(ctx, &contract); !errors.As(err, &refused) || refused.Cause != 37 || refused.Errno != syscall.ENOSR {
		t.Errorf("more than the network has: %v", err)
	}
}

// TestBind: an address first, then a call from it, or to it.
func TestBind(t *testing.T) {
	d := newDaemon(t, nil)
	d.manage(nil, routes(t))
	c := d.open()
	ctx := context.Background()
	b, err := c.Bind(ctx, "svc://"+here, nil)
	must(t, err)
	l, err := b.Listen(ctx)
	must(t, err)
	from, err := c.Bind(ctx, "svc://"+nobody, nil)
	must(t, err)
	got := make(chan net.Conn, 1)
	go func() { conn, _ := l.Accept(); got <- conn }()
	a, err := from.Dial(ctx, "svc://"+routed)
	must(t, err)
	callee := (<-got).(*Conn)
	if s := callee.RemoteAddr().String(); s != "svc://"+nobody {
		t.Errorf("the caller is %s", s)
	}
	say(t, a, callee, "bound")
}

// TestBindPVC: a PVC that is bound is nobody else's, carries data, and its dialler and its listener
// get that one connection.
func TestBindPVC(t *testing.T) {
	d := newDaemon(t, nil)
	d.pvc(100)
	c, ctx := d.open(), context.Background()
	left, err := c.Bind(ctx, "pvc://1/0/100", nil)
	must(t, err)
	if _, err := c.Dial(ctx, "pvc://1/0/100", nil); !errors.Is(err, syscall.EBUSY) {
		t.Errorf("another has what is bound: %v", err)
	}
	if _, err := left.Dial(ctx, "pvc://2/0/100"); !errors.Is(err, ErrAddress) {
		t.Errorf("another PVC: %v", err)
	}
	a, err := left.Dial(ctx, "pvc://1/0/100")
	must(t, err)
	right, err := c.Bind(ctx, "pvc://2/0/100", nil)
	must(t, err)
	l, err := right.Listen(ctx)
	must(t, err)
	b, err := l.Accept()
	must(t, err)
	say(t, a, b.(*Conn), "bound")
	must(t, left.Close())
	<-a.released
	if _, err := c.Bind(ctx, "pvc://1/0/101", nil); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("no such PVC: %v", err)
	}
	must(t, dial(t, c, "pvc://1/0/100", nil).Close())
}

// TestManagerGone: the manager's end in each state that an application can be in: it wakes
// with EUNATCH, later requests fail at once, PVCs carry on without loss, and a new manager works.
func TestManagerGone(t *testing.T) {
	d := newDaemon(t, nil)
	d.pvc(100)
	one, two := d.open(), d.open()
	pa, pb := dial(t, one, "pvc://1/0/100", nil), dial(t, two, "pvc://2/0/100", nil)
	stop, sent := make(chan struct{}), make(chan int)
	window := make(chan bool, 64) // a network sheds what is too much
	go func() {                   // a PVC that is busy all the while
		n := 0
		for ; !isClosed(stop); n++ {
			window <- true
			if _, err := pa.Write([]byte{byte(n), byte(n >> 8)}); err != nil {
				t.Error(err)
				break
			}
		}
		sent <- n
	}()
	received := make(chan int)
	go func() {
		p := make([]byte, 10)
		n := 0
		for ; ; n++ {
			k, err := pb.Read(p)
			if err != nil || k == 3 {
				break
			}
			if p[0] != byte(n) || p[1] != byte(n>>8) {
				t.Errorf("SDU %d of the PVC is lost", n)
				break
			}
			<-window
		}
		received <- n
	}()
	for _, silent := range []control.Type{control.SockBind, control.SockListen, control.SockConnect, whileOffered, whileDeferred,
		control.SockAccept, whileConnected, control.SockClose} {
		dieIn(t, d, one, two, silent)
	}
	close(stop)
	n := <-sent
	_, err := pa.Write([]byte("end"))
	must(t, err)
	if got := <-received; got != n {
		t.Errorf("%d SDUs of the PVC came, %d were sent", got, n)
	}
}

// States that no message of the manager's keeps a call in.
const (
	whileOffered control.Type = 100 + iota
	whileDeferred
	whileConnected
)

// dieIn has a manager that does nothing on messages of one type, and dies with what waits for
// it, or in one of the states above.
func dieIn(t *testing.T, d *daemon, one, two *Client, silent control.Type) {
	t.Helper()
	ctx := context.Background()
	reached := make(chan bool, 16)
	m := d.manage(func(p *control.Packet) bool {
		if p.Type == silent {
			reached <- true
		}
		return p.Type == silent
	}, routes(t))
	waiters := make(chan error, 16)
	start := func(fn func() error) { go func() { waiters <- fn() }() }
	n := 1
	switch silent {
	case control.SockBind:
		start(func() error { _, err := one.Bind(ctx, "svc://"+nobody, nil); return err })
	case control.SockListen:
		start(func() error { _, err := two.Listen(ctx, "svc://"+here, nil); return err })
	default:
		n = startCalls(t, one, two, silent, start, reached)
	}
	<-reached
	m.conn.Close()
	for range n {
		if err := <-waiters; !errors.Is(err, syscall.EUNATCH) {
			t.Errorf("manager died in %d %s: %v", silent, control.TypeName(control.ClassSock, silent), err)
		}
	}
	eventually(t, "later requests fail", func() bool {
		_, err := one.Dial(ctx, "svc://"+routed, nil)
		return errors.Is(err, syscall.EUNATCH)
	})
}

// startCalls has calls come to a state, and starts those who wait for what becomes of them.
func startCalls(t *testing.T, one, two *Client, silent control.Type, start func(func() error), reached chan bool) (waiters int) {
	t.Helper()
	ctx := context.Background()
	l := listen(t, two, "svc://"+here, &Config{Deferred: silent == whileDeferred})
	alerted := make(chan bool, 1)
	dialled := func() error {
		_, err := one.Dial(ctx, "svc://"+routed, &Config{Alerting: func() { alerted <- true }})
		return err
	}
	switch silent {
	case whileOffered, whileDeferred:
		start(dialled)
		in, err := l.Next(ctx)
		must(t, err)
		if silent == whileDeferred {
			<-alerted
		}
		start(func() error {
			<-in.conn.ready // it has ended meanwhile
			_, err := in.Accept(ctx)
			return err
		})
		reached <- true
	case control.SockClose:
		a, b := call(t, one, "svc://"+routed, l, nil)
		must(t, a.Close())
		start(func() error { <-a.released; return syscall.EUNATCH })
		start(func() error { _, err := b.Read(make([]byte, 100)); return err })
	case control.SockConnect:
		start(dialled)
		start(func() error { _, err := l.Accept(); return err })
	case control.SockAccept:
		start(dialled)
		start(func() error {
			in, err := l.Next(ctx)
			if err == nil {
				_, err = in.Accept(ctx)
			}
			return err
		})
	default:
		a, b := call(t, one, "svc://"+routed, l, nil)
		say(t, a, b, "before")
		for _, c := range []*Conn{a, b} {
			start(func() error { _, err := c.Read(make([]byte, 100)); return err })
		}
		start(func() error { _, err := l.Accept(); return err })
		reached <- true
		return 3
	}
	return 2
}

// TestGrace: with grace a call carries on without its manager; one that a new manager does not
// claim ends with its DONE.
func TestGrace(t *testing.T) {
	d := newDaemon(t, func(c *server.Config) { c.Grace = 10 * time.Second })
	m := d.manage(nil, routes(t))
	one, two := d.open(), d.open()
	l := listen(t, two, "svc://"+here, nil)
	a, b := call(t, one, "svc://"+routed, l, nil)
	c, e := call(t, one, "svc://"+routed, l, nil)
	m.conn.Close()
	if _, err := l.Accept(); !errors.Is(err, syscall.EUNATCH) { // it is known by now
		t.Errorf("listener: %v", err)
	}
	say(t, a, b, "held")
	say(t, e, c, "held too")
	m = d.manage(nil, routes(t))
	for _, conn := range []*Conn{a, b} {
		must(t, m.sock(control.SockOkay, conn.ID(), 0, nil))
	}
	p := control.Packet{}
	p.SetHub(&control.Hub{})
	p.Type = control.HubDone
	must(t, m.call(&p))
	for _, conn := range []*Conn{c, e} {
		if _, err := conn.Read(make([]byte, 10)); !errors.Is(err, syscall.EUNATCH) {
			t.Errorf("not claimed: %v", err)
		}
	}
	say(t, b, a, "claimed")
}

// TestResync: a dump has every connection, and gives a manager its note on a VC back.
func TestResync(t *testing.T) {
	d := newDaemon(t, nil)
	m := d.manage(nil, routes(t))
	d.pvc(100)
	c := d.open()
	l := listen(t, c, "svc://"+here, nil)
	pvc := dial(t, c, "pvc://1/0/100", nil)
	a, b := call(t, c, "svc://"+routed, l, nil)
	admin, epoch := d.hello(control.RoleAdmin, "again", nil)
	p := control.Packet{}
	p.SetHub(&control.Hub{})
	p.Type, p.Epoch = control.HubResync, epoch
	must(t, admin.Call(&p))
	types := map[control.ConnID]control.Type{}
	vcs := map[control.ConnID]string{}
	for ; p.Flags&control.FlagMore != 0; must(t, admin.Recv(&p)) {
		switch p.Class {
		case control.ClassSock:
			types[p.Conn] = p.Type
		case control.ClassATM:
			cookie, _ := control.FindTLV(p.Trailer, control.TLVCookie)
			vcs[p.Conn] = string(cookie)
		}
	}
	for conn, want := range map[*Conn]control.Type{l.bound: control.SockListen, pvc: control.SockOkay, a: control.SockOkay, b: control.SockOkay} {
		if got := types[conn.ID()]; got != want {
			t.Errorf("connection %v: %s, want %s", conn.ID(), control.TypeName(control.ClassSock, got), control.TypeName(control.ClassSock, want))
		}
	}
	if len(types) != 4 || vcs[a.ID()] != "note" || vcs[b.ID()] != "note" {
		t.Errorf("%d connections, VCs %q", len(types), vcs)
	}
	p = control.Packet{}
	p.SetATM(&control.ATM{Port: 1})
	p.Type, p.Conn = control.ATMStats, a.ID()
	must(t, m.call(&p))
}

// TestApplicationGone: an application's end with a call and a PVC: the far side is told, and
// nothing is left of it.
func TestApplicationGone(t *testing.T) {
	d := newDaemon(t, nil)
	d.manage(nil, routes(t))
	d.pvc(100)
	two := d.open()
	l := listen(t, two, "svc://"+here, nil)
	for _, to := range []string{routed, here} {
		one := d.open()
		dial(t, one, "pvc://1/0/100", nil)
		a, b := call(t, one, "svc://"+to, l, nil)
		say(t, a, b, "hello")
		one.control.Close() // as the kernel does for a process that has died
		if _, err := b.Read(make([]byte, 100)); !errors.Is(err, io.EOF) {
			t.Errorf("the other side reads %v", err)
		}
		must(t, b.Close())
		<-b.released
	}
	eventually(t, "the PVC is free", func() bool {
		c, err := two.Dial(context.Background(), "pvc://1/0/100", nil)
		return err == nil && c.Close() == nil
	})
}
