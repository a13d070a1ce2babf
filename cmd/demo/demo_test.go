package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// asDemo in the environment makes the test binary the demonstration itself.
const asDemo = "DEMO_TEST_MAIN"

// programs are those that the demonstration shows.
var programs = controltest.NewPrograms("../atmtap", "../cellhubd", "../cellctl", "../cellsigd")

func TestMain(m *testing.M) {
	if os.Getenv(asDemo) != "" {
		main()
		return
	}
	programs.Main(m)
}

// requireRoot skips where no lab can be made.
func requireRoot(t *testing.T) {
	t.Helper()
	lab.ForTest(t, lab.Config{}).Close()
}

// build gives the directory of the programs.
func build(t *testing.T) string {
	t.Helper()
	return filepath.Dir(programs.Path(t, "atmtap"))
}

// flags say where the programs are.
func flags(dir string) []string {
	return []string{"--atmtap", dir + "/atmtap", "--cellhubd", dir + "/cellhubd", "--cellctl", dir + "/cellctl", "--cellsigd", dir + "/cellsigd"}
}

func TestShow(t *testing.T) {
	requireRoot(t)
	dir := build(t)
	c := config{atmtap: dir + "/atmtap", cellhubd: dir + "/cellhubd", cellctl: dir + "/cellctl", cellsigd: dir + "/cellsigd", pings: 3, interval: time.Millisecond, transfer: 100 * time.Millisecond}
	var out bytes.Buffer
	if err := c.show(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		"| atm0  198.51.100.1     |", "| eth0  192.0.2.2        |", "MTU 1600",
		"over Ethernet", "over UDP", "3 sent, 3 received, 0 lost", "every octet verified", "all drops",
		"cellctl show pvcs", typedText + "\n", "0/33   routed", "tun atm1 mtu=1500 (",
		"nc svc://printer\n    " + calledText + "\n", "active  -     printer", "again on host c\n", "received, 0 lost\n\nAll done", "All done and removed",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.String())
		}
	}
}

// Whatever fails is one line that says where and why.
func TestFails(t *testing.T) {
	requireRoot(t)
	dir := t.TempDir()
	program := func(name, script string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	programs := build(t)
	for _, tt := range []struct{ name, atmtap, want string }{
		{"missing", filepath.Join(dir, "none"), "(make build; or --atmtap PATH)"},
		{"refuses", program("refuses", "echo first >&2; echo no such port >&2; exit 2"), "atmtap: exit status 2: no such port"},
		{"ends", program("ends", "exit 0"), "atmtap: ended on its own"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := run(t.Context(), append(flags(programs), "--atmtap", tt.atmtap), &bytes.Buffer{})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want one line with %q", err, tt.want)
			}
		})
	}
}

// An interrupt at any step ends the demonstration soon, with all that it
// started.
func TestInterrupt(t *testing.T) {
	requireRoot(t)
	programs := build(t)
	for _, step := range []string{"Two hosts", "over Ethernet", "ping", inner6[1].Addr().String() + "  10 sent", "cellhubd on both hosts", "show ports", "cellhubd and cellsigd", "call show"} {
		t.Run(step, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, "/proc/self/exe", flags(programs)...)
			cmd.Env = append(os.Environ(), asDemo+"=1")
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			awaitText(t, stdout, step)
			_ = cmd.Process.Signal(syscall.SIGINT)
			_, _ = io.Copy(io.Discard, stdout)
			err = cmd.Wait()
			if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(stderr.String(), "interrupted; all removed") {
				t.Errorf("%v: %q", err, stderr.String())
			}
			if left := running(t, programs); len(left) > 0 {
				t.Errorf("still running: %v", left)
			}
		})
	}
}

// awaitText reads until the text has come.
func awaitText(t *testing.T, r io.Reader, text string) {
	t.Helper()
	var got []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(got, []byte(text)) {
		n, err := r.Read(buf)
		if err != nil {
			t.Fatalf("%q did not come: %v in %q", text, err, got)
		}
		got = append(got, buf[:n]...)
	}
}

// running lists the processes of a program.
func running(t *testing.T, program string) (pids []string) {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, program) {
			pids = append(pids, filepath.Dir(link))
		}
	}
	return pids
}
