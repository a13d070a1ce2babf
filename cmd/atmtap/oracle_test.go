package main

import (
	"bytes"
	"context"
	enc "encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// dissectors are tshark's, by mode.
var dissectors = map[string]string{
	"n1": "mplspwatmn1nocw", "n1cw": "mplspwatmn1cw", "aal5sdu": "mplspwatmaal5sdu",
	"port": "mplspwatmn1nocw", // RFC 4816: the same frames
	"vcc":  "mplspwatm11_or_aal5pdu", "vpc": "mplspwatm11_or_aal5pdu", "aal5pdu": "mplspwatm11_or_aal5pdu",
}

// wireFields are what tshark tells of every frame of a pseudowire.
var wireFields = []string{
	"eth.src", "frame.len", "udp.dstport", "mpls.label", "mpls.exp", "mpls.bottom", "mpls.ttl",
	"atm.vpi", "atm.vci", "atm.pti", "atm.clp", "pw.atm.n1_nocw.cells", "pw.atm.n1_cw.cells",
	"pw.atm.11.cells", "pw.type.atm.11vcc", "pw.type.atm.11vpc", "pw.type.atm.aal5pdu",
	"atm.pw_control_byte.m", "atm.pw_control_byte.v", "atm.pw_control_byte.rsv", "atm.pw_control_byte.u", "atm.pw_control_byte.efci",
	"atm.cells", "atm.aal5t_len",
	"pw.cw.bits03", "pw.cw.flags", "atm.pt", "atm.efci", "pw.cw.aal5sdu.u", "pw.cw.rsv", "pw.cw.length", "pw.cw.seqno",
	"icmp.type", "ip.len", "arp.opcode", "tcp.len", "data.data", "mpls",
	"_ws.malformed", "_ws.expert.group", "_ws.expert.severity", "frame.protocols",
}

// row is one frame as tshark sees it, by field.
type row map[string]string

func (r row) list(field string) []string {
	if r[field] == "" {
		return nil
	}
	return strings.Split(r[field], ",")
}

// dissect reads a capture with tshark: the fields of each frame that matches a filter.
// A field that occurs more than once has its values joined by commas.
func dissect(t *testing.T, ctx context.Context, file, filter string, options, fields []string) []row {
	t.Helper()
	// What TCP carries here is no protocol, whatever its ports look like.
	args := append([]string{"-n", "-r", file, "-d", "tcp.port==1-65535,data", "-Y", filter, "-T", "fields"}, options...)
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out, err := exec.CommandContext(ctx, "tshark", args...).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	var rows []row
	for line := range strings.Lines(string(out)) {
		r := row{}
		for i, value := range strings.Split(strings.TrimSuffix(line, "\n"), "\t") {
			r[fields[i]] = value
		}
		rows = append(rows, r)
	}
	return rows
}

// needTshark skips a test on a machine without tshark.
func needTshark(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("needs tshark")
	}
}

// tshark's numbers for expert items (epan/expert.h).
const (
	expertWarning  = 0x00600000
	expertSequence = 0x02000000 // TCP's course of events, which is no matter of ours
)

// clean complains of frames that tshark finds fault with.
func (r row) clean() error {
	if r["_ws.malformed"] != "" {
		return fmt.Errorf("malformed: %s", r["_ws.malformed"])
	}
	groups, severities := r.list("_ws.expert.group"), r.list("_ws.expert.severity")
	for i, s := range severities {
		severity, _ := strconv.Atoi(s)
		group, _ := strconv.Atoi(groups[i])
		if severity >= expertWarning && group != expertSequence {
			return fmt.Errorf("expert information of group %#x, severity %#x", group, severity)
		}
	}
	return nil
}

// TestFramesDecodeInTshark captures the carrier while pings and TCP cross, and
// compares what tshark makes of every frame with RFC 4717, RFC 3032 and I.363.5.
func TestFramesDecodeInTshark(t *testing.T) {
	needTshark(t)
	for _, c := range carriers {
		for _, mode := range modes {
			for _, kind := range []string{"--tap", "--tun"} {
				encap := map[string]string{"--tap": "llc", "--tun": "vcmux"}[kind]
				if strings.HasPrefix(mode, "aal5") { // here tshark looks inside, and guesses where there is no LLC
					encap = "llc"
				}
				t.Run(c.name+"/"+mode+"/"+kind[2:]+"-"+encap, func(t *testing.T) {
					t.Parallel()
					testFrames(t, c, mode, kind, encap)
				})
			}
		}
	}
}

