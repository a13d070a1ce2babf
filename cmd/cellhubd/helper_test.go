package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// binary is the cellhubd under test, built once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "cellhubd")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "cellhubd")
	out, err := exec.Command("go", "build", "-o", name, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return name, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if name, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(name))
	}
	os.Exit(code)
}

// lockedBuffer is what a process writes while a test reads.
type lockedBuffer struct {
	sync.Mutex
	b bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.Lock()
	defer l.Unlock()
	return l.b.String()
}

// peer is a cellhubd in a host of a lab.
type peer struct {
	path string
	host *lab.Host
	cmd  *lab.Cmd
	log  lockedBuffer
}

// startDaemon starts a cellhubd at a socket and waits until it serves.
func startDaemon(t testing.TB, h *lab.Host, path string, args ...string) *peer {
	t.Helper()
	name, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	d := &peer{path: path, host: h}
	d.cmd = h.Command(context.Background(), append([]string{name, "--control", path}, args...)...)
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = d.cmd.Stop(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("%s:\n%s", h.Name, d.log.String())
		}
	})
	controltest.Until(t, "the daemon serves", func() bool {
		select {
		case <-d.cmd.Done():
			t.Fatalf("%s: it has ended: %s", h.Name, d.log.String())
		default:
		}
		return strings.Contains(d.log.String(), "msg=ready")
	})
	return d
}
