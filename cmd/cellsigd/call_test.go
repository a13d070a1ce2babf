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
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/client"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// programs are the daemons under test, and what asks them.
var programs = controltest.NewPrograms(".", "../cellhubd", "../cellctl")

func TestMain(m *testing.M) { programs.Main(m) }

// site is a host with both daemons.
type site struct {
	t    *testing.T
	host *lab.Host
	dir  string
	// hubPath is the hub's socket, where another site has started it
	hubPath string
	ctl     *controltest.Client
	hub     *lab.Cmd
	sig     *lab.Cmd
}

func newSite(t *testing.T, h *lab.Host, flags ...string) *site {
	s := &site{t: t, host: h, dir: t.TempDir()}
	s.hub = s.start("msg=ready", "cellhubd", append([]string{"--control", s.path("hub")}, flags...)...)
	s.ctl = controltest.Dial(t, s.path("hub"), control.RoleAdmin)
	return s
}

func (s *site) path(name string) string {
	if name == "hub" && s.hubPath != "" {
		return s.hubPath
	}
	return filepath.Join(s.dir, name)
}

// start starts a daemon and waits until it says that it serves.
func (s *site) start(ready, name string, args ...string) *lab.Cmd {
	s.t.Helper()
	cmd := s.host.Command(context.Background(), append([]string{programs.Path(s.t, name)}, args...)...)
	log := new(controltest.Log)
	cmd.Stdout, cmd.Stderr = log, log
	log.Start(s.t, cmd, ready)
	return cmd
}

// port opens a port of the hub.
func (s *site) port(number uint32, spec string) {
	s.t.Helper()
	s.ctl.Must(s.ctl.Hub(control.HubOpen, 0, number, "port", fmt.Sprintf("p%d %s", number, spec), ""))
}

