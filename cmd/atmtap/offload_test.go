package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// offloadCarriers are those whose tunnels the kernel carries.
var offloadCarriers = []carrier{
	carriers[0],
	carriers[1],
	{"udp6", func(l *lab.Lab, side int, mode string) string {
		ends := [2]netip.Addr{l.A.Addr6.Addr(), l.B.Addr6.Addr()}
		return fmt.Sprintf("udp:[%s]:6635,remote=[%s]:6635,label=100,checksum=off,mode=%s", ends[side], ends[1-side], mode)
	}},
}

// bpffsForTest is where tunnels of a test are pinned.
func bpffsForTest(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bpf")
	t.Cleanup(func() { _ = unix.Unmount(path, unix.MNT_DETACH) })
	return path
}

// startEnds starts a tunnel whose ends have their own choice of --offload.
func startEnds(t *testing.T, ctx context.Context, l *lab.Lab, c carrier, choice [2]string, args ...string) (peers [2]*peer) {
	t.Helper()
	bpffs := bpffsForTest(t)
	for side, h := range []*lab.Host{l.A, l.B} {
		all := append([]string{"--tap", tunnelDev, "--vc", "0/100", "--port", c.spec(l, side, "aal5sdu"), "--offload", choice[side], "--bpffs", bpffs}, args...)
		peers[side] = startPeer(t, ctx, h, all...)
	}
	for side, p := range peers {
		p.address(t, ctx, side)
	}
	return peers
}

// TestOffload is the matrix of --offload: against itself and against user space, either way, on links that take
// super-frames and unfinished checksums, which only two kernels may use between them, and on links as cables are. Every
// octet of TCP is compared, both ways, over both versions of IP.
func TestOffload(t *testing.T) {
	for _, c := range offloadCarriers {
		for _, m := range []struct {
			name, gso string
			choice    [2]string
			bare      bool
		}{
			{"whole", "on", [2]string{"on", "on"}, false},
			{"cut", "auto", [2]string{"on", "on"}, false},
			{"cable", "on", [2]string{"on", "on"}, true},
			{"far in user space", "auto", [2]string{"on", "off"}, false},
			{"near in user space", "auto", [2]string{"off", "on"}, false},
			{"far in user space, cable", "on", [2]string{"on", "off"}, true},
		} {
			for _, encap := range []string{"llc", "vcmux"} {
				t.Run(c.name+"/"+m.name+"/"+encap, func(t *testing.T) {
					t.Parallel()
					ctx := testContext(t)
					l := lab.ForTest(t, lab.Config{MTU: 1600, NoOffloads: m.bare})
					peers := startEnds(t, ctx, l, c, m.choice, "--encap", encap, "--gso", m.gso)
					for _, size := range []int{0, 1, 56, 1472} {
						pings(t, ctx, l.A, inner4[1].Addr(), size)
					}
					pings(t, ctx, l.B, inner6[0].Addr(), 1452)
					bothWays(t, ctx, l, true, lab.TCPConfig{Octets: 1 << 20})
					udp := lab.UDPConfig{Size: 1000, Count: 200, Rate: 20_000}
					if r, err := lab.UDPBlast(ctx, l.A, l.B, inner4[1].Addr(), udp); err != nil || r.Damaged != 0 || r.Received == 0 {
						t.Errorf("UDP: %v, %v, %d damaged", r, err, r.Damaged)
					}
					for side, p := range peers {
						carriedByKernel(t, p, m.choice[side] == "on", m.choice[1-side] == "on")
					}
				})
			}
		}
	}
}

// carriedByKernel ends a peer, and wants traffic both ways in its kernel, or none. What a far end in user space sends in
// trains over a virtual link is the hub's to cut.
func carriedByKernel(t *testing.T, p *peer, want, far bool) {
	t.Helper()
	if errs := checksumErrors(t, p.host); len(errs) > 0 {
		t.Errorf("%s: checksum errors %v", p.host.Name, errs)
	}
	n := p.stop(t).Counters
	k := n["kernel"]
	if (k != nil) != want {
		t.Errorf("%s: counted %v", p.host.Name, n)
	}
	lost := k["tx_drop_failed"] + k["rx_drop_failed"] + k["tx_drop_no_hub"] + k["rx_drop_no_hub"]
	if want && (k["tx_frames"] < 700 || k["rx_frames"] == 0 || k["tx_to_hub"]+lost != 0 || far && (k["rx_frames"] < 700 || k["rx_to_hub"] != 0)) {
		t.Errorf("%s: the kernel counted %v", p.host.Name, k)
	}
	if n["tap"]["rx_frames"] < 700 || n["port"]["tx_sdus"] != n["tap"]["rx_frames"] {
		t.Errorf("%s: counted %v, %v", p.host.Name, n["tap"], n["port"])
	}
	for _, name := range []string{tunnelDev, tunnelDev + "-net", tunnelDev + "-hub"} {
		if _, err := p.host.Link(name); err == nil {
			t.Errorf("%s: %s is left", p.host.Name, name)
		}
	}
}

// pinned are the tunnels pinned in a bpffs.
func pinned(t *testing.T, bpffs string) (names []string) {
	t.Helper()
	files, err := os.ReadDir(bpffs)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.IsDir() {
			names = append(names, f.Name())
		}
	}
	return names
}