// oracleSizes are of ICMP echo data: PDUs that end just before and just after a cell
// boundary, SDUs on both sides of the control word's length limit, and full frames.
var oracleSizes = []int{8, 12, 13, 14, 20, 31, 32, 33, 100, 1000, 1472}

func testFrames(t *testing.T, c carrier, mode, kind, encap string) {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	mtu := smallCarrier
	if strings.HasPrefix(mode, "aal5") {
		mtu = 1600
	}
	l := lab.ForTest(t, lab.Config{MTU: mtu, NoOffloads: true})
	file := filepath.Join(t.TempDir(), "wire.pcap")
	capture, err := lab.CaptureEth(l.A, lab.Dev, file)
	if err != nil {
		t.Fatal(err)
	}
	if c.name == "xdp" { // whose frames no packet socket sees; at the other end one does
		xdp := c.spec
		c = carrier{"eth", func(l *lab.Lab, side int, mode string) string {
			if side == 1 {
				return xdp(l, side, mode)
			}
			return carriers[0].spec(l, side, mode)
		}}
	}
	startTunnel(t, ctx, l, c, mode, kind, tunnelDev, "--encap", encap)
	for _, size := range oracleSizes {
		r, err := lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 1, Size: size})
		if err != nil || r.Lost() != 0 || r.Damaged != 0 {
			t.Errorf("ping with %d octets: %v, %v", size, r, err)
		}
	}
	if _, err := lab.TCPTransfer(ctx, l.A, l.B, inner4[1].Addr(), lab.TCPConfig{Octets: 64 << 10}); err != nil {
		t.Error(err)
	}
	if _, err := capture.Stop(); err != nil {
		t.Fatal(err)
	}
	rules := []string{"-d", fmt.Sprintf("mpls.label==%d,%s", testLabel, dissectors[mode])}
	rows := dissect(t, ctx, file, "mpls", rules, wireFields)
	if other := dissect(t, ctx, file, "eth.type==0x8847 && !mpls || udp.port==6635 && !mpls", rules, wireFields); len(other) != 0 {
		t.Errorf("%d frames of the carrier do not decode as MPLS: %v", len(other), other[0])
	}
	o := oracle{t: t, carrier: c.name, mode: mode, encap: encap, pdus: map[string][]byte{}, echoes: map[int]int{}}
	for i, r := range rows {
		if err := o.frame(r); err != nil {
			t.Fatalf("frame %d of %d: %v\n%v", i+1, len(rows), err, r)
		}
	}
	o.finish(kind == "--tap")
}

// oracle judges the frames of one capture.
type oracle struct {
	t                    *testing.T
	carrier, mode, encap string
	pdus                 map[string][]byte // a PDU under way, by sender
	sdus                 int
	tcp                  int         // octets of TCP payload
	most                 int         // cells in one frame
	echoes               map[int]int // ICMP echo requests and replies, by size of data
	arps                 int
}

func (o *oracle) frame(r row) error {
	if err := r.clean(); err != nil {
		return err
	}
	want := row{"mpls.label": strconv.Itoa(testLabel), "mpls.exp": "0", "mpls.bottom": "1", "mpls.ttl": "255"}
	if o.carrier == "udp" {
		want["udp.dstport"] = "6635"
	}
	for field, value := range want {
		if field == "udp.dstport" { // the inner packet may have one too
			if ports := r.list(field); len(ports) == 0 || ports[0] != value {
				return fmt.Errorf("%s is %q, want %s", field, r[field], value)
			}
		} else if r[field] != value {
			return fmt.Errorf("%s is %q, want %s", field, r[field], value)
		}
	}
	switch o.mode {
	case "aal5sdu":
		return o.sduFrame(r)
	case "aal5pdu":
		return o.pduFrame(r)
	case "vcc", "vpc":
		if err := o.oneToOne(r); err != nil {
			return err
		}
	}
	return o.cellFrame(r)
}

// oneToOne judges what is one-to-one mode's own (RFC 4717, section 9), and puts into r what frames of it leave out.
func (o *oracle) oneToOne(r row) error {
	n := len(r.list("data.data"))
	each := func(v string) string { return strings.TrimSuffix(strings.Repeat(v+",", n), ",") }
	v := "0"
	if o.mode == "vpc" {
		v = "1"
	}
	for field, want := range map[string]string{
		"pw.type.atm.11" + o.mode: "1", "pw.cw.seqno": "0", "pw.cw.rsv": "0",
		"atm.pw_control_byte.m": each("0"), "atm.pw_control_byte.v": each(v), "atm.pw_control_byte.rsv": each("0"),
	} {
		if r[field] != want {
			return fmt.Errorf("%s is %q, want %s", field, r[field], want)
		}
	}
	r["atm.vpi"] = each("0")
	if o.mode == "vcc" {
		r["atm.vci"] = each("100")
	}
	return nil
}

