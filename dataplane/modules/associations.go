package modules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
)

// Key is a VC as messages carry it in Conn between a port and the association
// table: VPI and VCI, the VCI in the low 16 bits.
func Key(vc aal.VC) uint64 { return uint64(vc.VPI)<<16 | uint64(vc.VCI) }

const portShift = 32 // the table's key: lower stream, VPI, VCI

// MaxPorts is how many ports one multiplexor has below.
const MaxPorts = 1 << 16

// associations is the multiplexor between ports below and one stream above for each
// VC: the association table and nothing else. What comes from below for a VC that
// nobody has is freed and counted.
type associations struct {
	hub     *dataplane.Hub
	table   table
	ports   []*lowerPort // by number; nil is free
	uppers  []upperVC    // by the table's value
	free    []uint32     // of uppers
	unknown uint64       // cells, or SDUs, of VCs that nobody has
	full    uint64       // messages for a stream that was full
	noPort  uint64       // messages for a port that has gone
	noBlock uint64       // messages for all streams of a port that there was no memory to copy
}

// lowerPort is a port below. One that has gone keeps its number until its VCs have gone.
type lowerPort struct {
	q   *dataplane.Queue // write queue; nil when the port has gone
	vcs int
}

// upperVC is the stream above for one VC.
type upperVC struct {
	q    *dataplane.Queue // read queue
	port uint64           // the table's key without the VC
}

// Associations makes an empty multiplexor with its first pair; see Pair.
func Associations(arg string) (dataplane.Module, error) { return new(associations).pair(arg) }

// pair makes the code of another pair: "port", which a port stands below, or
// "vc PORT VPI/VCI", which the stream of a VC stands on. Ports are counted from 0 in the
// order in which they were made.
func (a *associations) pair(arg string) (dataplane.Module, error) {
	if arg == "port" {
		return a.lower()
	}
	f := strings.Fields(arg)
	if len(f) == 3 && f[0] == "vc" {
		port, err := strconv.Atoi(f[1])
		if err != nil {
			return dataplane.Module{}, fmt.Errorf("port %q: a number", f[1])
		}
		vc, err := aal.ParseVC(f[2])
		if err != nil {
			return dataplane.Module{}, err
		}
		return a.upper(port, vc)
	}
	return dataplane.Module{}, fmt.Errorf("%q: port, or vc PORT VPI/VCI", arg)
}

// base is what both kinds of pair have.
func (a *associations) base(name string) dataplane.Module {
	return dataplane.Module{
		Name: name, Pair: a.pair, Counters: a.count,
		Arrive: func(q *dataplane.Queue) { a.hub = q.Hub() },
	}
}

func (a *associations) lower() (dataplane.Module, error) {
	port := slices.IndexFunc(a.ports, func(p *lowerPort) bool { return p == nil || p.q == nil && p.vcs == 0 })
	if port < 0 {
		port = len(a.ports)
	}
	if port == MaxPorts {
		return dataplane.Module{}, fmt.Errorf("more than %d ports", MaxPorts)
	}
	m, p := a.base("associations"), new(lowerPort)
	m.ReadPut = func(q *dataplane.Queue, m dataplane.Msg) { a.demultiplex(uint64(port)<<portShift, m) }
	m.Open = func(q *dataplane.Queue) error {
		a.hub, p.q = q.Hub(), q.Mate()
		if port == len(a.ports) {
			a.ports = append(a.ports, p)
		}
		a.ports[port] = p
		return nil
	}
	m.Close = func(*dataplane.Queue) { p.q = nil }
	return m, nil
}

func (a *associations) upper(port int, vc aal.VC) (dataplane.Module, error) {
	if port < 0 || port >= len(a.ports) || a.ports[port].q == nil {
		return dataplane.Module{}, fmt.Errorf("no port %d", port)
	}
	p, key := a.ports[port], uint64(port)<<portShift|Key(vc)
	m := a.base("vc " + vc.String())
	m.ReadService = (*dataplane.Queue).Drain
	m.WritePut = func(q *dataplane.Queue, m dataplane.Msg) { a.multiplex(q, p, Key(vc), m) }
	m.WriteService = func(q *dataplane.Queue) { a.drain(q, p) }
	m.Open = func(q *dataplane.Queue) error {
		hi, lo := marks(a.hub, dataplane.DefaultHiWat)
		q.SetMarks(hi, lo)
		q.Mate().SetMarks(hi, lo)
		return a.enter(q, key, p)
	}
	m.Close = func(*dataplane.Queue) {
		i, _ := a.table.find(key)
		a.table.remove(key)
		a.uppers[i] = upperVC{}
		a.free = append(a.free, i)
		p.vcs--
	}
	return m, nil
}

// enter adds a VC to the table.
func (a *associations) enter(q *dataplane.Queue, key uint64, p *lowerPort) error {
	i := uint32(len(a.uppers))
	if n := len(a.free); n > 0 {
		i = a.free[n-1]
	}
	if err := a.table.add(key, i); err != nil {
		return err
	}
	if i == uint32(len(a.uppers)) {
		a.uppers = append(a.uppers, upperVC{})
	} else {
		a.free = a.free[:len(a.free)-1]
	}
	a.uppers[i] = upperVC{q: q, port: key &^ (1<<portShift - 1)}
	p.vcs++
	return nil
}

// demultiplex finds the stream of what a port has received. A stream that has no
// room loses it: a network cannot be asked to wait.
func (a *associations) demultiplex(port uint64, m dataplane.Msg) {
	if m.Type != dataplane.Data {
		a.tellAll(port, m)
		return
	}
	i, ok := a.table.find(port | m.Conn)
	if !ok {
		a.unknown += max(1, uint64(m.Len)/aal.CellSize)
		a.hub.Free(m)
		return
	}
	q := a.uppers[i].q
	if q.Full() {
		a.full++
		a.hub.Free(m)
		return
	}
	q.Forward(m)
}

// tellAll gives what a port says to all its streams: a flush that was turned round, a
// hangup, an error.
func (a *associations) tellAll(port uint64, m dataplane.Msg) {
	for _, u := range a.uppers {
		if u.q == nil || u.port != port {
			continue
		}
		each := m
		if m.Block != 0 {
			if each.Block = a.hub.Pool.CopyMsg(m.Block); each.Block == 0 {
				a.noBlock++
				continue
			}
		}
		u.q.Forward(each)
	}
	a.hub.Free(m)
}

// multiplex sends what a stream puts down to its port.
func (a *associations) multiplex(q *dataplane.Queue, p *lowerPort, key uint64, m dataplane.Msg) {
	if m.Type == dataplane.Data {
		m.Conn = key
	}
	if p.q == nil {
		a.noPort++
		a.hub.Free(m)
		return
	}
	q.ForwardTo(p.q, m)
}

func (a *associations) drain(q *dataplane.Queue, p *lowerPort) {
	if p.q != nil {
		q.DrainTo(func(*dataplane.Msg) *dataplane.Queue { return p.q })
		return
	}
	for m, ok := q.GetQ(); ok; m, ok = q.GetQ() {
		a.noPort++
		a.hub.Free(m)
	}
}

func (a *associations) count() []dataplane.Count {
	return []dataplane.Count{
		{Name: "rx_drop_unknown_vc", N: a.unknown}, {Name: "rx_drop_congested", N: a.full},
		{Name: "rx_drop_no_block", N: a.noBlock}, {Name: "tx_drop_no_port", N: a.noPort},
	}
}
