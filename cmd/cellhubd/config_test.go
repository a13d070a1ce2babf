package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/loader"
)

// examples are the configuration files that users are given.
func examples(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("%v, %v", files, err)
	}
	return files
}

// check runs cellhubd --check in this process.
func check(file string) (code int, stderr string) {
	var b bytes.Buffer
	code = run(context.Background(), []string{"--config", file, "--check"}, &b, &b)
	return code, b.String()
}

func TestExamplesCheck(t *testing.T) {
	for _, file := range examples(t) {
		if code, text := check(file); code != exitOK || text != "" {
			t.Errorf("%s: %d: %s", file, code, text)
		}
	}
}

// write makes a configuration file.
func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestCheckFaults(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no label", "ports:\n  a: eth:eth0", "2:6: port a: no label: add label=N, 16 to 1048575, as the peer has it"},
		{"two of a label", "ports:\n  a: eth:eth0,label=100\n  b: eth:eth0,mode=n1cw,label=200/100", "3:3: port b: its cells cannot be told from those of port a (line 2): take another label"},
		{"module's argument", "streams:\n  a: {top: head, modules: [rfc2684 llc]}", `2:28: stream a: rfc2684: "": bridged or routed`},
		{"TAP's argument", "streams:\n  a: {top: tap t0 mtu=1}", "2:12: stream a: tap: mtu=1: 68 to 65507 octets"},
		{"capture without file", "ports: {p: \"eth:e0,label=100\"}\nstreams:\n  a: {top: head, modules: [capture, aal5]}\npvcs: [{port: p, vc: 0/32, stream: a}]",
			`3:28: stream a: capture: file "": a path from the root, since the daemon's directory is its own`},
		{"cells on atmtcp", "ports: {p: \"atmtcp:listen=127.0.0.1\"}\nstreams:\n  a: {top: tap t0, modules: [rfc2684 llc bridged, aal5]}\npvcs: [{port: p, vc: 0/32, stream: a}]",
			"3:51: stream a: aal5 makes cells, and port p carries SDUs: leave it out, or have the port carry cells"},
		{"descriptor without name", "streams:\n  a: {top: \"tap fd:\"}", `2:12: stream a: tap: "fd:": a name of 1 to 15 octets, or fd:NAME of a descriptor`},
		{"tun and bridged", "streams:\n  a: {top: tun t0, modules: [rfc2684 llc bridged]}", "2:30: stream a: rfc2684 is bridged, and tun above it is routed: one of the two must change"},
		{"user", "access: {admin: {users: [nobody-of-that-name]}}", `1:26: users: no user "nobody-of-that-name"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := write(t, filepath.Join(t.TempDir(), "x.yaml"), c.text)
			if code, text := check(file); code != exitUsage || text != file+":"+c.want+"\n" {
				t.Errorf("%d: %s\nwant %s", code, text, c.want)
			}
		})
	}
}

// running is what a daemon has.
func (d *peer) running(t *testing.T) *loader.Running {
	t.Helper()
	conn, err := control.Dial(d.path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s, err := control.Hello(conn, control.RoleObserver, "test")
	if err != nil {
		t.Fatal(err)
	}
	r, err := loader.Read(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// has checks that a daemon has what a file wants, and nothing else.
func (d *peer) has(t *testing.T, file string) {
	t.Helper()
	want, err := loader.ReadFile(file, rules())
	if err != nil {
		t.Fatal(err)
	}
	r := d.running(t)
	for _, s := range loader.Plan(r, loader.Names{}, want) {
		t.Errorf("still to be done: %s", s.What)
	}
	if len(r.Ports) != len(want.Ports) || len(r.Streams) != len(want.Streams) || len(r.PVCs) != len(want.PVCs) || len(r.Crosses) != len(want.Crosses) {
		t.Errorf("more than wanted: %+v", r)
	}
}

// Each example runs, in a host that has what it speaks of.
func TestExamplesRun(t *testing.T) {
	for _, file := range examples(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			l := lab.ForTest(t, lab.Config{})
			dir := t.TempDir()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			own := strings.NewReplacer("eth1", lab.Dev, "/run/cellhub", dir).Replace(string(text))
			file := write(t, filepath.Join(dir, "x.yaml"), own)
			d := startDaemon(t, l.A, filepath.Join(dir, "control"), "--config", file)
			d.has(t, file)
			if err := d.cmd.Stop(syscall.SIGTERM); err != nil {
				t.Errorf("%v: %s", err, d.log.String())
			}
		})
	}
}

// What the daemon refuses at the start is told of with its line, and ends it.
func TestConfigRefused(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	name := programs.Path(t, "cellhubd")
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "x.yaml"), "ports:\n  here: eth:"+lab.Dev+",label=100\n  gone: eth:gone0,label=100\npvcs:\n  - {port: gone, vc: 0/32}\n")
	out, err := l.A.Command(t.Context(), name, "--control", filepath.Join(dir, "control"), "--config", file).CombinedOutput()
	if err == nil || !strings.Contains(string(out), file+`:3:3: open port gone: interface "gone0"`) || strings.Contains(string(out), "0/32") {
		t.Errorf("%v: %s", err, out)
	}
}

// kept is the VC whose frames are counted; between is what changes beside it.
const kept = `
hubs: 2
ports:
  dslam: {spec: "eth:%s,label=100", number: 1}
%s
streams:
  lan: {HUBtop: tap atm0, modules: [rfc2684 llc bridged, %saal5]}
%s
pvcs:
  - {port: dslam, vc: 0/100, stream: lan%s}
%s
xconnects:
%s
`

// changes are one after the other what a file has beside the kept VC.
var changes = []struct{ ports, module, streams, contract, pvcs, crosses, hub string }{
	{},
	{ports: "  a: eth:DEV,label=101"},
	{ports: "  a: eth:DEV,label=102\n  b: {spec: \"eth:DEV,label=103\", number: 9}", pvcs: "  - {port: a, vc: 0/40}\n  - {port: dslam, vc: 0/40}"},
	{ports: "  a: eth:DEV,label=102", streams: "  other: {top: head, modules: [aal5]}", pvcs: "  - {port: a, vc: 0/40, stream: other}"},
	{ports: "  a: eth:DEV,label=102", streams: "  other: {top: head, modules: [rfc2684 llc bridged, aal5]}", pvcs: "  - {port: dslam, vc: 0/41, stream: other}"},
	{contract: ", pcr: 1000"},
	{contract: ", pcr: 2000, service: cbr"},
	{ports: "  a: eth:DEV,label=102", crosses: "  - {from: dslam 0/200, to: a 0/201, pcr: 100, police: yes}\n  - {from: a 3/*, to: dslam 4/*}"},
	{ports: "  a: eth:DEV,label=102", crosses: "  - {from: dslam 0/200, to: a 0/201, pcr: 200, police: yes}"},
	{module: "capture DIR/x.pcap, "},
	{hub: "hub: 1, ", module: "capture DIR/x.pcap, "},
	{hub: "hub: 1, ", module: "capture DIR/y.pcap, capture DIR/x.pcap, "},
	{hub: "hub: 0, "},
	{module: "capture DIR/y.pcap, "},
}

// reload writes a file, has a daemon read it, and waits until it has.
func (d *peer) reload(t *testing.T, file, text string) {
	t.Helper()
	write(t, file, text)
	count := func() int { return strings.Count(d.log.String(), "msg=configured") }
	before := count()
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	controltest.Until(t, "the daemon has read its file again", func() bool { return count() > before })
}

// While a file changes round a VC, a stream of numbered frames over that VC loses none.
func TestReloadLosesNothing(t *testing.T) {
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	dir := t.TempDir()
	config := func(n int) string {
		c := changes[n%len(changes)]
		text := fmt.Sprintf(kept, lab.Dev, c.ports, c.module, c.streams, c.contract, c.pvcs, c.crosses)
		return strings.NewReplacer("DEV", lab.Dev, "DIR", dir, "HUB", c.hub).Replace(text)
	}
	var ends [2]*peer
	file := filepath.Join(dir, "x.yaml")
	for side, h := range []*lab.Host{l.A, l.B} {
		write(t, file, config(0))
		ends[side] = startDaemon(t, h, filepath.Join(dir, string(rune('a'+side))), "--config", file)
		if err := h.AddAddr("atm0", inner[side]); err != nil {
			t.Fatal(err)
		}
	}
	ping(t, l)
	conn := ends[0].running(t).PVCs
	var done atomic.Bool
	var result lab.UDPResult
	var failed error
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		defer done.Store(true)
		result, failed = lab.UDPBlast(context.Background(), l.A, l.B, inner[1].Addr(), lab.UDPConfig{Size: 1000, Count: 1500, Rate: 500})
	}()
	rounds := 0
	for ; !done.Load() || rounds < 2*len(changes); rounds++ {
		for _, d := range ends {
			d.reload(t, file, config(rounds))
			d.has(t, file)
		}
	}
	<-finished
	t.Logf("%v over %d changes at each end", result, rounds)
	if failed != nil || result.Lost() != 0 || result.Damaged != 0 {
		t.Errorf("%d lost, %d damaged, %v", result.Lost(), result.Damaged, failed)
	}
	if now := ends[0].running(t).PVCs; !slices.ContainsFunc(now, func(v loader.RunningPVC) bool { return v.Port == conn[0].Port && v.VCI == 100 }) {
		t.Errorf("VCs %+v", now)
	}
}

// A file with faults changes nothing; what is refused is told with its line, and the rest
// is made. Later files know what earlier ones have made.
func TestReloadFaults(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	dir := t.TempDir()
	good := "ports:\n  a: eth:" + lab.Dev + ",label=100\npvcs:\n  - {port: a, vc: 0/32}\n"
	file := write(t, filepath.Join(dir, "x.yaml"), good)
	d := startDaemon(t, l.A, filepath.Join(dir, "control"), "--config", file)
	write(t, file, "ports: {a: nonsense}")
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	controltest.Until(t, "the fault is told of", func() bool { return strings.Contains(d.log.String(), "x.yaml:1:12: port a: kind") })
	write(t, file, good)
	d.has(t, file)
	d.reload(t, file, "ports:\n  gone: eth:gone0,label=100\n  b: eth:"+lab.Dev+",label=101\n")
	controltest.Until(t, "the refusal is told of", func() bool { return strings.Contains(d.log.String(), "x.yaml:2:3: open port gone") })
	if r := d.running(t); len(r.Ports) != 1 || r.Ports[0].Name != "b" || len(r.PVCs) != 0 {
		t.Errorf("%+v", r)
	}
	d.reload(t, file, "")
	d.has(t, file)
}

// kill -9 and a new start with the same file: the same ports, streams and PVCs.
func TestKilledAndStarted(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "x.yaml"), strings.NewReplacer("DEV", lab.Dev, "HUB", "hub: 1, ").Replace(fmt.Sprintf(kept, lab.Dev, "  a: eth:DEV,label=101", "", "", "", "  - {port: a, vc: 1/40}", "  - {from: a 2/40, to: dslam 2/41}")))
	d := startDaemon(t, l.A, filepath.Join(dir, "control"), "--config", file)
	d.has(t, file)
	before := d.running(t)
	_ = d.cmd.Process.Kill()
	<-d.cmd.Done()
	d = startDaemon(t, l.A, filepath.Join(dir, "control"), "--config", file)
	d.has(t, file)
	if after := d.running(t); !slices.Equal(after.Ports, before.Ports) || !slices.Equal(after.PVCs, before.PVCs) {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
}

// Where the socket cannot be, the reason says what to do.
func TestSocketRefused(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	dir := t.TempDir()
	startDaemon(t, l.A, filepath.Join(dir, "control"))
	name := programs.Path(t, "cellhubd")
	for path, want := range map[string]string{
		dir + "/control":      "another cellhubd serves there: end it, or have this one serve elsewhere\n",
		dir + "/none/control": "no such file or directory: make its directory\n",
	} {
		out, err := l.A.Command(t.Context(), name, "--control", path).CombinedOutput()
		if err == nil || !strings.HasPrefix(string(out), "cellhubd: --control "+path+": ") || !strings.HasSuffix(string(out), want) {
			t.Errorf("%v: %s", err, out)
		}
	}
}
