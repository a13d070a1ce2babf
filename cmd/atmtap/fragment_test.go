package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// fragmented puts frag=on into the specification of a carrier.
func fragmented(c carrier) carrier {
	return carrier{c.name, func(l *lab.Lab, side int, mode string) string { return c.spec(l, side, mode) + ",seq=on,frag=on" }}
}

// Packets of 1500 octets and of 9180 over a carrier of 1280, in fragments, and nothing is lost. tshark reads B and E
// where RFC 4717 has two reserved bits, numbers without a gap, and lengths that are the frame's.
func TestFragments(t *testing.T) {
	needTshark(t)
	for _, c := range carriers[:2] {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			l := lab.ForTest(t, lab.Config{MTU: 1280, NoOffloads: true})
			file := filepath.Join(t.TempDir(), "wire.pcap")
			capture, err := lab.CaptureEth(l.B, lab.Dev, file)
			if err != nil {
				t.Fatal(err)
			}
			startTunnel(t, ctx, l, fragmented(c), "aal5sdu", "--tap", tunnelDev, "--mtu", "9180")
			for _, size := range []int{8, 500, 1472, 9152} {
				if r, err := lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 3, Size: size}); err != nil || r.Lost() != 0 || r.Damaged != 0 {
					t.Errorf("ping with %d octets: %v, %v", size, r, err)
				}
			}
			if _, err := lab.TCPTransfer(ctx, l.A, l.B, inner4[1].Addr(), lab.TCPConfig{Octets: 256 << 10}); err != nil {
				t.Error(err)
			}
			if _, err := capture.Stop(); err != nil {
				t.Fatal(err)
			}
			checkFragments(t, ctx, file, c.name)
		})
	}
}

func checkFragments(t *testing.T, ctx context.Context, file, carrier string) {
	t.Helper()
	rules := []string{"-d", fmt.Sprintf("mpls.label==%d,%s", testLabel, dissectors["aal5sdu"])}
	type side struct {
		number, packets int
		open            bool
	}
	sides := map[string]*side{}
	for i, r := range dissect(t, ctx, file, "mpls", rules, []string{"eth.src", "frame.len", "pw.cw.rsv", "pw.cw.length", "pw.cw.seqno"}) {
		first := func(field string) string { return strings.Split(r[field], ",")[0] } // of the frame, not of what is inside
		s := sides[first("eth.src")]
		if s == nil {
			s = &side{}
			sides[first("eth.src")] = s
		}
		s.number++
		n, _ := strconv.Atoi(first("frame.len"))
		n -= 14 + 4
		if carrier == "udp" {
			n -= 20 + 8
		}
		length := "0"
		if n < 64 {
			length = strconv.Itoa(n)
		}
		if first("pw.cw.seqno") != strconv.Itoa(s.number) || first("pw.cw.length") != length {
			t.Fatalf("frame %d: number %s, length %s; want %d, %s", i, r["pw.cw.seqno"], r["pw.cw.length"], s.number, length)
		}
		switch part := first("pw.cw.rsv"); {
		case part == "0" && !s.open:
		case part == "1" && !s.open:
			s.open = true
		case part == "3" && s.open:
		case part == "2" && s.open:
			s.open = false
			s.packets++
		default:
			t.Fatalf("frame %d: B and E are %s, a packet has begun: %v", i, part, s.open)
		}
	}
	if len(sides) != 2 {
		t.Fatalf("%d stations", len(sides))
	}
	for from, s := range sides {
		if s.open || s.packets == 0 {
			t.Errorf("%s: %d packets in fragments, open %v", from, s.packets, s.open)
		}
	}
}
