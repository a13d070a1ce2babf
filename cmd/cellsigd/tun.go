package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/nic"
	"github.com/cellhub/cellhub/nic/link"
	"github.com/cellhub/cellhub/signalling/clip"
)

// tunnel is a TUN device, a packet a call.
type tunnel struct {
	stop int // an eventfd that ends a Read
	mu   sync.Mutex
	dev  nic.Device
	in   [1][]byte
	out  [1][]byte
}

// openTunnel makes a TUN device, or takes one that is there, and sets its interface up.
func openTunnel(name string, address netip.Prefix) (*tunnel, error) {
	dev, err := nic.OpenTAP(nic.TAPConfig{Name: name, TUN: true, MaxFrame: clip.MTU})
	if err != nil {
		return nil, err
	}
	err = errors.Join(link.SetMTU(name, clip.MTU), link.Up(name))
	if err == nil {
		if err = link.AddAddr(name, address); errors.Is(err, unix.EEXIST) {
			err = nil
		}
	}
	if err != nil {
		return nil, errors.Join(err, dev.Close())
	}
	stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("eventfd: %w", err), dev.Close())
	}
	return &tunnel{stop: stop, dev: dev}, nil
}

// whileDown is how long to wait before an interface that is down is looked at again: it
// would tell poll(2) of that all the time.
const whileDown = 100 * time.Millisecond

// Read waits for a packet of the host's.
func (t *tunnel) Read(p []byte) (int, error) {
	for {
		n, fd, err := t.receive(p)
		switch {
		case errors.Is(err, nic.ErrDown):
			time.Sleep(whileDown)
			continue
		case n > 0 || err != nil:
			return n, err
		}
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(t.stop), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err != nil && err != unix.EINTR {
			return 0, err
		}
		if ready[1].Revents != 0 {
			return 0, net.ErrClosed
		}
		if ready[0].Revents&unix.POLLIN == 0 {
			time.Sleep(whileDown)
		}
	}
}

func (t *tunnel) receive(p []byte) (n, fd int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dev == nil {
		return 0, 0, net.ErrClosed
	}
	t.in[0] = p
	got, err := t.dev.Receive(t.in[:])
	if err != nil || got == 0 {
		return 0, t.dev.FD(), err
	}
	return len(t.in[0]), 0, nil
}

// Write gives the host a packet. One that the device has no room for is lost.
func (t *tunnel) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dev == nil {
		return 0, net.ErrClosed
	}
	t.out[0] = p
	n, err := t.dev.Transmit(t.out[:])
	if err == nil && n == 0 {
		err = unix.ENOBUFS
	}
	return len(p), err
}

// Close ends the device and a Read that waits. The eventfd stays: Read may look at it still.
func (t *tunnel) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dev == nil {
		return net.ErrClosed
	}
	_, _ = unix.Write(t.stop, []byte{7: 1}) // it has room for one
	err := t.dev.Close()
	t.dev = nil
	return err
}
