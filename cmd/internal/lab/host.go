package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/cellhub/cellhub/nic/link"
	"golang.org/x/sys/unix"
)

// linkPoll is how often WaitLink looks.
const linkPoll = 2 * time.Millisecond

// Host is one of the two hosts: a network namespace, a thread that keeps it and
// the processes that run in it.
type Host struct {
	// Name is how the host is called in messages.
	Name string
	// Addr4 and Addr6 are the addresses of Dev, with the length of their prefix.
	Addr4, Addr6 netip.Prefix

	ns    *link.Namespace
	forks chan fork
	gone  chan struct{} // closed when the thread is to end
	ended chan struct{} // closed when it has

	mu        sync.Mutex
	processes map[*Cmd]struct{}
}

// fork asks the host's own thread to run start.
type fork struct {
	start func() error
	err   chan<- error
}

func newHost(name, v4, v6 string) (*Host, error) {
	ns, err := link.NewNamespace("")
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	h := &Host{
		Name:      name,
		Addr4:     netip.MustParsePrefix(v4),
		Addr6:     netip.MustParsePrefix(v6),
		ns:        ns,
		forks:     make(chan fork),
		gone:      make(chan struct{}),
		ended:     make(chan struct{}),
		processes: make(map[*Cmd]struct{}),
	}
	if err := h.Do(prepareNamespace); err != nil {
		ns.Close()
		return nil, fmt.Errorf("lab: %w", err)
	}
	ready := make(chan error)
	go h.keep(ready)
	if err := <-ready; err != nil {
		ns.Close()
		return nil, err
	}
	return h, nil
}

// keep runs the host's thread, which forks its children until the host is
// closed. Children ask the kernel to kill them when the thread that forked them
// ends (prctl(2), PR_SET_PDEATHSIG counts threads, not processes), so there is
// one thread that outlives them all. It is not the first thread of the process,
// whose namespace /proc/net and /proc/self/net show to everybody: when it is
// given that one, it holds on to it until it has another.
func (h *Host) keep(ready chan<- error) {
	err := h.Do(func() error {
		if unix.Gettid() != unix.Getpid() {
			h.serve(ready)
			return nil
		}
		elsewhere := make(chan error)
		go h.keep(elsewhere)
		ready <- <-elsewhere
		return nil
	})
	if err != nil {
		ready <- err
	}
}

func (h *Host) serve(ready chan<- error) {
	defer close(h.ended)
	ready <- nil
	for {
		select {
		case f := <-h.forks:
			f.err <- f.start()
		case <-h.gone:
			return
		}
	}
}

// fork runs start on the host's thread.
func (h *Host) fork(start func() error) error {
	result := make(chan error, 1)
	select {
	case h.forks <- fork{start, result}:
		return <-result
	case <-h.gone:
		return os.ErrClosed
	}
}

// close ends the host's processes and lets its namespace go.
func (h *Host) close() {
	h.endProcesses()
	close(h.gone)
	<-h.ended
	h.ns.Close()
}

// Do runs f on a thread that is in the host's namespace and returns its error.
// Sockets that f opens belong to the host for ever, on any thread; goroutines
// that f starts are not in the namespace, and f does not end a test (t.Fatal).
func (h *Host) Do(f func() error) error { return h.ns.Do(f) }

// AddAddr gives a device an address that works at once: IPv6 detects no
// duplicates. It also makes the device ask for a neighbour every 50 ms rather
// than every second, as patiently as ever: a cut that was mended is soon
// forgotten.
func (h *Host) AddAddr(dev string, addr netip.Prefix) error {
	return h.on(func() error {
		family := "ipv4"
		if addr.Addr().Is6() {
			family = "ipv6"
		}
		neighbour := "/proc/sys/net/" + family + "/neigh/" + dev
		return errors.Join(
			writeSetting(neighbour+"/retrans_time_ms", "50"),
			writeSetting(neighbour+"/mcast_solicit", "60"),
			link.AddAddr(dev, addr))
	})
}

// SetUp brings a device up or takes it down.
func (h *Host) SetUp(dev string, up bool) error {
	set := link.Down
	if up {
		set = link.Up
	}
	return h.on(func() error { return set(dev) })
}

// Delete removes a device; of a veth pair the other end goes with it.
func (h *Host) Delete(dev string) error {
	return h.on(func() error { return link.Delete(dev) })
}

// Link tells the state of a device; the error is link.ErrNotFound without one.
func (h *Host) Link(dev string) (state link.State, err error) {
	err = h.on(func() (err error) {
		state, err = link.Get(dev)
		return err
	})
	return state, err
}

// WaitLink waits until a device exists, is up and has its carrier, or ctx ends.
func (h *Host) WaitLink(ctx context.Context, dev string) error {
	for {
		state, err := h.Link(dev)
		if err == nil && state.Running {
			return nil
		}
		if err != nil && !errors.Is(err, link.ErrNotFound) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("lab: %s: wait for %s: %w", h.Name, dev, context.Cause(ctx))
		case <-time.After(linkPoll):
		}
	}
}

// on runs f in the host and names the host in its error.
func (h *Host) on(f func() error) error {
	if err := h.Do(f); err != nil {
		return fmt.Errorf("lab: %s: %w", h.Name, err)
	}
	return nil
}

// configure sets Dev up with its addresses.
func (h *Host) configure(cfg Config) error {
	if cfg.NoOffloads {
		if err := h.on(func() error { return offloadsOff(Dev) }); err != nil {
			return err
		}
	}
	if err := h.SetUp(Dev, true); err != nil {
		return err
	}
	return errors.Join(h.AddAddr(Dev, h.Addr4), h.AddAddr(Dev, h.Addr6))
}

// prepareNamespace makes the later devices of the calling thread's namespace
// detect no duplicate addresses, ask for no routers and keep their IPv6 addresses
// while they are down.
func prepareNamespace() error {
	for _, v := range []struct{ name, value string }{
		{"accept_dad", "0"}, {"dad_transmits", "0"}, {"router_solicitations", "0"}, {"keep_addr_on_down", "1"},
	} {
		for _, which := range []string{"all", "default"} {
			path := "/proc/sys/net/ipv6/conf/" + which + "/" + v.name
			if err := writeSetting(path, v.value); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeSetting sets a sysctl of the calling thread's namespace.
func writeSetting(path, value string) error { return os.WriteFile(path, []byte(value), 0) }
