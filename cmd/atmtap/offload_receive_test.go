package main

import (
	"bytes"
	"net"
	"slices"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// TestOffloadReceive has the kernel receive frames made by hand (RFC 4717, 11.1; RFC 2684): what is an SDU with a bridged
// frame reaches the host as it was, all else the hub, which counts it by cause, or nobody.
func TestOffloadReceive(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	p := startPeer(t, ctx, l.A, "--tap", tunnelDev, "--vc", "0/100", "--mtu", "1400", "--port", carriers[0].spec(l, 0, "aal5sdu"), "--offload", "on", "--bpffs", bpffsForTest(t))
	p.address(t, ctx, 0)
	s, host := newRawSender(t, l.B), listenPackets(t, l.A, tunnelDev)
	mac := func() (mac net.HardwareAddr) {
		state, err := l.A.Link(tunnelDev)
		if err != nil {
			t.Fatal(err)
		}
		return state.HardwareAddr
	}()
	label, word := labelEntry(testLabel, true), []byte{0, 0, 0, 0}
	ipv4, ipv6, arp := []byte{0x08, 0}, []byte{0x86, 0xDD}, []byte{0x08, 0x06}
	long := ofHost(mac, ipv4, 200)
	short := ofHost(mac, arp, 30) // whole, with LLC, of 58 octets in the control word's count
	for _, c := range []struct {
		name  string
		sdu   []byte
		parts [][]byte // before LLC and SNAP
	}{
		{"IPv4", long, [][]byte{label, word}},
		{"IPv6", ofHost(mac, ipv6, 200), [][]byte{label, word}},
		{"ARP, padded by Ethernet", short, [][]byte{label, {0, 58, 0, 0}}},
		{"802.3", ofHost(mac, []byte{0, 100}, 100), [][]byte{label, word}},
		{"a tag", ofHost(mac, []byte{0x81, 0, 0, 5, 0x08, 0}, 200), [][]byte{label, word}},
		{"a sequence number, which nobody asked for", long, [][]byte{label, {0, 0, 0x12, 0x34}}},
		{"EFCI, CLP and UU", long, [][]byte{label, {0x07, 0, 0, 0}}},
		{"three labels", long, [][]byte{labelEntry(17, false), labelEntry(18, false), label, word}},
		{"two tags, by the hub", ofHost(mac, []byte{0x88, 0xA8, 0, 7, 0x81, 0, 0, 5, 0x08, 0}, 200), [][]byte{label, word}},
		{"too short for the kernel, by the hub", ofHost(mac, ipv4, 10), [][]byte{label, {0, 38, 0, 0}}},
	} {
		s.send(t, append(slices.Clone(c.parts), llcBridged, c.sdu)...)
		expectOurs(t, host, c.name, c.sdu)
	}
	oam := cell(0, 100, 5, 0, []byte{0x18, 1, 0, 0, 0, 1})
	for _, refused := range [][][]byte{
		{label, {0x08, 0, 0, 0}, oam},                    // T: an administrative cell, the hub's
		{label, {0x10, 0, 0, 0}, llcBridged, long},       // VCCV
		{label, {0x20, 0, 0, 0}, llcBridged, long},       // no control word
		{label, {0, 63, 0, 0}, llcBridged[:5]},           // longer than the frame
		{label, {0, 3, 0, 0}, llcBridged, long},          // shorter than the control word
		{label, word, llcRouted4, long},                  // routed
		{labelEntry(99, true), word, llcBridged, long},   // another's label
		{labelEntry(testLabel, false), word, llcBridged}, // a stack that goes on
		{label}, // nothing
	} {
		s.send(t, refused...)
	}
	last := ofHost(mac, ipv4, 10) // by the hub, which has seen all before it then
	s.send(t, label, []byte{0, 38, 0, 0}, llcBridged, last)
	expectOurs(t, host, "what comes after", last)
	n := p.stop(t).Counters
	k, port := n["kernel"], n["port"]
	if k["rx_frames"] < 8 || k["rx_to_hub"] < 8 || k["rx_drop_failed"]+k["rx_drop_no_hub"] != 0 || port["rx_cells"] != 1 || port["rx_drop_vccv"] != 1 ||
		port["rx_drop_control_word"] == 0 || port["rx_drop_length"] == 0 || n["rfc2684"]["rx_drop_kind"]+n["rfc2684"]["rx_drop_encapsulation"] == 0 {
		t.Errorf("counted %v, %v, %v", k, port, n["rfc2684"])
	}
}

// expectOurs wants a frame of ours from the device, octet by octet. A tag is not shown: the kernel has taken it out.
func expectOurs(t *testing.T, from *packetListener, name string, want []byte) {
	t.Helper()
	if enc := want[12:14]; bytes.Equal(enc, []byte{0x81, 0}) || bytes.Equal(enc, []byte{0x88, 0xA8}) {
		want = slices.Concat(want[:12], want[16:])
	}
	buf := make([]byte, 2000)
	for {
		f := from.read(t, buf)
		if !bytes.Contains(f, ours) {
			continue
		}
		if !bytes.Equal(f, want) {
			t.Errorf("%s:\n%x, want\n%x", name, f, want)
		}
		return
	}
}
