package nic

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/cellhub/cellhub/nic/link"
	"golang.org/x/sys/unix"
)

var atmtcpAddress = netip.MustParseAddrPort("127.0.0.1:2812")

func openATMTCP(t testing.TB, ns *link.Namespace, cfg ATMTCPConfig) (d Device) {
	t.Helper()
	in(t, ns, func() (err error) {
		d, err = OpenATMTCP(cfg)
		return err
	})
	return closing(t, d)
}

// sdu is a frame of the format with an SDU of that many octets.
func sdu(length int) []byte {
	f := make([]byte, ATMTCPHeader+length)
	binary.BigEndian.PutUint16(f[2:], 100)
	binary.BigEndian.PutUint32(f[4:], uint32(length))
	for i := range f[ATMTCPHeader:] {
		f[ATMTCPHeader+i] = byte(i*7 + length)
	}
	return f
}

// turn lets a device see to its link until it has a frame, or done says so.
func turn(t testing.TB, d Device, done func() bool) (frames [][]byte) {
	t.Helper()
	bufs := make([][]byte, maxBatch)
	for !done() {
		waitFor(t, d, unix.POLLIN)
		n, err := d.Receive(bufs)
		if err != nil && !errors.Is(err, ErrDown) {
			t.Fatal(err)
		}
		for _, f := range bufs[:n] {
			frames = append(frames, slices.Clone(f))
		}
		d.Release()
		if n > 0 && done == nil {
			return frames
		}
	}
	return frames
}

func up(d Device) func() bool { return func() bool { return d.(*atmtcp).state == atmtcpUp } }

func TestATMTCPBothWays(t *testing.T) {
	ns := namespace(t)
	a := openATMTCP(t, ns, ATMTCPConfig{Listen: atmtcpAddress})
	b := openATMTCP(t, ns, ATMTCPConfig{Remote: atmtcpAddress})
	turn(t, b, up(b))
	turn(t, a, up(a))
	var frames [][]byte
	for _, size := range []int{0, 1, 40, 48, 1500, 9180, 65535, 65534, 7} {
		frames = append(frames, sdu(size))
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		frames = append(frames, sdu(r.IntN(3000)))
	}
	for _, ends := range [][2]Device{{a, b}, {b, a}} {
		for batch := range slices.Chunk(frames, 30) {
			if n, err := ends[0].Transmit(batch); n != len(batch) || err != nil {
				t.Fatal(n, err)
			}
			var got [][]byte
			for len(got) < len(batch) {
				if ends[0].(*atmtcp).blocked { // what waits leaves when its own device is looked at
					if _, err := ends[0].Receive(make([][]byte, 1)); err != nil {
						t.Fatal(err)
					}
				}
				bufs := make([][]byte, maxBatch)
				n, err := ends[1].Receive(bufs)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range bufs[:n] {
					got = append(got, slices.Clone(f))
				}
				ends[1].Release()
			}
			equalFrames(t, got, batch)
		}
		if tx, rx := ends[0].Counters(), ends[1].Counters(); tx.TxFrames != rx.RxFrames || tx.TxOctets != rx.RxOctets {
			t.Errorf("sent %+v, received %+v", tx, rx)
		}
	}
}

