package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/client"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// programs are the daemon under test.
var programs = controltest.NewPrograms("../cellhubd")

func TestMain(m *testing.M) { programs.Main(m) }

// underTest is a cellhubd in a host of a lab.
type underTest struct {
	t    *testing.T
	path string
}

func startDaemon(t *testing.T, h *lab.Host) *underTest {
	t.Helper()
	d := &underTest{t, filepath.Join(t.TempDir(), "control")}
	var log controltest.Log
	cmd := h.Command(context.Background(), programs.Path(t, "cellhubd"), "--control", d.path)
	cmd.Stdout, cmd.Stderr = &log, &log
	log.Start(t, cmd, "msg=ready")
	return d
}

// ctl runs cellctl and gives what it prints.
func (d *underTest) ctl(args ...string) (out string, code int) {
	var b bytes.Buffer
	code = run(d.t.Context(), append([]string{"--control", d.path}, args...), &b, &b)
	return b.String(), code
}

// must is ctl where a failure ends the test.
func (d *underTest) must(line string) string {
	d.t.Helper()
	out, code := d.ctl(strings.Fields(line)...)
	if code != 0 {
		d.t.Fatalf("cellctl %s: %d: %s", line, code, out)
	}
	return out
}

// show gives what show all --json says.
func (d *underTest) show() (s struct {
	Ports []struct {
		Name string
		Up   bool
		VCs  int
	}
	Streams []struct {
		Name, VC  string
		Number    uint32
		Processes []struct{ Module, Argument string }
	}
	PVCs []struct {
		VC, Stream string
		Counters   []counter
	}
}) {
	d.t.Helper()
	if err := json.Unmarshal([]byte(d.must("show all --json")), &s); err != nil {
		d.t.Fatal(err)
	}
	return s
}

// modules is a stream's, from the top.
func (d *underTest) modules(stream string) (names []string) {
	for _, s := range d.show().Streams {
		if s.Name == stream {
			for _, p := range s.Processes {
				names = append(names, p.Module)
			}
		}
	}
	return names
}

// Everything that changes a daemon, and what is seen of it.
func TestChange(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	d := startDaemon(t, l.A)
	if out := d.must("port add dslam --number 7 eth:" + lab.Dev + ",label=100"); out != "port 7\n" {
		t.Errorf("%s", out)
	}
	d.must("stream open --name lan tap tap0 mtu=1500")
	d.must("stream push lan rfc2684 llc bridged")
	top := d.show().Streams[0].Number
	d.must(fmt.Sprintf("stream push %d aal5", top+1))
	d.must("pvc add dslam 0/100 --stream lan --pcr 4000")
	d.must("pvc add 7 0/101 --aal 5")
	s := d.show()
	if len(s.PVCs) != 2 || s.PVCs[0].Stream != "lan" || s.Streams[0].VC != "dslam 0/100" || !s.Ports[0].Up || s.Ports[0].VCs != 2 {
		t.Errorf("%+v", s)
	}
	if m := d.modules("lan"); !slices.Equal(m, []string{"tap", "rfc2684", "aal5"}) {
		t.Errorf("%v", m)
	}
	d.must("stream open --name uplink ether " + lab.Dev)
	d.must("stream open --name lldp tap lldp0")
	d.must("sap add uplink 0x88cc lldp")
	if out := d.must("sap list"); !strings.Contains(out, "0x88cc") || !strings.Contains(out, "lldp") {
		t.Errorf("%s", out)
	}
	d.must("sap del uplink 0x88cc lldp")
	if out := d.must("sap list --json"); out != "[]\n" {
		t.Errorf("%s", out)
	}
	d.must("stream close lldp")
	d.must("stream close uplink")
	if out := d.must("stream flush lan --down"); out != "messages 0\n" {
		t.Errorf("%s", out)
	}
	d.must("port down dslam")
	if out := d.must("show ports"); !strings.Contains(out, "dslam       7  down     2") {
		t.Errorf("%s", out)
	}
	d.must("port up dslam")
	d.must(fmt.Sprintf("stream replace %d rfc2684 vcmux bridged", top+1))
	if a := d.show().Streams[0].Processes[1].Argument; a != "vcmux bridged" {
		t.Errorf("%s", a)
	}
	d.must(fmt.Sprintf("stream pop %d", top+1))
	if m := d.modules("lan"); !slices.Equal(m, []string{"tap", "aal5"}) {
		t.Errorf("%v", m)
	}
	d.must("pvc del dslam 0/101")
	d.must("stream close lan")
	d.must("port del dslam")
	if s := d.show(); len(s.Ports)+len(s.Streams)+len(s.PVCs) != 0 {
		t.Errorf("left: %+v", s)
	}
}

