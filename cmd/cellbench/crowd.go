package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cellhub/cellhub/dataplane/client"
	"github.com/cellhub/cellhub/dataplane/control"
)

// Sizes of the crowd.
const (
	crowdSDU     = 48 // octets
	crowdWorkers = 4  // that open and close at a time
	probeEvery   = 2 * time.Millisecond
	probeQuiet   = time.Second // of probing while nothing else happens
	probeNumber  = -50         // of the VC that is probed: before all others
)

// crowdConfig joins two ports by UDP within the host. What a user may have has room for as many
// sockets as may be asked for.
const crowdConfig = `ports:
  p: {spec: "gns3:127.0.0.1:20001,remote=127.0.0.1:20002", number: 1}
  q: {spec: "gns3:127.0.0.1:20002,remote=127.0.0.1:20001", number: 2}
sockets: {user: {octets: 17179869184, connections: 1048576}}
`

// crowd is what very many sockets at once have cost.
type crowd struct {
	Sockets int       `json:"sockets"`
	Load    [2]string `json:"load_average"` // before and after

	Add, Open, Send, Close, Delete float64    // a second
	Resident, Shared               float64    // MiB of the daemon; of it, what it shares with the application
	Idle                           float64    // of a processor, of the daemon
	Quiet, Resync, List, Death     [2]latency // of a PVC's ping, of another client's request
	ResyncTook, ListTook           time.Duration
	DeathTook                      time.Duration
	Told, Listed                   int // messages of RESYNC, of LIST
}

// latency is that of probes, in µs.
type latency struct{ P50, P99, Max float64 }

// measureCrowd has an application open very many sockets.
func measureCrowd(ctx context.Context, hubd string, n int, idle time.Duration) (*crowd, error) {
	h, err := startSocketHub(ctx, hubd, crowdConfig)
	if err != nil {
		return nil, err
	}
	defer h.close()
	c := &crowd{Sockets: n}
	c.Load[0] = loadAverage()
	err = h.explain(c.live(ctx, h, idle))
	c.Load[1] = loadAverage()
	return c, err
}

// live is the crowd's life, from the first VC to the last.
func (c *crowd) live(ctx context.Context, h *socketHub, idle time.Duration) error {
	admin, err := h.session(control.RoleAdmin)
	if err != nil {
		return err
	}
	if err := h.awaitPorts(ctx, admin, 2); err != nil {
		return err
	}
	p, err := newProber(ctx, h, admin)
	if err != nil {
		return err
	}
	if c.Add, err = perSecond(c.Sockets, 1, func(i int) error { return h.vc(admin, control.ATMAdd, 1, i) }); err != nil {
		return err
	}
	app, err := h.open()
	if err != nil {
		return err
	}
	conns := make([]*client.Conn, c.Sockets)
	open := func(i int) (err error) {
		conns[i], err = app.Dial(ctx, fmt.Sprintf("pvc://p/%d/%d", i/60000, 100+i%60000), &client.Config{MaxSDU: crowdSDU})
		return err
	}
	if c.Open, err = perSecond(c.Sockets, crowdWorkers, open); err != nil {
		return err
	}
	if c.Send, err = perSecond(c.Sockets, crowdWorkers, func(i int) error { _, err := conns[i].Write(make([]byte, crowdSDU)); return err }); err != nil {
		return err
	}
	c.rest(h, idle)
	if err := c.tell(h, p); err != nil {
		return err
	}
	if c.Close, err = perSecond(c.Sockets, crowdWorkers, func(i int) error { return conns[i].Close() }); err != nil {
		return err
	}
	if _, err = perSecond(c.Sockets, crowdWorkers, open); err != nil {
		return err
	}
	if err := c.die(app, admin, p); err != nil {
		return err
	}
	c.Delete, err = perSecond(c.Sockets, 1, func(i int) error { return h.vc(admin, control.ATMDel, 1, i) })
	return err
}

// rest is the crowd doing nothing.
func (c *crowd) rest(h *socketHub, idle time.Duration) {
	time.Sleep(time.Second) // a hub that had work sleeps lightly for a while
	before := h.cmds[hubName].CPU()
	time.Sleep(idle)
	c.Idle = (h.cmds[hubName].CPU() - before).Seconds() / idle.Seconds()
	c.Resident, c.Shared = statusOf(h.pid(), "VmRSS"), statusOf(h.pid(), "RssShmem")
}

// tell is RESYNC, and LIST, by an observer, beside probes.
func (c *crowd) tell(h *socketHub, p *prober) error {
	observer, err := h.session(control.RoleObserver)
	if err != nil {
		return err
	}
	if c.Quiet, err = p.during(func() error { time.Sleep(probeQuiet); return nil }); err != nil {
		return err
	}
	c.Resync, err = p.during(func() error {
		var q control.Packet
		q.SetHub(&control.Hub{})
		q.Type = control.HubResync
		begin := time.Now()
		err := observer.Each(&q, func(*control.Packet) error { c.Told++; return nil }, nil)
		c.ResyncTook = time.Since(begin)
		return err
	})
	if err != nil {
		return err
	}
	c.List, err = p.during(func() error {
		begin := time.Now()
		all, err := observer.List(control.ListProcesses)
		c.ListTook, c.Listed = time.Since(begin), len(all)
		return err
	})
	return err
}

