package main

import (
	"bytes"
	enc "encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// Frames of RFC 4717 made by hand, bit for bit from the standards and without our
// own packages, so that what those get wrong is not repeated here.

const (
	cellOctets = 52  // a cell without its HEC (RFC 4717, section 8)
	testLabel  = 100 // of all pseudowires here
	shortFrame = 60  // Ethernet's shortest, without FCS
	etherMPLS  = 0x8847
	cellMPLS   = 28 // cells in a 1500-octet frame of label stack and cells
)

// labelEntry is one entry of a label stack (RFC 3032).
func labelEntry(label uint32, bottom bool) []byte {
	entry := label<<12 | 255
	if bottom {
		entry |= 1 << 8
	}
	return enc.BigEndian.AppendUint32(nil, entry)
}

// cell is one cell of the N-to-one form.
func cell(vpi, vci, pti, clp uint32, payload []byte) []byte {
	c := enc.BigEndian.AppendUint32(nil, vpi<<20|vci<<4|pti<<1|clp)
	return append(c, append(bytes.Clone(payload), make([]byte, 48-len(payload))...)...)
}

// crc32AAL5 is the CRC of I.363.5, bit by bit, most significant first.
func crc32AAL5(b []byte) uint32 {
	crc := ^uint32(0)
	for _, octet := range b {
		crc ^= uint32(octet) << 24
		for range 8 {
			if crc&(1<<31) != 0 {
				crc = crc<<1 ^ 0x04C11DB7
			} else {
				crc <<= 1
			}
		}
	}
	return ^crc
}

// cpcsPDU pads an SDU and adds the trailer of I.363.5.
func cpcsPDU(sdu []byte, length int) []byte {
	pdu := bytes.Clone(sdu)
	for len(pdu)%48 != 40 {
		pdu = append(pdu, 0)
	}
	pdu = enc.BigEndian.AppendUint32(pdu, uint32(length))
	return enc.BigEndian.AppendUint32(pdu, crc32AAL5(pdu))
}

// cells cuts a CPCS-PDU into cells of a VC.
func cells(vpi, vci uint32, pdu []byte) []byte {
	var out []byte
	for len(pdu) > 0 {
		pti := uint32(0)
		if len(pdu) == 48 {
			pti = 1
		}
		out = append(out, cell(vpi, vci, pti, 0, pdu[:48])...)
		pdu = pdu[48:]
	}
	return out
}

// reassemble gives the SDU of a whole CPCS-PDU, or what is wrong with it.
func reassemble(pdu []byte) ([]byte, error) {
	n := len(pdu)
	if n == 0 || n%48 != 0 {
		return nil, fmt.Errorf("%d octets are no whole cells", n)
	}
	if got, want := enc.BigEndian.Uint32(pdu[n-4:]), crc32AAL5(pdu[:n-4]); got != want {
		return nil, fmt.Errorf("CRC %08x, want %08x", got, want)
	}
	if pdu[n-7] != 0 {
		return nil, fmt.Errorf("CPI %d", pdu[n-7])
	}
	length := int(enc.BigEndian.Uint16(pdu[n-6:]))
	if length == 0 || (length+8+47)/48 != n/48 {
		return nil, fmt.Errorf("length %d in %d cells", length, n/48)
	}
	return pdu[:length], nil
}

// RFC 2684 headers.
var (
	llcBridged = []byte{0xAA, 0xAA, 0x03, 0x00, 0x80, 0xC2, 0x00, 0x07, 0x00, 0x00}
	llcRouted4 = []byte{0xAA, 0xAA, 0x03, 0x00, 0x00, 0x00, 0x08, 0x00}
)

// rawSender sends Ethernet frames as they are, from one host of a lab.
type rawSender struct {
	fd  int
	own net.HardwareAddr
}

func newRawSender(t *testing.T, h *lab.Host) *rawSender {
	t.Helper()
	s := &rawSender{}
	err := h.Do(func() (err error) {
		i, err := net.InterfaceByName(lab.Dev)
		if err != nil {
			return err
		}
		s.own = i.HardwareAddr
		if s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return unix.Bind(s.fd, &unix.SockaddrLinklayer{Ifindex: i.Index})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(s.fd) })
	return s
}

// send sends an MPLS frame, padded as Ethernet pads it.
func (s *rawSender) send(t *testing.T, mpls ...[]byte) {
	t.Helper()
	frame := s.ethernet(etherMPLS, mpls...)
	if len(frame) < shortFrame {
		frame = append(frame, make([]byte, shortFrame-len(frame))...)
	}
	s.sendFrame(t, frame)
}

// ethernet puts a header for the tunnel's group address before the parts.
func (s *rawSender) ethernet(etherType uint16, parts ...[]byte) []byte {
	frame := append([]byte{0x01, 0x00, 0x5E, 0x90, 0x00, 0x00}, s.own...)
	frame = enc.BigEndian.AppendUint16(frame, etherType)
	return append(frame, bytes.Join(parts, nil)...)
}

func (s *rawSender) sendFrame(t *testing.T, frame []byte) {
	t.Helper()
	if _, err := unix.Write(s.fd, frame); err != nil {
		t.Fatal(err)
	}
}

// packetListener sees what a device gives its host, as far as the packet level.
type packetListener struct{ fd int }

// listenPackets listens on a device, to what comes from then on.
func listenPackets(t *testing.T, h *lab.Host, dev string) *packetListener {
	t.Helper()
	l := &packetListener{}
	err := h.Do(func() error {
		i, err := net.InterfaceByName(dev)
		if err != nil {
			return err
		}
		all := int(enc.BigEndian.Uint16(enc.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL)))
		if l.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		if err := unix.SetsockoptTimeval(l.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5}); err != nil {
			return err
		}
		return unix.Bind(l.fd, &unix.SockaddrLinklayer{Protocol: uint16(all), Ifindex: i.Index})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(l.fd) })
	return l
}

// read gives the next frame that came from the device, not those sent to it.
func (l *packetListener) read(t *testing.T, buf []byte) []byte {
	t.Helper()
	for {
		n, from, err := unix.Recvfrom(l.fd, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype != unix.PACKET_OUTGOING {
			return buf[:n]
		}
	}
}

// received is the number of frames that a device has given to its host, as the
// kernel counts them.
func received(t *testing.T, h *lab.Host, dev string) int {
	t.Helper()
	var n int
	err := h.Do(func() error {
		b, err := os.ReadFile("/proc/thread-self/net/dev")
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(b)) {
			name, counts, _ := strings.Cut(strings.TrimSpace(line), ":")
			if name == dev {
				var octets int
				_, err := fmt.Sscan(counts, &octets, &n)
				return err
			}
		}
		return errors.New("no such device")
	})
	if err != nil {
		t.Fatalf("%s: %v", dev, err)
	}
	return n
}
