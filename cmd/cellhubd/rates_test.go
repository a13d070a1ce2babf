package main

import (
	"context"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/client"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// BenchmarkAssociations adds and deletes a VC by one client, who waits for each answer.
func BenchmarkAssociations(b *testing.B) {
	l := lab.ForTest(b, lab.Config{})
	c := admin(b, startDaemon(b, l.A, filepath.Join(b.TempDir(), "control")))
	b.ResetTimer()
	for range b.N {
		p := c.Must(c.ATM(control.ATMAdd, control.ATM{Port: 7, VCI: 100, AAL: control.AAL5}))
		remove := c.ATM(control.ATMDel, control.ATM{})
		remove.Conn = p.Conn
		c.Must(remove)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pairs/s")
}

// BenchmarkSockets opens and closes a socket on a PVC, one after the other.
func BenchmarkSockets(b *testing.B) {
	l := lab.ForTest(b, lab.Config{})
	d := startDaemon(b, l.A, filepath.Join(b.TempDir(), "control"))
	c := admin(b, d)
	c.Must(c.ATM(control.ATMAdd, control.ATM{Port: 7, VCI: 100, AAL: control.AAL5}))
	app := open(b, d)
	b.ResetTimer()
	for range b.N {
		conn, err := app.Dial(context.Background(), "pvc://p/0/100", nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := conn.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pairs/s")
}

// stormers are the clients of a control storm.
const stormers = 4

// BenchmarkControlStorm pings over a PVC while nothing else happens, and while four clients add and
// delete VCs of the same port as fast as they are answered.
func BenchmarkControlStorm(b *testing.B) {
	l := lab.ForTest(b, lab.Config{MTU: 1600})
	dir := b.TempDir()
	var near *peer
	for side, h := range []*lab.Host{l.A, l.B} {
		d := startDaemon(b, h, filepath.Join(dir, strconv.Itoa(side)))
		c := admin(b, d)
		c.Must(c.ATM(control.ATMAdd, control.ATM{Port: 7, VCI: 100, AAL: control.AAL5, Receiver: lan(c, "lan", "atm0")}))
		if err := h.AddAddr("atm0", inner[side]); err != nil {
			b.Fatal(err)
		}
		if side == 0 {
			near = d
		}
	}
	for b.Loop() {
		measure(b, l, "quiet")
		ctx, cancel := context.WithCancel(context.Background())
		var storm sync.WaitGroup
		var pairs [stormers]int
		for i := range stormers {
			c := controltest.Dial(b, near.path, control.RoleAdmin)
			storm.Go(func() { pairs[i] = churn(ctx, c, uint16(200+i)) })
		}
		begin := time.Now()
		measure(b, l, "storm")
		cancel()
		storm.Wait()
		total := 0
		for _, n := range pairs {
			total += n
		}
		b.ReportMetric(float64(total)/time.Since(begin).Seconds(), "storm-pairs/s")
	}
}

// churn adds and deletes a VC until the context ends, and counts how often.
func churn(ctx context.Context, c *controltest.Client, vci uint16) (pairs int) {
	for ctx.Err() == nil {
		p, err := c.Call(c.ATM(control.ATMAdd, control.ATM{Port: 7, VCI: vci, AAL: control.AAL5}))
		if err != nil {
			return pairs
		}
		remove := c.ATM(control.ATMDel, control.ATM{})
		remove.Conn = p.Conn
		if _, err := c.Call(remove); err != nil {
			return pairs
		}
		pairs++
	}
	return pairs
}

// measure reports the round-trip times of 2,000 pings.
func measure(b *testing.B, l *lab.Lab, when string) {
	controltest.Until(b, "a ping is answered", func() bool {
		r, err := lab.Ping(context.Background(), l.A, inner[1].Addr(), lab.PingConfig{Wait: time.Second})
		return err == nil && r.Lost() == 0
	})
	r, err := lab.Ping(context.Background(), l.A, inner[1].Addr(), lab.PingConfig{Count: 2000})
	if err != nil || r.Lost() != 0 {
		b.Fatalf("%s: %v, %v", when, r, err)
	}
	b.Logf("%s: %v", when, r)
}

func admin(b *testing.B, d *peer) *controltest.Client {
	c := controltest.Dial(b, d.path, control.RoleAdmin)
	c.Must(c.Hub(control.HubOpen, 0, 7, "port", "p eth:"+lab.Dev+",label=100", ""))
	return c
}

func open(b *testing.B, d *peer) *client.Client {
	app, err := client.Open(d.path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { app.Close() })
	return app
}
