package loader

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/dataplane/control"
)

// testRules are a small world of modules and ports.
var testRules = Rules{
	Spec: func(text string) (Spec, error) {
		kind, rest, _ := strings.Cut(text, ":")
		if kind != "eth" && kind != "udp" {
			return Spec{}, fmt.Errorf("kind %q: eth:IFNAME or udp:LOCAL:PORT", kind)
		}
		_, qos, _ := strings.Cut(rest, "qos=")
		s := Spec{Key: kind + rest, SDUs: strings.HasSuffix(rest, "sdu"), QoS: qos}
		if strings.HasPrefix(rest, "one") {
			s.Refuse = func(vpi, vci uint16, path bool) error {
				if path || vpi != 1 || vci != 40 {
					return errors.New("it carries VC 1/40 alone")
				}
				return nil
			}
		}
		return s, nil
	},
	Modules: map[string]Module{
		"tap":     {Top: true, SDUs: true, Kind: func(string) string { return "bridged" }},
		"head":    {Top: true},
		"aal5":    {VC: true, Cells: true},
		"capture": {VC: true},
		"rfc2684": {SDUs: true, Kind: func(arg string) string { return arg[len("llc "):] }, Check: func(arg string) error {
			if arg != "llc bridged" && arg != "llc routed" {
				return fmt.Errorf("%q: llc or vcmux, bridged or routed", arg)
			}
			return nil
		}},
	},
	QoS: []string{"default"},
	User: func(name string) error {
		if name != "root" {
			return errors.New("no user " + name)
		}
		return nil
	},
}

const whole = `# everything at once
control: {path: /run/cellhub/control, mode: 0660, group: cellhub}
access:
  admin: {users: [root], groups: [cellhub]}
  observer: {groups: [users, "100"]}
hubs: 2
qos: {t: {cbr clp1: {dscp: ef, tc: 5}, "inner af11-12": {exp: 1, pcp: 7}, inner: copy}}
ports:
  dslam: {spec: "eth:eth1,label=100", number: 1}
  hq: udp:0.0.0.0:6635,remote=192.0.2.7:6635,label=200
streams:
  lan:
    top: tap tap0 mtu=1500
    modules: [rfc2684 llc bridged, capture  /tmp/x.erf, aal5]
    hub: 1
pvcs:
  - {port: dslam, vc: 0/100, stream: lan, service: vbr, pcr: 4000, scr: {tx: 100, rx: 200}, mbs: 32}
  - port: hq
    vc: 4095/65535
    aal: 5
    receive: raw
    maxsdu: 9180
    hiwat: 65536
    lowat: 1
relay: {connections: 1000, keep: yes}
xconnects:
  - {from: dslam 0/101, to: hq 0/201, service: cbr, pcr: {tx: 10, rx: 20}, police: yes, shape: true, maxsdu: 1500, relay: off}
  - {from: dslam 5/*, to: hq 6/*, one-way: yes}
`

