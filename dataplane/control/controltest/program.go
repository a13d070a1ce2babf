package controltest

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Programs are those that the tests of a package start.
type Programs struct {
	dir   string
	build func() error
}

// NewPrograms names the packages of the programs, as go build takes them. They are built
// when the first is asked for.
func NewPrograms(packages ...string) *Programs {
	p := new(Programs)
	p.build = sync.OnceValue(func() (err error) {
		if p.dir, err = os.MkdirTemp("", "programs"); err != nil {
			return err
		}
		if out, err := exec.Command("go", append([]string{"build", "-o", p.dir + "/"}, packages...)...).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
	return p
}

// Path gives where a program is.
func (p *Programs) Path(t testing.TB, name string) string {
	t.Helper()
	if err := p.build(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(p.dir, name)
}

// Main is what a package's TestMain does: the tests, and removal of what was built for them.
// A SIGHUP that is ignored, as under nohup, is caught, for programs inherit the one and not the other.
func (p *Programs) Main(m *testing.M) {
	if signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	code := m.Run()
	_ = os.RemoveAll(p.dir)
	os.Exit(code)
}

// Log is what a program writes while a test reads; the zero value is empty.
type Log struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write adds to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String gives all that was written so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Command is a program that has not been started.
type Command interface {
	Start() error
	Stop(syscall.Signal) error // sends it, and waits for the end
	Done() <-chan struct{}     // closed when it has ended
}

// Start starts a command that writes to the log, and waits until it says a word by which it
// is ready. It ends with the test; the log is shown when the test fails.
func (l *Log) Start(t testing.TB, cmd Command, ready string) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Stop(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("%v:\n%s", cmd, l)
		}
	})
	l.Wait(t, cmd.Done(), ready)
}

// Wait waits until there is a text in the log; that who writes it ends before is a failure.
func (l *Log) Wait(t testing.TB, ended <-chan struct{}, text string) {
	t.Helper()
	Until(t, fmt.Sprintf("%q", text), func() bool {
		select {
		case <-ended:
			if !strings.Contains(l.String(), text) {
				t.Fatalf("it has ended without %q: %s", text, l)
			}
		default:
		}
		return strings.Contains(l.String(), text)
	})
}
