package main

import (
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/nic/link"
)

// TestOffloadOutlivesItsProcess kills an atmtap and its hub while a tunnel carries: pings go on, though nobody is there; the
// next atmtap takes over devices, addresses and counters, and its end removes all.
func TestOffloadOutlivesItsProcess(t *testing.T) {
	for _, c := range offloadCarriers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx := testContext(t)
			l := lab.ForTest(t, lab.Config{MTU: 1600})
			bpffs := bpffsForTest(t)
			start := func(side int) *peer {
				h := []*lab.Host{l.A, l.B}[side]
				return startPeer(t, ctx, h, "--tap", tunnelDev, "--vc", "0/100", "--port", c.spec(l, side, "aal5sdu"), "--offload", "on", "--bpffs", bpffs)
			}
			near, far := start(0), start(1)
			near.address(t, ctx, 0)
			far.address(t, ctx, 1)
			pings(t, ctx, l.A, inner4[1].Addr(), 56)
			for _, p := range []*peer{near, far} {
				_ = p.cmd.Stop(syscall.SIGKILL)
			}
			until(t, "the end of the hub's device", func() bool { _, err := l.A.Link(tunnelDev + "-hub"); return err != nil })
			if !listens(t, l.A) && c.name == "eth" {
				t.Error("nobody there: the group is listened to no more")
			}
			r, err := lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 20, Interval: 5e6, Wait: 2e9})
			if err != nil || r.Lost() != 0 {
				t.Errorf("nobody there: %v, %v", r, err)
			}
			if _, err := lab.TCPTransfer(ctx, l.B, l.A, inner6[0].Addr(), lab.TCPConfig{Octets: 1 << 20}); err != nil {
				t.Errorf("nobody there: %v", err)
			}
			near = start(0)
			near.waitUp(t, ctx, tunnelDev)
			pings(t, ctx, l.A, inner4[1].Addr(), 56) // the address is still there
			near.stderr.wait(t, 0, "taken over")
			if n := near.stop(t).Counters; n["kernel"]["tx_frames"] < 20 || n["kernel"]["rx_frames"] < 700 {
				t.Errorf("the kernel counted %v", n["kernel"])
			}
			far = start(1)
			far.waitUp(t, ctx, tunnelDev)
			far.stop(t)
			for _, h := range []*lab.Host{l.A, l.B} {
				if _, err := h.Link(tunnelDev); err == nil {
					t.Errorf("%s: %s is left", h.Name, tunnelDev)
				}
				if listens(t, h) {
					t.Errorf("%s: the group is listened to still", h.Name)
				}
			}
			if names := pinned(t, bpffs); len(names) != 0 {
				t.Errorf("pinned still: %v", names)
			}
		})
	}
}

// listens tells whether a host's interface receives the frames of RFC 7213's group.
func listens(t *testing.T, h *lab.Host) bool {
	t.Helper()
	var groups []byte
	if err := h.Do(func() (err error) {
		groups, err = os.ReadFile("/proc/thread-self/net/dev_mcast")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(groups), "01005e900000")
}

// TestOffloadFollows deletes, renames and moves what a tunnel in the kernel stands on.
func TestOffloadFollows(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	peers := startEnds(t, ctx, l, offloadCarriers[0], [2]string{"on", "on"})
	pings(t, ctx, l.A, inner4[1].Addr(), 56)

	t.Log("the host's device is renamed")
	if err := l.A.Rename(tunnelDev, "other0"); err != nil {
		t.Fatal(err)
	}
	pings(t, ctx, l.A, inner4[1].Addr(), 56)
	if err := l.A.Rename("other0", tunnelDev); err != nil {
		t.Fatal(err)
	}

	t.Log("it is deleted, and made again")
	if err := l.A.Delete(tunnelDev); err != nil {
		t.Fatal(err)
	}
	peers[0].stderr.wait(t, 0, tunnelDev, "is made again")
	peers[0].addAddrs(t, ctx, 0)
	pings(t, ctx, l.A, inner4[1].Addr(), 56)

	t.Log("the carrier is deleted, and made again")
	if err := l.A.Delete(lab.Dev); err != nil {
		t.Fatal(err)
	}
	until(t, "a device without carrier", func() bool {
		state, err := l.A.Link(tunnelDev)
		return err == nil && !state.Running
	})
	if err := l.Join(); err != nil {
		t.Fatal(err)
	}
	pings(t, ctx, l.A, inner4[1].Addr(), 56)
	pings(t, ctx, l.B, inner4[0].Addr(), 56)

	t.Log("its MTU is lowered: what does not fit is the hub's to refuse")
	if err := l.A.Do(func() error { return link.SetMTU(lab.Dev, 1200) }); err != nil {
		t.Fatal(err)
	}
	peers[0].stderr.wait(t, 0, "packets that fit go on")
	until(t, "the inner kernel's knowledge of the path", func() bool {
		_, _ = lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 1, Size: 1400, Wait: 20e6})
		known := 0
		_ = l.A.Do(func() error {
			path, err := link.PathTo(netip.Addr{}, inner4[1].Addr())
			known = path.MTU
			return err
		})
		return known > 0 && known < 1200
	})
	pings(t, ctx, l.A, inner4[1].Addr(), 1000)
	n := peers[0].stop(t).Counters
	if n["kernel"]["tx_to_hub"] == 0 || n["toobig"]["tx_drop_too_big"] == 0 {
		t.Errorf("counted %v, %v", n["kernel"], n["toobig"])
	}
	peers[1].stop(t)
}

