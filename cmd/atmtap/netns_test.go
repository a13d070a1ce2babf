package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/nic/link"
)

// programs are under test, and the daemon that a tunnel may be in.
var programs = controltest.NewPrograms(".", "../cellhubd")

func TestMain(m *testing.M) { programs.Main(m) }

// The addresses on the tunnel's devices.
var (
	inner4 = [2]netip.Prefix{netip.MustParsePrefix("198.51.100.1/24"), netip.MustParsePrefix("198.51.100.2/24")}
	inner6 = [2]netip.Prefix{netip.MustParsePrefix("2001:db8:1::1/64"), netip.MustParsePrefix("2001:db8:1::2/64")}
)

const tunnelDev = "atm0"

// peer is one atmtap in one host of a lab.
type peer struct {
	host   *lab.Host
	cmd    *lab.Cmd
	stdout bytes.Buffer
	stderr messages
}

// patience is how long a test waits for what must come, beside whatever else the
// machine does.
const patience = 20 * time.Second

// startPeer starts atmtap in a host.
func startPeer(t *testing.T, ctx context.Context, h *lab.Host, args ...string) *peer {
	t.Helper()
	name := programs.Path(t, "atmtap")
	return startCommand(t, ctx, h, append([]string{name, "--json"}, args...)...)
}

// startCommand starts a command line that becomes atmtap. The output is shown when the
// test fails.
func startCommand(t *testing.T, ctx context.Context, h *lab.Host, args ...string) *peer {
	t.Helper()
	p := &peer{host: h, cmd: h.Command(ctx, args...)}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Stop(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("%s: %s\n%s%s", h.Name, strings.Join(args, " "), p.stderr.String(), p.stdout.String())
		}
	})
	return p
}

// ready waits until atmtap has set up all that it was asked for, which it then says. A
// device that is there earlier may not have its MTU and address yet.
func (p *peer) ready(t *testing.T) {
	t.Helper()
	p.stderr.Wait(t, p.cmd.Done(), ", MTU ")
}

// waitUp waits until atmtap is ready and its device works.
func (p *peer) waitUp(t *testing.T, ctx context.Context, dev string) {
	t.Helper()
	p.ready(t)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := p.host.WaitLink(ctx, dev); err != nil {
		t.Fatalf("%s: %v: %s", p.host.Name, err, p.stderr.String())
	}
}

// address gives the tunnel's device its addresses, once it works.
func (p *peer) address(t *testing.T, ctx context.Context, side int) {
	t.Helper()
	p.waitUp(t, ctx, tunnelDev)
	p.addAddrs(t, ctx, side)
}

// addAddrs gives the device, of whose making atmtap says nothing, its addresses.
func (p *peer) addAddrs(t *testing.T, ctx context.Context, side int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := p.host.WaitLink(ctx, tunnelDev); err != nil {
		t.Fatalf("%s: %v: %s", p.host.Name, err, p.stderr.String())
	}
	for _, a := range []netip.Prefix{inner4[side], inner6[side]} {
		if err := p.host.AddAddr(tunnelDev, a); err != nil {
			t.Fatal(err)
		}
	}
}

// stop ends atmtap by SIGTERM and gives its summary.
func (p *peer) stop(t *testing.T) report {
	t.Helper()
	if err := p.cmd.Stop(syscall.SIGTERM); err != nil {
		t.Errorf("%s: %v: %s", p.host.Name, err, p.stderr.String())
	}
	return p.summary(t)
}

// summary reads the last of what an ended atmtap has written to stdout.
func (p *peer) summary(t *testing.T) (r report) {
	t.Helper()
	lines := bytes.TrimSpace(p.stdout.Bytes())
	if err := json.Unmarshal(lines[bytes.LastIndexByte(lines, '\n')+1:], &r); err != nil || r.Event != "summary" {
		t.Fatalf("%s: summary %q: %v", p.host.Name, p.stdout.String(), err)
	}
	return r
}

// carrier is how a test joins two atmtaps.
type carrier struct {
	name string
	spec func(l *lab.Lab, side int, mode string) string
}

