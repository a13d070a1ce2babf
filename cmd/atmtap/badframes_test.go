package main

import (
	"bytes"
	"context"
	enc "encoding/binary"
	"fmt"
	"hash/crc32"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// drops are the counters of losses in a summary that are not 0, by group and name.
func (r report) drops() map[string]uint64 {
	lost := map[string]uint64{}
	for name, counts := range r.Counters {
		for count, n := range counts {
			if strings.Contains(count, "drop_") && n > 0 {
				lost[name+"."+count] = n
			}
		}
	}
	return lost
}

// waitReceived waits until a device has given its host n frames.
func waitReceived(t *testing.T, h *lab.Host, dev string, n int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for received(t, h, dev) < n {
		if time.Now().After(deadline) {
			t.Fatalf("%s: %d frames came from %s, want %d", h.Name, received(t, h, dev), dev, n)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// macFrame is an Ethernet frame to all, of IEEE's local experimental type.
func macFrame(size int) []byte {
	f := append(bytes.Repeat([]byte{0xFF}, 6), 0x02, 0, 0, 0, 0, 0x42, 0x88, 0xB5)
	for len(f) < size {
		f = append(f, byte(len(f)))
	}
	return f
}

// ipPacket is an IPv4 header for a packet of that many octets, and nothing else of use.
func ipPacket(size int) []byte {
	p := make([]byte, size)
	p[0], p[8], p[9] = 0x45, 64, 253
	enc.BigEndian.PutUint16(p[2:], uint16(size))
	copy(p[12:], []byte{198, 51, 100, 2, 198, 51, 100, 1})
	sum := uint32(0)
	for i := 0; i < 20; i += 2 {
		sum += uint32(enc.BigEndian.Uint16(p[i:]))
	}
	enc.BigEndian.PutUint16(p[10:], ^uint16(sum+sum>>16))
	return p
}

var (
	ourLabel = labelEntry(testLabel, true)
	zeroWord = make([]byte, 4) // a control word
)

// goodFrames are a whole SDU in each mode, for a bridged TAP with LLC.
func goodFrames(mode string) [][]byte {
	sdu := slices.Concat(llcBridged, macFrame(60))
	switch mode {
	case "n1":
		return [][]byte{ourLabel, cells(0, 100, cpcsPDU(sdu, len(sdu)))}
	case "n1cw":
		return [][]byte{ourLabel, zeroWord, cells(0, 100, cpcsPDU(sdu, len(sdu)))}
	}
	return [][]byte{ourLabel, zeroWord, sdu}
}

// pdu is the cells of a good PDU that carries an SDU.
func pdu(sdu ...[]byte) []byte {
	s := slices.Concat(sdu...)
	return cells(0, 100, cpcsPDU(s, len(s)))
}

// changed is a copy with one octet altered.
func changed(b []byte, at int, by byte) []byte {
	b = bytes.Clone(b)
	b[at] ^= by
	return b
}

// oamCell is a loopback cell of F5 as far as its header; its content does not matter.
func oamCell(pti uint32) []byte { return cell(0, 100, pti, 0, []byte{0x18, 0x01}) }

// vcc is a good bridged SDU of two cells and more.
var vcc = pdu(llcBridged, macFrame(60))

// overrun is more cells than the longest PDU has, and then a last one (I.363.5: 65,535
// octets and a trailer are 1,366 cells).
func overrun() [][]byte {
	var frames [][]byte
	for range 49 {
		frames = append(frames, slices.Concat(ourLabel, bytes.Repeat(cell(0, 100, 0, 0, nil), 28)))
	}
	return append(frames, slices.Concat(ourLabel, cell(0, 100, 1, 0, nil)))
}

// badFrame is what one test sends. A frame is what follows the Ethernet header.
type badFrame struct {
	name   string
	mode   string
	frames [][]byte
	drop   string // the one counter that rises, by one; "" when all is well
	good   int    // frames that the host gets of it all the same
}

func one(parts ...[]byte) [][]byte { return [][]byte{slices.Concat(parts...)} }

var badFrames = []badFrame{
	// Other pseudowires' frames are theirs: the socket's filter leaves them alone.
	{name: "another label", mode: "n1", frames: one(labelEntry(101, true), vcc)},
	{name: "a stack that goes on", mode: "n1", frames: one(labelEntry(testLabel, false), vcc)},
	{name: "a label above ours", mode: "n1", frames: one(labelEntry(99, false), ourLabel, vcc), good: 1},
	{name: "explicit null above ours", mode: "n1", frames: one(labelEntry(0, false), ourLabel, vcc), good: 1},
	{name: "router alert above ours", mode: "n1", frames: one(labelEntry(1, false), ourLabel, vcc), drop: "port.rx_drop_vccv"},
	{name: "no cells", mode: "n1", frames: one(ourLabel), drop: "port.rx_drop_length"},
	{name: "51 octets of a cell", mode: "n1", frames: one(ourLabel, vcc[:51]), drop: "port.rx_drop_length"},
	{name: "53 octets", mode: "n1", frames: one(ourLabel, vcc[:cellOctets+1]), drop: "port.rx_drop_length"},
	{name: "another VCI", mode: "n1", frames: one(ourLabel, cell(0, 101, 1, 0, nil)), drop: "associations.rx_drop_unknown_vc"},
	{name: "another VPI", mode: "n1", frames: one(ourLabel, cell(1, 100, 1, 0, nil)), drop: "associations.rx_drop_unknown_vc"},
	{name: "a VPI that differs in its 12th bit", mode: "n1", frames: one(ourLabel, cell(0x800, 100, 1, 0, nil)), drop: "associations.rx_drop_unknown_vc"},
	{name: "segment OAM", mode: "n1", frames: one(ourLabel, oamCell(4)), drop: "aal5.rx_drop_oam"},
	{name: "end-to-end OAM", mode: "n1", frames: one(ourLabel, oamCell(5)), drop: "aal5.rx_drop_oam"},
	{name: "resource management", mode: "n1", frames: one(ourLabel, oamCell(6)), drop: "aal5.rx_drop_rm"},
	{name: "reserved PTI", mode: "n1", frames: one(ourLabel, oamCell(7)), drop: "aal5.rx_drop_reserved"},
	{name: "a bit of the payload", mode: "n1", frames: one(ourLabel, changed(vcc, 30, 1)), drop: "aal5.rx_drop_crc"},
	{name: "a bit of the CRC", mode: "n1", frames: one(ourLabel, changed(vcc, len(vcc)-1, 0x80)), drop: "aal5.rx_drop_crc"},
	{name: "a cell short", mode: "n1", frames: one(ourLabel, vcc[cellOctets:]), drop: "aal5.rx_drop_crc"},
	{name: "a length for one cell more", mode: "n1", frames: one(ourLabel, cells(0, 100, cpcsPDU(macFrame(80), 89))), drop: "aal5.rx_drop_pdu_length"},
	{name: "a length for one cell less", mode: "n1", frames: one(ourLabel, cells(0, 100, cpcsPDU(macFrame(80), 40))), drop: "aal5.rx_drop_pdu_length"},
	{name: "an abort", mode: "n1", frames: one(ourLabel, cells(0, 100, cpcsPDU(macFrame(80), 0))), drop: "aal5.rx_drop_abort"},
	{name: "an overrun", mode: "n1", frames: overrun(), drop: "aal5.rx_drop_overrun"},
	{name: "no LLC", mode: "n1", frames: one(ourLabel, pdu([]byte{1})), drop: "rfc2684.rx_drop_encapsulation"},
	{name: "another SNAP", mode: "n1", frames: one(ourLabel, pdu([]byte{0xAA, 0xAA, 3, 0, 0, 1, 0, 7, 0, 0}, macFrame(60))), drop: "rfc2684.rx_drop_encapsulation"},
	{name: "bridged 802.5", mode: "n1", frames: one(ourLabel, pdu([]byte{0xAA, 0xAA, 3, 0, 0x80, 0xC2, 0, 9, 0, 0}, macFrame(60))), drop: "rfc2684.rx_drop_kind"},
	{name: "routed on a bridged VC", mode: "n1", frames: one(ourLabel, pdu(llcRouted4, ipPacket(40))), drop: "rfc2684.rx_drop_kind"},
	{name: "13 octets of a MAC frame", mode: "n1", frames: one(ourLabel, pdu(llcBridged, macFrame(14)[:13])), drop: "rfc2684.rx_drop_encapsulation"},

	{name: "VCCV", mode: "n1cw", frames: one(ourLabel, []byte{0x10, 0, 0, 0x21}, vcc), drop: "port.rx_drop_vccv"},
	{name: "no control word", mode: "n1cw", frames: one(ourLabel, cell(0x200, 100, 1, 0, nil)), drop: "port.rx_drop_control_word"},
	{name: "half a cell after the control word", mode: "n1cw", frames: one(ourLabel, zeroWord, vcc[:76]), drop: "port.rx_drop_length"},

	{name: "VCCV", mode: "aal5sdu", frames: one(ourLabel, []byte{0x10, 0, 0, 0x21}, llcBridged, macFrame(60)), drop: "port.rx_drop_vccv"},
	{name: "another label", mode: "aal5sdu", frames: one(labelEntry(16, true), zeroWord, llcBridged, macFrame(60))},
	{name: "a length over the frame's", mode: "aal5sdu", frames: one(ourLabel, []byte{0, 47, 0, 0}, make([]byte, 42)), drop: "port.rx_drop_length"},
	{name: "a length under the control word's", mode: "aal5sdu", frames: one(ourLabel, []byte{0, 3, 0, 0}), drop: "port.rx_drop_length"},
	{name: "an OAM cell", mode: "aal5sdu", frames: one(ourLabel, []byte{0x08, 56, 0, 0}, oamCell(5)), drop: "port.rx_drop_oam"},
	{name: "an SDU of 0 octets", mode: "aal5sdu", frames: one(ourLabel, []byte{0, 4, 0, 0}), drop: "rfc2684.rx_drop_encapsulation"},
	{name: "an SDU of 1 octet", mode: "aal5sdu", frames: one(ourLabel, []byte{0, 5, 0, 0, 0xAA}), drop: "rfc2684.rx_drop_encapsulation"},
	{name: "half an LLC header", mode: "aal5sdu", frames: one(ourLabel, []byte{0, 9, 0, 0}, llcBridged[:5]), drop: "rfc2684.rx_drop_encapsulation"},

	{name: "an unknown VC before ours", mode: "n1", frames: one(ourLabel, cell(0, 200, 1, 0, nil), vcc), drop: "associations.rx_drop_unknown_vc", good: 1},
	{name: "OAM inside a PDU", mode: "n1", frames: one(ourLabel, vcc[:cellOctets], oamCell(5), vcc[cellOctets:]), drop: "aal5.rx_drop_oam", good: 1},
	{name: "a cell too many before a PDU", mode: "n1", frames: one(ourLabel, vcc[:cellOctets], vcc, vcc), drop: "aal5.rx_drop_crc", good: 1},

	{name: "EFCI and CLP", mode: "n1", frames: one(ourLabel, changed(changed(vcc, 3, 0b0101), cellOctets+3, 0b0101)), good: 1},
	{name: "a PDU over two frames", mode: "n1", frames: [][]byte{slices.Concat(ourLabel, vcc[:cellOctets]), slices.Concat(ourLabel, vcc[cellOctets:])}, good: 1},
	{name: "two PDUs in a frame", mode: "n1", frames: one(ourLabel, vcc, vcc), good: 2},
	{name: "another traffic class and hop limit", mode: "n1", frames: one(changed(changed(ourLabel, 2, 0x0E), 3, 0xFE), vcc), good: 1},
	{name: "CPCS-UU", mode: "n1", frames: one(ourLabel, cells(0, 100, uuPDU(slices.Concat(llcBridged, macFrame(60)), 0x55))), good: 1},
	{name: "bridged with FCS", mode: "n1", frames: one(ourLabel, pdu([]byte{0xAA, 0xAA, 3, 0, 0x80, 0xC2, 0, 1, 0, 0}, withFCS(macFrame(60)))), good: 1},
	{name: "a sequence number and length", mode: "n1cw", frames: one(ourLabel, []byte{0, 56, 0x12, 0x34}, cell(0, 100, 0, 0, vcc[4:52]), vcc[cellOctets:]), good: 1},
	{name: "reserved bits of the control word", mode: "n1cw", frames: one(ourLabel, []byte{0, 0xC0, 0, 0}, vcc), good: 1},
	{name: "all flags but T", mode: "aal5sdu", frames: one(ourLabel, []byte{0x07, 0, 0xFF, 0xFF}, llcBridged, macFrame(60)), good: 1},
	{name: "the shortest bridged frame", mode: "aal5sdu", frames: one(ourLabel, []byte{0, 28, 0, 0}, llcBridged, macFrame(14)), good: 1},
}

// uuPDU is a PDU whose trailer has user-to-user octets.
func uuPDU(sdu []byte, uu byte) []byte {
	p := cpcsPDU(sdu, len(sdu))
	p[len(p)-8] = uu
	enc.BigEndian.PutUint32(p[len(p)-4:], crc32AAL5(p[:len(p)-4]))
	return p
}

// withFCS adds Ethernet's frame check sequence.
func withFCS(frame []byte) []byte {
	return enc.LittleEndian.AppendUint32(bytes.Clone(frame), crc32.ChecksumIEEE(frame))
}

// TestBadFrames sends frames made by hand, each to an atmtap of its own, and then a
// good one: what is wrong is one counted drop by cause, and never reaches the host.
func TestBadFrames(t *testing.T) {
	for _, b := range badFrames {
		t.Run(b.mode+"/"+b.name, func(t *testing.T) {
			t.Parallel()
			testBadFrame(t, b)
		})
	}
}

func testBadFrame(t *testing.T, b badFrame) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	p := startPeer(t, ctx, l.A, "--tap", tunnelDev, "--vc", "0/100", "--port", "eth:eth0,label=100,mode="+b.mode)
	p.waitUp(t, ctx, tunnelDev)
	raw := newRawSender(t, l.B)
	for _, f := range b.frames {
		raw.send(t, f)
	}
	raw.send(t, goodFrames(b.mode)...)
	waitReceived(t, l.A, tunnelDev, b.good+1)
	if n := received(t, l.A, tunnelDev); n != b.good+1 {
		t.Errorf("the host received %d frames, want %d", n, b.good+1)
	}
	expectDrops(t, p.stop(t), b.drop, b.good+1)
}

// expectDrops compares a summary with the one counter of losses that should be 1, and
// the frames that should have reached the host.
func expectDrops(t *testing.T, r report, drop string, good int) {
	t.Helper()
	want := map[string]uint64{}
	if drop != "" {
		want[drop] = 1
	}
	got := r.drops()
	if fmt.Sprint(got) != fmt.Sprint(want) || r.Drops != uint64(len(want)) {
		t.Errorf("drops %d by cause %v, want %v", r.Drops, got, want)
	}
	if n := r.Counters["tap"]["tx_frames"]; n != uint64(good) {
		t.Errorf("tap.tx_frames is %d, want %d", n, good)
	}
}

// TestBadEthernetFrames is what an Ethernet carrier alone can bring.
func TestBadEthernetFrames(t *testing.T) {
	tests := []struct {
		name, keys, drop string
		make             func(s *rawSender) []byte
	}{
		{"headers cut short", "", "", func(s *rawSender) []byte {
			return s.ethernet(etherMPLS, ourLabel[:2])
		}},
		{"a VLAN tag", "", "port.rx_drop_tagged", func(s *rawSender) []byte {
			return s.ethernet(0x8100, []byte{0, 7, 0x88, 0x47}, ourLabel, vcc)
		}},
		{"another station than the peer", ",peer=02:00:00:00:00:09", "port.rx_drop_station", func(s *rawSender) []byte {
			return s.ethernet(etherMPLS, ourLabel, vcc)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			l := lab.ForTest(t, lab.Config{})
			own, err := l.A.Link(lab.Dev)
			if err != nil {
				t.Fatal(err)
			}
			p := startPeer(t, ctx, l.A, "--tap", tunnelDev, "--vc", "0/100", "--port", "eth:eth0,label=100"+test.keys)
			p.waitUp(t, ctx, tunnelDev)
			raw := newRawSender(t, l.B)
			frame := test.make(raw)
			copy(frame, own.HardwareAddr) // a peer's frames come to the station
			raw.sendFrame(t, frame)
			good := raw.ethernet(etherMPLS, goodFrames("n1")...)
			copy(good, own.HardwareAddr)
			if test.keys != "" {
				copy(good[6:], net.HardwareAddr{2, 0, 0, 0, 0, 9})
			}
			raw.sendFrame(t, good)
			waitReceived(t, l.A, tunnelDev, 1)
			expectDrops(t, p.stop(t), test.drop, 1)
		})
	}
}

// TestBadDatagrams is what a UDP carrier can bring.
func TestBadDatagrams(t *testing.T) {
	tests := []struct {
		name     string
		datagram []byte
		drop     string
		good     int
	}{
		{"empty", nil, "port.rx_drop_frame", 0},
		{"half a label", ourLabel[:2], "port.rx_drop_frame", 0},
		{"another label", slices.Concat(labelEntry(17, true), vcc), "port.rx_drop_label", 0},
		{"not whole cells", slices.Concat(ourLabel, vcc, []byte{0}), "port.rx_drop_length", 0},
		{"a good one", slices.Concat(ourLabel, vcc), "", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l, p := udpListener(t)
			send := dialCarrier(t, l, "192.0.2.2:6635")
			send(test.datagram)
			send(slices.Concat(goodFrames("n1")...))
			waitReceived(t, l.A, tunnelDev, 1+test.good)
			expectDrops(t, p.stop(t), test.drop, 1+test.good)
		})
	}
}

// TestForeignDatagrams shows that other hosts' datagrams are not taken.
func TestForeignDatagrams(t *testing.T) {
	l, p := udpListener(t)
	if err := l.B.AddAddr(lab.Dev, netip.MustParsePrefix("192.0.2.3/24")); err != nil {
		t.Fatal(err)
	}
	dialCarrier(t, l, "192.0.2.3:6635")(slices.Concat(goodFrames("n1")...))
	dialCarrier(t, l, "192.0.2.2:6635")(slices.Concat(goodFrames("n1")...))
	waitReceived(t, l.A, tunnelDev, 1)
	r := p.stop(t)
	if n := r.Counters["tap"]["tx_frames"]; n != 1 {
		t.Errorf("tap.tx_frames is %d, want 1", n)
	}
}

// udpListener is an atmtap on the UDP carrier in host A.
func udpListener(t *testing.T) (*lab.Lab, *peer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	l := lab.ForTest(t, lab.Config{})
	p := startPeer(t, ctx, l.A, "--tap", tunnelDev, "--vc", "0/100", "--port", carriers[1].spec(l, 0, "n1"))
	p.waitUp(t, ctx, tunnelDev)
	return l, p
}

// dialCarrier gives a function that sends datagrams from an address in host B to the
// tunnel's end in host A.
func dialCarrier(t *testing.T, l *lab.Lab, from string) func([]byte) {
	t.Helper()
	var conn net.Conn
	err := l.B.Do(func() (err error) {
		local, err := net.ResolveUDPAddr("udp", from)
		if err != nil {
			return err
		}
		conn, err = net.DialUDP("udp", local, &net.UDPAddr{IP: l.A.Addr4.Addr().AsSlice(), Port: 6635})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return func(b []byte) {
		t.Helper()
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
}