// signalling starts cellsigd with a configuration.
func (s *site) signalling(config string, flags ...string) {
	s.t.Helper()
	name := s.path("sig.yaml")
	if err := os.WriteFile(name, []byte(config), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.sig = s.start("msg=attached", "cellsigd", append([]string{"--control", s.path("hub"), "--socket", s.path("sig"), "--store", s.path("store"), "--config", name}, flags...)...)
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

// cellctl runs a command of cellctl at the site's daemons.
func (s *site) cellctl(args ...string) string {
	s.t.Helper()
	out, err := exec.Command(programs.Path(s.t, "cellctl"), append([]string{"--control", s.path("hub"), "--signalling", s.path("sig")}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("cellctl %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
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

// What cellctl tells of calls, routes and interfaces, and changes.
func TestCellctl(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	a, b := newSite(t, l.A), newSite(t, l.B)
	a.port(1, "gns3:192.0.2.1:9001,remote=192.0.2.2:9001")
	b.port(1, "gns3:192.0.2.2:9001,remote=192.0.2.1:9001")
	a.signalling("interfaces: [{port: 1, side: user, ilmi: {esis: [\"00:20:EA:00:0E:E0\"]}}]")
	b.signalling("interfaces: [{port: 1, side: network, capacity: 1000, ilmi: {prefixes: [47.0005.80FFE1000000F20F2200]}}]")
	if out := a.cellctl("route", "show"); !strings.HasPrefix(out, "no routes") {
		t.Error(out)
	}
	a.cellctl("route", "add", "47.0005/24", "1")
	if out := a.cellctl("route", "show"); !strings.Contains(out, "47.0005/24  1\n") {
		t.Error(out)
	}
	controltest.Until(t, "the switch has the host's address", func() bool {
		return strings.Contains(b.cellctl("address", "show"), addressA[:40])
	})
	if out := a.cellctl("address", "show"); !strings.Contains(out, addressA[:40]) || !strings.Contains(out, "user") {
		t.Error(out)
	}
	var trace controltest.Log
	tracing := exec.Command(programs.Path(t, "cellctl"), "--signalling", b.path("sig"), "trace", "sig")
	tracing.Stdout = &trace
	if err := tracing.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = tracing.Process.Signal(syscall.SIGTERM)
		_ = tracing.Wait()
	}()
	listener, err := b.client().Listen(within(t), "svc://"+addressB, nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			if _, err := listener.Accept(); err != nil {
				return
			}
		}
	}()
	caller := a.client()
	var c net.Conn
	controltest.Until(t, "a call is traced", func() bool {
		if c, err = caller.Dial(within(t), "svc://"+addressB, nil); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(trace.String(), "< SETUP") && strings.Contains(trace.String(), "> CONNECT")
	})
	out := a.cellctl("call", "show")
	if !strings.Contains(out, "active") || !strings.Contains(out, "port 1 0/3") || !strings.Contains(out, "application") {
		t.Error(out)
	}
	calls := strings.Split(strings.TrimSpace(out), "\n")
	id := strings.Fields(calls[len(calls)-1])[0]
	a.cellctl("call", "clear", id)
	_ = c.SetReadDeadline(time.Now().Add(controltest.Patience))
	if _, err := c.Read(make([]byte, 10)); err == nil || os.IsTimeout(err) {
		t.Errorf("after the call was cleared: %v", err)
	}
	if out := a.cellctl("call", "show"); strings.Contains(out, "\n"+id+" ") {
		t.Error(out)
	}
	a.cellctl("route", "del", "47.0005/24")
	if _, err := caller.Dial(within(t), "svc://"+addressB, nil); err == nil || !strings.Contains(err.Error(), "cause 1") {
		t.Errorf("without a route: %v", err)
	}
}

// A switch between two hosts: the call is cross-connected there, and goes with the switch's
// signalling, which then makes calls again; a PVC through it carries on meanwhile.
func TestSwitch(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	far, err := l.Beyond(1500)
	if err != nil {
		t.Fatal(err)
	}
	a, x, b := newSite(t, l.A), newSite(t, l.B), newSite(t, far)
	a.port(1, "eth:"+lab.Dev+",label=100")
	x.port(1, "eth:"+lab.Dev+",label=100")
	x.port(2, "eth:"+lab.Uplink+",label=200")
	b.port(1, "eth:"+lab.Dev+",label=200")
	host := "interfaces: [{port: 1, side: user, version: \"4.0\"}]\nroutes: {\"*\": [1]}"
	a.signalling(host)
	b.signalling(host)
	const config = "interfaces: [{port: 1, side: network}, {port: 2, side: network}]\nroutes: {47.0005.80FFE1000000F20F2200.0020EA000EE1/152: [2]}"
	x.signalling(config)

	listener, err := b.client().Listen(within(t), "svc://"+addressB, nil)
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn, 10)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	caller := a.client()
	dial := func() (c net.Conn) {
		controltest.Until(t, "a call comes up", func() bool {
			c, err = caller.Dial(within(t), "svc://"+addressB, nil)
			return err == nil
		})
		return c
	}
	c := dial()
	exchange(t, c, <-accepted)
	if out := x.cellctl("call", "show"); !strings.Contains(out, "active") || !strings.Contains(out, "port 1 0/") || !strings.Contains(out, "port 2 0/") {
		t.Error(out)
	}
	pvc := x.ctl.ATM(control.ATMXConnect, control.ATM{Port: 1, VCI: 40000})
	if pvc.Trailer, err = (&control.SecondEnd{Port: 2, VCI: 40000}).Append(nil); err != nil {
		t.Fatal(err)
	}
	x.ctl.Must(pvc)
	var ends [2]net.Conn
	for i, s := range []*site{a, b} {
		s.ctl.Must(s.ctl.ATM(control.ATMAdd, control.ATM{Port: 1, VCI: 40000, AAL: control.AAL5}))
		if ends[i], err = s.client().Dial(within(t), "pvc://1/0/40000", nil); err != nil {
			t.Fatal(err)
		}
	}
	exchange(t, ends[0], ends[1])
	if err := x.sig.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-x.sig.Done()
	controltest.Until(t, "the switch has let go of the call", func() bool {
		left := 0
		for _, p := range x.ctl.Dump(x.ctl.Hub(control.HubResync, 0, 0, "", "", "")) {
			if p.Class == control.ClassATM && p.Type == control.ATMQuery && p.ATM().VCI != 40000 {
				left++
			}
		}
		return left == 0
	})
	exchange(t, ends[0], ends[1])
	x.signalling(config)
	again := dial()
	for peer := range accepted {
		_ = peer.SetReadDeadline(time.Now().Add(controltest.Patience))
		if _, err := again.Write([]byte("again")); err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 100)
		if n, err := peer.Read(p); err == nil && string(p[:n]) == "again" {
			break
		}
	}
	exchange(t, ends[0], ends[1])
}
