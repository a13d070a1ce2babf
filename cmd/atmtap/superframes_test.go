package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

var (
	loadFlag  = flag.Duration("load", 20*time.Second, "how long TestLoad loads each tunnel both ways")
	faultSeed = flag.Uint64("faultseed", 0, "seed of TestSuperFramesUnderFaults; 0: a new one")
)

// bothWays sends by TCP both ways at once, over both versions of IP if asked, and compares
// every octet.
func bothWays(t *testing.T, ctx context.Context, l *lab.Lab, v6 bool, cfg lab.TCPConfig) {
	t.Helper()
	var wait sync.WaitGroup
	for side, from := range []*lab.Host{l.A, l.B} {
		to := []*lab.Host{l.B, l.A}[side]
		addrs := []netip.Addr{inner4[1-side].Addr()}
		if v6 {
			addrs = append(addrs, inner6[1-side].Addr())
		}
		for _, addr := range addrs {
			wait.Go(func() {
				if _, err := lab.TCPTransfer(ctx, from, to, addr, cfg); err != nil {
					t.Errorf("TCP to %s: %v", addr, err)
				}
			})
		}
	}
	wait.Wait()
}

// checksumErrors are those that a host's kernel has found in TCP and UDP over IPv4, as
// /proc/net/snmp has them: a line of names, then one of values.
func checksumErrors(t *testing.T, h *lab.Host) (errs []string) {
	t.Helper()
	var text []byte
	if err := h.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/snmp")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	found := false
	lines := strings.Split(string(text), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
		for j, name := range names {
			if name != "InCsumErrors" {
				continue
			}
			if found = true; values[j] != "0" {
				errs = append(errs, names[0]+values[j])
			}
		}
	}
	if !found {
		t.Fatal("the kernel counts no checksum errors")
	}
	return errs
}

// sound ends a tunnel's peers, and wants no checksum error, and no super-frame given up.
func sound(t *testing.T, peers [2]*peer) {
	t.Helper()
	for _, p := range peers {
		if errs := checksumErrors(t, p.host); len(errs) > 0 {
			t.Errorf("%s: checksum errors %v", p.host.Name, errs)
		}
		r := p.stop(t)
		if n := r.Counters["tap"]["gso_fallbacks"] + r.Counters["port"]["gso_fallbacks"] + r.Counters["tap"]["rx_drop_malformed"]; n != 0 {
			t.Errorf("%s: counted %v", p.host.Name, r.Counters)
		}
	}
}

// TestSuperFrames is the matrix of --gso: ends with super-frames and without carry the same
// both ways, and what is written to the host has right checksums.
func TestSuperFrames(t *testing.T) {
	for _, c := range carriers {
		for _, mode := range []string{"n1", "n1cw", "aal5sdu"} {
			for _, kind := range []string{"--tap", "--tun"} {
				for _, gso := range [][2]string{{"on", "on"}, {"on", "off"}, {"off", "on"}, {"off", "off"}} {
					t.Run(fmt.Sprintf("%s/%s/%s/%s-%s", c.name, mode, kind[2:], gso[0], gso[1]), func(t *testing.T) {
						t.Parallel()
						ctx := testContext(t)
						l := lab.ForTest(t, lab.Config{MTU: 1600})
						var peers [2]*peer
						for side, h := range []*lab.Host{l.A, l.B} {
							peers[side] = startPeer(t, ctx, h, kind, tunnelDev, "--vc", "0/100", "--port", c.spec(l, side, mode), "--gso", gso[side])
						}
						for side, p := range peers {
							p.address(t, ctx, side)
						}
						pings(t, ctx, l.A, inner4[1].Addr(), 56)
						bothWays(t, ctx, l, true, lab.TCPConfig{Octets: 1 << 20})
						udp := lab.UDPConfig{Size: 1000, Count: 200, Rate: 20_000}
						if r, err := lab.UDPBlast(ctx, l.A, l.B, inner4[1].Addr(), udp); err != nil || r.Damaged != 0 || r.Received == 0 {
							t.Errorf("UDP: %v, %v, %d damaged", r, err, r.Damaged)
						}
						sound(t, peers)
					})
				}
			}
		}
	}
}

// TestLoad loads tunnels both ways for a while, and compares every octet.
func TestLoad(t *testing.T) {
	for _, c := range carriers[:2] {
		for _, mode := range []string{"n1", "aal5sdu"} {
			t.Run(c.name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), *loadFlag+2*time.Minute)
				defer cancel()
				l := lab.ForTest(t, lab.Config{MTU: 1600})
				peers := startTunnel(t, ctx, l, c, mode, "--tap", tunnelDev)
				pings(t, ctx, l.A, inner4[1].Addr(), 56)
				bothWays(t, ctx, l, true, lab.TCPConfig{Duration: *loadFlag})
				sound(t, peers)
			})
		}
	}
}

