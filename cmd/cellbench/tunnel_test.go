package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// TestMain lets the test binary be the plain loop that the tests start.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == plainLoopCommand {
		main()
		return
	}
	programs.Main(m)
}

// programs are the daemons that calls go through.
var programs = controltest.NewPrograms("../cellhubd", "../cellsigd")

// command runs a command line.
func command(ctx context.Context, line string) (stdout, stderr string, err error) {
	var out, told bytes.Buffer
	c := newCommand(&out, &told)
	c.SetArgs(strings.Fields(line))
	err = c.ExecuteContext(ctx)
	return out.String(), told.String(), err
}

func TestBadFlags(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"tunnel --rounds 0", "--rounds 0: at least 1"},
		{"put --window 1us", "--window 1µs: at least 1ms"},
		{"tunnel more", `unknown command "more"`},
		{"tunnel --mtu 1400", "--mtu 1400: 1500 or 9000"},
		{"tunnel --peers nothing", "--peers nothing: no such tunnel; there are plain-loop, "},
		{"tunnel --peers atmtap-udp-n1 --atmtap /no/such", "no such file or directory: make build, or --atmtap PATH"},
		{"gate", `unknown command "gate"`},
	} {
		if _, _, err := command(t.Context(), tt.args); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.args, err, tt.want)
		}
	}
}

// A peer that is not installed is one line that says what to install.
func TestMissingPeer(t *testing.T) {
	var told []string
	found, err := choose(peers("/bin/true", "", "/no/such"), []string{"wireguard-go", "kernel-vxlan"}, func(format string, args ...any) {
		told = append(told, fmt.Sprintf(format, args...))
	})
	if err != nil || names(found) != "plain-loop, kernel-vxlan" {
		t.Errorf("%s, %v", names(found), err)
	}
	if want := "wireguard-go: passed over: /no/such/wireguard is not there: make bench-peers"; len(told) != 1 || told[0] != want {
		t.Errorf("told %q, want %q", told, want)
	}
}

// The search finds the rate at which a simulated tunnel begins to lose, in few
// trials, and believes no rate that does not hold for long.
func TestNoLoss(t *testing.T) {
	const packets = 10_000 // in a trial
	for _, tt := range []struct {
		name        string
		most        float64
		often, rare float64 // from where it loses one packet in each trial, and in each fifth
		want        float64
	}{
		{"in the middle", 200_000, 120_000, 120_000, 120_000},
		{"everything passes", 200_000, 1e9, 1e9, 200_000},
		{"rare loss", 200_000, 120_000, 80_000, 80_000},
		{"very low", 200_000, 700, 700, 700},
		{"always", 200_000, 0, 0, 0},
	} {
		trials := 0
		got, err := noLoss(tt.most, 1000, func(rate float64) (int, int, float64, error) {
			trials++
			lost := 0
			if rate > tt.often || rate > tt.rare && trials%5 == 0 {
				lost = 1
			}
			return packets, lost, rate, nil
		})
		if err != nil || got > tt.want || got < tt.want*(1-precision)*retreat {
			t.Errorf("%s: %v, %v; want about %v", tt.name, got, err, tt.want)
		}
		if trials > 60 {
			t.Errorf("%s: %d trials", tt.name, trials)
		}
	}
	for _, tt := range []struct {
		name string
		lost int
		want float64
	}{{"one in 200,000 is few", 1, 900}, {"one in 100,000 is not", 2, 0}} {
		got, err := noLoss(1000, 1000, func(float64) (int, int, float64, error) { return 2 * lossLimit, tt.lost, 900, nil })
		if err != nil || got != tt.want {
			t.Errorf("%s: %v, %v; want %v", tt.name, got, err, tt.want)
		}
	}
	broken := errors.New("broken")
	if _, err := noLoss(1000, 1000, func(float64) (int, int, float64, error) { return 1, 0, 1, broken }); !errors.Is(err, broken) {
		t.Errorf("a trial that fails: %v", err)
	}
	if _, err := noLoss(1000, 1000, func(float64) (int, int, float64, error) { return 0, 0, 0, nil }); err == nil {
		t.Error("a trial that sends nothing: no error")
	}
}

// testdata/ring_perf.txt is what dpdk-test 22.11 wrote on two processors of
// 2.6 GHz, its lines about memory and drivers left out.
func TestParseRing(t *testing.T) {
	out, err := os.ReadFile("testdata/ring_perf.txt")
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseRing(out)
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-6 }
	if err != nil || len(got.two) != 2 || !near(got.two[8], 8.43/2.6/2) || !near(got.two[32], 4.74/2.6/2) || !near(got.one, 45.23/2.6/32) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, text := range map[string]string{
		"nothing":  "",
		"no clock": strings.ReplaceAll(string(out), "TSC frequency", ""),
		"one core": strings.ReplaceAll(string(out), "two physical cores", "two hyperthreads"),
	} {
		if got, err := parseRing([]byte(text)); err == nil {
			t.Errorf("%s: %+v, no error", name, got)
		}
	}
}

// The versions of peers stand in the programs: this one is built of cobra.
func TestModuleVersion(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if got := moduleVersion("github.com/spf13/cobra")(self); !strings.HasPrefix(got, "v1.") {
		t.Errorf("cobra: %q", got)
	}
	for module, program := range map[string]string{"example.org/none": self, "github.com/spf13/cobra": "/no/such"} {
		if got := moduleVersion(module)(program); got != unknownVersion {
			t.Errorf("%s in %s: %q", module, program, got)
		}
	}
}

// One round with the plain loop alone gives every figure, and a picture.
func TestTunnel(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tunnel.svg")
	out, told, err := command(t.Context(), "tunnel --rounds 1 --window 50ms --peers plain-loop --plot "+file)
	if errors.Is(err, os.ErrPermission) {
		t.Skip("needs root to make network namespaces")
	}
	if err != nil || told != "" {
		t.Fatal(told, err)
	}
	for _, want := range []string{"TCP, inner MTU 1500", "TCP, inner MTU 9000", "UDP, 64 octets", "Round trip", "s a gigabit"} {
		if !strings.Contains(out, want) {
			t.Errorf("the tables lack %q:\n%s", want, out)
		}
	}
	if svg, err := os.ReadFile(file); err != nil || !bytes.Contains(svg, []byte("plain-loop")) {
		t.Errorf("the picture: %d octets, %v", len(svg), err)
	}
}

// A peer that breaks says what it wrote when it is needed.
func TestTunnelBroken(t *testing.T) {
	broken := peer{name: "broken", program: "/bin/sh", needed: true, command: func(e end) ([]string, error) {
		return []string{e.program, "-c", "echo no such luck; exit 3"}, nil
	}}
	c := tunnelContest([]peer{broken}, smallMTU, 50*time.Millisecond)
	err := (&run{rounds: 1, stderr: &bytes.Buffer{}}).all(t.Context(), c)
	if errors.Is(err, os.ErrPermission) {
		t.Skip("needs root to make network namespaces")
	}
	if err == nil || !strings.Contains(err.Error(), "broken: ended early: exit status 3; a wrote: no such luck") {
		t.Error(err)
	}
}

// Every contest of functions gives a figure for each of its columns.
func TestFunctions(t *testing.T) {
	for _, name := range []string{"aal", "put"} {
		out, _, err := command(t.Context(), name+" --rounds 1 --window 1ms")
		if err != nil || strings.Contains(out, nothing) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
