package main

import (
	be "encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// TestEntropyOfSourcePort shows that the remote's datagrams are taken whatever their
// source port, which holds the entropy of a flow (RFC 7510, section 3).
func TestEntropyOfSourcePort(t *testing.T) {
	l, p := udpListener(t)
	dialCarrier(t, l, "192.0.2.2:50001")(slices.Concat(goodFrames("n1")...))
	dialCarrier(t, l, "192.0.2.2:50002")(slices.Concat(goodFrames("n1")...))
	waitReceived(t, l.A, tunnelDev, 2)
	expectDrops(t, p.stop(t), "", 2)
}

// TestSourcePortOfLabels listens where the peer would: what a tunnel sends has a source port of the dynamic range, always
// the same for a label, and another for another label (RFC 7510, section 3); with entropy=off it is the local port.
func TestSourcePortOfLabels(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	var sink net.PacketConn
	if err := l.B.Do(func() (err error) {
		sink, err = net.ListenPacket("udp", l.B.Addr4.Addr().String()+":6635")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	source := func(label uint32, options string) uint16 {
		t.Helper()
		p := startPeer(t, ctx, l.A, "--tun", tunnelDev, "--vc", "0/100",
			"--port", "udp:0.0.0.0:6635,remote="+l.B.Addr4.Addr().String()+":6635,label="+fmt.Sprint(label)+options)
		p.address(t, ctx, 0)
		ports := map[uint16]bool{}
		if err := l.A.Do(func() error {
			out, err := net.Dial("udp", "198.51.100.2:9")
			if err != nil {
				return err
			}
			defer out.Close()
			for i := range 10 {
				if _, err := out.Write(make([]byte, 100*i)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for buf := make([]byte, 2000); ; {
			_ = sink.SetReadDeadline(time.Now().Add(30 * time.Second))
			n, from, err := sink.ReadFrom(buf)
			if err != nil {
				t.Fatal(err)
			}
			if n < 4 || be.BigEndian.Uint32(buf)>>12 != label {
				continue // the last of the tunnel before
			}
			at := netip.MustParseAddrPort(from.String())
			if ports[at.Port()] = true; at.Addr() != l.A.Addr4.Addr() || len(ports) > 1 {
				t.Fatalf("from %s, after ports %v", at, ports)
			}
			if n > 900 { // the last
				p.stop(t)
				return at.Port()
			}
		}
	}
	first, second, again, off := source(100, ""), source(101, ""), source(100, ""), source(102, ",entropy=off")
	if first < 49152 || second < 49152 || first == second || first != again {
		t.Errorf("label 100 by source port %d, label 101 by %d, label 100 again by %d", first, second, again)
	}
	if off != 6635 {
		t.Errorf("with entropy=off by %d", off)
	}
}