// What cannot be done is one line that says what to do, and a code that says whose fault.
func TestRefusals(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	d := startDaemon(t, l.A)
	d.must("port add dslam eth:" + lab.Dev + ",label=100")
	d.must("stream open --name lan head")
	for _, c := range []struct {
		line string
		code int
		want string
	}{
		{"shw", exitUsage, `unknown command "shw" for "cellctl"`},
		{"show", exitUsage, "cellctl show what? all, connections, modules, ports, processes, pvcs, streams, xconnects"},
		{"port add dslam", exitUsage, "accepts 2 arg(s), received 1: cellctl port add NAME SPEC [flags]"},
		{"port add dslam nonsense", exitFailed, `kind "nonsense": eth:IFNAME or udp:LOCAL:PORT`},
		{"port add dslam eth:" + lab.Dev + ",label=101", exitFailed, `"dslam": a port or a process is called so`},
		{"port del hq", exitFailed, `no port "hq": there is dslam`},
		{"pvc add dslam 5000/1", exitUsage, `VC "5000/1": VPI 5000 is out of range 0 to 4095`},
		{"pvc add dslam 0/32 --aal 2", exitUsage, "--aal 2: 0, 5"},
		{"pvc add dslam 0/32 --stream nix", exitFailed, `no process or stream "nix": there is lan`},
		{"pvc del dslam 0/32", exitFailed, "no VC 1 0/32"},
		{"stream open nothing", exitFailed, "no such module"},
		{"stream push lan rfc2684 llc", exitFailed, "bridged or routed"},
		{"stream move lan 9", exitFailed, "no hub 9: there are 1, counted from 0"},
		{"capture dslam 0/32", exitFailed, "port dslam has no VC 0/32 (cellctl show pvcs)"},
		{"watch nix", exitFailed, `no port "nix": there is dslam`},
		{"watch --interval 1ms", exitUsage, "--interval 1ms: at least 100ms"},
		{"event subscribe nix", exitUsage, `event kind "nix": registered, gone`},
		{"--control /nix show all", exitFailed, "/nix: no such socket: start cellhubd, or say where it listens by --control or CELLHUB_CONTROL"},
		{"--nix", exitUsage, "unknown flag: --nix: see cellctl --help"},
	} {
		out, code := d.ctl(strings.Fields(c.line)...)
		if code != c.code || !strings.Contains(out, c.want) || !strings.HasPrefix(out, "cellctl: ") {
			t.Errorf("cellctl %s: %d: %s\nwant %d: %s", c.line, code, out, c.code, c.want)
		}
	}
}

// Cross-connects are made, seen from both ends, and parted by either.
func TestXConnect(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	d := startDaemon(t, l.A)
	d.must("port add a eth:" + lab.Dev + ",label=100")
	d.must("port add b eth:" + lab.Dev + ",label=101")
	d.must("xconnect add a 0/100 b 0/200 --pcr 100 --police")
	d.must("xconnect add a 5/* b 6/* --one-way --relay off")
	want := "" +
		"FROM  VC     TO       SERVICE  PCR  RELAY  CELLS\n" +
		"a     0/100  b 0/200  ubr      100  hub        0\n    nothing lost\n    the hub relays it: it is policed\n" +
		"a     5/*    b 6/*    ubr        -  hub        0\n    nothing lost\n    the hub relays it: relay=off\n" +
		"b     0/200  a 0/100  ubr      100  hub        0\n    nothing lost\n    the hub relays it: it is policed\n"
	if out := d.must("show xconnects"); out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	if s := d.show(); len(s.PVCs) != 0 {
		t.Errorf("%+v", s.PVCs)
	}
	d.must("watch --count 1 --interval 100ms")
	if out, code := d.ctl("xconnect", "add", "a", "0/0", "b", "0/32"); code != exitUsage || !strings.Contains(out, "VC 0/0: for a whole path write 0/*") {
		t.Errorf("%d: %s", code, out)
	}
	d.must("xconnect del b 0/200")
	d.must("xconnect del a 5/*")
	if out := d.must("show xconnects"); !strings.HasPrefix(out, "no cross-connects") {
		t.Errorf("%s", out)
	}
}

