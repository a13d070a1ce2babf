package main

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// TestManyTunnelsOnOneInterface runs tunnels of many programs on one interface: each frame is shown to few of them, all
// carry traffic, one that is killed hurts no other, and when all have ended nothing of theirs is on the interface.
func TestManyTunnelsOnOneInterface(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	const tunnels, listeners, first = 5, 2, 2 // first: of those whose frames are sorted
	hosts := [2]*lab.Host{l.A, l.B}
	var peers [tunnels][2]*peer
	for i := range peers {
		for side, h := range hosts {
			p := startPeer(t, ctx, h, "--tun", fmt.Sprint("atm", i), "--vc", "0/100", "--port", fmt.Sprintf("eth:%s,label=%d", lab.Dev, 1000+i))
			p.waitUp(t, ctx, fmt.Sprint("atm", i))
			if err := h.AddAddr(fmt.Sprint("atm", i), netip.MustParsePrefix(fmt.Sprintf("198.51.%d.%d/24", 100+i, 1+side))); err != nil {
				t.Fatal(err)
			}
			peers[i][side] = p
		}
	}
	for _, h := range hosts {
		if n := shownTo(t, h); n != listeners {
			t.Errorf("%s: a frame is shown to %d programs, want %d", h.Name, n, listeners)
		}
		if n := sorters(t, h); n != 1 {
			t.Errorf("%s: %d programs sort frames", h.Name, n)
		}
	}
	ping := func(but int) {
		for i := range peers {
			if i != but {
				pings(t, ctx, l.A, netip.MustParseAddr(fmt.Sprintf("198.51.%d.2", 100+i)), 1000)
			}
		}
	}
	ping(-1)
	_ = peers[first][1].cmd.Stop(syscall.SIGKILL)
	ping(first)
	for i := range peers {
		for side := range peers[i] {
			if i == first && side == 1 {
				continue
			}
			if r := peers[i][side].stop(t); i != first && len(r.drops()) != 0 {
				t.Errorf("tunnel %d, side %d: drops %v", i, side, r.drops())
			}
		}
	}
	for _, h := range hosts {
		if n := sorters(t, h); n != 0 {
			t.Errorf("%s: %d programs are left", h.Name, n)
		}
	}
}

// shownTo counts the packet sockets of MPLS in a host.
func shownTo(t *testing.T, h *lab.Host) (n int) {
	t.Helper()
	if err := h.Do(func() error {
		text, err := os.ReadFile("/proc/thread-self/net/packet")
		n = strings.Count(string(text), " 8847 ")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// sorters counts the programs at a host's interface that see what comes in.
func sorters(t *testing.T, h *lab.Host) (n int) {
	t.Helper()
	dev, err := h.Link(lab.Dev)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Do(func() error {
		there, err := link.QueryPrograms(link.QueryOptions{Target: dev.Index, Attach: ebpf.AttachTCXIngress})
		if err == nil {
			n = len(there.Programs)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}
