package daemon

import (
	"encoding/json"
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
	d := &Daemon{node: node.New(), start: time.Now(), asks: make(chan func()), ended: make(chan struct{})}
	d.config.Store = store(t)
	go func() {
		for {
			select {
			case ask := <-d.asks:
				ask()
			case <-d.ended:
				return
			}
		}
	}()
	t.Cleanup(func() { close(d.ended) })
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