// An application's connection is seen with its VC and its state.
func TestConnections(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	d := startDaemon(t, l.A)
	d.must("port add hq eth:" + lab.Dev + ",label=100")
	d.must("pvc add hq 0/33 --aal 5")
	c, err := client.Open(d.path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Dial(t.Context(), "pvc://hq/0/33", nil); err != nil {
		t.Fatal(err)
	}
	out := d.must("show connections")
	if !strings.Contains(out, "pvc://hq/0/33") || !strings.Contains(out, "connected") {
		t.Errorf("%s", out)
	}
	c.Close()
	controltest.Until(t, "it is gone", func() bool { return strings.HasPrefix(d.must("show connections"), "no connections") })
}

// inner are the addresses on both ends of a VC.
var inner = [2]netip.Prefix{netip.MustParsePrefix("198.51.100.1/24"), netip.MustParsePrefix("198.51.100.2/24")}

// pair makes two daemons with a VC between them, and waits until it carries.
func pair(t *testing.T) (*lab.Lab, [2]*underTest) {
	t.Helper()
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	var ends [2]*underTest
	for side, h := range []*lab.Host{l.A, l.B} {
		d := startDaemon(t, h)
		d.must("port add dslam eth:" + lab.Dev + ",label=100")
		d.must("stream open --name lan tap atm0")
		d.must("stream push lan aal5")
		d.must("stream push lan rfc2684 llc bridged")
		d.must("pvc add dslam 0/100 --stream lan")
		if err := h.AddAddr("atm0", inner[side]); err != nil {
			t.Fatal(err)
		}
		ends[side] = d
	}
	controltest.Until(t, "a ping is answered", func() bool { return ping(t, l, 1) })
	return l, ends
}

func ping(t *testing.T, l *lab.Lab, count int) bool {
	r, err := lab.Ping(t.Context(), l.A, inner[1].Addr(), lab.PingConfig{Count: count, Wait: time.Second})
	return err == nil && r.Lost() == 0
}

// Rates are of what went by meanwhile.
func TestWatch(t *testing.T) {
	l, ends := pair(t)
	ctx, cancel := context.WithCancel(t.Context())
	var out controltest.Log
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"--control", ends[1].path, "watch", "--json", "--interval", "100ms"}, &out, &out)
	}()
	controltest.Until(t, "watch has seen PDUs", func() bool {
		ping(t, l, 1)
		return strings.Contains(out.String(), `"aal5.rx_pdus":`)
	})
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("%d: %s", code, out.String())
	}
	first, _, _ := strings.Cut(out.String(), "\n")
	var r rateView
	if err := json.Unmarshal([]byte(first), &r); err != nil || r.Port != "dslam" || r.Seconds <= 0 {
		t.Errorf("%v: %s", err, first)
	}
}

// Modules are reached by name, tell what they can be told, and are told it.
func TestModule(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	d := startDaemon(t, l.A)
	d.must("port add dslam eth:" + lab.Dev + ",label=100")
	d.must("stream open --name lan tap tap0")
	if out := d.must("module path lan"); !strings.HasPrefix(out, "lan is tap#") {
		t.Errorf("%s", out)
	}
	if out := d.must("module command dslam counters"); !strings.Contains(out, "rx_cells 0\n") {
		t.Errorf("%s", out)
	}
	out := d.must("module command dslam")
	if !strings.HasPrefix(out, "COMMAND") || !strings.Contains(out, "counters") {
		t.Errorf("%s", out)
	}
	var own []ownCommand
	if err := json.Unmarshal([]byte(d.must("module command dslam --json")), &own); err != nil || len(own) < 4 {
		t.Errorf("%v: %v", own, err)
	}
	for _, c := range own { // each that reads can be read by its number
		if c.Direction == "OUT" {
			d.must(fmt.Sprintf("module command dslam %d", c.Number))
		}
	}
	for line, want := range map[string]string{
		"module path nix":               "nix: no module of that name and key (cellctl show processes)",
		"module path lan --key 1":       "lan: no module of that name and key",
		"module command lan nix":        `no command "nix": there is module, counters, commands`,
		"module command lan counters x": "counters takes no argument",
	} {
		if out, code := d.ctl(strings.Fields(line)...); code == 0 || !strings.Contains(out, want) {
			t.Errorf("%s: %d: %s", line, code, out)
		}
	}
}
