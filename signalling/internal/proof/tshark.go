package proof

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Channel is what a SunATM record begins with: what it carries, VPI, and VCI
// (tcpdump.org/linktypes/LINKTYPE_SUNATM.html).
type Channel [4]byte

// The channels of the protocols.
var (
	ChannelILMI       = Channel{5, 0, 0, 16}
	ChannelSignalling = Channel{6, 0, 0, 5}
	ChannelLLC        = Channel{2, 0, 0, 100} // any VC with LLC (RFC 2684)
)

const (
	linkSunATM = 123
	snapLength = 1 << 18
)

// Tshark gives what tshark prints of PDUs of a channel. It skips the test where there is no
// tshark.
func Tshark(t *testing.T, on Channel, pdus [][]byte, options ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	order := binary.BigEndian
	file := []byte{0xA1, 0xB2, 0xC3, 0xD4, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0}
	file = order.AppendUint32(order.AppendUint32(file, snapLength), linkSunATM)
	for _, pdu := range pdus {
		n := uint32(len(on) + len(pdu))
		file = append(file, 0, 0, 0, 1, 0, 0, 0, 0)
		file = order.AppendUint32(order.AppendUint32(file, n), n)
		file = append(append(file, on[:]...), pdu...)
	}
	name := filepath.Join(t.TempDir(), "pdus.pcap")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, append([]string{"-n", "-r", name}, options...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Fields has tshark decode PDUs of a channel, and gives of each the fields, with | between
// them.
func Fields(t *testing.T, on Channel, pdus [][]byte, options []string, fields ...string) []string {
	t.Helper()
	options = append([]string{"-T", "fields", "-E", "separator=|"}, options...)
	for _, f := range fields {
		options = append(options, "-e", f)
	}
	out := Tshark(t, on, pdus, options...)
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(pdus) {
		t.Fatalf("tshark shows %d records of %d", len(lines), len(pdus))
	}
	return lines
}