// pduFrame judges a frame that is one AAL5 PDU (RFC 4717, section 11).
func (o *oracle) pduFrame(r row) error {
	sdu, _ := strconv.Atoi(r["atm.aal5t_len"])
	for field, want := range map[string]string{
		"pw.type.atm.aal5pdu": "1", "pw.cw.seqno": "0", "pw.cw.rsv": "0",
		"atm.pw_control_byte.m": "1", "atm.pw_control_byte.v": "0", "atm.pw_control_byte.rsv": "0",
		"atm.pw_control_byte.u": "1", "atm.pw_control_byte.efci": "0", "atm.clp": "0",
		"atm.cells": strconv.Itoa((sdu + 8 + 47) / 48),
	} {
		if r[field] != want {
			return fmt.Errorf("%s is %q, want %s", field, r[field], want)
		}
	}
	o.packet(r)
	return nil
}

// cellFrame judges a frame of cells (RFC 4717, section 8).
func (o *oracle) cellFrame(r row) error {
	vpis, vcis, ptis, clps := r.list("atm.vpi"), r.list("atm.vci"), r.list("atm.pti"), r.list("atm.clp")
	payloads := r.list("data.data")
	counted := r["pw.atm.n1_nocw.cells"] + r["pw.atm.11.cells"]
	if o.mode == "n1cw" {
		counted = r["pw.atm.n1_cw.cells"]
		if r["pw.cw.flags"] != "0x00" || r["pw.cw.length"] != "0" || r["pw.cw.seqno"] != "0" {
			return errors.New("the control word is not all 0")
		}
	}
	n := len(payloads)
	o.most = max(o.most, n)
	if n == 0 || counted != strconv.Itoa(n) || len(vpis) != n || len(vcis) != n || len(ptis) != n || len(clps) != n {
		return fmt.Errorf("%d payloads, %s cells", n, counted)
	}
	for i, payload := range payloads {
		if vpis[i] != "0" || vcis[i] != "100" || clps[i] != "0" {
			return fmt.Errorf("cell %d is of VC %s/%s, CLP %s", i, vpis[i], vcis[i], clps[i])
		}
		octets, err := hex.DecodeString(payload)
		if err != nil || len(octets) != 48 {
			return fmt.Errorf("cell %d has %d octets, %v", i, len(octets), err)
		}
		from := r["eth.src"]
		o.pdus[from] = append(o.pdus[from], octets...)
		switch ptis[i] {
		case "0":
		case "1": // the last cell: AAU = 1 and no other (I.363.5)
			sdu, err := reassemble(o.pdus[from])
			if err != nil {
				return fmt.Errorf("PDU that ends in cell %d: %w", i, err)
			}
			o.pdus[from] = nil
			if err := o.sdu(sdu); err != nil {
				return err
			}
		default:
			return fmt.Errorf("cell %d has PTI %s", i, ptis[i])
		}
	}
	return nil
}

// sdu judges an SDU that the test has reassembled.
func (o *oracle) sdu(sdu []byte) error {
	o.sdus++
	var ip []byte
	switch o.encap {
	case "vcmux": // routed: the packet as it is
		ip = sdu
	case "llc":
		frame, ok := bytes.CutPrefix(sdu, llcBridged)
		if !ok || len(frame) < 14 {
			return fmt.Errorf("SDU is no LLC bridged frame without FCS: %x", sdu)
		}
		if enc.BigEndian.Uint16(frame[12:]) == 0x0806 {
			o.arps++
		}
		if enc.BigEndian.Uint16(frame[12:]) != 0x0800 {
			return nil
		}
		ip = frame[14:]
	}
	if len(ip) < 20 || ip[0] != 0x45 {
		return nil // IPv6
	}
	total := int(enc.BigEndian.Uint16(ip[2:]))
	if total > len(ip) {
		return fmt.Errorf("IP packet of %d octets in %d", total, len(ip))
	}
	switch body := ip[20:total]; ip[9] {
	case 1:
		o.echoes[len(body)-8]++
	case 6:
		o.tcp += len(body) - int(body[12]>>4)*4
	}
	return nil
}

