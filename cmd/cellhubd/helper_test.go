package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
)

// patience is how long a test waits for what must come, beside whatever else the machine
// does.
const patience = 20 * time.Second

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
func startDaemon(t *testing.T, h *lab.Host, path string, args ...string) *peer {
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
	until(t, "the daemon serves", func() bool {
		select {
		case <-d.cmd.Done():
			t.Fatalf("%s: it has ended: %s", h.Name, d.log.String())
		default:
		}
		return strings.Contains(d.log.String(), "msg=ready")
	})
	return d
}

// until waits for a state.
func until(t *testing.T, what string, reached func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !reached(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// client is a connection whose HELLO has been answered.
type client struct {
	*control.Conn
	t     *testing.T
	epoch uint32
}

// hello connects to a daemon in a role.
func (d *peer) hello(t *testing.T, role control.Role) *client {
	t.Helper()
	conn, err := control.Dial(d.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	p := control.Packet{}
	p.Type = control.HubHello
	name, _ := control.MakeName(t.Name()[:min(len(t.Name()), 32)])
	p.SetHub(&control.Hub{A: uint32(role), B: control.DefinitionHash, Name: name})
	if err := conn.Call(&p); err != nil {
		t.Fatal(err)
	}
	p.CloseFiles()
	return &client{conn, t, p.Epoch}
}

// call sends a message and gives its answer.
func (c *client) call(p *control.Packet) (*control.Packet, error) {
	p.Epoch = c.epoch
	_ = c.SetDeadline(time.Now().Add(patience))
	return p, c.Call(p)
}

// must is call where a refusal ends the test.
func (c *client) must(p *control.Packet, err error) *control.Packet {
	c.t.Helper()
	if err == nil {
		p, err = c.call(p)
	}
	if err != nil {
		text, _ := control.FindTLV(p.Trailer, control.TLVText)
		c.t.Fatalf("%v: %s", err, text)
	}
	return p
}

// hub makes a command of class HUB.
func hub(typ control.Type, a, b uint32, module, text, name string) (*control.Packet, error) {
	p := new(control.Packet)
	p.Type = typ
	n, err := control.MakeName(module)
	p.SetHub(&control.Hub{A: a, B: b, Name: n})
	var errs [2]error
	if text != "" {
		p.Trailer, errs[0] = control.AppendTLV(p.Trailer, control.TLVText, []byte(text))
	}
	if name != "" {
		p.Trailer, errs[1] = control.AppendTLV(p.Trailer, control.TLVName, []byte(name))
	}
	return p, errors.Join(err, errs[0], errs[1])
}

// atm makes a message of class ATM.
func atm(typ control.Type, b control.ATM) (*control.Packet, error) {
	p := new(control.Packet)
	p.Type = typ
	p.SetATM(&b)
	return p, nil
}

// counters reads the TLVs of a STATS or PORTSTAT.
func (c *client) counters(p *control.Packet) map[string]uint64 {
	c.t.Helper()
	all := map[string]uint64{}
	for r := control.ReadTLVs(p.Trailer); r.Next(); {
		if r.Type() == control.TLVCounter {
			name, n, err := control.ParseCounter(r.Value())
			if err != nil {
				c.t.Fatal(err)
			}
			all[name] = n
		}
	}
	return all
}

// list gives the answers to a LIST or RESYNC.
func (c *client) list(p *control.Packet, err error) (all []control.Packet) {
	c.t.Helper()
	first := c.must(p, err)
	for in := *first; ; {
		if in.Flags&control.FlagMore == 0 {
			if in.Type != control.HubDone || in.Class != control.ClassHub {
				c.t.Fatalf("a dump ends with %v", &in.Message)
			}
			return all
		}
		all = append(all, in)
		in = control.Packet{}
		if err := c.Recv(&in); err != nil {
			c.t.Fatal(err)
		}
	}
}
