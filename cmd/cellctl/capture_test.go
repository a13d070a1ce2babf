package main

import (
	"context"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// A capture is taken into a stream that carries, has what passes as tshark reads it, and
// leaves nothing behind.
func TestCapture(t *testing.T) {
	l, ends := pair(t)
	file := filepath.Join(t.TempDir(), "x.pcap")
	for _, where := range []string{"dslam 0/100", "dslam"} {
		ctx, interrupt := context.WithCancel(t.Context())
		var stderr controltest.Log
		var code int
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			args := append([]string{"--control", ends[0].path, "capture", "-w", file}, strings.Fields(where)...)
			code = run(ctx, args, io.Discard, &stderr)
		}()
		controltest.Until(t, "the capture has begun", func() bool { return strings.Contains(stderr.String(), "capturing 1 VCs") })
		if m := ends[0].modules("lan"); !slices.Equal(m, []string{"tap", "rfc2684", "capture", "aal5"}) {
			t.Errorf("%v", m)
		}
		if !ping(t, l, 20) {
			t.Error("pings were lost")
		}
		controltest.Until(t, "what passes is written while it passes", func() bool {
			info, err := os.Stat(file)
			return err == nil && info.Size() > pcapHeader
		})
		interrupt()
		<-ended
		if code != 0 {
			t.Errorf("%d: %s", code, stderr.String())
		}
		if m := ends[0].modules("lan"); !slices.Equal(m, []string{"tap", "rfc2684", "aal5"}) {
			t.Errorf("left: %v", m)
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(ends[0].path), "capture-*")); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
		seen := tshark(t, file, "icmp.type")
		if n, m := strings.Count(seen, "8\n"), strings.Count(seen, "0\n"); n != 20 || m != 20 {
			t.Errorf("%s: tshark sees %d requests and %d replies; want 20 of each", where, n, m)
		}
	}
}

// tshark prints a field of the ICMP packets of a capture.
func tshark(t *testing.T, file, field string) string {
	t.Helper()
	name, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	out, err := exec.Command(name, "-r", file, "-o", "erf.aal5_type:llc", "-Y", "icmp && atm.vpi == 0 && atm.vci == 100", "-T", "fields", "-e", field).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	return string(out)
}

// Who reads the capture goes away: the module is taken out all the same.
func TestCaptureReaderGoes(t *testing.T) {
	l, ends := pair(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	var stderr controltest.Log
	ended := make(chan int)
	go func() {
		ended <- run(t.Context(), []string{"--control", ends[0].path, "capture", "dslam"}, w, &stderr)
	}()
	controltest.Until(t, "the capture has begun", func() bool { return strings.Contains(stderr.String(), "capturing") })
	ping(t, l, 1)
	if code := <-ended; code != 0 {
		t.Errorf("%d: %s", code, stderr.String())
	}
	if m := ends[0].modules("lan"); !slices.Equal(m, []string{"tap", "rfc2684", "aal5"}) {
		t.Errorf("left: %v", m)
	}
}

// All VCs of a port come into one capture.
func TestCaptureOfPort(t *testing.T) {
	l, ends := pair(t)
	d := ends[0]
	d.must("stream open --name two tap atm1")
	d.must("stream push two aal5")
	d.must("stream push two rfc2684 llc bridged")
	d.must("pvc add dslam 0/101 --stream two")
	d.must("pvc add dslam 0/102 --aal 5") // which has no stream
	if err := l.A.AddAddr("atm1", netip.MustParsePrefix("203.0.113.1/24")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "x.pcap")
	ctx, interrupt := context.WithCancel(t.Context())
	var stderr controltest.Log
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"--control", d.path, "capture", "-w", file, "dslam"}, io.Discard, &stderr)
	}()
	controltest.Until(t, "the capture has begun", func() bool { return strings.Contains(stderr.String(), "capturing 2 VCs") })
	ping(t, l, 3)
	_, _ = lab.Ping(t.Context(), l.A, netip.MustParseAddr("203.0.113.2"), lab.PingConfig{Count: 1, Wait: time.Millisecond}) // nobody: it is asked for
	controltest.Until(t, "the question has gone out", func() bool {
		for _, v := range d.show().PVCs {
			if v.VC == "0/101" {
				return find(v.Counters, "aal5.tx_pdus") > 0
			}
		}
		return false
	})
	interrupt()
	if code := <-ended; code != 0 {
		t.Errorf("%d: %s", code, stderr.String())
	}
	name, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	out, err := exec.Command(name, "-r", file, "-o", "erf.aal5_type:llc", "-T", "fields", "-e", "atm.vci").Output()
	if err != nil || !strings.Contains(string(out), "100\n") || !strings.Contains(string(out), "101\n") || strings.Contains(string(out), "102\n") {
		t.Errorf("%v: VCIs %q", err, out)
	}
}