// die is the end of the application, with all its sockets open, until the last of its VCs is
// nobody's.
func (c *crowd) die(app *client.Client, admin *control.Session, p *prober) (err error) {
	c.Death, err = p.during(func() error {
		begin := time.Now()
		app.Close()
		for {
			busy := false
			for _, n := range []int{0, c.Sockets - 1} {
				var q control.Packet
				q.SetATM(&control.ATM{Port: 1, VPI: uint16(n / 60000), VCI: uint16(100 + n%60000)})
				q.Type = control.ATMQuery
				if err := admin.Call(&q); err != nil {
					return err
				}
				busy = busy || q.ATM().Receiver != 0
			}
			if !busy {
				c.DeathTook = time.Since(begin)
				return nil
			}
			time.Sleep(probeEvery)
		}
	})
	return err
}

// perSecond does something n times, by some workers, and gives how often a second.
func perSecond(n, workers int, do func(i int) error) (float64, error) {
	var next atomic.Int64
	var wait sync.WaitGroup
	errs := make([]error, workers)
	begin := time.Now()
	for w := range workers {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[w] == nil; i = int(next.Add(1)) - 1 {
				errs[w] = do(i)
			}
		})
	}
	wait.Wait()
	return float64(n) / time.Since(begin).Seconds(), errors.Join(errs...)
}

// prober measures a PVC's ping and another client's request, one after the other, again and again.
type prober struct {
	near, far *client.Conn
	other     *control.Session
}

func newProber(ctx context.Context, h *socketHub, admin *control.Session) (p *prober, err error) {
	p = &prober{}
	app, err := h.open()
	if err != nil {
		return nil, err
	}
	for i, conn := range []**client.Conn{&p.near, &p.far} {
		port := uint16(i + 1)
		if err := h.vc(admin, control.ATMAdd, port, probeNumber); err != nil {
			return nil, err
		}
		if *conn, err = app.Dial(ctx, fmt.Sprintf("pvc://%d/0/%d", port, 100+probeNumber), &client.Config{MaxSDU: crowdSDU}); err != nil {
			return nil, err
		}
	}
	go func() {
		b := make([]byte, crowdSDU)
		for {
			n, err := p.far.Read(b)
			if err != nil {
				return
			}
			_, _ = p.far.Write(b[:n])
		}
	}()
	p.other, err = h.session(control.RoleAdmin)
	return p, err
}

// during probes while something is done.
func (p *prober) during(do func() error) (l [2]latency, err error) {
	probes := [2]func() error{p.ping, p.request}
	var stop atomic.Bool
	var wait sync.WaitGroup
	var times [2][]float64
	var failed [2]error
	for i, probe := range probes {
		wait.Go(func() {
			for first := true; first || !stop.Load(); first = false {
				begin := time.Now()
				if failed[i] = probe(); failed[i] != nil {
					return
				}
				times[i] = append(times[i], float64(time.Since(begin).Nanoseconds())/1000)
				time.Sleep(probeEvery)
			}
		})
	}
	err = do()
	stop.Store(true)
	wait.Wait()
	for i, t := range times {
		if slices.Sort(t); len(t) > 0 {
			l[i] = latency{t[len(t)/2], t[len(t)*99/100], t[len(t)-1]}
		}
	}
	return l, errors.Join(err, failed[0], failed[1])
}

func (p *prober) ping() error {
	b := make([]byte, crowdSDU)
	if _, err := p.near.Write(b); err != nil {
		return err
	}
	p.near.SetReadDeadline(time.Now().Add(time.Minute))
	_, err := p.near.Read(b)
	return err
}

// request asks for one VC: it needs the server's tables.
func (p *prober) request() error {
	var q control.Packet
	q.SetATM(&control.ATM{Port: 1, VCI: 100 + probeNumber})
	q.Type = control.ATMQuery
	return p.other.Call(&q)
}

func (c *crowd) table() table {
	t := table{title: fmt.Sprintf("%d sockets of one application, each on a PVC; load average %s before and %s after", c.Sockets, c.Load[0], c.Load[1]),
		rows: [][]string{{"", ""}}}
	row := func(name, format string, args ...any) {
		t.rows = append(t.rows, []string{name, fmt.Sprintf(format, args...)})
	}
	row("VCs added a second, by one client", "%s", digits(c.Add))
	row(fmt.Sprintf("sockets opened a second, by %d goroutines", crowdWorkers), "%s", digits(c.Open))
	row("SDUs sent a second, one by each", "%s", digits(c.Send))
	row("sockets closed a second", "%s", digits(c.Close))
	row("VCs deleted a second", "%s", digits(c.Delete))
	row("memory of the daemon, MiB", "%s, of it %s shared", digits(c.Resident), digits(c.Shared))
	row("processor of the idle daemon", "%.2f%%", 100*c.Idle)
	two := func(name string, l [2]latency) {
		for i, what := range []string{"ping of a PVC", "another client's request"} {
			row(fmt.Sprintf("%s, %s: p50, p99, max, µs", what, name), "%s, %s, %s", digits(l[i].P50), digits(l[i].P99), digits(l[i].Max))
		}
	}
	two("quiet", c.Quiet)
	row("RESYNC", "%d messages in %v", c.Told, c.ResyncTook.Round(time.Millisecond))
	two("during RESYNC", c.Resync)
	row("LIST of processes", "%d in %v", c.Listed, c.ListTook.Round(time.Millisecond))
	two("during LIST", c.List)
	row("the application dies: until its VCs are free", "%v", c.DeathTook.Round(time.Millisecond))
	two("meanwhile", c.Death)
	return t
}
