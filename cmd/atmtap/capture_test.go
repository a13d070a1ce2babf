package main

import (
	"bytes"
	"context"
	enc "encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// erfRecord is one record of a --capture file, read by the layout of the pcap format
// and of Endace's records.
type erfRecord struct {
	at     time.Time
	sent   bool   // the record's interface: 1 is what we sent
	header uint32 // the cell header without HEC
	pdu    []byte
}

// readERF reads a --capture file and checks what all its records have in common.
func readERF(t *testing.T, file string) []erfRecord {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) < 24 || enc.LittleEndian.Uint32(b[20:]) != 197 {
		t.Fatalf("%s: %d octets, no pcap of link type 197", file, len(b))
	}
	var records []erfRecord
	for b = b[24:]; len(b) > 0; {
		n := int(enc.LittleEndian.Uint32(b[8:]))
		if len(b) < 16+n || n != int(enc.LittleEndian.Uint32(b[12:])) {
			t.Fatalf("record %d is cut short", len(records))
		}
		r := b[16 : 16+n]
		b = b[16+n:]
		fraction, seconds := enc.LittleEndian.Uint32(r), enc.LittleEndian.Uint32(r[4:])
		if r[8] != 4 || int(enc.BigEndian.Uint16(r[10:])) != n {
			t.Fatalf("record %d: type %d, length %d of %d", len(records), r[8], enc.BigEndian.Uint16(r[10:]), n)
		}
		records = append(records, erfRecord{
			at:     time.Unix(int64(seconds), int64(uint64(fraction)*1e9>>32)),
			sent:   r[9]&3 == 1,
			header: enc.BigEndian.Uint32(r[16:]),
			pdu:    r[20:],
		})
	}
	return records
}

// TestCaptureInTshark opens the captures of both ends in tshark: every PDU of both
// directions is there, of the right VC, and tshark calls its CRC good.
func TestCaptureInTshark(t *testing.T) {
	needTshark(t)
	for _, mode := range []string{"n1", "n1cw", "aal5sdu"} {
		for _, kind := range []string{"--tap", "--tun"} {
			t.Run(mode+"/"+kind[2:], func(t *testing.T) {
				t.Parallel()
				testCapture(t, mode, kind)
			})
		}
	}
}

func testCapture(t *testing.T, mode, kind string) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	begun := time.Now()
	var peers [2]*peer
	var files [2]string
	for i, h := range []*lab.Host{l.A, l.B} {
		files[i] = filepath.Join(t.TempDir(), "c.pcap")
		peers[i] = startPeer(t, ctx, h, kind, tunnelDev, "--vc", "5/1000",
			"--port", "eth:eth0,label=100,mode="+mode, "--capture", files[i])
	}
	for i, p := range peers {
		p.address(t, ctx, i)
	}
	for _, size := range []int{8, 100, 1472} {
		if r, err := lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 2, Size: size}); err != nil || r.Lost() != 0 {
			t.Errorf("ping: %v, %v", r, err)
		}
	}
	if _, err := lab.TCPTransfer(ctx, l.A, l.B, inner4[1].Addr(), lab.TCPConfig{Octets: 256 << 10}); err != nil {
		t.Error(err)
	}
	for i, p := range peers {
		r := p.stop(t)
		var sent, came uint64
		for _, c := range readERF(t, files[i]) {
			if c.sent {
				sent++
			} else {
				came++
			}
			if c.header != 5<<20|1000<<4|1<<1 {
				t.Fatalf("cell header %08x, want VPI 5, VCI 1000, PTI 1, CLP 0", c.header)
			}
			if c.at.Before(begun.Add(-time.Second)) || c.at.After(time.Now().Add(time.Second)) {
				t.Fatalf("time %v, want about %v", c.at, begun)
			}
			if _, err := reassemble(c.pdu); err != nil {
				t.Fatal(err)
			}
		}
		if sent != r.Counters["tap"]["rx_frames"] || came != r.Counters["tap"]["tx_frames"] || sent == 0 || came == 0 {
			t.Errorf("%s: %d PDUs sent and %d received, but the device has %v", p.host.Name, sent, came, r.Counters["tap"])
		}
		if n := r.Counters["capture"]; n["written"] != sent+came || n["missed_too_long"]+n["missed_disk_slow"] != 0 {
			t.Errorf("%s: counted %v for %d records", p.host.Name, n, sent+came)
		}
		judgeCapture(t, ctx, files[i], int(sent), int(came))
	}
}

