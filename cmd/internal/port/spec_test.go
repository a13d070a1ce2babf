package port

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane/modules"
)

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

var good = []struct {
	name string
	text string
	want Spec
	full string // what String writes; "" when it is the text itself
}{
	{"Ethernet, shortest", "eth:eth0,label=100",
		Spec{Kind: Ethernet, Device: "eth0", Peer: modules.RFC7213Address, Encapsulation: modules.Encapsulation{LabelOut: 100, LabelIn: 100, Mode: modules.ModeN1}},
		"eth:eth0,label=100,mode=n1"},
	{"Ethernet with all", "eth:fifteen_octets_,label=16/1048575,mode=aal5sdu,peer=02:00:00:00:00:01",
		Spec{Kind: Ethernet, Device: "fifteen_octets_", Peer: [6]byte{2, 0, 0, 0, 0, 1}, HasPeer: true, Encapsulation: modules.Encapsulation{LabelOut: 16, LabelIn: 1048575, Mode: modules.ModeAAL5SDU}}, ""},
	{"keys in another order", "eth:eth0,mode=n1cw,peer=02-00-00-00-00-01,label=17",
		Spec{Kind: Ethernet, Device: "eth0", Peer: [6]byte{2, 0, 0, 0, 0, 1}, HasPeer: true, Encapsulation: modules.Encapsulation{LabelOut: 17, LabelIn: 17, Mode: modules.ModeN1CW}},
		"eth:eth0,label=17,mode=n1cw,peer=02:00:00:00:00:01"},
	{"VLAN interface", "eth:eth0.7,label=100,mode=n1",
		Spec{Kind: Ethernet, Device: "eth0.7", Peer: modules.RFC7213Address, Encapsulation: modules.Encapsulation{LabelOut: 100, LabelIn: 100}}, ""},
	{"the same label twice", "eth:eth0,label=100/100",
		Spec{Kind: Ethernet, Device: "eth0", Peer: modules.RFC7213Address, Encapsulation: modules.Encapsulation{LabelOut: 100, LabelIn: 100}},
		"eth:eth0,label=100,mode=n1"},
	{"AF_XDP", "eth:eth0,label=100,mode=n1,driver=xdp",
		Spec{Kind: Ethernet, Device: "eth0", Driver: XDP, Peer: modules.RFC7213Address, Encapsulation: modules.Encapsulation{LabelOut: 100, LabelIn: 100}}, ""},
	{"the driver that there is unless told", "eth:eth0,label=100,driver=packet",
		Spec{Kind: Ethernet, Device: "eth0", Peer: modules.RFC7213Address, Encapsulation: modules.Encapsulation{LabelOut: 100, LabelIn: 100}}, "eth:eth0,label=100,mode=n1"},
	{"the best driver", "eth:eth0,label=100,mode=n1,driver=auto",
		Spec{Kind: Ethernet, Device: "eth0", Driver: Auto, Peer: modules.RFC7213Address, Encapsulation: modules.Encapsulation{LabelOut: 100, LabelIn: 100}}, ""},
	{"a descriptor", "eth:eth0,label=100,mode=n1,fd=line",
		Spec{Kind: Ethernet, Device: "eth0", Passed: "line", Peer: modules.RFC7213Address, Encapsulation: modules.Encapsulation{LabelOut: 100, LabelIn: 100}}, ""},
	{"UDP, shortest", "udp:192.0.2.1:6635,remote=192.0.2.2:6635",
		Spec{Kind: UDP, Local: ap("192.0.2.1:6635"), Remote: ap("192.0.2.2:6635"), Encapsulation: modules.Encapsulation{LabelOut: 16, LabelIn: 16}},
		"udp:192.0.2.1:6635,remote=192.0.2.2:6635,label=16,mode=n1"},
	{"UDP over IPv6", "udp:[2001:db8::1]:6635,remote=[2001:db8::2]:1,label=100/200,mode=n1cw",
		Spec{Kind: UDP, Local: ap("[2001:db8::1]:6635"), Remote: ap("[2001:db8::2]:1"), Encapsulation: modules.Encapsulation{LabelOut: 100, LabelIn: 200, Mode: modules.ModeN1CW}}, ""},
	{"UDP over IPv6 with a zone", "udp:[fe80::1%eth0]:6635,remote=[fe80::2%eth0]:6635",
		Spec{Kind: UDP, Local: ap("[fe80::1%eth0]:6635"), Remote: ap("[fe80::2%eth0]:6635"), Encapsulation: modules.Encapsulation{LabelOut: 16, LabelIn: 16}},
		"udp:[fe80::1%eth0]:6635,remote=[fe80::2%eth0]:6635,label=16,mode=n1"},
	{"IPv4 in IPv6", "udp:[::ffff:192.0.2.1]:6635,remote=192.0.2.2:6635",
		Spec{Kind: UDP, Local: ap("192.0.2.1:6635"), Remote: ap("192.0.2.2:6635"), Encapsulation: modules.Encapsulation{LabelOut: 16, LabelIn: 16}},
		"udp:192.0.2.1:6635,remote=192.0.2.2:6635,label=16,mode=n1"},
	{"all keys of cells on Ethernet", "eth:eth0,label=100,mode=n1cw,vlan=7,outer=16/1048575/100,tc=5,ttl=1,seq=on,cells=20,pack=200µs",
		Spec{Kind: Ethernet, Device: "eth0", Peer: modules.RFC7213Address, VLAN: 7, Cells: 20, Pack: 200 * time.Microsecond,
			Encapsulation: modules.Encapsulation{LabelOut: 100, LabelIn: 100, Mode: modules.ModeN1CW, Outer: []uint32{16, 1048575, 100}, TC: 5, TTL: 1, Numbered: true}}, ""},
	{"a rate, and parts of it", "eth:eth0,label=100,mode=n1,rate=353207,reserve=80/50/30",
		Spec{Kind: Ethernet, Device: "eth0", Peer: modules.RFC7213Address, Encapsulation: modules.Encapsulation{LabelOut: 100, LabelIn: 100},
			Capacity: modules.Capacity{Rate: 353207, Most: 80, Shares: [modules.Classes]uint8{50, 30}}}, ""},
	{"values that are as they are unless told", "eth:eth0,label=100,tc=0,seq=off",
		Spec{Kind: Ethernet, Device: "eth0", Peer: modules.RFC7213Address, Encapsulation: modules.Encapsulation{LabelOut: 100, LabelIn: 100}}, "eth:eth0,label=100,mode=n1"},
	{"UDP from ports of its own", "udp:192.0.2.1:6635,remote=192.0.2.2:6635,label=16,mode=n1,entropy=on",
		Spec{Kind: UDP, Local: ap("192.0.2.1:6635"), Remote: ap("192.0.2.2:6635"), Entropy: "on", Encapsulation: modules.Encapsulation{LabelOut: 16, LabelIn: 16}}, ""},
	{"UDP with the marks of what is inside", "udp:192.0.2.1:6635,remote=192.0.2.2:6635,label=16,mode=n1,ecn=copy",
		Spec{Kind: UDP, Local: ap("192.0.2.1:6635"), Remote: ap("192.0.2.2:6635"), ECN: true, Encapsulation: modules.Encapsulation{LabelOut: 16, LabelIn: 16}}, ""},
	{"UDP from its own port", "udp:192.0.2.1:6635,remote=192.0.2.2:6635,label=16,mode=n1,entropy=off",
		Spec{Kind: UDP, Local: ap("192.0.2.1:6635"), Remote: ap("192.0.2.2:6635"), Entropy: "off", Encapsulation: modules.Encapsulation{LabelOut: 16, LabelIn: 16}}, ""},
	{"UDP without checksums", "udp:[2001:db8::1]:6635,remote=[2001:db8::2]:6635,label=16,mode=n1,checksum=off",
		Spec{Kind: UDP, Local: ap("[2001:db8::1]:6635"), Remote: ap("[2001:db8::2]:6635"), ZeroSum: true, Encapsulation: modules.Encapsulation{LabelOut: 16, LabelIn: 16}}, ""},
	{"code point", "udp:192.0.2.1:6635,remote=192.0.2.2:6635,label=16,mode=aal5sdu,dscp=46,seq=on",
		Spec{Kind: UDP, Local: ap("192.0.2.1:6635"), Remote: ap("192.0.2.2:6635"), DSCP: 46,
			Encapsulation: modules.Encapsulation{LabelOut: 16, LabelIn: 16, Mode: modules.ModeAAL5SDU, Numbered: true}}, ""},
	{"one VC", "eth:eth0,label=100,mode=vcc,vc=4095/65535",
		Spec{Kind: Ethernet, Device: "eth0", Peer: modules.RFC7213Address, VC: aal.VC{VPI: 4095, VCI: 65535}, HasVC: true, Encapsulation: modules.Encapsulation{LabelOut: 100, LabelIn: 100, Mode: modules.ModeVCC}}, ""},
	{"one VP", "eth:eth0,vp=0,mode=vpc,label=100,seq=on",
		Spec{Kind: Ethernet, Device: "eth0", Peer: modules.RFC7213Address, HasVC: true, path: true, Encapsulation: modules.Encapsulation{LabelOut: 100, LabelIn: 100, Mode: modules.ModeVPC, Numbered: true}},
		"eth:eth0,label=100,mode=vpc,vp=0,seq=on"},
	{"PDUs that wait", "udp:192.0.2.1:6635,remote=192.0.2.2:6635,label=16,mode=aal5pdu,vc=1/40,pack=5ms",
		Spec{Kind: UDP, Local: ap("192.0.2.1:6635"), Remote: ap("192.0.2.2:6635"), VC: aal.VC{VPI: 1, VCI: 40}, HasVC: true, Pack: 5 * time.Millisecond,
			Encapsulation: modules.Encapsulation{LabelOut: 16, LabelIn: 16, Mode: modules.ModeAAL5PDU}}, ""},
	{"SDUs in fragments", "eth:eth0,label=100,mode=aal5sdu,seq=on,frag=on",
		Spec{Kind: Ethernet, Device: "eth0", Peer: modules.RFC7213Address, Encapsulation: modules.Encapsulation{LabelOut: 100, LabelIn: 100, Mode: modules.ModeAAL5SDU, Numbered: true, Fragment: true}}, ""},
	{"SDUs of a VC", "eth:eth0,label=100,mode=aal5sdu,vc=0/40",
		Spec{Kind: Ethernet, Device: "eth0", Peer: modules.RFC7213Address, VC: aal.VC{VCI: 40}, HasVC: true, Encapsulation: modules.Encapsulation{LabelOut: 100, LabelIn: 100, Mode: modules.ModeAAL5SDU}}, ""},
	{"any local address", "udp:0.0.0.0:6635,remote=192.0.2.2:6635,label=16,mode=n1",
		Spec{Kind: UDP, Local: ap("0.0.0.0:6635"), Remote: ap("192.0.2.2:6635"), Encapsulation: modules.Encapsulation{LabelOut: 16, LabelIn: 16}}, ""},
}