// TestOffloadRefusals asks for what the kernel cannot carry: on says why, auto carries it in user space and says why.
func TestOffloadRefusals(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	for _, c := range []struct{ name, why, args string }{
		{"cells", "mode=aal5sdu", "--tap atm1 --port eth:eth0,label=101"},
		{"routed", "take --tap", "--tun atm2 --port eth:eth0,label=102,mode=aal5sdu"},
		{"numbered", "seq=on", "--tap atm3 --port eth:eth0,label=103,mode=aal5sdu,seq=on"},
		{"vlan", "ip link add link eth0 name eth0.5 type vlan id 5", "--tap atm4 --port eth:eth0,label=104,mode=aal5sdu,vlan=5"},
		{"any address", "the one that datagrams leave by", "--tap atm6 --port udp:0.0.0.0:6636,remote=192.0.2.2:6636,mode=aal5sdu"},
		{"checksums", "checksum=off", "--tap atm7 --port udp:[2001:db8::1]:6637,remote=[2001:db8::2]:6637,mode=aal5sdu"},
		{"marks", "ecn=copy", "--tap atm8 --port udp:192.0.2.1:6638,remote=192.0.2.2:6638,mode=aal5sdu,ecn=copy"},
		{"harm", "harm", "--tap atm9 --port eth:eth0,label=109,mode=aal5sdu,loss=0.1"},
		{"a long name", "at most 11", "--tap atm-a-long-nam --port eth:eth0,label=110,mode=aal5sdu"},
		{"a capture", "tcpdump", "--tap atm11 --port eth:eth0,label=111,mode=aal5sdu --capture " + t.TempDir() + "/x.pcap"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append(strings.Fields(c.args), "--vc", "0/100", "--bpffs", "/nowhere", "--offload")
			cmd := l.A.Command(ctx, append([]string{programs.Path(t, "atmtap")}, append(args, "on")...)...)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.why) || strings.Count(string(out), "\n") != 1 {
				t.Errorf("on: %v, %q; want %q", err, out, c.why)
			}
			p := startPeer(t, ctx, l.A, append(args, "auto")...)
			p.ready(t)
			p.stderr.wait(t, 0, "in user space", c.why)
			if n := p.stop(t).Counters; n["kernel"] != nil || n["tap"] == nil && n["tun"] == nil {
				t.Errorf("auto: counted %v", n)
			}
		})
	}
	t.Run("a name in use", func(t *testing.T) {
		out, err := l.A.Command(ctx, programs.Path(t, "atmtap"), "--tap", "lo", "--vc", "0/100", "--offload", "on", "--bpffs", bpffsForTest(t),
			"--port", "eth:eth0,label=112,mode=aal5sdu").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "lo: there is an interface") {
			t.Errorf("%v, %q", err, out)
		}
	})
}
