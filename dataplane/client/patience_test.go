package client

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/server"
)

// A manager that reads and never answers is put out once it owes all the answers that may be
// outstanding: who waits for it hears so, and the hub is there for the next one.
func TestManagerNeverAnswers(t *testing.T) {
	d := newDaemon(t, func(c *server.Config) { c.Patience = 50 * time.Millisecond })
	conn, _ := d.hello(control.RoleManager, "mute", nil)
	go func() {
		for {
			var p control.Packet
			if conn.Recv(&p) != nil {
				return
			}
		}
	}()
	app := d.open()
	eventually(t, "the manager is put out", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_, err := app.Dial(ctx, "svc://"+routed, nil)
		if err == nil {
			t.Fatal("somebody has answered")
		}
		return errors.Is(err, syscall.EUNATCH)
	})
	d.manage(nil, routes(t))
	two := d.open()
	l := listen(t, two, "svc://"+here, nil)
	a, b := call(t, app, "svc://"+routed, l, nil)
	say(t, a, b, "hello")
}

// Requests that nobody answers are given up with their contexts, and count no more among those
// that may be outstanding: the application can go on.
func TestUnansweredRequestsAreGivenUp(t *testing.T) {
	d := newDaemon(t, nil)
	silent := make(chan struct{})
	d.manage(func(p *control.Packet) bool { // what it returns from it answers
		if p.Type == control.SockModify {
			<-silent
		}
		return p.Type == control.SockModify
	}, routes(t))
	one, two := d.open(), d.open()
	l := listen(t, two, "svc://"+here, nil)
	a, b := call(t, one, "svc://"+routed, l, nil)
	before := len(one.waiting)
	for range 2 * control.MaxOutstanding {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := a.Modify(ctx, &control.Traffic{}); !errors.Is(err, context.Canceled) && !errors.Is(err, syscall.EALREADY) {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := a.Modify(ctx, &control.Traffic{}); !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, syscall.EALREADY) {
		t.Error(err)
	}
	say(t, a, b, "hello")
	close(silent)
	must(t, a.Close())
	<-a.released
	eventually(t, "nothing is awaited any more", func() bool {
		one.mu.Lock()
		defer one.mu.Unlock()
		return len(one.waiting) <= before
	})
}

// An administrator cannot close what an application's connections are made of: it is refused, and
// told whose they are. A connection that stands on a VC, within the host and raw are alike.
func TestAdministratorClosesNoConnection(t *testing.T) {
	d := newDaemon(t, nil)
	d.manage(nil, routes(t))
	d.pvc(100)
	one, two := d.open(), d.open()
	a, b := dial(t, one, "pvc://1/0/100", nil), dial(t, two, "pvc://2/0/100", nil)
	l := listen(t, two, "svc://"+here, nil)
	x, y := call(t, one, "svc://"+here, l, nil)
	s := &control.Session{Conn: d.admin, Epoch: d.epoch}
	all, err := s.List(control.ListProcesses)
	must(t, err)
	mine := 0
	for _, p := range all {
		if p.Name != "socket" && p.Name != "sockets" && p.Name != "local" && p.Name != "aal5" {
			continue
		}
		mine++
		for _, typ := range []control.Type{control.HubClose, control.HubUnlink, control.HubPop} {
			var q control.Packet
			q.Type, q.Epoch = typ, d.epoch
			q.SetHub(&control.Hub{A: p.A})
			err := d.admin.Call(&q)
			why, _ := control.FindTLV(q.Trailer, control.TLVText)
			if !errors.Is(err, syscall.EBUSY) || !strings.Contains(string(why), "process") {
				t.Errorf("%v of %s: %v: %s", typ, p.Name, err, why)
			}
		}
	}
	if mine < 8 {
		t.Errorf("%d processes of applications among %v", mine, all)
	}
	say(t, a, b, "hello")
	say(t, x, y, "hello")
}

// A call whose VC goes with its port ends: its user and its manager are told, and the manager
// releases it, whether the user has let go or not.
func TestPortGoneEndsCalls(t *testing.T) {
	d := newDaemon(t, nil)
	m := d.manage(nil, routes(t))
	one, two := d.open(), d.open()
	l := listen(t, two, "svc://"+here, nil)
	a, b := call(t, one, "svc://"+routed, l, nil)
	say(t, a, b, "hello")
	p := control.Packet{}
	n, _ := control.MakeName("port")
	p.SetHub(&control.Hub{B: 1, Name: n})
	p.Type, p.Epoch = control.HubClose, d.epoch
	must(t, d.admin.Call(&p))
	if _, err := a.Read(make([]byte, 10)); !errors.Is(err, syscall.ENETDOWN) {
		t.Errorf("the caller's: %v", err)
	}
	<-a.released // by the manager
	if _, err := b.Read(make([]byte, 10)); err == nil {
		t.Error("the called one goes on")
	}
	must(t, b.Close())
	<-b.released
	must(t, a.Close())
	eventually(t, "the manager has nothing of it", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return len(m.waiting) == 0
	})
}
