package nic

import (
	"net/netip"
	"testing"
)

// TestUDPZeroChecksum sends datagrams without checksum over IPv6 (RFC 6935): they are taken
// where that was agreed, and else refused and counted.
func TestUDPZeroChecksum(t *testing.T) {
	for _, test := range []struct {
		name       string
		sends, has bool // without checksum: sent, agreed
		taken      int
	}{
		{"neither", false, false, 3},
		{"sent and agreed", true, true, 3},
		{"sent, not agreed", true, false, 0},
		{"agreed, not sent", false, true, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			var tx, rx Device
			in(t, namespace(t), func() (err error) {
				a, b := netip.MustParseAddrPort("[::1]:1001"), netip.MustParseAddrPort("[::1]:1002")
				if rx, err = OpenUDP(UDPConfig{Local: b, Remote: a, AnySourcePort: true, ZeroChecksum: test.has}); err != nil {
					return err
				}
				tx, err = OpenUDP(UDPConfig{Local: a, Remote: b, ZeroChecksum: test.sends})
				return err
			})
			closing(t, tx)
			closing(t, rx)
			frames := [][]byte{etherFrame(20, 1), etherFrame(1000, 2), etherFrame(60, 3)}
			transmitAll(t, tx, frames)
			if test.taken > 0 {
				equalFrames(t, receiveN(t, rx, test.taken), frames)
			} else {
				waitFor(t, rx, 1) // POLLIN
				for rx.Counters().RxChecksum < uint64(len(frames)) {
					if n, err := rx.Receive(buffers(4, 2048)); n != 0 || err != nil {
						t.Fatalf("%d frames, %v", n, err)
					}
				}
			}
			if c := rx.Counters(); c.RxFrames != uint64(test.taken) || c.RxChecksum != uint64(len(frames)-test.taken) {
				t.Errorf("%+v", c)
			}
		})
	}
}
