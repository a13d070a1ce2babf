package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/nic/link"
)

// Limits of one tunnel's turn.
const (
	setupTime = 10 * time.Second // to start both ends and pass the first packets
	pollTime  = 5 * time.Millisecond
	maxOutput = 400 // octets of a failed program's output in an error
)

// underlayRoom is how much larger, in octets, the MTU of the cable is than that
// of the tunnel: no peer fragments, and none has room for two frames in one.
const underlayRoom = 100

// The inner addresses.
var inner = [2]netip.Prefix{
	netip.MustParsePrefix("198.51.100.1/24"),
	netip.MustParsePrefix("198.51.100.2/24"),
}

// A tunnel is a peer that runs in a lab.
type tunnel struct {
	peer  peer
	lab   *lab.Lab
	hosts [2]*lab.Host
	ends  [2]*lab.Cmd // nil: the kernel does it
	out   [2]bytes.Buffer
}

// start runs both ends of a peer and waits until packets of all sizes pass.
func start(ctx context.Context, p peer, mtu int) (*tunnel, error) {
	ctx, cancel := context.WithTimeout(ctx, setupTime)
	defer cancel()
	l, err := lab.New(lab.Config{MTU: mtu + underlayRoom, NoOffloads: p.bare})
	if err != nil {
		return nil, err
	}
	t := &tunnel{peer: p, lab: l, hosts: [2]*lab.Host{l.A, l.B}}
	if err := t.start(ctx, mtu); err != nil {
		l.Close()
		return nil, t.explain(err)
	}
	return t, nil
}

func (t *tunnel) start(ctx context.Context, mtu int) error {
	dir, err := os.MkdirTemp("", "cellbench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ends, err := t.makeEnds(mtu, dir)
	if err != nil {
		return err
	}
	for i, e := range ends {
		if err := t.run(ctx, i, e); err != nil {
			return err
		}
	}
	for i, e := range ends {
		if err := t.complete(ctx, i, e); err != nil {
			return err
		}
	}
	return t.firstPings(ctx, mtu)
}

func (t *tunnel) makeEnds(mtu int, dir string) (ends [2]end, err error) {
	var keys [2]key
	for i := range keys {
		if keys[i], err = newKey(); err != nil {
			return ends, err
		}
	}
	for i := range ends {
		ends[i] = end{
			host: t.hosts[i], to: t.hosts[1-i].Addr4.Addr(), first: i == 0,
			dev: fmt.Sprintf("cb%d%c", os.Getpid(), 'a'+i), mtu: mtu,
			inner:   [2]netip.Prefix{inner[i], inner[1-i]},
			program: t.peer.program, dir: dir,
			identity: [2]key{keys[i], keys[1-i]},
		}
	}
	return ends, nil
}

// run starts an end, as a process or in the kernel.
func (t *tunnel) run(ctx context.Context, i int, e end) error {
	if err := e.host.Do(quiet); err != nil {
		return err
	}
	if t.peer.kernel != nil {
		return e.host.Do(func() error { return t.peer.kernel(e) })
	}
	line, err := t.peer.command(e)
	if err != nil {
		return err
	}
	// The process outlives ctx; closing the lab ends it.
	t.ends[i] = e.host.Command(context.Background(), line...)
	t.ends[i].Stdout, t.ends[i].Stderr = &t.out[i], &t.out[i]
	if err := t.ends[i].Start(); err != nil {
		return err
	}
	if e.first && t.peer.listens != 0 {
		return awaitListener(ctx, e.host, t.peer.listens)
	}
	return nil
}

// quiet switches IPv6 off on later devices of the calling thread's host: what it
// sends on its own disturbs small figures, and vtun ends when a packet comes
// before the TAP is up.
func quiet() error {
	return os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0)
}

// awaitListener waits until somebody listens on a TCP port in a host. It looks
// for state 0A at the port in proc_net_tcp, so that no connection disturbs the
// listener.
func awaitListener(ctx context.Context, host *lab.Host, port uint16) error {
	for ctx.Err() == nil {
		var table []byte
		err := host.Do(func() (err error) {
			table, err = os.ReadFile("/proc/thread-self/net/tcp")
			return err
		})
		if err != nil {
			return err
		}
		if bytes.Contains(table, fmt.Appendf(nil, ":%04X 00000000:0000 0A", port)) {
			return nil
		}
		time.Sleep(pollTime)
	}
	return fmt.Errorf("nobody listens on port %d in %s", port, host.Name)
}

// complete waits for the inner device, sets it up where the program left that to
// an administrator, and gives it its MTU and address.
func (t *tunnel) complete(ctx context.Context, i int, e end) error {
	for {
		if _, err := e.host.Link(e.dev); err == nil {
			break
		}
		var ended <-chan struct{}
		if t.ends[i] != nil {
			ended = t.ends[i].Done()
		}
		select {
		case <-ended:
			return fmt.Errorf("ended early: %w", t.ends[i].Wait())
		case <-ctx.Done():
			return fmt.Errorf("no %s in %s", e.dev, e.host.Name)
		case <-time.After(pollTime):
		}
	}
	if t.peer.then != nil {
		if err := t.peer.then(ctx, e); err != nil {
			return err
		}
	}
	if err := e.host.Do(func() error { return link.SetMTU(e.dev, e.mtu) }); err != nil {
		return err
	}
	if err := e.host.SetUp(e.dev, true); err != nil {
		return err
	}
	if err := e.host.WaitLink(ctx, e.dev); err != nil || t.peer.ownInner {
		return err
	}
	return e.host.AddAddr(e.dev, e.inner[0])
}

// largeTries is how many packets of the MTU may be lost before a tunnel counts as
// one that does not carry them.
const largeTries = 10

// firstPings pings until an answer comes, and then with packets of the MTU.
func (t *tunnel) firstPings(ctx context.Context, mtu int) error {
	ping := func(size int) bool {
		res, err := lab.Ping(ctx, t.lab.A, inner[1].Addr(), lab.PingConfig{Wait: 100 * time.Millisecond, Size: size})
		return err == nil && res.Received > 0
	}
	for !ping(56) {
		if ctx.Err() != nil {
			return errors.New("no ping passes")
		}
	}
	for range largeTries {
		if ping(mtu - 28) { // less the headers of IPv4 and ICMP
			return nil
		}
	}
	return fmt.Errorf("no packet of %d octets passes", mtu)
}

// A brokenTunnel is an error with what the programs at both ends wrote.
type brokenTunnel struct {
	error
	wrote string
}

func (b brokenTunnel) Unwrap() error { return b.error }

// explain adds what the programs wrote to an error. The lab is closed.
func (t *tunnel) explain(err error) error {
	var wrote []string
	for i := range t.out {
		text := bytes.TrimSpace(t.out[i].Bytes())
		if len(text) > 0 {
			text = bytes.ReplaceAll(text[max(0, len(text)-maxOutput):], []byte("\n"), []byte(" | "))
			wrote = append(wrote, fmt.Sprintf("%c wrote: %s", 'a'+i, text))
		}
	}
	return brokenTunnel{err, strings.Join(wrote, "; ")}
}
