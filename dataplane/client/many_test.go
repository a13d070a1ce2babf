package client

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/region"
	"github.com/cellhub/cellhub/dataplane/server"
)

var (
	manySockets = flag.Int("sockets", 500, "how many sockets TestManySockets opens at once")
	killCycles  = flag.Int("kills", 20, "how often TestKillCycles kills the manager")
)

// inParallel runs fn for 0 to n-1 in some goroutines, and gives how long that took for each.
func inParallel(t *testing.T, n int, fn func(i int) error) time.Duration {
	t.Helper()
	var next atomic.Int64
	var wait sync.WaitGroup
	begun := time.Now()
	for range 16 {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && !t.Failed(); i = int(next.Add(1)) - 1 {
				if err := fn(i); err != nil {
					t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return time.Since(begun) / time.Duration(n)
}

// cpu is what this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestManySockets: many sockets of one process at once, each of which carries data; what it costs
// to have them, and to open and close each, is logged.
func TestManySockets(t *testing.T) {
	n := *manySockets
	shape, err := region.ShapeFor(48)
	must(t, err)
	octets := (n+n/64+64)*shape.Octets() + 1<<22
	d := newDaemon(t, func(c *server.Config) {
		c.RegionOctets = octets &^ 4095
		c.Limits = server.Limits{Regions: 4, Octets: 1 << 36, Connections: n + 1}
	})
	place := func(i int) (vpi, vci uint16) { return uint16(i / 60000), uint16(i%60000 + 100) }
	var admin sync.Mutex
	vc := func(typ control.Type) func(i int) error {
		return func(i int) error {
			admin.Lock()
			defer admin.Unlock()
			p := control.Packet{}
			b := control.ATM{Port: 1, AAL: control.AAL5, Direction: control.DirectionBoth}
			b.VPI, b.VCI = place(i)
			p.SetATM(&b)
			p.Type, p.Epoch = typ, d.epoch
			return d.admin.Call(&p)
		}
	}
	t.Logf("%d VCs added, %v each", n, inParallel(t, n, vc(control.ATMAdd)))
	c := d.open()
	conns := make([]*Conn, n)
	took := inParallel(t, n, func(i int) (err error) {
		vpi, vci := place(i)
		conns[i], err = c.Dial(context.Background(), fmt.Sprintf("pvc://1/%d/%d", vpi, vci), &Config{MaxSDU: 48})
		return err
	})
	t.Logf("%d sockets opened, %v each", n, took)
	if flag.Lookup("sockets").Value.String() != flag.Lookup("sockets").DefValue { // a figure is asked for
		before := cpu()
		time.Sleep(10 * time.Second)
		t.Logf("%d idle sockets use %.2f%% of a processor", n, 100*float64(cpu()-before)/float64(10*time.Second))
	}
	took = inParallel(t, n, func(i int) error {
		_, err := conns[i].Write([]byte("hello"))
		return err
	})
	t.Logf("an SDU sent by each, %v each", took)
	eventually(t, "all is taken", func() bool {
		for _, conn := range conns {
			if !conn.flow.channel.Send.Idle() {
				return false
			}
		}
		return true
	})
	took = inParallel(t, n, func(i int) error {
		defer func() { <-conns[i].released }()
		return conns[i].Close()
	})
	t.Logf("closed, %v each", took)
	t.Logf("VCs deleted, %v each", inParallel(t, n, vc(control.ATMDel)))
}

// TestManyClosedAtOnce: an application that closes more sockets than the hub keeps messages for,
// and does not wait for any, is told of each, and carries on.
func TestManyClosedAtOnce(t *testing.T) {
	const n = 2*server.MaxOutbox + 100
	d := newDaemon(t, func(c *server.Config) { c.RegionOctets = region.DefaultOctets })
	for i := range uint16(n) {
		must(t, d.atm(control.ATMAdd, 1, 1000+i))
	}
	c := d.open()
	conns := make([]*Conn, n)
	for range 2 {
		inParallel(t, n, func(i int) (err error) {
			conns[i], err = c.Dial(context.Background(), fmt.Sprint("pvc://1/0/", 1000+i), &Config{MaxSDU: 48})
			return err
		})
		inParallel(t, n, func(i int) error { return conns[i].Close() })
		for _, conn := range conns {
			<-conn.released
		}
	}
}

// TestKillCycles kills the manager again and again, with calls in every state, while a PVC
// carries on; nothing is left of any of them.
func TestKillCycles(t *testing.T) {
	d := newDaemon(t, nil)
	d.pvc(100)
	one, two := d.open(), d.open()
	processes := func() int {
		all, err := d.fabric.Processes()
		must(t, err)
		return len(all)
	}
	before := processes()
	pa, pb := dial(t, one, "pvc://1/0/100", nil), dial(t, two, "pvc://2/0/100", nil)
	for cycle := range *killCycles {
		m := d.manage(nil, routes(t))
		ctx, cancel := context.WithCancel(context.Background())
		var wait sync.WaitGroup
		l, err := two.Listen(ctx, "svc://"+here, nil)
		must(t, err)
		wait.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				wait.Go(func() {
					p := make([]byte, 10)
					for n, err := conn.Read(p); err == nil; n, err = conn.Read(p) {
						_, _ = conn.Write(p[:n])
					}
					conn.Close()
				})
			}
		})
		for range 4 {
			wait.Go(func() {
				for ctx.Err() == nil {
					conn, err := one.Dial(ctx, "svc://"+routed, nil)
					if err != nil {
						if errors.Is(err, syscall.EUNATCH) || errors.Is(err, context.Canceled) {
							return
						}
						continue
					}
					_, _ = conn.Write([]byte("hello"))
					_, _ = conn.Read(make([]byte, 10))
					conn.Close()
				}
			})
		}
		for range 1 + cycle%20 {
			say(t, pa, pb, "meanwhile")
		}
		m.conn.Close()
		say(t, pa, pb, "afterwards")
		cancel()
		wait.Wait()
		l.Close()
	}
	must(t, errors.Join(pa.Close(), pb.Close()))
	eventually(t, "nothing is left", func() bool {
		one.mu.Lock()
		defer one.mu.Unlock()
		two.mu.Lock()
		defer two.mu.Unlock()
		return len(one.conns)+len(two.conns)+len(two.listens) == 0
	})
	if n := processes(); n != before {
		t.Errorf("%d processes, there were %d", n, before)
	}
}
