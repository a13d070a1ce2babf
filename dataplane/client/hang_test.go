package client

import (
	"context"
	"errors"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
)

// TestManagerHangs: a manager that answers nobody. What is asked of it runs out of time, and is
// refused when too much waits; calls that are up and PVCs carry on; and when it goes on again all
// of it comes to its end.
func TestManagerHangs(t *testing.T) {
	d := newDaemon(t, nil)
	d.pvc(100)
	var hung sync.Mutex
	d.manage(func(*control.Packet) bool { hung.Lock(); defer hung.Unlock(); return false }, routes(t))
	one, two := d.open(), d.open()
	l := listen(t, two, "svc://"+here, nil)
	a, b := call(t, one, "svc://"+routed, l, nil)
	pa, pb := dial(t, one, "pvc://1/0/100", nil), dial(t, two, "pvc://2/0/100", nil)
	all, err := d.fabric.Processes()
	must(t, err)
	before := len(all)
	hung.Lock()
	within := func(limit time.Duration) error {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		conn, err := one.Dial(ctx, "svc://"+routed, nil)
		if err == nil {
			must(t, conn.Close())
			<-conn.released
		}
		return err
	}
	refused := false
	for range 20000 {
		if err := within(time.Millisecond); errors.Is(err, syscall.ENOBUFS) {
			refused = true
			break
		} else if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("a call: %v", err)
		}
	}
	if !refused {
		t.Error("however much waits for the manager, more is taken")
	}
	say(t, a, b, "a call that was up")
	say(t, b, a, "stays")
	say(t, pa, pb, "and so do PVCs")
	hung.Unlock()
	go func() { // what was given up may have come through meanwhile
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	eventually(t, "calls go through again", func() bool { return within(time.Second) == nil })
	say(t, a, b, "still up")
	eventually(t, "nothing is left of what was given up", func() bool {
		all, err := d.fabric.Processes()
		must(t, err)
		return len(all) == before
	})
	must(t, l.Close())
}
