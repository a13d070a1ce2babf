package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/client"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// binaries are the daemons under test, built once.
var binaries = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "cellsigd")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-o", dir, ".", "../cellhubd").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := binaries(); err == nil {
		_ = os.RemoveAll(dir)
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

// site is a host with both daemons.
type site struct {
	t    *testing.T
	host *lab.Host
	dir  string
	ctl  *controltest.Client
	hub  *lab.Cmd
	sig  *lab.Cmd
	log  lockedBuffer
}

func newSite(t *testing.T, h *lab.Host) *site {
	s := &site{t: t, host: h, dir: t.TempDir()}
	s.hub = s.start("msg=ready", "cellhubd", "--control", s.path("hub"))
	s.ctl = controltest.Dial(t, s.path("hub"), control.RoleAdmin)
	return s
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

// start starts a daemon and waits until it says that it serves.
func (s *site) start(ready, name string, args ...string) *lab.Cmd {
	s.t.Helper()
	dir, err := binaries()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := s.host.Command(context.Background(), append([]string{filepath.Join(dir, name)}, args...)...)
	log := new(lockedBuffer)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Stop(syscall.SIGTERM)
		if s.t.Failed() {
			s.t.Logf("%s, %s:\n%s", s.host.Name, name, log.String())
		}
	})
	controltest.Until(s.t, name+" serves", func() bool {
		select {
		case <-cmd.Done():
			s.t.Fatalf("%s: %s has ended: %s", s.host.Name, name, log.String())
		default:
		}
		return strings.Contains(log.String(), ready)
	})
	return cmd
}

// port opens a port of the hub.
func (s *site) port(number uint32, spec string) {
	s.t.Helper()
	s.ctl.Must(s.ctl.Hub(control.HubOpen, 0, number, "port", fmt.Sprintf("p%d %s", number, spec), ""))
}

// signalling starts cellsigd with a configuration.
func (s *site) signalling(config string) {
	s.t.Helper()
	name := s.path("sig.yaml")
	if err := os.WriteFile(name, []byte(config), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.sig = s.start("msg=attached", "cellsigd", "--control", s.path("hub"), "--socket", s.path("sig"), "--store", s.path("store"), "--config", name)
}

func (s *site) client() *client.Client {
	s.t.Helper()
	c, err := client.Open(s.path("hub"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

const (
	addressA = "47.0005.80FFE1000000F20F2200.0020EA000EE0.00"
	addressB = "47.0005.80FFE1000000F20F2200.0020EA000EE1.00"
)

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), controltest.Patience)
	t.Cleanup(cancel)
	return ctx
}

// exchange sends SDUs both ways.
func exchange(t *testing.T, a, b net.Conn) {
	t.Helper()
	for _, ends := range [][2]net.Conn{{a, b}, {b, a}} {
		for _, size := range []int{1, 48, 1500, 9180} {
			sent := bytes.Repeat([]byte{byte(size)}, size)
			if _, err := ends[0].Write(sent); err != nil {
				t.Fatal(err)
			}
			_ = ends[1].SetReadDeadline(time.Now().Add(controltest.Patience))
			got := make([]byte, 10000)
			n, err := ends[1].Read(got)
			if err != nil || !bytes.Equal(got[:n], sent) {
				t.Fatalf("%d octets of %d, %v", n, size, err)
			}
		}
	}
}

// Two hosts, each with cellhubd and cellsigd: an application of one calls one of the other,
// by every version of the UNI, over cells and over SDUs.
func TestCall(t *testing.T) {
	for _, version := range []string{"3.0", "3.1", "4.0"} {
		for _, mode := range []string{"n1", "atmtcp"} {
			t.Run(version+" "+mode, func(t *testing.T) {
				l := lab.ForTest(t, lab.Config{})
				a, b := newSite(t, l.A), newSite(t, l.B)
				specs := []string{"eth:" + lab.Dev + ",label=100", "eth:" + lab.Dev + ",label=100"}
				if mode == "atmtcp" {
					specs = []string{"atmtcp:listen=192.0.2.1", "atmtcp:192.0.2.1"}
				}
				a.port(1, specs[0])
				b.port(1, specs[1])
				a.signalling(fmt.Sprintf("interfaces: [{port: 1, side: user, version: %q}]\nroutes: {\"*\": [1]}", version))
				b.signalling(fmt.Sprintf("interfaces: [{port: 1, side: network, version: %q}]\nroutes: {\"*\": [1]}", version))

				listener, err := b.client().Listen(within(t), "svc://"+addressB, nil)
				if err != nil {
					t.Fatal(err)
				}
				accepted := make(chan net.Conn, 1)
				go func() {
					c, err := listener.Accept()
					if err != nil {
						t.Error(err)
					}
					accepted <- c
				}()
				c, err := a.client().Dial(within(t), "svc://"+addressB, nil)
				if err != nil {
					t.Fatal(err)
				}
				peer := <-accepted
				exchange(t, c, peer)
				if err := c.Close(); err != nil {
					t.Error(err)
				}
				_ = peer.SetReadDeadline(time.Now().Add(controltest.Patience))
				if _, err := peer.Read(make([]byte, 10)); err == nil || os.IsTimeout(err) {
					t.Errorf("after the call: %v", err)
				}
				peer.Close()
			})
		}
	}
}
