package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/nic/link"
)

// addresses of host B, by family.
func families(l *Lab) map[string]netip.Addr {
	return map[string]netip.Addr{"IPv4": l.B.Addr4.Addr(), "IPv6": l.B.Addr6.Addr()}
}

func TestPing(t *testing.T) {
	l := ForTest(t, Config{MTU: 9600})
	for name, addr := range families(l) {
		for _, cfg := range []PingConfig{
			{Count: 1}, {Count: 20}, {Count: 5, Interval: time.Millisecond}, {Count: 3, Size: 9180}, {Count: 2, Size: 30000},
		} {
			res, err := Ping(t.Context(), l.A, addr, cfg)
			if err != nil {
				t.Fatal(name, err)
			}
			if res.Sent != cfg.Count || res.Lost() != 0 || res.Duplicates != 0 || res.Damaged != 0 {
				t.Errorf("%s %+v: %+v", name, cfg, res)
			}
			if res.RTT.Min <= 0 || res.RTT.Min > res.RTT.P50 || res.RTT.P50 > res.RTT.Max {
				t.Errorf("%s: round trips out of order: %v", name, res.RTT)
			}
		}
	}
}

// A cable that is down, cut or plugged in again shows as loss, not as an error
// of the lab.
func TestPingLoss(t *testing.T) {
	l := ForTest(t, Config{})
	addr := l.B.Addr4.Addr()
	quick := PingConfig{Count: 2, Wait: 50 * time.Millisecond}
	lost := func(want int) {
		t.Helper()
		if res, err := Ping(t.Context(), l.A, addr, quick); err != nil || res.Lost() != want {
			t.Fatalf("%+v, %v; want %d lost", res, err, want)
		}
	}
	lost(0)
	if err := l.B.SetUp(Dev, false); err != nil {
		t.Fatal(err)
	}
	lost(2)
	if err := errors.Join(l.B.SetUp(Dev, true), l.A.WaitLink(t.Context(), Dev)); err != nil {
		t.Fatal(err)
	}
	lost(0)
	if err := l.B.Delete(Dev); err != nil {
		t.Fatal(err)
	}
	for _, h := range []*Host{l.A, l.B} {
		if _, err := h.Link(Dev); !errors.Is(err, link.ErrNotFound) {
			t.Fatalf("%s: an end of the veth pair outlived the other: %v", h.Name, err)
		}
	}
	if _, err := Ping(t.Context(), l.A, addr, quick); err == nil {
		t.Fatal("ping without a route: no error")
	}
	if err := l.Join(); err != nil {
		t.Fatal(err)
	}
	lost(0)
}

func TestTCPTransfer(t *testing.T) {
	l := ForTest(t, Config{MTU: MaxMTU})
	for name, addr := range families(l) {
		for _, octets := range []int64{1, patternPeriod, 10_000_001} {
			res, err := TCPTransfer(t.Context(), l.A, l.B, addr, TCPConfig{Octets: octets})
			if err != nil || res.Octets != octets || res.Rate() <= 0 {
				t.Errorf("%s %d octets: %v, %v", name, octets, res, err)
			}
		}
		res, err := TCPTransfer(t.Context(), l.A, l.B, addr, TCPConfig{Duration: 50 * time.Millisecond})
		if err != nil || res.Octets == 0 || res.Duration < 50*time.Millisecond {
			t.Errorf("%s timed: %v, %v", name, res, err)
		}
	}
}

// The receiver notices an octet changed, one lost and one too many, wherever.
func TestReceivePatternDetects(t *testing.T) {
	const length = 200_000
	whole := append(append(bytes.Clone(pattern(0, patternPeriod)), pattern(patternPeriod, patternPeriod)...),
		pattern(2*patternPeriod, length-2*patternPeriod)...)
	if n, err := receivePattern(bytes.NewReader(whole)); n != length || err != nil {
		t.Fatalf("the stream itself: %d, %v", n, err)
	}
	for _, at := range []int{0, 1, 65520, 65521, 131072, length - 2} {
		changed := bytes.Clone(whole)
		changed[at] ^= 0x10
		cut := append(bytes.Clone(whole[:at]), whole[at+1:]...)
		// A TCP segment of 1448 octets sent twice.
		doubled := append(bytes.Clone(whole[:at]), whole[max(0, at-1448):]...)
		for name, stream := range map[string][]byte{"changed": changed, "cut": cut, "doubled": doubled} {
			if name == "doubled" && at == 0 {
				continue // nothing before it to repeat
			}
			if _, err := receivePattern(bytes.NewReader(stream)); err == nil {
				t.Errorf("%s at %d: not noticed", name, at)
			}
		}
	}
}

func TestTCPTransferRefused(t *testing.T) {
	l := ForTest(t, Config{})
	if err := l.A.SetUp(Dev, false); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if res, err := TCPTransfer(ctx, l.A, l.B, l.B.Addr4.Addr(), TCPConfig{Octets: 1}); err == nil {
		t.Fatalf("over a cable that is down: %v", res)
	}
}

