package main

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// ECN fields, RFC 3168.
const (
	ect0 = 2
	ce   = 3
)

// ecnTunnel is one end of a tunnel over UDP in host A, with a plain socket in host B for the other, which has the class of
// what it sends set and is told that of what it receives.
func ecnTunnel(t *testing.T, l *lab.Lab, mode, options string) (p *peer, far *net.UDPConn) {
	t.Helper()
	ctx := testContext(t)
	p = startPeer(t, ctx, l.A, "--tun", tunnelDev, "--vc", "0/100", "--port", carriers[1].spec(l, 0, mode)+options)
	p.address(t, ctx, 0)
	err := l.B.Do(func() error {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: l.B.Addr4.Addr().AsSlice(), Port: 6635})
		if err != nil {
			return err
		}
		t.Cleanup(func() { _ = conn.Close() })
		far = conn
		return onSocket(conn, func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVTOS, 1) })
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, far
}

func onSocket(conn *net.UDPConn, do func(fd int) error) error {
	raw, err := conn.SyscallConn()
	if err == nil {
		if e := raw.Control(func(fd uintptr) { err = do(int(fd)) }); e != nil {
			err = e
		}
	}
	return err
}

// TestECNCopied sends packets with a mark into the tunnel: the datagrams have it only when asked to, and then in each
// mode, beside their code point.
func TestECNCopied(t *testing.T) {
	for _, mode := range []string{"n1", "n1cw", "aal5sdu"} {
		for options, want := range map[string]byte{"": 0, ",ecn=off,dscp=46": 46 << 2, ",ecn=copy": ect0, ",ecn=copy,dscp=46": 46<<2 | ect0} {
			t.Run(mode+options, func(t *testing.T) {
				t.Parallel()
				l := lab.ForTest(t, lab.Config{MTU: smallCarrier + 100})
				_, far := ecnTunnel(t, l, mode, options)
				err := l.A.Do(func() error {
					out, err := net.Dial("udp4", "198.51.100.2:9")
					if err != nil {
						return err
					}
					defer out.Close()
					err = onSocket(out.(*net.UDPConn), func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, ect0) })
					if err == nil {
						_, err = out.Write(make([]byte, 1100)) // longer than what the host says by itself
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				buf, oob := make([]byte, 2000), make([]byte, 100)
				for n := 0; n < 1000; {
					_ = far.SetReadDeadline(time.Now().Add(patience))
					var on int
					if n, on, _, _, err = far.ReadMsgUDP(buf, oob); err != nil {
						t.Fatal(err)
					}
					if n < 1000 {
						continue
					}
					messages, err := unix.ParseSocketControlMessage(oob[:on])
					if err != nil || len(messages) != 1 || messages[0].Data[0] != want {
						t.Errorf("class %+v, %v; want %#x", messages, err, want)
					}
				}
			})
		}
	}
}

// TestCongestionPassedOn has datagrams come that met congestion: packets whose transport takes marks are marked, others
// dropped and counted (RFC 6040, section 4.2); without congestion both come as they are.
func TestCongestionPassedOn(t *testing.T) {
	for _, mode := range []string{"n1", "n1cw", "aal5sdu"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			l := lab.ForTest(t, lab.Config{MTU: smallCarrier + 100})
			p, far := ecnTunnel(t, l, mode, "")
			seen := listenPackets(t, l.A, tunnelDev)
			sent := map[string]bool{}
			for i, c := range []struct{ outer, inner, want byte }{
				{ect0, ect0, ect0}, {ce, ect0, ce}, {ce, 0, 0xFF}, {0, ce, ce}, {ect0, 0, 0}, {ce, ce, ce}, {0, ect0, ect0},
			} {
				packet := ipPacket(200 + i)
				packet[1] = c.inner
				setChecksum(packet)
				if err := onSocket(far, func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, int(c.outer)) }); err != nil {
					t.Fatal(err)
				}
				sdu := append(append([]byte{}, llcRouted4...), packet...)
				if _, err := far.WriteTo(ecnFrame(mode, sdu), &net.UDPAddr{IP: l.A.Addr4.Addr().AsSlice(), Port: 6635}); err != nil {
					t.Fatal(err)
				}
				if c.want != 0xFF {
					packet[1] = c.want
					setChecksum(packet)
					sent[string(packet)] = true
				}
			}
			buf := make([]byte, 2000)
			for len(sent) > 0 {
				packet := string(seen.read(t, buf))
				if len(packet) >= 200 && !sent[packet] {
					t.Errorf("%d octets with class %#x came", len(packet), packet[1])
				}
				delete(sent, packet)
			}
			expectDrops(t, p.stop(t), "rfc2684.rx_drop_not_ect", 6)
		})
	}
}

// ecnFrame is an SDU as a peer of the mode sends it, in one datagram.
func ecnFrame(mode string, sdu []byte) []byte {
	frame := append([]byte{}, ourLabel...)
	if mode != "n1" {
		frame = append(frame, zeroWord...)
	}
	if mode == "aal5sdu" {
		return append(frame, sdu...)
	}
	return append(frame, cells(0, 100, cpcsPDU(sdu, len(sdu)))...)
}

// setChecksum makes the checksum of an IPv4 header right.
func setChecksum(p []byte) {
	p[10], p[11] = 0, 0
	sum := uint32(0)
	for i := 0; i < 20; i += 2 {
		sum += uint32(p[i])<<8 | uint32(p[i+1])
	}
	for sum > 0xFFFF {
		sum = sum>>16 + sum&0xFFFF
	}
	p[10], p[11] = byte(^sum>>8), byte(^sum)
}