// sduFrame judges a frame that is one SDU (RFC 4717, section 11).
func (o *oracle) sduFrame(r row) error {
	o.sdus++
	size, _ := strconv.Atoi(r["frame.len"])
	size -= 14 + 4 // Ethernet and the label
	if o.carrier == "udp" {
		size -= 20 + 8
	}
	length := "0"
	if size < 64 {
		length = strconv.Itoa(size)
	}
	for field, want := range map[string]string{
		"atm.pt": "0", "atm.efci": "0", "pw.cw.aal5sdu.u": "0", "pw.cw.length": length, "pw.cw.seqno": "0", "atm.clp": "0",
	} {
		if r[field] != want {
			return fmt.Errorf("%s is %q, want %s", field, r[field], want)
		}
	}
	o.packet(r)
	return nil
}

// packet counts a packet that tshark has found inside.
func (o *oracle) packet(r row) {
	lengths := r.list("ip.len")
	if o.carrier == "udp" && len(lengths) > 0 {
		lengths = lengths[1:]
	}
	if r["icmp.type"] == "0" || r["icmp.type"] == "8" {
		total, _ := strconv.Atoi(lengths[0])
		o.echoes[total-20-8]++
	}
	if r["tcp.len"] != "" {
		n, _ := strconv.Atoi(r["tcp.len"])
		o.tcp += n
	}
	if r["arp.opcode"] != "" {
		o.arps++
	}
}

// finish asks whether all the traffic was seen.
func (o *oracle) finish(bridged bool) {
	o.t.Helper()
	for from, pdu := range o.pdus {
		if len(pdu) != 0 {
			o.t.Errorf("%s: the last PDU has no last cell", from)
		}
	}
	for _, size := range oracleSizes {
		if o.echoes[size] != 2 {
			o.t.Errorf("echo with %d octets: seen %d times, want a request and a reply", size, o.echoes[size])
		}
	}
	if o.tcp < 64<<10 {
		o.t.Errorf("%d octets of TCP, want 64 KiB", o.tcp)
	}
	if bridged != (o.arps > 0) {
		o.t.Errorf("%d ARP frames", o.arps)
	}
	want := map[string]int{"n1": cellMPLS, "n1cw": cellMPLS, "port": cellMPLS, "vcc": 30, "vpc": 29}[o.mode]
	if o.carrier == "udp" && strings.HasPrefix(o.mode, "v") { // IP and UDP take more than Ethernet
		want--
	}
	if o.most != want {
		o.t.Errorf("at most %d cells in a frame, want %d", o.most, want)
	}
}

// TestLabelsDecodeInTshark shows that each direction has its own label, that a VC's
// numbers reach the wire whole, and that peer= is the frame's destination.
func TestLabelsDecodeInTshark(t *testing.T) {
	needTshark(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	l := lab.ForTest(t, lab.Config{})
	var macs [2]string
	for i, h := range []*lab.Host{l.A, l.B} {
		state, err := h.Link(lab.Dev)
		if err != nil {
			t.Fatal(err)
		}
		macs[i] = state.HardwareAddr.String()
	}
	file := filepath.Join(t.TempDir(), "wire.pcap")
	capture, err := lab.CaptureEth(l.B, lab.Dev, file)
	if err != nil {
		t.Fatal(err)
	}
	specs := []string{"label=1048575/16,peer=" + macs[1], "label=16/1048575,peer=" + macs[0]}
	for i, h := range []*lab.Host{l.A, l.B} {
		p := startPeer(t, ctx, h, "--tun", tunnelDev, "--vc", "4095.65535", "--port", "eth:eth0,"+specs[i])
		p.address(t, ctx, i)
	}
	if r, err := lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 1}); err != nil || r.Lost() != 0 {
		t.Fatal(r, err)
	}
	if _, err := capture.Stop(); err != nil {
		t.Fatal(err)
	}
	rules := []string{"-d", "mpls.label==1048575,mplspwatmn1nocw", "-d", "mpls.label==16,mplspwatmn1nocw"}
	seen := map[string]int{}
	for _, r := range dissect(t, ctx, file, "mpls", rules, append([]string{"eth.dst"}, wireFields...)) {
		if err := r.clean(); err != nil {
			t.Errorf("%v: %v", err, r)
		}
		for i := range r.list("atm.vpi") {
			if r.list("atm.vpi")[i] != "4095" || r.list("atm.vci")[i] != "65535" {
				t.Errorf("VC %s/%s", r.list("atm.vpi")[i], r.list("atm.vci")[i])
			}
		}
		seen[r["eth.src"]+" "+r["eth.dst"]+" "+r["mpls.label"]]++
	}
	for _, want := range []string{macs[0] + " " + macs[1] + " 1048575", macs[1] + " " + macs[0] + " 16"} {
		if seen[want] == 0 {
			t.Errorf("no frame %s, but %v", want, seen)
		}
		delete(seen, want)
	}
	if len(seen) != 0 {
		t.Errorf("other frames: %v", seen)
	}
}