var goodCRC = regexp.MustCompile(`AAL5 CRC: 0x[0-9a-f]{8} \(correct\)`)

// judgeCapture lets tshark judge a capture.
func judgeCapture(t *testing.T, ctx context.Context, file string, sent, came int) {
	t.Helper()
	out, err := exec.CommandContext(ctx, "tshark", "-n", "-r", file, "-O", "atm").Output()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(goodCRC.FindAll(out, -1)); n != sent+came {
		t.Errorf("tshark calls %d CRCs correct, want %d:\n%s", n, sent+came, out[:min(len(out), 2000)])
	}
	if bytes.Contains(out, []byte("incorrect")) {
		t.Errorf("tshark calls something incorrect")
	}
	fields := []string{
		"erf.types.type", "erf.flags.cap", "erf.flags.trunc", "erf.flags.rxe", "erf.rlen", "erf.wlen", "frame.len",
		"atm.vpi", "atm.vci", "atm.aal5t_len", "atm.hf_atm.aal5t_uu", "atm.hf_atm.aal5t_cpi", "icmp.type", "ip.len",
		"_ws.malformed", "_ws.expert.group", "_ws.expert.severity", "_ws.expert.message", "frame.protocols",
	}
	var directions [2]int
	echoes := map[string]int{}
	// LLC tells what follows. Without it tshark guesses, and is wrong now and then.
	for _, r := range dissect(t, ctx, file, "frame", nil, fields) {
		if err := r.clean(); err != nil {
			t.Fatalf("%v: %v", err, r)
		}
		if r["erf.types.type"] != "4" || r["erf.flags.trunc"] != "0" || r["erf.flags.rxe"] != "0" || r["atm.vpi"] != "5" || r["atm.vci"] != "1000" {
			t.Fatalf("tshark shows %v", r)
		}
		length, _ := strconv.Atoi(r["atm.aal5t_len"])
		octets, _ := strconv.Atoi(r["erf.wlen"])
		if length == 0 || 4+(length+8+47)/48*48 != octets {
			t.Fatalf("AAL5 length %d in a record of %d octets", length, octets)
		}
		directions[strings.IndexAny("01", r["erf.flags.cap"])]++
		if r["icmp.type"] != "" {
			echoes[r["icmp.type"]+" "+r["ip.len"]]++
		}
	}
	if directions != [2]int{came, sent} {
		t.Errorf("tshark shows %v of interfaces 0 and 1, want %d received and %d sent", directions, came, sent)
	}
	for _, size := range []int{8, 100, 1472} {
		for _, icmp := range []string{"8", "0"} {
			if n := echoes[fmt.Sprintf("%s %d", icmp, 28+size)]; n != 2 {
				t.Errorf("tshark shows %d ICMP of type %s with %d octets, want 2: %v", n, icmp, size, echoes)
			}
		}
	}
}

