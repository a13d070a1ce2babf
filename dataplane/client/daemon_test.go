package client

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/dataplane/pace"
	"github.com/cellhub/cellhub/dataplane/region"
	"github.com/cellhub/cellhub/dataplane/server"
	"github.com/cellhub/cellhub/nic"
)

// daemon is a server in this process. It has ports 1 and 2, the ends of a wire.
type daemon struct {
	t      testing.TB
	path   string
	server *server.Server
	fabric *dataplane.Fabric
	admin  *control.Conn
	epoch  uint32
}

// wires opens the ends of one wire as ports: "wire:a", "wire:b", with ",sdu" in the mode that
// carries AAL5 SDUs.
type wires struct{ ends map[string]nic.Device }

type wireSpec struct {
	w   *wires
	end string
	sdu bool
}

func (w *wires) Read(spec string) (server.PortSpec, error) {
	end, mode, _ := strings.Cut(strings.TrimPrefix(spec, "wire:"), ",")
	if w.ends[end] == nil {
		return nil, fmt.Errorf("no wire %q", end)
	}
	return &wireSpec{w, end, mode == "sdu"}, nil
}

func (s *wireSpec) Carrier() string       { return "wire:" + s.end }
func (s *wireSpec) CarriesCells() bool    { return !s.sdu }
func (s *wireSpec) Hold() (func(), error) { return func() {}, nil }
func (s *wireSpec) config() modules.PortConfig {
	c := modules.PortConfig{Encapsulation: modules.Encapsulation{LabelOut: 100, LabelIn: 100}}
	if s.sdu {
		c.Mode = modules.ModeAAL5SDU
	}
	return c
}

func (s *wireSpec) Open() (server.Carrier, error) {
	c, err := modules.NewCarrier(modules.CarrierConfig{Device: s.w.ends[s.end]})
	return &wireCarrier{c}, err
}

type wireCarrier struct{ *modules.Carrier }

func (c *wireCarrier) AddPort(p server.PortSpec) (uint32, error) {
	return c.Carrier.AddPort(p.(*wireSpec).config())
}
func (c *wireCarrier) RemovePort(_ server.PortSpec, n uint32) error { return c.Carrier.RemovePort(n) }
func (c *wireCarrier) AddVC(n uint32, vpi, vci uint16) error        { return nil }
func (c *wireCarrier) RemoveVC(n uint32, vpi, vci uint16)           {}
func (c *wireCarrier) PortCounts(n uint32) []dataplane.Count        { return nil }
func (c *wireCarrier) SetUp(n uint32, up bool) error                { return nil }

// newDaemon starts a server with two ports; change, unless nil, changes what it is made of.
func newDaemon(t testing.TB, change func(*server.Config)) *daemon {
	t.Helper()
	r := newRig(t, pace.Config{})
	a, b, err := nic.NewWire(nic.WireConfig{MaxFrame: 9600, Depth: 4096})
	must(t, err)
	config := server.Config{
		Fabric: r.fabric, Opener: &wires{map[string]nic.Device{"a": a, "b": b}}, RegionOctets: 1 << 22,
		Sockets: func(r *region.Region, broken func(uint32)) (server.Sockets, error) {
			return modules.NewSockets(modules.SocketsConfig{Region: r, Broken: broken, Now: func() int64 { return time.Now().UnixNano() }})
		},
	}
	if change != nil {
		change(&config)
	}
	d := &daemon{t: t, path: filepath.Join(t.TempDir(), "control"), fabric: r.fabric}
	d.server, err = server.New(config)
	must(t, err)
	l, err := control.Listen(d.path, 0o600)
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- d.server.Serve(l) }()
	t.Cleanup(func() {
		must(t, l.Close())
		d.server.Close()
		must(t, <-served)
	})
	d.admin, d.epoch = d.hello(control.RoleAdmin, "admin", nil)
	for i, end := range []string{"a", "b"} {
		d.openPort(uint32(i+1), "port"+end, "wire:"+end)
	}
	return d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hello connects to the control socket in a role.
func (d *daemon) hello(role control.Role, name string, trailer []byte) (*control.Conn, uint32) {
	d.t.Helper()
	c, err := control.Dial(d.path)
	must(d.t, err)
	d.t.Cleanup(func() { c.Close() })
	p := control.Packet{Trailer: trailer}
	p.Type = control.HubHello
	n, _ := control.MakeName(name)
	p.SetHub(&control.Hub{A: uint32(role), B: control.DefinitionHash, Name: n})
	must(d.t, c.Call(&p))
	p.CloseFiles()
	return c, p.Epoch
}

func (d *daemon) openPort(number uint32, name, spec string) {
	d.t.Helper()
	p := control.Packet{}
	n, _ := control.MakeName("port")
	p.SetHub(&control.Hub{B: number, Name: n})
	p.Type, p.Epoch = control.HubOpen, d.epoch
	p.Trailer, _ = control.AppendTLV(nil, control.TLVText, []byte(name+" "+spec))
	must(d.t, d.admin.Call(&p))
}

// atm has the administrator say something of a VC.
func (d *daemon) atm(typ control.Type, port, vci uint16) error {
	p := control.Packet{}
	p.SetATM(&control.ATM{Port: port, VCI: vci, AAL: control.AAL5, Direction: control.DirectionBoth})
	p.Type, p.Epoch = typ, d.epoch
	return d.admin.Call(&p)
}

