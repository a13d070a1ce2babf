package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// screen is a terminal that keeps all that is written to it, with the times.
type screen struct {
	master, slave *os.File
	ended         chan struct{}
	stopped       atomic.Bool
	mu            sync.Mutex
	text          bytes.Buffer
	updates       []time.Time // when a live line was written
}

// newScreen opens a pseudo-terminal of the given width.
func newScreen(t *testing.T, columns uint16) *screen {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("needs /dev/ptmx")
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 25, Col: columns}); err != nil {
		t.Fatal(err)
	}
	s := &screen{master: master, slave: slave, ended: make(chan struct{})}
	t.Cleanup(func() { _ = master.Close() })
	go s.read()
	return s
}

// stop stops reading.
func (s *screen) stop(t *testing.T) {
	t.Helper()
	s.stopped.Store(true)
	if _, err := s.slave.WriteString("\n"); err != nil {
		t.Fatal(err)
	}
	<-s.ended
}

func (s *screen) read() {
	defer close(s.ended)
	buf := make([]byte, 4096)
	for !s.stopped.Load() {
		n, err := s.master.Read(buf) // EIO when the last user of the slave has gone
		s.mu.Lock()
		s.text.Write(buf[:n])
		if bytes.Contains(buf[:n], []byte("PDU/s")) {
			s.updates = append(s.updates, time.Now())
		}
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *screen) shown() (string, []time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String(), s.updates
}

// TestLiveLine runs atmtap on a terminal: one line that is renewed every second shows
// rates and drops by cause, and the summary follows at the end.
func TestLiveLine(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	name := programs.Path(t, "atmtap")
	l := lab.ForTest(t, lab.Config{})
	s := newScreen(t, 200)
	cmd := l.A.Command(ctx, name, "--tap", tunnelDev, "--vc", "0/100", "--port", "eth:eth0,label=100")
	cmd.Stdout, cmd.Stderr = s.slave, s.slave
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = s.slave.Close()
	if err := l.A.WaitLink(ctx, tunnelDev); err != nil {
		t.Fatal(err)
	}
	raw := newRawSender(t, l.B)
	raw.send(t, ourLabel, vcc[:51])
	raw.send(t, goodFrames("n1")...)
	const updates = 4
	for {
		if _, times := s.shown(); len(times) >= updates {
			break
		}
		if ctx.Err() != nil {
			text, times := s.shown()
			t.Fatalf("%d updates: %q", len(times), text)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := cmd.Stop(syscall.SIGINT); err != nil {
		t.Error(err)
	}
	<-s.ended
	text, times := s.shown()
	// From the first to the fourth: three seconds, and what the machine adds.
	if d := times[updates-1].Sub(times[0]); d < 2*time.Second {
		t.Errorf("%d updates in %v, want one a second", updates, d)
	}
	lines := strings.Split(text, "\r\n")
	var live []string
	for _, line := range lines {
		if strings.Contains(line, "PDU/s") {
			live = append(live, line)
		}
	}
	if len(live) != 1 {
		t.Fatalf("the live line takes %d lines: %q", len(live), text)
	}
	renewed := strings.Split(live[0], "\r\x1b[K")
	if n := len(renewed); n < updates {
		t.Errorf("renewed %d times: %q", n, live[0])
	}
	last := renewed[updates-1]
	if n := len([]rune(last)); n > 200 {
		t.Errorf("%d columns: %q", n, last)
	}
	for _, word := range []string{tunnelDev, "0/100", "b/s", "PDU/s", "drops 1", "rx_drop_length=1"} {
		if !strings.Contains(last, word) {
			t.Errorf("%q does not say %q", last, word)
		}
	}
	summary := text[strings.LastIndex(text, "\x1b[K"):]
	for _, word := range []string{tunnelDev, "0/100", "rx_pdus=", "rx_drop_length=1", "drops"} {
		if !strings.Contains(summary, word) {
			t.Errorf("the summary does not say %q: %q", word, summary)
		}
	}
}

// TestNarrowTerminal shows that the live line does not run over the edge of the
// terminal, where it could not be renewed.
func TestNarrowTerminal(t *testing.T) {
	t.Parallel()
	const columns = 60
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	name := programs.Path(t, "atmtap")
	l := lab.ForTest(t, lab.Config{})
	s := newScreen(t, columns)
	cmd := l.A.Command(ctx, name, "--tap", tunnelDev, "--vc", "0/100", "--port", "eth:eth0,label=100")
	cmd.Stdout = s.slave
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = s.slave.Close()
	for ctx.Err() == nil {
		if _, times := s.shown(); len(times) >= 2 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	text, times := s.shown()
	if len(times) < 2 {
		t.Fatalf("%d updates: %q", len(times), text)
	}
	for _, line := range strings.Split(text, "\r\x1b[K") {
		if n := len([]rune(line)); n > columns {
			t.Errorf("%d columns on a terminal of %d: %q", n, columns, line)
		}
	}
	_ = cmd.Stop(syscall.SIGTERM)
}

// TestNoLiveLineElsewhere shows that what is no terminal gets no live line: only the
// summary, or with --json one object.
func TestNoLiveLineElsewhere(t *testing.T) {
	for _, json := range []bool{false, true} {
		t.Run(fmt.Sprintf("json=%v", json), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			name := programs.Path(t, "atmtap")
			l := lab.ForTest(t, lab.Config{})
			args := []string{name, "--tun", tunnelDev, "--vc", "0/100", "--port", "eth:eth0,label=100"}
			if json {
				args = append(args, "--json")
			}
			var stdout, stderr bytes.Buffer
			cmd := l.A.Command(ctx, args...)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if err := l.A.WaitLink(ctx, tunnelDev); err != nil {
				t.Fatal(err)
			}
			time.Sleep(1200 * time.Millisecond) // in which a terminal would have had a line
			if err := cmd.Stop(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
			if strings.ContainsAny(stdout.String()+stderr.String(), "\r\x1b") {
				t.Errorf("control characters in %q, %q", &stdout, &stderr)
			}
			switch lines := strings.Count(stdout.String(), "\n"); {
			case json && (lines != 2 || stdout.String()[0] != '{'): // the start and the summary
				t.Errorf("--json wrote %q", &stdout)
			case !json && !strings.HasPrefix(stdout.String(), tunnelDev+", VC 0/100, "):
				t.Errorf("the summary is %q", &stdout)
			}
			if strings.Count(stderr.String(), "\n") != 1 {
				t.Errorf("stderr: %q, want the line that says what was set up", &stderr)
			}
		})
	}
}

// TestIdle leaves tunnels without traffic: each uses less than a hundredth of a core.
func TestIdle(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	var peers []*peer
	for side, h := range []*lab.Host{l.A, l.B} {
		// Without IPv6 a device that nobody uses sends nothing.
		err := h.Do(func() error {
			return os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0)
		})
		if err != nil {
			t.Skip("needs /proc/sys")
		}
		for i, c := range carriers {
			for j, mode := range []string{"n1", "aal5sdu"} {
				if c.name == "xdp" && j > 0 {
					continue // an interface has one
				}
				spec := strings.Replace(c.spec(l, side, mode), "label=100", fmt.Sprintf("label=%d", 200+10*i+j), 1)
				spec = strings.ReplaceAll(spec, ":6635", fmt.Sprintf(":%d", 6635+j))
				dev := fmt.Sprintf("idle%d%d", i, j)
				p := startPeer(t, ctx, h, "--tap", dev, "--vc", "0/100", "--port", spec)
				p.waitUp(t, ctx, dev)
				peers = append(peers, p)
			}
		}
	}
	time.Sleep(500 * time.Millisecond) // the beginning is no idleness
	const window = 3 * time.Second
	var before []time.Duration
	for _, p := range peers {
		before = append(before, p.cmd.CPU())
	}
	begun := time.Now()
	time.Sleep(window)
	for i, p := range peers {
		used, elapsed := p.cmd.CPU()-before[i], time.Since(begun)
		// /proc counts in hundredths of a second: one of them is no matter.
		if limit := elapsed/100 + 10*time.Millisecond; used > limit {
			t.Errorf("%s uses %v in %v", strings.Join(p.cmd.Args[1:], " "), used, elapsed)
		}
	}
	for _, p := range peers {
		if r := p.stop(t); r.Drops != 0 {
			t.Errorf("drops %v", r.drops())
		}
	}
}