// What String writes is read as the same specification.
func TestParse(t *testing.T) {
	for _, test := range good {
		t.Run(test.name, func(t *testing.T) {
			got, err := Parse(test.text)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Fatalf("Parse(%q) = %+v, %v; want %+v", test.text, got, err, test.want)
			}
			full := test.full
			if full == "" {
				full = test.text
			}
			if got.String() != full {
				t.Errorf("String() = %q, want %q", got, full)
			}
			if again, err := Parse(got.String()); err != nil || !reflect.DeepEqual(again, got) {
				t.Errorf("Parse(%q) = %+v, %v; want %+v", got, again, err, got)
			}
		})
	}
}

// bad specifications, with what their error must say.
var bad = []struct {
	name, text string
	words      []string
}{
	{"nothing", "", []string{"eth:IFNAME", "udp:LOCAL:PORT"}},
	{"unknown kind", "atm:eth0,label=100", []string{"atm", "eth:IFNAME", "udp:LOCAL:PORT"}},
	{"kind in capitals", "ETH:eth0,label=100", []string{"ETH"}},
	{"kind alone", "eth", []string{"interface"}},
	{"no interface", "eth:,label=100", []string{"interface"}},
	{"interface name too long", "eth:sixteen_octets_x,label=100", []string{"sixteen_octets_x", "15"}},
	{"no label", "eth:eth0", []string{"label=N", "16 to 1048575"}},
	{"label 0", "eth:eth0,label=0", []string{"label=0", "16 to 1048575"}},
	{"reserved label", "eth:eth0,label=15", []string{"label=15", "16 to 1048575"}},
	{"label of 21 bits", "eth:eth0,label=1048576", []string{"label=1048576", "16 to 1048575"}},
	{"label of 33 bits", "eth:eth0,label=4294967396", []string{"16 to 1048575"}},
	{"negative label", "eth:eth0,label=-100", []string{"16 to 1048575"}},
	{"signed label", "eth:eth0,label=+100", []string{"16 to 1048575"}},
	{"no label in", "eth:eth0,label=100/", []string{"16 to 1048575"}},
	{"no label out", "eth:eth0,label=/100", []string{"16 to 1048575"}},
	{"three labels", "eth:eth0,label=100/101/102", []string{"16 to 1048575"}},
	{"no rate", "eth:eth0,label=100,rate=0", []string{"rate=0", "1 to 4294967295"}},
	{"fragments of cells", "eth:eth0,label=100,mode=n1cw,seq=on,frag=on", []string{"frag=on", "n1cw", "aal5sdu"}},
	{"fragments without numbers", "eth:eth0,label=100,mode=aal5sdu,frag=on", []string{"frag=on", "seq=on"}},
	{"a VC of all", "eth:eth0,label=100,vc=0/40", []string{"vc=0/40", "mode n1", "mode=vcc"}},
	{"a VP of all", "eth:eth0,label=100,mode=n1cw,vp=4", []string{"vp=4", "mode n1cw", "mode=vpc"}},
	{"a VC of a path's mode", "eth:eth0,label=100,mode=vpc,vc=4/40", []string{"vc=4/40", "mode vpc"}},
	{"a VP of a channel's mode", "eth:eth0,label=100,mode=vcc,vp=4", []string{"vp=4", "mode vcc"}},
	{"a VC and a VP", "eth:eth0,label=100,mode=vcc,vc=0/40,vp=4", []string{"vp=4"}},
	{"a VP and a VC", "eth:eth0,label=100,mode=vpc,vp=4,vc=0/40", []string{"vc=0/40"}},
	{"no VC", "eth:eth0,label=100,mode=vcc,vc=40", []string{"vc=40", "VPI/VCI"}},
	{"VP out of range", "eth:eth0,label=100,mode=vpc,vp=4096", []string{"vp=4096", "4095"}},
	{"a rate of SDUs", "eth:eth0,label=100,mode=aal5sdu,rate=9", []string{"rate=9", "aal5sdu"}},
	{"more than all", "eth:eth0,label=100,rate=9,reserve=101", []string{"reserve=101", "1 to 100"}},
	{"more shares than classes", "eth:eth0,label=100,rate=9,reserve=1/1/1/1/1/1", []string{"NRT-VBR"}},
	{"a part of nothing", "eth:eth0,label=100,reserve=50", []string{"add rate="}},
	{"bad mode", "eth:eth0,label=100,mode=N1", []string{"mode=N1", "n1, n1cw, aal5sdu, vcc, vpc, aal5pdu, port or portcw"}},
	{"no value", "eth:eth0,label=100,mode=", []string{"mode", "no value"}},
	{"no equals sign", "eth:eth0,label=100,mode", []string{"mode", "no value"}},
	{"driver", "eth:eth0,label=100,driver=dpdk", []string{"driver=dpdk", "packet, xdp or auto"}},
	{"driver of UDP", "udp:192.0.2.1:1,remote=192.0.2.2:1,driver=xdp", []string{"driver", "remote=, label=, mode="}},
	{"unknown key", "eth:eth0,label=100,mtu=1500", []string{"mtu", "label=, mode=, vc=, vp=, peer=, vlan="}},
	{"space before a key", "eth:eth0, label=100", []string{" label"}},
	{"remote of Ethernet", "eth:eth0,label=100,remote=192.0.2.1:1", []string{"remote", "label=, mode=, vc=, vp=, peer=, vlan="}},
	{"peer of UDP", "udp:192.0.2.1:1,remote=192.0.2.2:1,peer=02:00:00:00:00:01", []string{"peer", "remote=, label=, mode="}},
	{"label twice", "eth:eth0,label=100,label=100", []string{"label", "twice"}},
	{"remote twice", "udp:192.0.2.1:1,remote=192.0.2.2:1,remote=192.0.2.3:1", []string{"remote", "twice"}},
	{"empty option", "eth:eth0,,label=100", []string{"unknown key"}},
	{"comma at the end", "eth:eth0,label=100,", []string{"unknown key"}},
	{"peer of 8 octets", "eth:eth0,label=100,peer=02:00:00:00:00:00:00:01", []string{"MAC address"}},
	{"peer that is a group", "eth:eth0,label=100,peer=01:00:5e:90:00:00", []string{"group"}},
	{"broadcast peer", "eth:eth0,label=100,peer=ff:ff:ff:ff:ff:ff", []string{"group"}},
	{"no local address", "udp:,remote=192.0.2.2:1", []string{"HOST:PORT"}},
	{"local port alone", "udp::6635,remote=192.0.2.2:1", []string{"HOST:PORT"}},
	{"no local port", "udp:192.0.2.1,remote=192.0.2.2:1", []string{"HOST:PORT"}},
	{"local port over the limit", "udp:192.0.2.1:65536,remote=192.0.2.2:1", []string{"192.0.2.1:65536"}},
	{"no remote", "udp:192.0.2.1:1", []string{"remote=HOST:PORT"}},
	{"no remote port", "udp:192.0.2.1:1,remote=192.0.2.2", []string{"remote=192.0.2.2", "HOST:PORT"}},
	{"remote port 0", "udp:192.0.2.1:1,remote=192.0.2.2:0", []string{"remote=192.0.2.2:0"}},
	{"unspecified remote", "udp:[::]:1,remote=[::]:1", []string{"remote=[::]:1"}},
	{"IPv6 without brackets", "udp:2001:db8::1:6635,remote=[2001:db8::2]:1", []string{"HOST:PORT", "[2001:db8::1]"}},
	{"IPv4 to IPv6", "udp:192.0.2.1:1,remote=[2001:db8::2]:1", []string{"both IPv4, or both IPv6"}},
	{"IPv6 to IPv4", "udp:[2001:db8::1]:1,remote=192.0.2.2:1", []string{"both IPv4, or both IPv6"}},
	{"no checksum over IPv4", "udp:192.0.2.1:1,remote=192.0.2.2:1,checksum=off", []string{"checksum=off", "IPv6 only"}},
	{"bad checksum", "udp:[::1]:1,remote=[::1]:2,checksum=0", []string{"checksum=0", "on or off"}},
	{"marks perhaps", "udp:[::1]:1,remote=[::1]:2,ecn=on", []string{"ecn=on", "copy or off"}},
	{"entropy perhaps", "udp:[::1]:1,remote=[::1]:2,entropy=1", []string{"entropy=1", "on or off"}},
	{"entropy of Ethernet", "eth:eth0,label=100,entropy=off", []string{"entropy", "vlan="}},
	{"link-local without interface", "udp:[::]:1,remote=[fe80::1]:1", []string{"fe80::1", "link-local", "%eth0"}},
	{"link-local on two interfaces", "udp:[fe80::1%eth0]:1,remote=[fe80::2%eth1]:1", []string{"one interface"}},
	{"group as remote", "udp:[::]:1,remote=[ff02::1%eth0]:1", []string{"group"}},
	{"VLAN of UDP", "udp:192.0.2.1:1,remote=192.0.2.2:1,vlan=7", []string{"vlan", "dscp="}},
	{"code point of Ethernet", "eth:eth0,label=100,dscp=46", []string{"dscp", "vlan="}},
	{"VLAN 0", "eth:eth0,label=100,vlan=0", []string{"vlan=0", "1 to 4094"}},
	{"VLAN 4095", "eth:eth0,label=100,vlan=4095", []string{"1 to 4094"}},
	{"reserved outer label", "eth:eth0,label=100,outer=3", []string{"outer=3", "16 to 1048575"}},
	{"four outer labels", "eth:eth0,label=100,outer=16/17/18/19", []string{"at most 3"}},
	{"class 8", "eth:eth0,label=100,tc=8", []string{"tc=8", "0 to 7"}},
	{"TTL 0", "eth:eth0,label=100,ttl=0", []string{"ttl=0", "1 to 255"}},
	{"code point 64", "udp:192.0.2.1:1,remote=192.0.2.2:1,dscp=64", []string{"0 to 63"}},
	{"numbers without a control word", "eth:eth0,label=100,seq=on", []string{"seq=on", "n1cw"}},
	{"numbers perhaps", "eth:eth0,label=100,mode=n1cw,seq=yes", []string{"on or off"}},
	{"no cells", "eth:eth0,label=100,cells=0", []string{"cells=0", "1 to 184"}},
	{"signed cells", "eth:eth0,label=100,cells=+1", []string{"1 to 184"}},
	{"cells of SDUs", "eth:eth0,label=100,mode=aal5sdu,cells=1", []string{"cells=1", "aal5sdu"}},
	{"packing of SDUs", "eth:eth0,label=100,mode=aal5sdu,pack=1ms", []string{"pack=1ms", "aal5sdu"}},
	{"packing without a unit", "eth:eth0,label=100,pack=200", []string{"200us"}},
	{"packing too long", "eth:eth0,label=100,pack=2s", []string{"at most 1s"}},
	{"packing backwards", "eth:eth0,label=100,pack=-1ms", []string{"200us"}},
	{"label of UDP", "udp:192.0.2.1:1,remote=192.0.2.2:1,label=3", []string{"label=3", "16 to 1048575"}},
}

