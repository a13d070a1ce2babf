package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/cellhub/cellhub/nic/link"
)

// Dev is the name of the veth end in either host.
const Dev = "eth0"

// Limits of the MTU of a veth pair, in octets: below MinMTU IPv6 refuses the
// link, above MaxMTU the veth driver refuses it.
const (
	MinMTU = 1280
	MaxMTU = 65535
)

// defaultMTU is what Ethernet has.
const defaultMTU = 1500

// carrierWait bounds the wait for the carrier of a new veth pair.
const carrierWait = 5 * time.Second

// Config says what a lab looks like. The zero value is a veth pair of MTU 1500
// with the offloads that the kernel gives it.
type Config struct {
	// MTU of the veth pair in octets, from MinMTU to MaxMTU; 0 means 1500.
	MTU int

	// NoOffloads switches segmentation (TSO, GSO), GRO and checksum offload off
	// at both ends, so that what passes the veth is what a cable would carry.
	NoOffloads bool
}

// Lab is two hosts joined by a cable. Its methods may be called from any
// goroutine.
type Lab struct {
	A, B *Host

	cfg    Config
	beyond []*Host
	close  sync.Once
}

// New makes the two namespaces, joins them and gives both ends their addresses,
// which work at once. The caller closes the lab. Without privilege the error
// satisfies errors.Is(err, os.ErrPermission).
func New(cfg Config) (*Lab, error) {
	if cfg.MTU == 0 {
		cfg.MTU = defaultMTU
	}
	if cfg.MTU < MinMTU || cfg.MTU > MaxMTU {
		return nil, fmt.Errorf("lab: MTU %d is outside %d to %d", cfg.MTU, MinMTU, MaxMTU)
	}
	l := &Lab{cfg: cfg}
	var err error
	if l.A, err = newHost("host a", "192.0.2.1/24", "2001:db8::1/64"); err != nil {
		return nil, err
	}
	if l.B, err = newHost("host b", "192.0.2.2/24", "2001:db8::2/64"); err != nil {
		l.A.close()
		return nil, err
	}
	if err := l.Join(); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Join makes the veth pair, configures both ends and waits for their carrier. New has done it once; a
// test that deleted the cable calls it to plug in another.
func (l *Lab) Join() error {
	if err := l.A.on(func() error { return addVeth(l.cfg.MTU, l.B.ns) }); err != nil {
		return err
	}
	for _, h := range []*Host{l.A, l.B} {
		if err := h.configure(l.cfg); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), carrierWait)
	defer cancel()
	return errors.Join(l.A.WaitLink(ctx, Dev), l.B.WaitLink(ctx, Dev))
}

// addVeth makes a veth pair from the calling thread's namespace to another, after
// one that is thrown away. Without that the ends of two fresh namespaces would
// have the same interface index; then the kernel takes neither for half of a
// pair, and reports their carrier up to a second late (linkwatch_urgent_event in
// net/core/link_watch.c).
func addVeth(mtu int, peer *link.Namespace) error {
	if err := link.AddVeth(link.Veth{Name: "spare0", Peer: "spare1"}); err != nil {
		return err
	}
	if err := link.Delete("spare0"); err != nil {
		return err
	}
	return link.AddVeth(link.Veth{Name: Dev, Peer: Dev, MTU: mtu, PeerIn: peer})
}

// Close ends the processes that run in the lab (SIGTERM, and SIGKILL for those
// that do not listen) and removes both hosts. It may be called more than once.
func (l *Lab) Close() {
	l.close.Do(func() {
		for _, h := range append(l.beyond, l.B, l.A) {
			h.close()
		}
	})
}

// TB is the part of testing.TB that ForTest needs.
type TB interface {
	Helper()
	Skip(args ...any)
	Fatal(args ...any)
	Cleanup(func())
}

// ForTest is New for a test: it skips without privilege, fails on any other
// error and closes the lab when the test ends.
func ForTest(t TB, cfg Config) *Lab {
	t.Helper()
	l, err := New(cfg)
	switch {
	case errors.Is(err, os.ErrPermission):
		t.Skip("needs root to make network namespaces")
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}
