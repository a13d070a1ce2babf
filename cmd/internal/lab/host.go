package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/vishvananda/netns"
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

	ns    netns.NsHandle
	forks chan fork
	gone  chan struct{}

	mu        sync.Mutex
	processes map[*Cmd]struct{}
}

// fork asks the host's own thread to run start.
type fork struct {
	start func() error
	err   chan<- error
}

func newHost(name, v4, v6 string) (*Host, error) {
	h := &Host{Name: name, forks: make(chan fork), gone: make(chan struct{}), processes: make(map[*Cmd]struct{})}
	h.Addr4, h.Addr6 = netip.MustParsePrefix(v4), netip.MustParsePrefix(v6)
	ready := make(chan error)
	go offMainThread(func() { h.keep(ready) })
	if err := <-ready; err != nil {
		return nil, fmt.Errorf("lab: new network namespace: %w", err)
	}
	return h, nil
}

// offMainThread runs f locked to a thread that is not the process's first one:
// that one never ends, and /proc/net and /proc/self/net show its namespace.
func offMainThread(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f()
		return
	}
	elsewhere := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(elsewhere)
		f()
	}()
	<-elsewhere
	runtime.UnlockOSThread()
}

// keep is the life of the host's thread: it makes the namespace and forks
// children in it. The thread is locked and ends with it, so that no other
// goroutine can find itself in the namespace. Children ask the kernel to kill
// them when the thread that forked them ends (prctl(2), PR_SET_PDEATHSIG counts
// threads, not processes), so it outlives them all.
func (h *Host) keep(ready chan<- error) {
	var err error
	if h.ns, err = newNamespace(); err != nil {
		ready <- err
		return
	}
	close(ready)
	defer h.ns.Close()
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
}

// Do runs f on a thread that is in the host's namespace. Sockets that f opens
// belong to the host for ever, on any thread; goroutines that f starts are not
// in the namespace. It returns f's error.
func (h *Host) Do(f func() error) (err error) {
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("lab: own namespace: %w", err)
	}
	defer home.Close()
	if err := netns.Set(h.ns); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("lab: enter %s: %w", h.Name, err)
	}
	defer func() {
		if back := netns.Set(home); back != nil {
			// The thread stays locked: it must not serve anybody else.
			err = errors.Join(err, fmt.Errorf("lab: leave %s: %w", h.Name, back))
			return
		}
		runtime.UnlockOSThread()
	}()
	return f()
}

// AddAddr gives a device an address that works at once: IPv6 detects no
// duplicates. It also makes the device ask for a lost neighbour every 50 ms
// rather than every second, so that a cut that was mended is soon forgotten.
func (h *Host) AddAddr(dev string, addr netip.Prefix) error {
	return h.link(dev, func() error {
		family := "ipv4"
		if addr.Addr().Is6() {
			family = "ipv6"
		}
		err := os.WriteFile("/proc/sys/net/"+family+"/neigh/"+dev+"/retrans_time_ms", []byte("50"), 0)
		return errors.Join(err, addAddr(dev, addr))
	})
}

// SetUp brings a device up or takes it down.
func (h *Host) SetUp(dev string, up bool) error {
	return h.link(dev, func() error { return setUp(dev, up) })
}

// Delete removes a device; of a veth pair the other end goes with it.
func (h *Host) Delete(dev string) error {
	return h.link(dev, func() error { return deleteLink(dev) })
}

// HasLink tells whether the host has a device of that name.
func (h *Host) HasLink(dev string) bool {
	return h.Do(func() error { _, err := net.InterfaceByName(dev); return err }) == nil
}

// MAC is the hardware address of a device.
func (h *Host) MAC(dev string) (mac net.HardwareAddr, err error) {
	err = h.link(dev, func() error {
		ifi, err := net.InterfaceByName(dev)
		if err == nil {
			mac = ifi.HardwareAddr
		}
		return err
	})
	return mac, err
}

// WaitLink waits until a device exists, is up and has its carrier, or ctx ends.
func (h *Host) WaitLink(ctx context.Context, dev string) error {
	for {
		var up bool
		err := h.Do(func() error {
			ifi, err := net.InterfaceByName(dev)
			up = err == nil && ifi.Flags&net.FlagUp != 0 && ifi.Flags&net.FlagRunning != 0
			return nil
		})
		if err != nil || up {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("lab: %s: wait for %s: %w", h.Name, dev, context.Cause(ctx))
		case <-time.After(linkPoll):
		}
	}
}

// link runs f in the host and names the host and the device in its error.
func (h *Host) link(dev string, f func() error) error {
	if err := h.Do(f); err != nil {
		return fmt.Errorf("lab: %s: %s: %w", h.Name, dev, err)
	}
	return nil
}

// configure sets Dev up with its addresses.
func (h *Host) configure(cfg Config) error {
	if cfg.NoOffloads {
		if err := h.link(Dev, func() error { return offloadsOff(Dev) }); err != nil {
			return err
		}
	}
	if err := h.SetUp(Dev, true); err != nil {
		return err
	}
	return errors.Join(h.AddAddr(Dev, h.Addr4), h.AddAddr(Dev, h.Addr6))
}

// newNamespace moves the calling thread to a namespace of its own, whose
// loopback is up and whose later devices detect no duplicate addresses, ask for
// no routers and keep their IPv6 addresses while they are down.
func newNamespace() (netns.NsHandle, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return netns.None(), os.NewSyscallError("unshare", err)
	}
	for _, v := range []struct{ name, value string }{
		{"accept_dad", "0"}, {"dad_transmits", "0"}, {"router_solicitations", "0"}, {"keep_addr_on_down", "1"},
	} {
		for _, which := range []string{"all", "default"} {
			path := "/proc/sys/net/ipv6/conf/" + which + "/" + v.name
			if err := os.WriteFile(path, []byte(v.value), 0); err != nil {
				return netns.None(), err
			}
		}
	}
	if err := setUp("lo", true); err != nil {
		return netns.None(), err
	}
	return netns.Get()
}