// TestPaddedFrames sends SDUs of 1 to 70 octets as Ethernet pads them: the length in
// the control word gives each back exactly, to the capture and to the host.
func TestPaddedFrames(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	const most = 70
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	file := filepath.Join(t.TempDir(), "c.pcap")
	p := startPeer(t, ctx, l.A, "--tun", tunnelDev, "--vc", "0/100", "--encap", "vcmux",
		"--port", "eth:eth0,label=100,mode=aal5sdu", "--capture", file)
	p.waitUp(t, ctx, tunnelDev)
	host := listenPackets(t, l.A, tunnelDev)
	raw := newRawSender(t, l.B)
	buf := make([]byte, 2048)
	var sent [][]byte
	for n := 1; n <= most; n++ {
		sdu := ipPacket(max(n, 20))
		for i := 20; i < n; i++ {
			sdu[i] = byte(i)
		}
		sent = append(sent, sdu[:n])
		length := byte(4 + n)
		if length >= 64 {
			length = 0
		}
		raw.send(t, ourLabel, []byte{0, length, 0, 0}, sdu[:n])
		if got := host.read(t, buf); !bytes.Equal(got, sdu[:n]) {
			t.Errorf("the host received %x, want %x", got, sdu[:n])
		}
	}
	r := p.stop(t)
	records := readERF(t, file)
	if len(records) != most {
		t.Fatalf("%d SDUs captured, want %d", len(records), most)
	}
	for i, c := range records {
		if got, err := reassemble(c.pdu); err != nil || !bytes.Equal(got, sent[i]) {
			t.Errorf("captured %x, %v; want %x", got, err, sent[i])
		}
	}
	if n := r.Counters["tap"]["tx_frames"]; n != most || r.Drops != 0 {
		t.Errorf("%d packets reached the host, want %d; drops %v", n, most, r.drops())
	}
}

// TestSmallDatagrams sends UDP payloads of 0 to 64 octets both ways over routed
// channels in frame mode: each arrives as it was sent, down to the smallest IP packet.
func TestSmallDatagrams(t *testing.T) {
	for _, encap := range []string{"llc", "vcmux"} {
		t.Run(encap, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			l := lab.ForTest(t, lab.Config{MTU: 1600})
			peers := startTunnel(t, ctx, l, carriers[0], "aal5sdu", "--tun", tunnelDev, "--encap", encap)
			smallDatagrams(t, l.A, l.B, inner4[0].Addr(), inner4[1].Addr())
			smallDatagrams(t, l.B, l.A, inner4[1].Addr(), inner4[0].Addr())
			bareHeader(t, l)
			for _, p := range peers {
				if r := p.stop(t); r.Drops != 0 {
					t.Errorf("%s: drops %v", p.host.Name, r.drops())
				}
			}
		})
	}
}

func smallDatagrams(t *testing.T, from, to *lab.Host, source, sink netip.Addr) {
	t.Helper()
	var out, in *net.UDPConn
	listen := func(h *lab.Host, at netip.Addr, conn **net.UDPConn) {
		err := h.Do(func() (err error) {
			*conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	listen(from, source, &out)
	defer out.Close()
	listen(to, sink, &in)
	defer in.Close()
	_ = in.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 2048)
	for n := range 65 {
		payload := bytes.Repeat([]byte{byte(n) | 0x80}, n)
		if _, err := out.WriteToUDP(payload, in.LocalAddr().(*net.UDPAddr)); err != nil {
			t.Fatal(err)
		}
		got, _, err := in.ReadFromUDP(buf)
		if err != nil || !bytes.Equal(buf[:got], payload) {
			t.Fatalf("%d octets: %x, %v", n, buf[:got], err)
		}
	}
}

// bareHeader sends an IP packet that is a header alone.
func bareHeader(t *testing.T, l *lab.Lab) {
	t.Helper()
	before := received(t, l.B, tunnelDev)
	packet := ipPacket(20)
	copy(packet[12:], slices.Concat(inner4[0].Addr().AsSlice(), inner4[1].Addr().AsSlice()))
	err := l.A.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Sendto(fd, packet, 0, &unix.SockaddrInet4{Addr: inner4[1].Addr().As4()})
	})
	if err != nil {
		t.Fatal(err)
	}
	waitReceived(t, l.B, tunnelDev, before+1)
}