// TestATMTCPPeer: a peer that writes octet by octet, one that sends what no SDU is, and
// one that goes and comes back.
func TestATMTCPPeer(t *testing.T) {
	ns := namespace(t)
	d := openATMTCP(t, ns, ATMTCPConfig{Listen: atmtcpAddress})
	dial := func() (c net.Conn) {
		in(t, ns, func() (err error) {
			c, err = net.Dial("tcp", atmtcpAddress.String())
			return err
		})
		t.Cleanup(func() { c.Close() })
		return c
	}
	if n, err := d.Transmit([][]byte{sdu(1)}); n != 1 || !errors.Is(err, ErrDown) || d.Counters().TxDown != 1 {
		t.Fatalf("without a peer: %d, %v, %+v", n, err, d.Counters())
	}
	c := dial()
	turn(t, d, up(d))
	want := [][]byte{sdu(5), sdu(0), sdu(300)}
	go func() {
		for _, f := range want {
			for i := range f {
				if _, err := c.Write(f[i : i+1]); err != nil {
					return
				}
			}
		}
	}()
	got := 0
	var frames [][]byte
	for got < len(want) {
		frames = append(frames, turn(t, d, func() bool { n := int(d.Counters().RxFrames); defer func() { got = n }(); return n != got })...)
	}
	equalFrames(t, frames, want)

	giant := make([]byte, ATMTCPHeader)
	binary.BigEndian.PutUint32(giant[4:], 1<<16)
	if _, err := c.Write(giant); err != nil {
		t.Fatal(err)
	}
	turn(t, d, func() bool { return d.(*atmtcp).state == atmtcpIdle })
	if n := d.Counters().RxMalformed; n != 1 {
		t.Errorf("%d malformed", n)
	}
	if _, err := io.ReadAll(c); err != nil && !errors.Is(err, unix.ECONNRESET) {
		t.Error(err)
	}
	first := dial()
	turn(t, d, up(d))
	second := dial() // takes the first one's place
	turn(t, d, func() bool {
		if d.(*atmtcp).state != atmtcpUp {
			return false
		}
		_, err := d.Transmit([][]byte{sdu(9)})
		return err == nil && d.(*atmtcp).count.TxFrames > 0
	})
	_, _ = first, second
}

// TestATMTCPSlowPeer: what a peer does not read waits up to the limit, and is then lost
// and counted; what it reads later is whole.
func TestATMTCPSlowPeer(t *testing.T) {
	ns := namespace(t)
	var l net.Listener
	in(t, ns, func() (err error) {
		l, err = net.Listen("tcp", atmtcpAddress.String())
		return err
	})
	defer l.Close()
	d := openATMTCP(t, ns, ATMTCPConfig{Remote: atmtcpAddress})
	turn(t, d, up(d))
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	f := sdu(60000)
	sent := 0
	for d.Counters().TxNoBuffer == 0 {
		if n, err := d.Transmit([][]byte{f}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		sent++
	}
	taken := int(d.Counters().TxFrames)
	if taken != sent-1 {
		t.Errorf("%d of %d taken", taken, sent)
	}
	done := make(chan error, 1)
	go func() {
		got := make([]byte, len(f))
		for range taken {
			if _, err := io.ReadFull(c, got); err != nil {
				done <- err
				return
			}
			if string(got) != string(f) {
				done <- errors.New("a frame is not what was sent")
				return
			}
		}
		done <- nil
	}()
	turn(t, d, func() bool { return !d.(*atmtcp).blocked })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestATMTCPLost: when a peer goes that has read a part of a frame, what waited for it is
// counted frame by frame: the octets of an SDU are no headers.
func TestATMTCPLost(t *testing.T) {
	ns := namespace(t)
	var l net.Listener
	in(t, ns, func() (err error) {
		l, err = net.Listen("tcp", atmtcpAddress.String())
		return err
	})
	defer l.Close()
	d := openATMTCP(t, ns, ATMTCPConfig{Remote: atmtcpAddress})
	turn(t, d, up(d))
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	f := make([]byte, ATMTCPHeader+65000) // of zeros: as headers they are thousands of empty SDUs
	binary.BigEndian.PutUint32(f[4:], 65000)
	for d.Counters().TxNoBuffer == 0 {
		if n, err := d.Transmit([][]byte{f}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	turn(t, d, func() bool { return d.(*atmtcp).state == atmtcpIdle })
	if n := d.Counters(); n.TxDown > n.TxFrames || n.TxDown == 0 {
		t.Errorf("%d frames lost of %d that were taken", n.TxDown, n.TxFrames)
	}
}
