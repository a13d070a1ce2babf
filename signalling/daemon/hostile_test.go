package daemon

import (
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/node"
)

func store(t *testing.T) Store {
	t.Helper()
	s, err := OpenStore(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// detached is a daemon whose hub says nothing, and who wants to be asked.
func detached(t *testing.T) *Daemon {
	t.Helper()
	d := newDaemon(Config{Store: store(t)}, nil)
	t.Cleanup(func() { d.timer.Stop() })
	return d
}

// TestRouteSpelling: a route is removed by whatever spelling of its prefix.
func TestRouteSpelling(t *testing.T) {
	d := detached(t)
	const one, other = "47.0005.80.ffde00.0000.0000.0106/104", "47000580FFDE000000000001060000/104"
	if _, err := d.run(CommandRoute, one+" 1"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.run(CommandRoute, other); err != nil {
		t.Fatal(err)
	}
	routes, err := d.config.Store.Routes()
	if err != nil || len(routes) != 0 {
		t.Errorf("kept: %v, %v", routes, err)
	}
}

// desk is a desk's socket.
func desk(t *testing.T, d *Daemon) string {
	t.Helper()
	k := NewDesk()
	k.Use(d)
	path := filepath.Join(t.TempDir(), "desk")
	l, err := control.Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { k.Serve(l); close(done) }()
	t.Cleanup(func() { l.Close(); <-done })
	return path
}

// hello has a desk answer.
func hello(t *testing.T, c *control.Conn) {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var p control.Packet
	p.Type = control.HubHello
	p.SetHub(&control.Hub{B: control.DefinitionHash})
	if err := c.Call(&p); err != nil {
		t.Error(err)
	}
}

func trace(t *testing.T, c *control.Conn) {
	t.Helper()
	var p control.Packet
	p.Class, p.Type, p.Key = control.ClassMMI, control.MMICmd, 1
	var err error
	if p.Trailer, err = p.SetCommand(&control.MMI{Command: CommandTrace, Direction: control.DirectionOut}, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Send(&p); err != nil {
		t.Fatal(err)
	}
}

func (d *Daemon) watchers(t *testing.T) (n int) {
	t.Helper()
	if err := d.do(func() { n = len(d.tracers) }); err != nil {
		t.Fatal(err)
	}
	return n
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within 10 s: ", what)
		}
	}
}

// TestTracersGo: who has asked for a trace and gone is forgotten, also while no message
// comes; who asks twice is told once.
func TestTracersGo(t *testing.T) {
	d := detached(t)
	path := desk(t, d)
	c, err := control.Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	trace(t, c)
	trace(t, c)
	hello(t, c) // and so both have been seen to
	if n := d.watchers(t); n != 1 {
		t.Errorf("%d see the messages", n)
	}
	c.Close()
	until(t, "forgotten", func() bool { return d.watchers(t) == 0 })
}

// TestDeskWithoutDescriptors: the desk is there again when there are descriptors again.
func TestDeskWithoutDescriptors(t *testing.T) {
	path := desk(t, detached(t))
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	var clients []*control.Conn
	low := old
	low.Cur = 40
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Skip("needs to limit its descriptors: ", err)
	}
	for range 100 {
		c, err := control.Dial(path)
		if err != nil {
			break
		}
		clients = append(clients, c)
	}
	for _, c := range clients {
		c.Close()
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	c, err := control.Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	hello(t, c)
}

// TestCallsFit: as many calls as an answer lists fit into it, whatever their numbers.
func TestCallsFit(t *testing.T) {
	big := node.Call{ID: 1<<64 - 1, State: "programming", Age: 1<<63 - 1}
	for k := range big.Called.AESA {
		big.Called.AESA[k] = 0xff
	}
	big.Calling = big.Called
	big.In = node.End{VC: node.VC{Port: 65535, VPI: 4095, VCI: 65535}, Ref: 1<<24 - 1, State: "outgoing call proceeding", Conn: 1<<32 - 1}
	big.Out = big.In
	big.Contract = node.Contract{Service: control.ServiceRealTimeVBR, ForwardPeak: 1<<32 - 1, BackwardPeak: 1<<32 - 1, ForwardRate: 1<<32 - 1, BackwardRate: 1<<32 - 1}
	all := []node.Call{}
	for range callsAtOnce {
		all = append(all, big)
	}
	b, err := json.Marshal(Calls{all, 1<<64 - 1})
	if err != nil || len(b) > control.MaxTrailer {
		t.Errorf("%d octets, %v; room for %d", len(b), err, control.MaxTrailer)
	}
}

// TestTraceEnds: who sees the messages hears that the hub has gone, and with it the daemon
// that had them.
func TestTraceEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub")
	l, err := control.Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := control.Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	d := newDaemon(Config{}, conn)
	defer d.Close()
	hub, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- d.Run(t.Context()) }()
	c, err := control.Dial(desk(t, d))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	trace(t, c)
	hello(t, c)
	hub.Close()
	var p control.Packet
	if err := c.Recv(&p); err != nil || !errors.Is(p.Err(), syscall.ENOTCONN) || p.Flags&control.FlagMore != 0 {
		t.Errorf("%v, %v", err, p.Err())
	}
	if err := <-done; !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}