func TestParseRefuses(t *testing.T) {
	for _, test := range bad {
		t.Run(test.name, func(t *testing.T) {
			s, err := Parse(test.text)
			if err == nil {
				t.Fatalf("Parse(%q) = %+v, want an error", test.text, s)
			}
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("the error has more than one line: %q", err)
			}
			for _, word := range test.words {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %q", err, word)
				}
			}
		})
	}
}

// FuzzParse checks that whatever is taken is within the limits, and that String writes
// it so that it is read as the same.
func FuzzParse(f *testing.F) {
	for _, test := range good {
		f.Add(test.text)
	}
	for _, test := range bad {
		f.Add(test.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if lookedUp(text) {
			return // asks the resolver
		}
		s, err := Parse(text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") && !strings.ContainsAny(text, "\n\r") {
				t.Errorf("the error has more than one line: %q", err)
			}
			return
		}
		for _, label := range []uint32{s.LabelOut, s.LabelIn} {
			if label < modules.FirstLabel || label > modules.MaxLabel {
				t.Errorf("label %d", label)
			}
		}
		switch s.Kind {
		case Ethernet:
			if s.Device == "" || len(s.Device) > maxInterfaceName || s.HasPeer && s.Peer[0]&1 != 0 {
				t.Errorf("%+v", s)
			}
		case UDP:
			if !s.Local.IsValid() || !s.Remote.IsValid() || s.Remote.Port() == 0 || s.Local.Addr().Is4() != s.Remote.Addr().Is4() {
				t.Errorf("%+v", s)
			}
		default:
			t.Errorf("kind %q", s.Kind)
		}
		if again, err := Parse(s.String()); err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("%q reads as %+v, its String %q as %+v, %v", text, s, s, again, err)
		}
	})
}

