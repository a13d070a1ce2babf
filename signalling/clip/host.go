package clip

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cellhub/cellhub/dataplane/client"
	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/atmarp"
)

// Host is a host that runs.
type Host struct {
	config Config
	tunnel Tunnel
	hub    *client.Client
	routes []Route
	start  time.Time
	cancel context.CancelFunc
	work   sync.WaitGroup

	table atomic.Pointer[map[netip.Addr]*vc] // by neighbour; replaced, never changed

	mu      sync.Mutex
	machine *atmarp.Host
	vcs     map[atmarp.Link]*vc
	last    atmarp.Link
	waiting map[netip.Addr][][]byte
	ended   bool
	wake    chan struct{} // has one when the machine's next time may be another

	counts counts
}

// vc is a VC of the host's.
type vc struct {
	link atmarp.Link
	conn *client.Conn
	used atomic.Bool   // since the machine was told last
	gone chan struct{} // closed when it is there no more
}

// counts are of packets.
type counts struct {
	in, out, notIP, noRoute, unreachable, full, waiting, malformed, lost atomic.Uint64
}

// Start joins a host to the hub at a control socket, "" being the default one. It ends with
// Close; then the tunnel, which it owns from now on, is closed.
func Start(control string, tunnel Tunnel, c Config) (*Host, error) {
	if err := c.Check(); err != nil {
		return nil, errors.Join(err, tunnel.Close())
	}
	machine, err := atmarp.NewHost(c.Host)
	if err != nil {
		return nil, errors.Join(err, tunnel.Close())
	}
	hub, err := client.Open(control)
	if err != nil {
		return nil, errors.Join(err, tunnel.Close())
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Log = c.Log.With("host", c.Name)
	h := &Host{config: c, tunnel: tunnel, hub: hub, routes: sorted(c.Route), start: time.Now(), machine: machine,
		vcs: map[atmarp.Link]*vc{}, waiting: map[netip.Addr][][]byte{}, wake: make(chan struct{}, 1)}
	h.table.Store(&map[netip.Addr]*vc{})
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel = cancel
	h.work.Add(3 + len(c.PVCs))
	go h.listen(ctx)
	go h.tick(ctx)
	go h.fromTunnel()
	for _, p := range c.PVCs {
		go h.permanent(ctx, p)
	}
	h.do(func(now time.Duration) {
		for ip, atm := range c.ARP {
			_ = h.machine.Add(now, ip, atm) // Check has tried it
		}
		h.machine.Start(now)
	})
	return h, nil
}

// Close ends the host and waits for it.
func (h *Host) Close() error {
	h.mu.Lock()
	h.ended = true
	h.mu.Unlock()
	h.cancel()
	err := errors.Join(h.tunnel.Close(), h.hub.Close())
	h.work.Wait()
	return err
}

// do has the machine do something, and does what it wants done.
func (h *Host) do(f func(now time.Duration)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return
	}
	f(time.Since(h.start))
	h.act()
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// act does what the machine wants done. h.mu is held.
func (h *Host) act() {
	for _, a := range h.machine.Actions() {
		switch a.Kind {
		case atmarp.Call:
			h.work.Add(1)
			go h.call(a.ATM)
		case atmarp.Release:
			if v := h.vcs[a.Link]; v != nil {
				go v.conn.Close() //nolint:errcheck // the reader sees the end
			}
		case atmarp.Send:
			h.sendARP(&a)
		case atmarp.Ready:
			h.ready(a.IP, h.vcs[a.Link])
		case atmarp.Lost:
			h.route(a.IP, nil)
		case atmarp.Refused:
			h.counts.unreachable.Add(uint64(len(h.waiting[a.IP])))
			delete(h.waiting, a.IP)
		}
	}
}

func (h *Host) sendARP(a *atmarp.Action) {
	v := h.vcs[a.Link]
	if v == nil {
		return
	}
	h.config.Log.Debug("to the network", "vc", a.Link, "packet", a.Packet.String())
	if err := v.conn.TryWrite(a.Packet.Append(make([]byte, 0, atmarp.MaxPacket))); err != nil {
		h.counts.lost.Add(1)
	}
}

// ready has a neighbour's packets go by a VC, those that wait first.
func (h *Host) ready(ip netip.Addr, v *vc) {
	if v == nil {
		return
	}
	for _, sdu := range h.waiting[ip] {
		h.send(v, sdu)
	}
	delete(h.waiting, ip)
	h.route(ip, v)
}

// route changes the table of neighbours; nil: none.
func (h *Host) route(ip netip.Addr, v *vc) {
	old := *h.table.Load()
	table := make(map[netip.Addr]*vc, len(old)+1)
	for k, x := range old {
		table[k] = x
	}
	if table[ip] = v; v == nil {
		delete(table, ip)
	}
	h.table.Store(&table)
}

// blli says in a call that SDUs begin with LLC (RFC 1755, 3.1; Q.2931, 4.5.9: layer 2 is that
// of ISO 8802-2).
var blli = []byte{0x5F, 0x80, 0, 1, 0xCC}

func (h *Host) socket() *client.Config {
	return &client.Config{MaxSDU: MTU + headerSize, Elements: [][]byte{blli}, Local: svc(h.config.Host.ATM)}
}

func svc(a address.Address) string { return "svc://" + hex.EncodeToString(a.AESA[:]) }

// callTimeout bounds a call: T303 twice, and what the far side takes to answer.
const callTimeout = 30 * time.Second

// call calls an ATM address.
func (h *Host) call(atm address.Address) {
	defer h.work.Done()
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	err := callable(atm)
	var conn *client.Conn
	if err == nil {
		conn, err = h.hub.Dial(ctx, svc(atm), h.socket())
	}
	if err != nil {
		h.config.Log.Info("call failed", "to", atm, "err", err)
		h.do(func(now time.Duration) { h.machine.Failed(now, atm) })
		return
	}
	h.opened(conn, atm)
}

// opened takes a VC; atm is zero for a permanent one.
func (h *Host) opened(conn *client.Conn, atm address.Address) *vc {
	var v *vc
	h.do(func(now time.Duration) {
		h.last++
		v = &vc{link: h.last, conn: conn, gone: make(chan struct{})}
		h.vcs[v.link] = v
		h.machine.Opened(now, v.link, atm)
		h.work.Add(1)
		go h.fromVC(v)
	})
	if v == nil { // the host has ended
		_ = conn.Close()
	}
	return v
}

// listen takes calls.
func (h *Host) listen(ctx context.Context) {
	defer h.work.Done()
	for ctx.Err() == nil {
		l, err := h.hub.Listen(ctx, svc(h.config.Host.ATM), h.socket())
		for err == nil {
			var call *client.Call
			if call, err = l.Next(ctx); err == nil {
				h.work.Add(1)
				go h.answer(ctx, call)
			}
		}
		if l != nil {
			_ = l.Close()
		}
		if ctx.Err() == nil {
			h.config.Log.Info("no calls are taken", "err", err)
		}
		pause(ctx)
	}
}

func (h *Host) answer(ctx context.Context, call *client.Call) {
	defer h.work.Done()
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	conn, err := call.Accept(ctx)
	if err != nil {
		return // the caller has gone
	}
	from, _ := call.RemoteAddr().(*client.Addr)
	h.opened(conn, address.Address{AESA: from.AESA})
}

// permanent has a PVC, as long as the host runs.
func (h *Host) permanent(ctx context.Context, name string) {
	defer h.work.Done()
	for ctx.Err() == nil {
		conn, err := h.hub.Dial(ctx, name, &client.Config{MaxSDU: MTU + headerSize})
		if err == nil {
			if v := h.opened(conn, address.Address{}); v != nil {
				<-v.gone
			}
		} else if ctx.Err() == nil {
			h.config.Log.Info("permanent VC", "vc", name, "err", err)
		}
		pause(ctx)
	}
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(retry):
	}
}

// tick gives the machine its time.
func (h *Host) tick(ctx context.Context) {
	defer h.work.Done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		case <-timer.C:
			h.do(func(now time.Duration) {
				for link, v := range h.vcs {
					if v.used.Swap(false) {
						h.machine.Used(now, link)
					}
				}
				h.machine.Tick(now)
			})
		}
		h.mu.Lock()
		if at, ok := h.machine.Deadline(); ok {
			timer.Reset(max(0, at-time.Since(h.start)))
		}
		h.mu.Unlock()
	}
}
