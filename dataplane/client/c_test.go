package client

import (
	"bufio"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// buildC compiles the example in C.
func buildC(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("gcc is not installed")
	}
	name := filepath.Join(t.TempDir(), "atmecho")
	args := []string{"-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I", "../control", "-o", name, "../../examples/c/atmecho.c"}
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return name
}

// TestCProgram runs the example in C, of fewer than 300 lines, against the daemon: one that sends
// back what comes, and one that sends lines, each to a client in Go and to each other.
func TestCProgram(t *testing.T) {
	name := buildC(t)
	d := newDaemon(t, nil)
	d.pvc(100)
	d.pvc(101)
	start := func(input *strings.Reader, args ...string) (*exec.Cmd, *bufio.Reader) {
		cmd := exec.Command(name, append([]string{d.path}, args...)...)
		if input != nil {
			cmd.Stdin = input
		}
		out, err := cmd.StdoutPipe()
		must(t, err)
		log, err := cmd.StderrPipe()
		must(t, err)
		must(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		if line, err := bufio.NewReader(log).ReadString('\n'); line != "attached\n" {
			t.Fatalf("%v: %q %v", args, line, err)
		}
		return cmd, bufio.NewReader(out)
	}
	start(nil, "2", "0", "100", "echo")
	c := d.open()
	a := dial(t, c, "pvc://1/0/100", nil)
	p := make([]byte, 9180)
	window := make(chan bool, 3) // a network sheds what is too much: a queue takes 64 KiB, counted in blocks
	go func() {
		for i := range 3000 {
			window <- true
			if _, err := a.Write([]byte(strings.Repeat(fmt.Sprint(i, " "), 1+i%1000))); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for i := range 3000 {
		n, err := a.Read(p)
		if want := strings.Repeat(fmt.Sprint(i, " "), 1+i%1000); err != nil || string(p[:n]) != want {
			t.Fatalf("SDU %d: %d octets, want %d, %v", i, n, len(want), err)
		}
		<-window
	}
	var lines strings.Builder
	for i := range 50 {
		fmt.Fprintf(&lines, "line %d\n", i)
	}
	start(nil, "2", "0", "101", "echo")
	cmd, out := start(strings.NewReader(lines.String()), "1", "0", "101")
	for i := range 50 {
		if line, err := out.ReadString('\n'); line != fmt.Sprintf("line %d\n", i) {
			t.Fatalf("line %d: %q %v", i, line, err)
		}
	}
	must(t, cmd.Wait())
}