// lookedUp tells whether a specification may name a host, whose address the network
// would be asked for: a fuzzer is not to.
func lookedUp(text string) bool {
	rest, ok := strings.CutPrefix(text, "udp:")
	if !ok {
		return false
	}
	where, options, _ := strings.Cut(rest, ",")
	hosts := []string{where}
	for option := range strings.SplitSeq(options, ",") {
		if v, ok := strings.CutPrefix(option, "remote="); ok {
			hosts = append(hosts, v)
		}
	}
	for _, h := range hosts {
		if _, err := netip.ParseAddrPort(h); err != nil && strings.Contains(h, ":") {
			return true
		}
	}
	return false
}

// A daemon's port has to say which VC, or VP, its mode carries; atmtap's is that of its stream.
func TestOneVC(t *testing.T) {
	for _, c := range []struct {
		text, vc string
		check    string // what a daemon says; "": it takes it
		want     string // what atmtap's port is for vc; "": refused
	}{
		{"eth:eth0,label=100,mode=vcc", "0/40", "add vc=VPI/VCI", "eth:eth0,label=100,mode=vcc,vc=0/40"},
		{"eth:eth0,label=100,mode=aal5pdu", "0/40", "add vc=VPI/VCI", "eth:eth0,label=100,mode=aal5pdu,vc=0/40"},
		{"eth:eth0,label=100,mode=vpc", "7/40", "add vp=VPI", "eth:eth0,label=100,mode=vpc,vp=7"},
		{"eth:eth0,label=100,mode=aal5sdu", "0/40", "", "eth:eth0,label=100,mode=aal5sdu"},
		{"eth:eth0,label=100,mode=n1", "0/40", "", "eth:eth0,label=100,mode=n1"},
		{"eth:eth0,label=100,mode=vcc,vc=0/40", "0/40", "", "eth:eth0,label=100,mode=vcc,vc=0/40"},
		{"eth:eth0,label=100,mode=vcc,vc=0/40", "0/41", "", ""},
		{"eth:eth0,label=100,mode=vpc,vp=7", "7/99", "", "eth:eth0,label=100,mode=vpc,vp=7"},
		{"eth:eth0,label=100,mode=vpc,vp=7", "8/99", "", ""},
	} {
		_, err := Check(c.text)
		_, read := new(Opener).Read(c.text)
		if c.check == "" && (err != nil || read != nil) || c.check != "" && (err == nil || read == nil || !strings.Contains(err.Error(), c.check) || read.Error() != err.Error()) {
			t.Errorf("%s: %v, %v; want %q", c.text, err, read, c.check)
		}
		s, err := Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		vc, err := aal.ParseVC(c.vc)
		if err != nil {
			t.Fatal(err)
		}
		if s, err = s.For(vc); (err == nil) != (c.want != "") || err == nil && s.String() != c.want {
			t.Errorf("%s for %s: %v, %v; want %q", c.text, c.vc, s, err, c.want)
		}
	}
}
