package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/dataplane/control"
)

// sample is the state of a small daemon.
func sample() *state {
	s := newState()
	s.Ports = []portView{
		{Number: 1, Name: "dslam", Spec: "eth:eth1,label=100", Up: true, VCs: 2, Counters: []counter{{"rx_cells", 1234567}, {"tx_cells", 9}, {"rx_drop_oam", 3}}},
		{Number: 12, Name: "hq", Spec: "udp:192.0.2.1:6635,remote=192.0.2.7:6635,label=200", Counters: []counter{{"rx_sdus", 7}}},
	}
	s.Processes = []processView{
		{Number: 9, Module: "tap", Name: "lan", Arg: "tap0 mtu=1500"},
		{Number: 10, Above: 9, Module: "rfc2684", Arg: "llc bridged"},
		{Number: 11, Above: 10, Module: "aal5"},
		{Number: 12, Above: 11, Module: "vc 0/100"},
		{Number: 13, Module: "head"},
	}
	s.Streams = []streamView{{Name: "lan", Number: 9}, {Name: "head#13", Number: 13}}
	s.PVCs = []pvcView{
		{Port: 1, PortName: "dslam", VC: "0/100", AAL: "0", Receive: "aal", Service: "ubr", PCRTx: 4000, PCRRx: 1000, Receiver: 11, Conn: "2147483648.1",
			Drops: drops([]counter{{"aal5.rx_pdus", 5}, {"aal5.rx_drop_crc", 3}, {"aal5.rx_drop_oam", 0}, {"tap.tx_drop_down", 12}})},
		{Port: 1, PortName: "dslam", VC: "0/101", AAL: "5", Receive: "raw", Service: "cbr", Conn: "2147483649.1"},
	}
	s.Crosses = []crossView{{pvcView{PortName: "dslam", VC: "5/*", Service: "cbr", PCRTx: 40, Counters: []counter{{"rx_cells", 12}},
		Drops: drops([]counter{{"police_dropped", 2}})}, "hq 6/*", "hub", "it is policed"}}
	s.Modules = []string{"aal5", "tap"}
	s.Connections = []connectionView{{ID: "0.1", Local: "pvc://dslam/0/101", State: "connected"}}
	s.join()
	return s
}

// What a person sees is a file that a person has read; CELLCTL_REWRITE=1 writes it anew.
func TestTables(t *testing.T) {
	var b bytes.Buffer
	for _, s := range []*state{sample(), newState()} {
		for _, v := range views {
			b.WriteString("== " + v.title + "\n")
			if err := v.table(s).write(&b); err != nil {
				t.Fatal(err)
			}
		}
	}
	golden := filepath.Join("testdata", "tables.txt")
	if os.Getenv("CELLCTL_REWRITE") != "" {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// Machines get lists, also of nothing, and every field always.
func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := writeJSON(&b, newState()); err != nil {
		t.Fatal(err)
	}
	if want := `{"ports":[],"streams":[],"pvcs":[],"xconnects":[],"processes":[],"connections":[],"modules":[]}` + "\n"; b.String() != want {
		t.Errorf("%s", b.String())
	}
	b.Reset()
	if err := writeJSON(&b, sample()); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Streams []struct {
			VC        string
			Processes []struct{ Module, Argument string }
		}
		PVCs []struct {
			Stream string
			Drops  []struct {
				Cause, Why string
				Count      uint64
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if s := back.Streams[0]; s.VC != "dslam 0/100" || len(s.Processes) != 3 || s.Processes[1].Argument != "llc bridged" {
		t.Errorf("%+v", s)
	}
	if v := back.PVCs[0]; v.Stream != "lan" || len(v.Drops) != 2 || v.Drops[0].Cause != "tap.tx_drop_down" || v.Drops[0].Count != 12 || v.Drops[1].Why == "" {
		t.Errorf("%+v", v)
	}
}

// Every counter of losses that a module has is explained, and nothing else is.
func TestEveryDropIsExplained(t *testing.T) {
	files, err := filepath.Glob("../../dataplane/modules/*.go")
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`Name: "((?:[a-z]+_)?(?:drop|missed)_[a-z_0-9]+)"`).FindAllSubmatch(text, -1) {
			counted[string(m[1])] = true
		}
	}
	if len(counted) < 30 {
		t.Fatalf("only %d counters found", len(counted))
	}
	for name := range counted {
		if whys[name] == "" {
			t.Errorf("%s is not explained", name)
		}
	}
	for name := range whys {
		if !counted[name] && name != policeDropped {
			t.Errorf("%s is explained, and nobody counts it", name)
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	refused := func(errno int32, text string) error {
		p := control.Packet{}
		p.Type, p.Status = control.ATMAdd, -errno
		p.SetATM(&control.ATM{})
		if text != "" {
			p.Trailer, _ = control.AppendTLV(nil, control.TLVText, []byte(text))
		}
		return remedy(p.Err())
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{refused(2, "no VC 1 0/32: no such file or directory"), "no VC 1 0/32"},
		{refused(1, ""), "ATM ADD: operation not permitted: your role may not do that"},
		{refused(116, ""), "ATM ADD: stale file handle: the daemon has been started anew meanwhile: try again"},
		{remedy(fmt.Errorf("ports: %w", io.EOF)), "the daemon has gone, or has hung up: see its log (ports: EOF)"},
		{remedy(syscall.EPIPE), "the daemon has gone, or has hung up: see its log (broken pipe)"},
		{remedy(&fs.PathError{Op: "write", Path: "x", Err: syscall.EPIPE}), "write x: broken pipe"},
		{refused(22, ""), "ATM ADD: invalid argument"},
	} {
		if c.err.Error() != c.want {
			t.Errorf("got  %s\nwant %s", c.err, c.want)
		}
	}
}

func TestRates(t *testing.T) {
	before, now := sample(), sample()
	now.Ports[0].Counters[0].Value += 100
	now.Ports[0].Counters[2].Value += 4
	now.Crosses[0].Counters = []counter{{"rx_cells", 18}}
	now.PVCs[0].Counters = []counter{{"aal5.rx_pdus", 50}}
	now.PVCs = append(now.PVCs, pvcView{PortName: "dslam", VC: "0/102", Conn: "1.1"})
	var b bytes.Buffer
	if err := (&options{}).tellRates(&b, rates(before, now, 2e9)); err != nil {
		t.Fatal(err)
	}
	want := "" +
		"PORT   VC     CELLS/S IN  CELLS/S OUT  SDUS/S IN  SDUS/S OUT  LOST/S\n" +
		"dslam  -              50            0          0           0       2\n" +
		"    lost 4 received: OAM cells that were damaged, or of a function that is not done (rx_drop_oam)\n" +
		"hq     -               0            0          0           0       0\n" +
		"dslam  0/100           -            -         25           0       0\n" +
		"dslam  0/101           -            -          0           0       0\n" +
		"dslam  5/*             3            -          -           -       0\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
