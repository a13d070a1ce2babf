package atmarp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/internal/proof"
)

// recording gives the SDUs of a file: lines of hexadecimal digits, and of comments.
func recording(t testing.TB) (sdus [][]byte) {
	t.Helper()
	text, err := os.ReadFile("testdata/atmarpd.hex")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		sdu, err := hex.DecodeString(strings.ReplaceAll(line, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		sdus = append(sdus, sdu)
	}
	return sdus
}

// What linux-atm's atmarpd sent reads as what it meant, and is written as it was.
func TestRecorded(t *testing.T) {
	want := []string{
		"ATMARP_Request 192.168.9.1 47.0005.80FFE1000000F20F2200.0020EA000EE0.00 to 192.168.9.2 ",
		"InATMARP_Request 192.168.9.1 47.0005.80FFE1000000F20F2200.0020EA000EE0.00 to - 47.0005.80FFE1000000F20F2200.0020EA009999.00",
	}
	for i, sdu := range recording(t) {
		p, err := Parse(sdu)
		if err != nil {
			t.Fatal(err)
		}
		if p.String() != want[i] {
			t.Errorf("%q, want %q", p.String(), want[i])
		}
		if got := p.Append(nil); !bytes.Equal(got, sdu) {
			t.Errorf("written as %x, was %x", got, sdu)
		}
	}
}

var ops = []Op{Request, Reply, InRequest, InReply, NAK}

func randomAddress(r *rand.Rand) (a address.Address) {
	kind := r.IntN(4)
	if kind&1 != 0 {
		var esi address.ESI
		for i := range esi {
			esi[i] = byte(r.Uint32())
		}
		a.AESA = address.NetPrefix{0x47, 0, 5, 0x80, byte(r.Uint32())}.AESA(esi, byte(r.Uint32()))
	}
	if kind&2 != 0 {
		digits := make([]byte, 1+r.IntN(address.MaxDigits))
		for i := range digits {
			digits[i] = '0' + byte(r.IntN(10))
		}
		a.Number, _ = address.NewNumber(string(digits))
	}
	return a
}

func randomIP(r *rand.Rand) netip.Addr {
	if r.IntN(4) == 0 {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
}

func randomPacket(r *rand.Rand) Packet {
	return Packet{ops[r.IntN(len(ops))], randomAddress(r), randomAddress(r), randomIP(r), randomIP(r)}
}

// tsharkFields are of a packet, in the order of fieldsOf.
var tsharkFields = []string{"arp.hw.type", "arp.proto.type", "arp.opcode",
	"arp.src.hlen", "arp.src.slen", "arp.src.pln", "arp.dst.hlen", "arp.dst.slen", "arp.dst.pln",
	"arp.src.atm_num_nsap", "arp.src.atm_num_e164", "arp.src.atm_subaddr", "arp.src.proto_ipv4",
	"arp.dst.atm_num_nsap", "arp.dst.atm_num_e164", "arp.dst.atm_subaddr", "arp.dst.proto_ipv4"}

// fieldsOf gives a packet as tshark's fields, from its meaning and not from its octets.
func fieldsOf(p Packet) string {
	end := func(a address.Address, ip netip.Addr) (lengths [3]string, values [4]string) {
		aesa := ""
		if a.HasAESA() {
			aesa = hex.EncodeToString(a.AESA[:])
		}
		n, s := len(a.Number.Digits()), len(aesa)/2
		if n == 0 {
			n, s = s, 0
			values[0] = aesa
		} else {
			values[1], values[2] = a.Number.Digits(), aesa
		}
		lengths = [3]string{fmt.Sprint(n), fmt.Sprint(s), "0"}
		if ip.IsValid() {
			lengths[2], values[3] = "4", ip.String()
		}
		return lengths, values
	}
	sl, sv := end(p.Source, p.SourceIP)
	tl, tv := end(p.Target, p.TargetIP)
	all := []string{"19", "0x0800", fmt.Sprint(uint16(p.Op))}
	all = append(append(all, sl[:]...), tl[:]...)
	all = append(append(all, sv[:]...), tv[:]...)
	return strings.Join(all, "|")
}

// Random packets and the recorded ones, as tshark reads them, field by field.
func TestAgainstTshark(t *testing.T) {
	r := proof.Seeded(t)
	sdus := recording(t)
	for range 1000 {
		p := randomPacket(r)
		sdus = append(sdus, p.Append(nil))
	}
	for i, got := range proof.Fields(t, proof.ChannelLLC, sdus, nil, tsharkFields...) {
		p, err := Parse(sdus[i])
		if err != nil || got != fieldsOf(p) {
			t.Fatalf("packet %d, %x, %v:\ntshark %s\nwant   %s", i, sdus[i], err, got, fieldsOf(p))
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good := recording(t)[1]
	changed := func(at int, with ...byte) []byte {
		b := bytes.Clone(good)
		copy(b[at:], with)
		return b
	}
	for name, c := range map[string]struct {
		sdu  []byte
		want error
	}{
		"nothing":                    {nil, ErrNotARP},
		"another EtherType":          {changed(6, 8, 0), ErrNotARP},
		"Ethernet's hardware":        {changed(8, 0, 1), ErrNotARP},
		"another protocol":           {changed(10, 0x86, 0xDD), ErrNotARP},
		"ends in its head":           {good[:19], ErrLength},
		"ends in an address":         {good[:len(good)-1], ErrLength},
		"reserved bit":               {changed(12, 0x94), ErrLength},
		"AESA of 19 octets":          {changed(12, 19), ErrLength},
		"AESA with a subaddress":     {changed(13, 20), ErrLength},
		"IP address of 5 octets":     {changed(16, 5), ErrLength},
		"number of no digits":        {changed(12, 0x54), ErrAddress},
		"AESA of no known authority": {changed(20, 0x99), ErrAddress},
	} {
		if _, err := Parse(c.sdu); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// What can be read is written so that it reads back the same.
func FuzzParse(f *testing.F) {
	for _, sdu := range recording(f) {
		f.Add(sdu)
	}
	r := rand.New(rand.NewPCG(2225, 0))
	for range 8 {
		p := randomPacket(r)
		f.Add(p.Append(nil))
	}
	f.Fuzz(func(t *testing.T, sdu []byte) {
		p, err := Parse(sdu)
		if err != nil {
			return
		}
		out := p.Append(nil)
		back, err := Parse(out)
		if err != nil || back != p || len(out) > MaxPacket {
			t.Fatalf("%x: %v\n%x: %v, %v", sdu, &p, out, &back, err)
		}
	})
}
