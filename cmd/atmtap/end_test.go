package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// TestReaderGone takes the readers of stdout and stderr away: what atmtap then has to say
// does not end it.
func TestReaderGone(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	name := programs.Path(t, "atmtap")
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := l.A.Command(ctx, name, "--json", "--tap", tunnelDev, "--vc", "0/100", "--port", "eth:eth0,label=100")
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = writer.Close()
	near := &peer{host: l.A, cmd: cmd}
	if _, err := bufio.NewReader(reader).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	_ = reader.Close()
	far := startPeer(t, ctx, l.B, "--tap", tunnelDev, "--vc", "0/100", "--port", "eth:eth0,label=100")
	near.addAddrs(t, ctx, 0)
	far.address(t, ctx, 1)
	for _, up := range []bool{false, true} { // which is worth a line each
		if err := l.B.SetUp(lab.Dev, up); err != nil {
			t.Fatal(err)
		}
		until(t, "the TAP's carrier", func() bool {
			state, err := l.A.Link(tunnelDev)
			return err == nil && state.Running == up
		})
	}
	expectTraffic(t, ctx, l)
}

// endings are captures that atmtap cannot write to their end.
var endings = []struct {
	name string
	file func(t *testing.T, dir string) string // makes it and gives its name
	said string
}{
	{"FIFO whose reader stalls", func(t *testing.T, dir string) string {
		fifo := filepath.Join(dir, "fifo")
		if err := unix.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		reader, err := os.OpenFile(fifo, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = reader.Close() })
		return fifo
	}, "takes nothing"},
	{"FIFO whose reader goes", func(t *testing.T, dir string) string {
		fifo := filepath.Join(dir, "fifo")
		if err := unix.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		reader, err := os.OpenFile(fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		go func() { // after the file's header
			var b [24]byte
			for {
				if n, _ := reader.Read(b[:]); n > 0 {
					_ = reader.Close()
					return
				}
				time.Sleep(time.Millisecond)
			}
		}()
		return fifo
	}, "broken pipe"},
	{"full disk", func(*testing.T, string) string { return "/dev/full" }, "no space left"},
}

// TestCaptureEnds ends captures early: traffic goes on, the failure of a file is said when it
// happens, and SIGTERM ends atmtap.
func TestCaptureEnds(t *testing.T) {
	for _, e := range endings {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			ctx := testContext(t)
			l := lab.ForTest(t, lab.Config{})
			file := e.file(t, t.TempDir())
			near := startPeer(t, ctx, l.A, "--tap", tunnelDev, "--vc", "0/100", "--port", "eth:eth0,label=100", "--capture", file)
			far := startPeer(t, ctx, l.B, "--tap", tunnelDev, "--vc", "0/100", "--port", "eth:eth0,label=100")
			near.address(t, ctx, 0)
			far.address(t, ctx, 1)
			for range 3 { // more than a pipe holds
				expectTraffic(t, ctx, l)
			}
			if e.said != "takes nothing" {
				near.stderr.wait(t, 0, "the capture has ended, traffic goes on", e.said)
			}
			if err := near.cmd.Stop(syscall.SIGTERM); err == nil || near.cmd.ProcessState.ExitCode() != exitError {
				t.Errorf("it ended with %v, want exit status %d", err, exitError)
			}
			if text := near.stderr.String(); !strings.Contains(text, e.said) {
				t.Errorf("it said %q", text)
			}
		})
	}
}

// TestFullDiskIsSaid fills the disk of a capture while it runs.
func TestFullDiskIsSaid(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	name := programs.Path(t, "atmtap")
	const script = `mount -t tmpfs -o size=64k none "$0" && exec "$@" --capture "$0/c.pcap"`
	near := startCommand(t, ctx, l.A, "unshare", "-m", "sh", "-c", script, t.TempDir(), name, "--json",
		"--tap", tunnelDev, "--vc", "0/100", "--port", "eth:eth0,label=100")
	far := startPeer(t, ctx, l.B, "--tap", tunnelDev, "--vc", "0/100", "--port", "eth:eth0,label=100")
	near.address(t, ctx, 0)
	far.address(t, ctx, 1)
	expectTraffic(t, ctx, l)
	near.stderr.wait(t, 0, "the capture has ended, traffic goes on", "no space left")
	expectTraffic(t, ctx, l)
}

// TestFIFOWithoutReader refuses to wait for one.
func TestFIFOWithoutReader(t *testing.T) {
	t.Parallel()
	l := lab.ForTest(t, lab.Config{})
	name := programs.Path(t, "atmtap")
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	line := refused(t, l.A.Command(testContext(t), name, "--tap", tunnelDev, "--vc", "0/100", "--port", "eth:eth0,label=100", "--capture", fifo))
	if !strings.Contains(line, "--capture") || !strings.Contains(line, "start its reader first") {
		t.Errorf("it said %q", line)
	}
}