// pvc makes a PVC at both ends of the wire.
func (d *daemon) pvc(vci uint16) {
	d.t.Helper()
	for port := range uint16(2) {
		must(d.t, d.atm(control.ATMAdd, port+1, vci))
	}
}

func (d *daemon) open() *Client {
	d.t.Helper()
	c, err := Open(d.path)
	must(d.t, err)
	d.t.Cleanup(func() { c.Close() })
	return c
}

func dial(t testing.TB, c *Client, address string, config *Config) *Conn {
	t.Helper()
	conn, err := c.Dial(context.Background(), address, config)
	must(t, err)
	return conn
}

// say sends from one connection to another.
func say(t testing.TB, from, to *Conn, what string) SDU {
	t.Helper()
	_, err := from.Write([]byte(what))
	must(t, err)
	p := make([]byte, 65535)
	n, s, err := to.ReadSDU(p)
	if err != nil || string(p[:n]) != what {
		t.Fatalf("%q %v, want %q", p[:n], err, what)
	}
	return s
}

// TestPVC: SDUs over a PVC, through AAL5 and a carrier, stamped; and the PVC is nobody's again
// when it is closed.
func TestPVC(t *testing.T) {
	d := newDaemon(t, nil)
	d.pvc(100)
	one, two := d.open(), d.open()
	for range 3 {
		begun := time.Now()
		a, b := dial(t, one, "pvc://1/0/100", nil), dial(t, two, "pvc://portb/0/100", nil)
		s := say(t, a, b, "over the wire")
		if s.Time.Before(begun) || s.Time.After(time.Now()) {
			t.Errorf("stamped %v, sent after %v", s.Time, begun)
		}
		say(t, b, a, strings.Repeat("and back ", 1000))
		if _, err := one.Dial(context.Background(), "pvc://1/0/100", nil); !errors.Is(err, syscall.EBUSY) {
			t.Errorf("a second application at one end: %v", err)
		}
		if err := d.atm(control.ATMDel, 1, 100); !errors.Is(err, syscall.EBUSY) {
			t.Errorf("deletion of a PVC in use: %v", err)
		}
		must(t, a.Close())
		must(t, b.Close())
		<-a.released
		<-b.released
	}
	for address, want := range map[string]error{"pvc://1/0/101": syscall.ENOENT, "pvc://nobody/0/100": syscall.ENODEV, "pvc://3/0/100": syscall.ENOENT} {
		if _, err := one.Dial(context.Background(), address, nil); !errors.Is(err, want) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestPVCCells: cells over a PVC, as they are: at both ends, and AAL5's own at one.
func TestPVCCells(t *testing.T) {
	d := newDaemon(t, nil)
	d.pvc(100)
	c := d.open()
	a, b := dial(t, c, "pvc://1/0/100", &Config{Cells: true}), dial(t, c, "pvc://2/0/100", &Config{Cells: true})
	run := make([]byte, 5*cell)
	for i := range 5 {
		copy(run[i*cell:], []byte{0xAB, 0xCD, 0xEF, byte(0xF0 | 2*i), byte(i)}) // another VC, PTI 0 to 4
	}
	_, err := a.Write(run)
	must(t, err)
	var got []byte
	for p := make([]byte, 9180); len(got) < len(run); {
		n, err := b.Read(p)
		must(t, err)
		got = append(got, p[:n]...)
	}
	for i := range 5 {
		if h := [5]byte(got[i*cell:]); h != [5]byte{0x00, 0x00, 0x06, byte(0x40 | 2*i), byte(i)} { // VPI 0, VCI 100
			t.Errorf("cell %d: % x", i, h)
		}
	}
	must(t, b.Close())
	<-b.released
	b = dial(t, c, "pvc://2/0/100", nil)
	_, err = b.Write([]byte("one cell"))
	must(t, err)
	p := make([]byte, 9180)
	n, err := a.Read(p)
	if err != nil || n != cell || string(p[4:12]) != "one cell" || p[3] != 0x42 || p[4+43] != 8 {
		t.Errorf("%d octets, % x, %v", n, p[:n], err)
	}
}

// TestManagers: a port has one manager, who is named to a second.
func TestManagers(t *testing.T) {
	d := newDaemon(t, nil)
	try := func(name string, ports ...uint16) (*control.Conn, string, error) {
		c, err := control.Dial(d.path)
		must(t, err)
		t.Cleanup(func() { c.Close() })
		p := control.Packet{}
		n, _ := control.MakeName(name)
		p.SetHub(&control.Hub{A: uint32(control.RoleManager), Name: n})
		p.Type = control.HubHello
		if len(ports) > 0 {
			p.Trailer, _ = control.AppendPorts(nil, ports)
		}
		err = c.Call(&p)
		return c, p.Hub().Name.String(), err
	}
	one, _, err := try("one", 1)
	must(t, err)
	_, _, err = try("two", 2)
	must(t, err)
	for _, ports := range [][]uint16{{1}, {3, 1}, nil} {
		if _, holder, err := try("three", ports...); !errors.Is(err, syscall.EBUSY) || holder != "one" {
			t.Errorf("ports %v: %q %v", ports, holder, err)
		}
	}
	must(t, one.Close())
	eventually(t, "the port is free", func() bool { _, _, err := try("four", 1); return err == nil })
}
