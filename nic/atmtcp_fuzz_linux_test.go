package nic

import (
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzATMTCP: whatever octets a peer sends, in whatever pieces, frames are cut from them as
// their lengths say, up to the first that is too long: then the connection ends, and that is
// counted.
func FuzzATMTCP(f *testing.F) {
	f.Fuzz(func(t *testing.T, stream []byte, piece uint16) {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(pair[1])
		d := &atmtcp{epoll: -1, timer: -1, listener: -1, conn: -1, in: make([]byte, atmtcpReceive)}
		defer d.Close()
		if d.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		d.adopt(pair[0])
		if len(stream) > 1<<16 {
			stream = stream[:1<<16]
		}
		var got [][]byte
		bufs := make([][]byte, 3)
		for left := stream; len(left) > 0 && d.state == atmtcpUp; {
			n := min(len(left), int(piece)+1)
			if _, err := unix.Write(pair[1], left[:n]); err != nil {
				t.Fatal(err)
			}
			left = left[n:]
			for n = 1; n > 0; {
				if n, err = d.Receive(bufs); err != nil && !errors.Is(err, ErrDown) {
					t.Fatal(err)
				}
				for _, b := range bufs[:n] {
					got = append(got, append([]byte(nil), b...))
				}
			}
		}
		rest := stream
		malformed := false
		for len(rest) >= ATMTCPHeader {
			n := uint64(binary.BigEndian.Uint32(rest[4:])) + ATMTCPHeader
			if malformed = n > MaxATMTCP; malformed || n > uint64(len(rest)) {
				break
			}
			if len(got) == 0 || string(got[0]) != string(rest[:n]) {
				t.Fatalf("a frame of %d octets is not given out", n)
			}
			got, rest = got[1:], rest[n:]
		}
		if len(got) != 0 || malformed != (d.state != atmtcpUp) || malformed != (d.count.RxMalformed == 1) {
			t.Errorf("%d more, malformed %v, state %d, %+v", len(got), malformed, d.state, d.count)
		}
	})
}