var carriers = []carrier{
	{"eth", func(_ *lab.Lab, _ int, mode string) string { return "eth:eth0,label=100,mode=" + mode }},
	{"udp", func(l *lab.Lab, side int, mode string) string {
		ends := [2]netip.Addr{l.A.Addr4.Addr(), l.B.Addr4.Addr()}
		return fmt.Sprintf("udp:%s:6635,remote=%s:6635,label=100,mode=%s", ends[side], ends[1-side], mode)
	}},
	{"xdp", func(_ *lab.Lab, _ int, mode string) string { return "eth:eth0,label=100,driver=xdp,mode=" + mode }},
}

// startTunnel starts both ends and addresses their devices.
func startTunnel(t *testing.T, ctx context.Context, l *lab.Lab, c carrier, mode string, args ...string) [2]*peer {
	t.Helper()
	var peers [2]*peer
	for side, h := range []*lab.Host{l.A, l.B} {
		args := append([]string{"--vc", "0/100", "--port", c.spec(l, side, mode)}, args...)
		peers[side] = startPeer(t, ctx, h, args...)
	}
	for side, p := range peers {
		p.address(t, ctx, side)
	}
	return peers
}

// Carrier MTUs: one that holds a 9180-octet SDU with every header, and Ethernet's.
const (
	bigCarrier   = 9400
	smallCarrier = 1500
)

// modes of ports.
var modes = []string{"n1", "n1cw", "aal5sdu", "vcc", "vpc", "aal5pdu", "port"}

// TestTunnel is the matrix: every mode, carrier, encapsulation, kind of device and
// MTU carries pings of all sizes and TCP, over IPv4 and IPv6, and loses nothing.
func TestTunnel(t *testing.T) {
	for _, c := range carriers {
		for i, mode := range modes {
			for _, encap := range []string{"llc", "vcmux"} {
				for _, kind := range []string{"--tap", "--tun"} {
					if i > 2 && (encap == "llc") != (kind == "--tap") { // what is above the port is n1's
						continue
					}
					for _, mtu := range []int{1500, 9180} {
						name := fmt.Sprintf("%s/%s/%s/%s/%d", c.name, mode, encap, kind[2:], mtu)
						t.Run(name, func(t *testing.T) {
							t.Parallel()
							testTunnel(t, c, mode, encap, kind, mtu)
						})
					}
				}
			}
		}
	}
}

func testTunnel(t *testing.T, c carrier, mode, encap, kind string, mtu int) {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	underlay := smallCarrier
	if mode == "aal5sdu" {
		underlay = mtu + bigCarrier - 9180
	}
	l := lab.ForTest(t, lab.Config{MTU: underlay})
	peers := startTunnel(t, ctx, l, c, mode, kind, tunnelDev, "--encap", encap, "--mtu", fmt.Sprint(mtu))
	for _, to := range []netip.Addr{inner4[1].Addr(), inner6[1].Addr()} {
		headers := 28
		if to.Is6() {
			headers = 48
		}
		for _, size := range []int{8, 40, 56, 1000, mtu - headers} {
			r, err := lab.Ping(ctx, l.A, to, lab.PingConfig{Count: 3, Size: size})
			if err != nil || r.Lost() != 0 || r.Damaged != 0 {
				t.Errorf("ping %s with %d octets: %v, %v", to, size, r, err)
			}
		}
		if _, err := lab.TCPTransfer(ctx, l.A, l.B, to, lab.TCPConfig{Octets: 4 << 20}); err != nil {
			t.Errorf("TCP to %s: %v", to, err)
		}
	}
	for _, p := range peers {
		r := p.stop(t)
		if r.Drops != 0 {
			t.Errorf("%s: %d drops: %v", p.host.Name, r.Drops, r.Counters)
		}
		if _, err := p.host.Link(tunnelDev); !errors.Is(err, link.ErrNotFound) {
			t.Errorf("%s: %s is still there: %v", p.host.Name, tunnelDev, err)
		}
	}
}