// TestHangup sends SIGHUP: without a terminal it is a reason to try again, and with one that
// has gone it is the end, at which an administrator's TAP is left as it was.
func TestHangup(t *testing.T) {
	t.Run("service", func(t *testing.T) {
		t.Parallel()
		ctx := testContext(t)
		l := lab.ForTest(t, lab.Config{})
		name := programs.Path(t, "atmtap")
		near := startCommand(t, ctx, l.A, "setsid", "-w", name, "--json", "--tap", tunnelDev, "--vc", "0/100", "--port", "eth:eth0,label=100")
		far := startPeer(t, ctx, l.B, "--tap", tunnelDev, "--vc", "0/100", "--port", "eth:eth0,label=100")
		near.address(t, ctx, 0)
		far.address(t, ctx, 1)
		pid := near.cmd.Process.Pid // setsid(1) becomes it, unless it leads its group
		if out, err := exec.Command("pgrep", "-P", fmt.Sprint(pid)).Output(); err == nil {
			_, _ = fmt.Sscan(string(out), &pid)
		}
		if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		expectTraffic(t, ctx, l)
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		<-near.cmd.Done()
		near.summary(t)
	})
	t.Run("terminal that goes", func(t *testing.T) {
		t.Parallel()
		ctx := testContext(t)
		l := lab.ForTest(t, lab.Config{})
		dev := persistent{flags: unix.IFF_TAP | unix.IFF_NO_PI, mtu: 1400}
		if err := l.A.Do(func() error { return dev.make(tunnelDev) }); err != nil {
			t.Fatal(err)
		}
		before, err := describe(l.A, tunnelDev)
		if err != nil {
			t.Fatal(err)
		}
		name := programs.Path(t, "atmtap")
		s := newScreen(t, 100)
		s.stop(t) // a read under way would keep the terminal
		near := &peer{host: l.A, cmd: l.A.Command(ctx, name, "--tap", tunnelDev, "--vc", "0/100", "--mtu", "1300", "--port", "eth:eth0,label=100")}
		near.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
		near.cmd.Stdin, near.cmd.Stdout, near.cmd.Stderr = s.slave, &near.stdout, &near.stderr
		if err := near.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_ = s.slave.Close()
		near.waitUp(t, ctx, tunnelDev)
		_ = s.master.Close()
		select {
		case <-near.cmd.Done():
		case <-time.After(patience):
			t.Fatal("it runs on")
		}
		if after, err := describe(l.A, tunnelDev); err != nil || after != before {
			t.Errorf("it was  %s\nand is %s, %v", before, after, err)
		}
		if code := near.cmd.ProcessState.ExitCode(); code != exitOK {
			t.Errorf("exit status %d", code)
		}
	})
}

// TestServiceManager plays the manager of sd_notify(3): it is told when atmtap is ready, how
// it does, that it looks again, and that it ends.
func TestServiceManager(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	name := programs.Path(t, "atmtap")
	near := &peer{host: l.A, cmd: l.A.Command(ctx, name, "--json", "--tap", tunnelDev, "--vc", "0/100", "--port", "eth:eth0,label=100")}
	near.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+path)
	near.cmd.Stdout, near.cmd.Stderr = &near.stdout, &near.stderr
	if err := near.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	expect := func(want ...string) {
		t.Helper()
		_ = manager.SetReadDeadline(time.Now().Add(patience))
		buf := make([]byte, 4096)
		for {
			n, err := manager.Read(buf)
			if err != nil {
				t.Fatalf("waiting for %q: %v", want, err)
			}
			if hasLine(strings.ReplaceAll(string(buf[:n]), "\n", " "), want...) {
				return
			}
		}
	}
	expect("READY=1")
	if _, err := l.A.Link(tunnelDev); err != nil {
		t.Errorf("ready, but: %v", err)
	}
	expect("STATUS=", "PDUs to the network", "drops")
	if err := near.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	expect("RELOADING=1", "MONOTONIC_USEC=")
	expect("READY=1")
	if err := near.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	expect("STOPPING=1")
	<-near.cmd.Done()
	near.summary(t)
}

// TestEvents reads what --json writes while it runs: one object a line, each with its kind.
func TestEvents(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	near, far := startOver(t, ctx, l)
	for _, up := range []bool{false, true} {
		from := len(near.stderr.String())
		if err := l.B.SetUp(lab.Dev, up); err != nil {
			t.Fatal(err)
		}
		near.stderr.wait(t, from, lab.Dev, map[bool]string{false: "no carrier", true: "back"}[up])
	}
	near.stop(t)
	far.stop(t)
	var kinds []string
	for line := range bytes.Lines(near.stdout.Bytes()) {
		var r record
		if err := json.Unmarshal(line, &r); err != nil || r.Time.IsZero() || r.Event == "" {
			t.Errorf("%q: %v", line, err)
		}
		kinds = append(kinds, r.Event+" "+r.Interface)
	}
	if got, want := strings.Join(kinds, ", "), "start atm0, no-carrier eth0, back eth0, summary "; got != want {
		t.Errorf("events %q, want %q", got, want)
	}
}

func TestVersion(t *testing.T) {
	name := programs.Path(t, "atmtap")
	out, err := exec.CommandContext(context.Background(), name, "--version").Output()
	if err != nil || !strings.HasPrefix(string(out), "atmtap ") || strings.Count(string(out), "\n") != 1 {
		t.Errorf("%q, %v", out, err)
	}
}