func TestParse(t *testing.T) {
	got, err := Parse("x.yaml", []byte(whole), testRules)
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Control: Control{Path: "/run/cellhub/control", Mode: 0o660, Group: "cellhub", At: Position{2, 1}},
		Access: []Access{
			{Role: control.RoleAdmin, Users: []string{"root"}, Groups: []string{"cellhub"}, At: Position{4, 3}},
			{Role: control.RoleObserver, Groups: []string{"users", "100"}, At: Position{5, 3}},
		},
		Hubs:  2,
		Relay: Relay{Connections: 1000, Keep: true},
		QoS: []QoS{{Name: "t", At: Position{7, 7}, Entries: []QoSEntry{
			{Category: "cbr", CLP1: true, Last: 63, DSCP: 46, TC: 5, PCP: Unset},
			{CLP0: true, CLP1: true, First: 10, Last: 12, DSCP: Unset, TC: 1, PCP: 7},
			{CLP0: true, CLP1: true, Last: 63, Copy: true, DSCP: Unset, TC: Unset, PCP: Unset},
		}}},
		Ports: []Port{
			{"dslam", "eth:eth1,label=100", 1, Position{9, 3}},
			{"hq", "udp:0.0.0.0:6635,remote=192.0.2.7:6635,label=200", 0, Position{10, 3}},
		},
		Streams: []Stream{{
			Name: "lan", Top: Part{"tap", "tap0 mtu=1500", Position{13, 10}}, At: Position{12, 3}, Hub: 2,
			Modules: []Part{
				{"rfc2684", "llc bridged", Position{14, 15}},
				{"capture", "0/100 /tmp/x.erf", Position{14, 36}},
				{"aal5", "0/100", Position{14, 57}},
			},
		}},
		PVCs: []PVC{
			{Port: "dslam", Stream: "lan", At: Position{17, 5}, ATM: control.ATM{
				VCI: 100, Direction: control.DirectionBoth, Service: control.ServiceVBR,
				PCRForward: 4000, PCRBackward: 4000, SCRForward: 100, SCRBackward: 200, MBS: 32}},
			{Port: "hq", At: Position{18, 5}, ATM: control.ATM{
				VPI: 4095, VCI: 65535, AAL: control.AAL5, RxMode: control.RxRaw, Direction: control.DirectionBoth,
				MaxSDU: 9180, Hiwat: 65536, Lowat: 1}},
		},
		Crosses: []Cross{
			{From: End{"dslam", 0, 101}, To: End{"hq", 0, 201}, Text: "police shape relay=off", At: Position{27, 5}, ATM: control.ATM{
				Direction: control.DirectionBoth, Service: control.ServiceCBR, PCRForward: 10, PCRBackward: 20, MaxSDU: 1500}},
			{From: End{"dslam", 5, 0}, To: End{"hq", 6, 0}, At: Position{28, 5}, ATM: control.ATM{Direction: control.DirectionIn}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestParseNothing(t *testing.T) {
	for _, text := range []string{"", "\n# nothing\n", "---\n", "ports:\nstreams: {}\npvcs: []\n"} {
		if c, err := Parse("x.yaml", []byte(text), testRules); err != nil || !reflect.DeepEqual(c, new(Config)) {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
	}
}

// Every line of a fault's text is one that a person can act on, with its place.
func TestParseFaults(t *testing.T) {
	const world = "ports:\n  a: eth:e0\n  b: eth:e1\nstreams:\n  s: {top: head}\n  u: {top: head}\npvcs:\n"
	for _, c := range []struct{ name, text, want string }{
		{"syntax", "ports: [", "x:1:8: sequence end token ']' not found"},
		{"tab", "ports:\n\ta: 1", "x:2:1: found character '\t' that cannot start any token"},
		{"duplicate key", "ports:\n  a: eth:e0\n  a: eth:e1\n", `x:3:3: mapping key "a" already defined at [2:3]`},
		{"list", "- 1", "x:1:1: the configuration: a mapping, KEY: VALUE"},
		{"two documents", "hubs: 1\n---\nhubs: 2\n", "x:3:1: a second document: one file is one configuration"},
		{"unknown key", "hub: 1", `x:1:1: unknown key "hub" in the configuration: it takes access, blocks, captures, control, hubs, ports, pvcs, qos, relay, sockets, streams, xconnects`},
		{"QoS of a category", "qos:\n  t: {abr: {dscp: 1}}", `x:2:7: "abr": cbr, rt-vbr, nrt-vbr, ubr+ or ubr, alone or with clp0 or clp1, or inner, alone or with a DSCP`},
		{"QoS of CLP 2", "qos:\n  t: {cbr clp2: {dscp: 1}}", `x:2:7: "cbr clp2": cbr, rt-vbr, nrt-vbr, ubr+ or ubr, alone or with clp0 or clp1, or inner, alone or with a DSCP`},
		{"QoS by a name", "qos:\n  t: {cbr: {dscp: af51}}", `x:2:19: dscp: "af51": 0 to 63, or a name such as ef, af41 or cs1`},
		{"QoS by a number", "qos:\n  t: {cbr: {pcp: 8}}", `x:2:18: pcp: "8" is no number from 0 to 7`},
		{"QoS of packets", "qos:\n  t: {inner 9-8: {tc: 1}}", `x:2:7: "inner 9-8": inner and a DSCP, 0 to 63 or a name such as ef, or a range such as 8-15`},
		{"QoS by a word", "qos:\n  t: {cbr: copy}", `x:2:12: cbr: "copy": {dscp: N, tc: N, pcp: N}; inner may be copy`},
		{"no such QoS", "ports:\n  a: eth:e0,qos=gold\nqos:\n  silver: {inner: copy}", `x:2:3: port a: no table "gold" in qos`},
		{"alias", "ports: &p {a: eth:e0}\nstreams: *p", "x:1:8: ports: a mapping, KEY: VALUE\nx:2:10: streams: a mapping, KEY: VALUE"},
		{"merge", "ports:\n  <<: {a: eth:e0}", "x:2:3: ports: a key is plain text"},
		{"hubs", "hubs: 0", `x:1:7: hubs: "0" is no number from 1 to 63`},
		{"hubs in hexadecimal", "hubs: 0x10", `x:1:7: hubs: "0x10" is no number from 1 to 63`},
		{"region", "sockets: {region: 131073}", "x:1:19: region: 131073 is no multiple of 4096"},
		{"grace", "sockets: {grace: 11s}", `x:1:18: grace: "11s": a time from 0s to 10s`},
		{"limits of a user", "sockets: {user: {connections: 0}}", `x:1:31: connections: "0" is no number from 1 to 1048576`},
		{"too many blocks", "hubs: 2\nblocks: {small: 2000000, large: 2000000}", "x:2:1: blocks: 8000000 for all hubs together: at most 4194304"},
		{"captures", "captures: [here]", `x:1:12: captures: "here": a path from the root`},
		{"control", "control: run/x", `x:1:10: control: "run/x": a path from the root, such as /run/cellhub/control`},
		{"mode", "control: {mode: rw}", `x:1:17: mode: "rw": the socket's mode in octal, such as 0660`},
		{"role", "access: {boss: {}}", `x:1:10: unknown key "boss" in access: it takes admin, application, manager, module, observer`},
		{"user", "access: {admin: {users: [root, nobody]}}", "x:1:32: users: no user nobody"},
		{"users no list", "access: {admin: {users: root}}", "x:1:25: users: a list, [A, B] or a line each that begins with -"},
		{"long name", "ports:\n  " + strings.Repeat("a", 32) + ": eth:e0", `x:2:3: port "` + strings.Repeat("a", 32) + `": a name of 1 to 31 octets`},
		{"bad name", "ports:\n  a/b: eth:e0", `x:2:3: port "a/b": a name consists of letters, digits and - _ .`},
		{"name like an option", "ports:\n  -b: eth:e0", `x:2:3: port "-b": a name begins with a letter or a digit`},
		{"no spec", "ports:\n  a: {number: 1}", "x:2:3: port a: no spec: add spec: eth:IFNAME,label=N or another"},
		{"empty spec", "ports:\n  a:\n    spec:\n    number: 1", "x:3:10: spec: a value on the same line"},
		{"spec", "ports:\n  a: gre:e0", `x:2:6: port a: kind "gre": eth:IFNAME or udp:LOCAL:PORT`},
		{"number", "ports:\n  a: {spec: eth:e0, number: 65536}", `x:2:29: number: "65536" is no number from 1 to 65535`},
		{"two of a number", "ports:\n  a: {spec: eth:e0, number: 1}\n  b: {spec: eth:e1, number: 1}", "x:3:3: port b: number 1 is port a's (line 2): give another, or none"},
		{"two alike", "ports:\n  a: eth:e0\n  b: eth:e0", "x:3:3: port b: its cells cannot be told from those of port a (line 2): take another label"},
		{"one name", "ports:\n  a: eth:e0\nstreams:\n  a: {top: head}", "x:4:3: stream a: a port is called so (line 2): give it another name"},
		{"hub", "hubs: 2\nstreams:\n  a: {top: head, hub: 2}", "x:3:3: stream a: hub 2: there are 2, counted from 0: give more by hubs:"},
		{"no top", "streams:\n  s: {modules: []}", "x:2:3: stream s: no top: add what stands on it, such as top: tap tap0"},
		{"module at the top", "streams:\n  s: {top: aal5}", "x:2:12: top: aal5 is no top of a stream: there is head, tap"},
		{"top in the middle", "streams:\n  s: {top: head, modules: [tap t0]}", "x:2:28: modules: tap stands at the top: write top: tap t0"},
		{"unknown module", "streams:\n  s: {top: head, modules: [ppp]}", `x:2:28: modules: no module "ppp": there is aal5, capture, rfc2684`},
		{"argument", "streams:\n  s: {top: head, modules: [rfc2684 llc]}", `x:2:28: stream s: rfc2684: "llc": llc or vcmux, bridged or routed`},
		{"module without VC", "streams:\n  s: {top: head, modules: [aal5]}", "x:2:28: stream s: aal5 works on a VC, and no PVC has stream: s"},
		{"no port", world + "  - {vc: 0/32}", "x:8:5: a PVC without port: add port: NAME, one of ports"},
		{"no vc", world + "  - {port: a}", "x:8:5: a PVC without vc: add vc: VPI/VCI"},
		{"unknown port", world + "  - {port: c, vc: 0/32}", `x:8:5: PVC c 0/32: no port "c" in ports`},
		{"unknown stream", world + "  - {port: a, vc: 0/32, stream: x}", `x:8:5: PVC a 0/32: no stream "x" in streams`},
		{"VPI", world + "  - {port: a, vc: 4096/32}", `x:8:19: vc: "4096/32": VPI/VCI in decimal, VPI 0 to 4095, VCI 0 to 65535, such as 0/100`},
		{"VC", world + "  - {port: a, vc: 32}", `x:8:19: vc: "32": VPI/VCI in decimal, VPI 0 to 4095, VCI 0 to 65535, such as 0/100`},
		{"two of a VC", world + "  - {port: a, vc: 0/32}\n  - {port: b, vc: 0/32}\n  - {port: a, vc: 0/32}", "x:10:5: PVC a 0/32: that VC is in line 8 already"},
		{"stream on two", world + "  - {port: a, vc: 0/32, stream: s}\n  - {port: b, vc: 0/33, stream: s}",
			"x:9:5: PVC b 0/33: stream s stands on VC 0/32 already (line 8): one stream has one VC"},
		{"two kinds", "streams:\n  a: {top: tap t0, modules: [rfc2684 llc routed]}", "x:2:30: stream a: rfc2684 is routed, and tap above it is bridged: one of the two must change"},
		{"no AAL5", "ports: {p: \"eth:e\"}\nstreams:\n  a: {top: tap t0, modules: [rfc2684 llc bridged]}\npvcs: [{port: p, vc: 0/32, stream: a}]",
			"x:3:30: stream a: nothing makes cells of SDUs for port p: end modules with aal5, or have the port carry SDUs"},
		{"AAL5 twice", "ports: {p: \"eth:sdu\"}\nstreams:\n  a: {top: tap t0, modules: [aal5]}\npvcs: [{port: p, vc: 0/32, stream: a}]",
			"x:3:30: stream a: aal5 makes cells, and port p carries SDUs: leave it out, or have the port carry cells"},
		{"AAL5 too high", "ports: {p: \"eth:e\"}\nstreams:\n  a: {top: tap t0, modules: [aal5, rfc2684 llc bridged]}\npvcs: [{port: p, vc: 0/32, stream: a}]",
			"x:3:36: stream a: rfc2684 works on SDUs, and aal5 above it has made cells of them: exchange them"},
		{"a port of one VC", "ports: {p: \"eth:one\"}\npvcs: [{port: p, vc: 1/40}, {port: p, vc: 1/41}]", "x:2:29: PVC p 1/41: port p: it carries VC 1/40 alone"},
		{"a path of a port of one VC", "ports: {p: \"eth:one\", q: \"eth:e\"}\nxconnects: [{from: p 1/*, to: q 1/*}]", "x:2:13: p 1/* to q 1/*: port p: it carries VC 1/40 alone"},
		{"AAL", world + "  - {port: a, vc: 0/32, aal: 4}", `x:8:30: aal: "4": 0 or 5`},
		{"marks", world + "  - {port: a, vc: 0/32, hiwat: 5, lowat: 6}", "x:8:5: PVC a 0/32: lowat 6 is above hiwat 5"},
		{"no burst", world + "  - {port: a, vc: 0/32, service: vbr, pcr: 5, scr: 3}", "x:8:5: PVC a 0/32: variable rates: add scr: N and mbs: N to pcr"},
		{"no minimum", world + "  - {port: a, vc: 0/32, service: ubr+mcr, pcr: 5}", "x:8:5: PVC a 0/32: a minimum: add it as scr: N, and mbs: N"},
		{"direction", world + "  - {port: a, vc: 0/32, direction: up}", `x:8:36: direction: "up": both, in or out`},
		{"rates", world + "  - {port: a, vc: 0/32, pcr: 5, scr: 6}", "x:8:5: PVC a 0/32: scr is above pcr"},
		{"cross-connect without end", world + "xconnects:\n  - {from: a 0/32}", "x:9:5: a cross-connect without both ends: from: PORT VPI/VCI and to: PORT VPI/VCI"},
		{"end", world + "xconnects:\n  - {from: a 0/0, to: b 0/32}", `x:9:12: from: "a 0/0": PORT VPI/VCI, such as dslam 0/100, or PORT VPI/* for a whole path`},
		{"end without port", world + "xconnects:\n  - {from: 0/32, to: b 0/32}", `x:9:12: from: "0/32": PORT VPI/VCI, such as dslam 0/100, or PORT VPI/* for a whole path`},
		{"cross-connected port", world + "xconnects:\n  - {from: a 0/32, to: c 0/32}", `x:9:5: a 0/32 to c 0/32: no port "c" in ports`},
		{"cross-connected PVC", world + "  - {port: a, vc: 0/32}\nxconnects:\n  - {from: a 0/32, to: b 0/32}", "x:10:5: a 0/32 to b 0/32: a 0/32 is in line 8 already"},
		{"cross-connected twice", world + "xconnects:\n  - {from: a 0/32, to: b 0/32}\n  - {from: a 0/33, to: b 0/32}", "x:10:5: a 0/33 to b 0/32: b 0/32 is in line 9 already"},
		{"relay of a cross-connect", world + "xconnects:\n  - {from: a 0/32, to: b 0/32, relay: perhaps}", `x:9:39: relay: "perhaps": auto, on or off`},
		{"connections of the relay", world + "relay: {connections: 0}", "x:8:22: connections: \"0\" is no number from 1 to 1048576"},
		{"path to VC", world + "xconnects:\n  - {from: a 1/*, to: b 0/32}", "x:9:5: a 1/* to b 0/32: a whole path at one end and a VC at the other"},
		{"path with PVC", world + "  - {port: a, vc: 1/32}\nxconnects:\n  - {from: a 1/*, to: b 1/*}", "x:10:5: a 1/* to b 1/*: VPI 1 of port a has VCs of its own (line 8), and cannot be switched as a whole"},
		{"VC of path", world + "xconnects:\n  - {from: a 1/*, to: b 1/*}\n  - {from: a 1/32, to: b 2/32}", "x:10:5: a 1/32 to b 2/32: VPI 1 of port a is switched as a whole in line 9"},
		{"cross-connect of itself", world + "xconnects:\n  - {from: a 1/*, to: a 1/*}", "x:9:5: a 1/* to a 1/*: two different ends"},
		{"reserved", world + "xconnects:\n  - {from: a 0/5, to: b 0/5}", "x:9:5: a 0/5 to b 0/5: VCIs below 32 are for signalling and OAM, and are not switched one by one"},
		{"yes", world + "xconnects:\n  - {from: a 0/32, to: b 0/32, police: on}", `x:9:40: police: "on": yes, true, no or false`},
		{"long text", "ports:\n  a: eth:" + strings.Repeat("e", maxText), "x:2:6: a: UTF-8 of at most 4096 octets"},
		{"two faults", "hubs: no\nports:\n  a: gre:x\n", "x:1:7: hubs: \"no\" is no number from 1 to 63\nx:3:6: port a: kind \"gre\": eth:IFNAME or udp:LOCAL:PORT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse("x", []byte(c.text), testRules)
			if err == nil {
				t.Fatalf("taken: %+v", got)
			}
			if err.Error() != c.want {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
			var faults Faults
			if !errors.As(err, &faults) {
				t.Errorf("%T", err)
			}
		})
	}
}

// What would take the parser's memory without end is refused before it has any.
func TestParseDeep(t *testing.T) {
	for _, level := range []string{"[", "{", "{a: ", "a: [", "- ", "? ", "- ? ", "!!x ", "&a ", "*a ", "<<: ", "-\n "} {
		_, err := Parse("x", []byte(strings.Repeat(level, 100000)), testRules)
		var faults Faults
		if !errors.As(err, &faults) {
			t.Errorf("%q: %v", level, err)
		}
	}
	nested := "hubs: 1"
	for range maxDepth {
		nested = "a:\n " + strings.ReplaceAll(nested, "\n", "\n ")
	}
	if _, err := Parse("x", []byte(nested), testRules); err == nil || !strings.Contains(err.Error(), "x:33:33: more than 32 levels") {
		t.Errorf("%v", err)
	}
}

func TestReadFile(t *testing.T) {
	if _, err := ReadFile(t.TempDir()+"/none", Rules{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// Whatever a file is, it is read, or refused by faults that have a place.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	for _, seed := range []string{"ports: [", "- 1", "a: &b [*b]", "pvcs:\n- {port: a, vc: 1/2}\n", "? {a: b}\n: c", "ports: !!map {a: |\n  x\n}", "hubs: 1\n---\nhubs: 1", strings.Repeat("[", 100), "xconnects: [{from: a 0/32, to: b 5/*}]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("x", text, testRules)
		var faults Faults
		switch {
		case err == nil && c == nil, err != nil && (c != nil || !errors.As(err, &faults) || len(faults) == 0):
			t.Fatalf("%v, %v", c, err)
		case err == nil:
			Plan(nil, Names{}, c)
		}
	})
}