func TestUDPBlast(t *testing.T) {
	l := ForTest(t, Config{MTU: 9600})
	for name, addr := range families(l) {
		for _, cfg := range []UDPConfig{
			{Count: 1000}, {Count: 100, Size: 9000}, {Count: 200, Rate: 10_000}, {Count: 3, Size: minUDPSize},
		} {
			res, err := UDPBlast(t.Context(), l.A, l.B, addr, cfg)
			if err != nil || res.Sent != cfg.Count || res.Lost() != 0 || res.Damaged != 0 {
				t.Errorf("%s %+v: %+v, %v", name, cfg, res, err)
			}
		}
		res, err := UDPBlast(t.Context(), l.A, l.B, addr, UDPConfig{Duration: 50 * time.Millisecond})
		if err != nil || res.Received == 0 || res.ReceivedRate() <= 0 || res.Received > res.Sent {
			t.Errorf("%s timed: %+v, %v", name, res, err)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	l := ForTest(t, Config{})
	for name, addr := range families(l) {
		res, err := RoundTrip(t.Context(), l.A, l.B, addr, RoundTripConfig{Count: 200})
		if err != nil || res.Sent != 200 || res.Lost != 0 || res.RTT.P50 <= 0 {
			t.Errorf("%s: %+v, %v", name, res, err)
		}
		res, err = RoundTrip(t.Context(), l.A, l.B, addr, RoundTripConfig{Size: 1000, Duration: 20 * time.Millisecond})
		if err != nil || res.Sent == 0 || res.Lost != 0 {
			t.Errorf("%s timed: %+v, %v", name, res, err)
		}
		start := time.Now()
		res, err = RoundTrip(t.Context(), l.A, l.B, addr, RoundTripConfig{Count: 5, Interval: 10 * time.Millisecond})
		if err != nil || res.Sent != 5 || res.Lost != 0 || time.Since(start) < 40*time.Millisecond {
			t.Errorf("%s every 10 ms: %+v in %v, %v", name, res, time.Since(start), err)
		}
	}
}

// The first line of /proc/stat, with and without all that later kernels add.
func TestParseCPU(t *testing.T) {
	got := parseCPU("cpu  10 1 20 5000 300 2 7 4 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
	want := CPUTimes{User: 110 * time.Millisecond, System: 220 * time.Millisecond, SoftIRQ: 70 * time.Millisecond, Steal: 40 * time.Millisecond}
	if got != want || got.Busy() != 440*time.Millisecond {
		t.Errorf("%+v, want %+v", got, want)
	}
	for _, bad := range []string{"", "cpu 1 2 3\n", "intr 1 2 3 4 5 6 7 8 9\n"} {
		if got := parseCPU(bad); got != (CPUTimes{}) {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

func TestLatency(t *testing.T) {
	var samples []time.Duration
	for i := range 200 {
		samples = append(samples, time.Duration(200-i))
	}
	if got, want := NewLatency(samples), (Latency{Min: 1, P50: 100, P99: 198, Max: 200}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, want := NewLatency([]time.Duration{7}), (Latency{7, 7, 7, 7}); got != want {
		t.Errorf("one sample: %+v, want %+v", got, want)
	}
	if got := NewLatency(nil); got != (Latency{}) {
		t.Errorf("no samples: %+v", got)
	}
}

func TestConfigRefused(t *testing.T) {
	for _, mtu := range []int{-1, MinMTU - 1, MaxMTU + 1} {
		if l, err := New(Config{MTU: mtu}); err == nil {
			l.Close()
			t.Errorf("MTU %d accepted", mtu)
		}
	}
}

// Two labs at once have the same names and addresses and nothing to do with each
// other or with the caller's namespace.
func TestLabsAreApart(t *testing.T) {
	before, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	first, second := ForTest(t, Config{}), ForTest(t, Config{MTU: 2000})
	if err := first.B.SetUp(Dev, false); err != nil {
		t.Fatal(err)
	}
	res, err := Ping(t.Context(), second.A, second.B.Addr4.Addr(), PingConfig{Count: 2})
	if err != nil || res.Lost() != 0 {
		t.Errorf("second lab: %v, %v", res, err)
	}
	after, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	if len(after) != len(before) {
		t.Errorf("interfaces of the caller: %d before, %d with labs", len(before), len(after))
	}
}

// With the offloads off no super-frame passes the cable.
func TestNoOffloads(t *testing.T) {
	for _, off := range []bool{false, true} {
		l := ForTest(t, Config{NoOffloads: off})
		rows := captured(t, l, "tcp.len > 0", []string{"frame.len"}, func() {
			if _, err := TCPTransfer(t.Context(), l.A, l.B, l.B.Addr4.Addr(), TCPConfig{Octets: 300_000}); err != nil {
				t.Fatal(err)
			}
		})
		super := 0
		for _, row := range rows {
			if n, err := strconv.Atoi(row[0]); err != nil || n > 1514 {
				super++
			}
		}
		if (super == 0) != off {
			t.Errorf("NoOffloads %v: %d of %d frames are longer than 1514 octets", off, super, len(rows))
		}
	}
}

// captured runs f and returns what tshark makes of the frames at host A.
func captured(t *testing.T, l *Lab, filter string, fields []string, f func()) [][]string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "eth.pcap")
	capture, err := CaptureEth(l.A, Dev, file)
	if err != nil {
		t.Fatal(err)
	}
	f()
	if n, err := capture.Stop(); err != nil || n == 0 {
		t.Fatalf("capture: %d frames, %v", n, err)
	}
	rows, err := Tshark(t.Context(), file, filter, nil, fields)
	if errors.Is(err, ErrNoTshark) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestCapture(t *testing.T) {
	l := ForTest(t, Config{})
	rows := captured(t, l, "icmp", []string{"icmp.type", "icmp.checksum.status", "data.len"}, func() {
		if _, err := Ping(t.Context(), l.A, l.B.Addr4.Addr(), PingConfig{Count: 3, Size: 100}); err != nil {
			t.Fatal(err)
		}
	})
	var got []string
	for _, row := range rows {
		got = append(got, strings.Join(row, " "))
	}
	want := strings.Repeat("8 1 100,0 1 100,", 3) // request, reply; checksum good
	if strings.Join(got, ",")+"," != want {
		t.Errorf("tshark: %q, want %q", got, want)
	}
}

func TestTsharkRefuses(t *testing.T) {
	_, err := Tshark(t.Context(), filepath.Join(t.TempDir(), "none"), "", nil, []string{"frame.len"})
	if errors.Is(err, ErrNoTshark) {
		t.Skip(err)
	}
	if err == nil {
		t.Error("a file that is not there: no error")
	}
}

// helper is set in the environment of the copies of this test that the tests
// below start as children in a host.
const helper = "LAB_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(helper) {
	case "":
		os.Exit(m.Run())
	case "links":
		ifis, _ := net.Interfaces()
		for _, ifi := range ifis {
			fmt.Print(ifi.Name, " ")
		}
	case "sleep":
		time.Sleep(time.Minute)
	case "parent": // makes a lab with a sleeping child and waits to be killed
		l, err := New(Config{})
		if err != nil {
			os.Exit(1)
		}
		c := child(context.Background(), l.A, "sleep")
		if err := c.Start(); err != nil {
			os.Exit(1)
		}
		fmt.Println(c.Process.Pid)
		time.Sleep(time.Minute)
	}
}

func child(ctx context.Context, h *Host, role string) *Cmd {
	c := h.Command(ctx, "/proc/self/exe")
	c.Env = append(os.Environ(), helper+"="+role)
	return c
}

func TestCommandRunsInside(t *testing.T) {
	l := ForTest(t, Config{})
	out, err := child(t.Context(), l.B, "links").Output()
	if err != nil || string(out) != "lo eth0 " {
		t.Fatalf("links of the child: %q, %v", out, err)
	}
	if err := l.A.Command(t.Context(), "/no/such/program").Run(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a program that is not there: %v", err)
	}
}

func TestCommandEnds(t *testing.T) {
	l := ForTest(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	byContext, byStop, byClose := child(ctx, l.A, "sleep"), child(t.Context(), l.A, "sleep"), child(t.Context(), l.B, "sleep")
	for _, c := range []*Cmd{byContext, byStop, byClose} {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := byContext.Wait(); err == nil {
		t.Error("a cancelled child ended well")
	}
	if err := byStop.Stop(syscall.SIGTERM); err == nil {
		t.Error("a stopped child ended well")
	}
	l.Close()
	select {
	case <-byClose.Done():
	default:
		t.Error("Close left a child running")
	}
	if err := child(t.Context(), l.A, "sleep").Start(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("start in a closed lab: %v", err)
	}
}

// When the process that made a lab is killed, its children are too.
func TestKilledParent(t *testing.T) {
	l := ForTest(t, Config{})
	parent := child(t.Context(), l.A, "parent")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	parent.Stdout = w
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	line := make([]byte, 20)
	n, err := r.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	_ = parent.Process.Kill()
	_ = parent.Wait()
	pid := strings.TrimSpace(string(line[:n]))
	for range 500 {
		state, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || bytes.Contains(state, []byte(") Z ")) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("child %s outlived the process that made its lab", pid)
}

// The host's thread stays apart: whatever runs elsewhere is not in a lab.
func TestDoRestores(t *testing.T) {
	own, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	l := ForTest(t, Config{})
	inside := errors.New("inside")
	err = l.A.Do(func() error {
		if _, err := net.InterfaceByName(Dev); err != nil {
			return err
		}
		return inside
	})
	if !errors.Is(err, inside) {
		t.Fatal(err)
	}
	for range 50 {
		if err := l.B.Do(func() error { return nil }); err != nil {
			t.Fatal(err)
		}
		// The process's first thread, which /proc/self shows, may be another Do's just now.
		if ns, err := os.Readlink("/proc/thread-self/ns/net"); err != nil || ns != own {
			t.Fatalf("the thread is in %s, not %s: %v", ns, own, err)
		}
	}
}