// harm is what a way between two tunnels does to datagrams, of a thousand.
type harm struct{ loss, repeat, reorder, flip int }

// harmful passes datagrams between two ends, from a socket of one of them, and harms some.
type harmful struct {
	conn *net.UDPConn
	ends [2]netip.AddrPort // where those from the other go
	rng  *rand.Rand
	harm harm
	done [4]int // of each kind of harm
	held [2][]byte
}

// run ends when the socket is closed. Each datagram meets each kind of harm on its own.
func (h *harmful) run() {
	buf := make([]byte, 1<<16)
	hit := func(kind, of int) bool {
		if h.rng.IntN(1000) >= of {
			return false
		}
		h.done[kind]++
		return true
	}
	for {
		n, from, err := h.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n == 0 {
			continue // nobody listens yet
		}
		side := 0 // where it goes
		if from.Addr().Unmap() == h.ends[0].Addr() {
			side = 1
		}
		if hit(0, h.harm.loss) {
			continue
		}
		if hit(3, h.harm.flip) {
			buf[h.rng.IntN(n)] ^= 1 << h.rng.IntN(8)
		}
		held := h.held[side]
		if h.held[side] = nil; held == nil && hit(2, h.harm.reorder) {
			h.held[side] = append([]byte(nil), buf[:n]...)
			continue
		}
		h.send(side, buf[:n])
		if hit(1, h.harm.repeat) {
			h.send(side, buf[:n])
		}
		if held != nil {
			h.send(side, held)
		}
	}
}

func (h *harmful) send(side int, datagram []byte) {
	_, _ = h.conn.WriteToUDPAddrPort(datagram, h.ends[side])
}

// TestSuperFramesUnderFaults loses, repeats, reorders and flips datagrams between two
// tunnels with super-frames. What TCP delivers has no wrong octet: what was damaged on the
// way is never joined to what is whole, and given to the host as if it were, too.
func TestSuperFramesUnderFaults(t *testing.T) {
	seed := *faultSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	for _, mode := range []string{"n1", "aal5sdu"} {
		for name, harm := range map[string]harm{
			"loss": {loss: 5}, "repeat": {repeat: 50}, "reorder": {reorder: 50}, "flip": {flip: 5},
			"all": {loss: 2, repeat: 10, reorder: 10, flip: 2},
		} {
			t.Run(mode+"/"+name, func(t *testing.T) {
				t.Parallel()
				ctx := testContext(t)
				l := lab.ForTest(t, lab.Config{MTU: 1600})
				h := &harmful{rng: rand.New(rand.NewPCG(seed, 1)), harm: harm}
				for side, host := range []*lab.Host{l.A, l.B} {
					h.ends[side] = netip.AddrPortFrom(host.Addr4.Addr(), 6635)
				}
				if err := l.B.Do(func() (err error) { // the way begins and ends in host b
					h.conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: l.B.Addr4.Addr().AsSlice(), Port: 7000})
					return err
				}); err != nil {
					t.Fatal(err)
				}
				ended := make(chan struct{})
				go func() {
					h.run()
					close(ended)
				}()
				var peers [2]*peer
				for side, host := range []*lab.Host{l.A, l.B} {
					peers[side] = startPeer(t, ctx, host, "--tap", tunnelDev, "--vc", "0/100", "--gso", "on", "--mtu", "1500",
						"--port", fmt.Sprintf("udp:%s,remote=%s:7000,label=100,mode=%s", h.ends[side], l.B.Addr4.Addr(), mode))
				}
				for side, p := range peers {
					p.address(t, ctx, side)
				}
				pings(t, ctx, l.A, inner4[1].Addr(), 56)
				bothWays(t, ctx, l, true, lab.TCPConfig{Octets: 1 << 20})
				for _, p := range peers {
					p.stop(t)
				}
				h.conn.Close()
				<-ended
				for kind, of := range []int{harm.loss, harm.repeat, harm.reorder, harm.flip} {
					if of > 0 && h.done[kind] == 0 {
						t.Errorf("seed %d: nothing was harmed: %v", seed, h.done)
					}
				}
				t.Logf("lost, repeated, reordered, flipped: %v", h.done)
			})
		}
	}
}
