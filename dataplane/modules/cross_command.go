package modules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
)

// maxCrossCommand is the longest argument, in octets, and the longest result.
const maxCrossCommand = 512

// commands are the carrier's own, as package control has them.
func (d *Carrier) commands() []dataplane.ModuleCommand {
	set := map[control.Type]func(*words) func() error{
		control.CarrierConnect: func(w *words) func() error {
			from, to, merge := w.connection(), w.output(), w.flag("merge")
			return func() error { return d.connectBy(from, to, merge) }
		},
		control.CarrierDisconnect: func(w *words) func() error {
			from := w.connection()
			return func() error { return d.Disconnect(from) }
		},
		control.CarrierAddLeaf: func(w *words) func() error {
			root, name, to := w.connection(), w.number(), w.output()
			return func() error { return d.AddLeaf(root, name, to) }
		},
		control.CarrierDropLeaf: func(w *words) func() error {
			root, name := w.connection(), w.number()
			return func() error { return d.DropLeaf(root, name) }
		},
		control.CarrierReserve: func(w *words) func() error {
			l := w.leg()
			return func() error { return d.Reserve(l) }
		},
		control.CarrierAdmit: func(w *words) func() error {
			l := w.leg()
			return func() error { return d.Admit(l) }
		},
		control.CarrierRelease: func(w *words) func() error {
			c := w.connection()
			return func() error { return d.Release(c) }
		},
		control.CarrierPolice: func(w *words) func() error {
			from, c := w.connection(), w.contract()
			return func() error { return d.Police(from, c) }
		},
		control.CarrierOAM: func(w *words) func() error {
			c, config := w.connection(), w.oam()
			return func() error { return d.SetOAM(c, config) }
		},
		control.CarrierPing: func(w *words) func() error {
			c := w.connection()
			segment, location := w.ping()
			return func() error { return d.Ping(c, segment, location) }
		},
	}
	list := []dataplane.ModuleCommand{readText(uint8(control.CarrierPorts), "ports", d.portList), {
		Number: uint8(control.CarrierCounts), Name: "counts", Direction: control.DirectionIn | control.DirectionOut, Most: maxManaged,
		Run: func(arg []byte) ([]byte, error) { return d.connectionCounts(string(arg)) },
	}}
	for number, run := range set {
		list = append(list, dataplane.ModuleCommand{
			Number: uint8(number), Name: carrierCommands[number], Direction: control.DirectionIn, Most: maxCrossCommand,
			Run: func(arg []byte) ([]byte, error) { return nil, obey(string(arg), run) },
		})
	}
	slices.SortFunc(list, func(a, b dataplane.ModuleCommand) int { return int(a.Number) - int(b.Number) })
	return list
}

// carrierCommands are the names of the commands that change something.
var carrierCommands = map[control.Type]string{
	control.CarrierConnect: "connect", control.CarrierDisconnect: "disconnect", control.CarrierAddLeaf: "add-leaf",
	control.CarrierDropLeaf: "drop-leaf", control.CarrierReserve: "reserve", control.CarrierRelease: "release",
	control.CarrierAdmit: "admit", control.CarrierPolice: "police", control.CarrierOAM: "oam", control.CarrierPing: "loopback",
}

// obey does what an argument says when all of it could be read.
func obey(arg string, read func(*words) func() error) error {
	w := &words{left: strings.Fields(arg)}
	do := read(w)
	if w.end(); w.err != nil {
		return fmt.Errorf("%w: %w", w.err, syscall.EINVAL)
	}
	return do()
}

// connectBy is Connect, and perhaps Merge.
func (d *Carrier) connectBy(from Connection, to Output, merge bool) error {
	err := d.Connect(from, to)
	if err == nil && merge {
		if err = d.Merge(from); err != nil {
			_ = d.Disconnect(from) // it has just been connected
		}
	}
	return err
}

// connectionCounts gives what a connection has counted, a line each.
func (d *Carrier) connectionCounts(arg string) ([]byte, error) {
	w := &words{left: strings.Fields(arg)}
	c := w.connection()
	if w.end(); w.err != nil {
		return nil, fmt.Errorf("%w: %w", w.err, syscall.EINVAL)
	}
	counts, err := d.ConnectionCounts(c)
	if err != nil {
		return nil, err
	}
	var text []byte
	for _, n := range counts {
		text = fmt.Appendf(text, "%s %d", n.Name, n.N)
		if n.Ago > 0 {
			text = fmt.Appendf(text, " %d", n.Ago)
		}
		text = append(text, '\n')
	}
	return text, nil
}

// ConnectionCounts gives the counters of a cross-connected VC or VP in a fixed order: of what
// came in there, and of what leaves there. On the hub.
func (d *Carrier) ConnectionCounts(c Connection) (counts []dataplane.Count, err error) {
	p, e, err := d.connected(c)
	if err == nil {
		var police policer
		if e.police != 0 {
			police = p.cross.police.list[e.police]
		}
		lost := dataplane.Count{Name: "police_dropped", N: police.dropped}
		if police.dropped > 0 {
			lost.Ago = max(d.hub.Now()-police.last, 1)
		}
		counts = append(counts,
			dataplane.Count{Name: "rx_cells", N: e.cells}, dataplane.Count{Name: "leaves", N: uint64(e.leaves)},
			dataplane.Count{Name: "police_tagged", N: police.tagged}, lost)
		i, _ := p.cross.table.find(c.key())
		if e.flags&crossWatched != 0 {
			counts = p.cross.oam.of[i].appendCounts(counts)
		}
		if e.flags&crossMerged != 0 {
			m := p.cross.merge.of[i]
			counts = append(counts, dataplane.Count{Name: "merged_pdus", N: m.pdus}, dataplane.Count{Name: "rx_drop_merge", N: m.dropped})
		}
	}
	if p = d.port(c.Port); p != nil && p.f5 != nil && err != nil {
		counts, err = p.f5.appendCounts(counts), nil
	}
	if p == nil || p.legs == nil {
		return counts, err
	}
	if i, ok := p.legs.index.find(c.key()); ok {
		l, waits := &p.legs.legs[i], uint64(0)
		if l.queue != 0 {
			waits = uint64(p.sched.queues[l.queue].count)
		}
		last := loss{legCauses[l.drops.lastOf], l.drops.last}
		return append(counts, last.mark(d.hub, []dataplane.Count{
			{Name: "tx_queued", N: waits}, {Name: "tx_drop_full", N: l.drops.full},
			{Name: "tx_drop_clp1", N: l.drops.clp1}, {Name: "tx_drop_frames", N: l.drops.frames}})...), nil
	}
	return counts, err
}

// words are those of an argument that are left to be read. The first that is wrong is kept as
// err; what is read then is of no use.
type words struct {
	left []string
	err  error
}

func (w *words) next(what string) string {
	if len(w.left) == 0 {
		w.fail(fmt.Errorf("no %s", what))
		return ""
	}
	s := w.left[0]
	w.left = w.left[1:]
	return s
}

// flag tells whether the word is next, and takes it.
func (w *words) flag(word string) bool {
	if len(w.left) == 0 || w.left[0] != word {
		return false
	}
	w.left = w.left[1:]
	return true
}

func (w *words) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// end refuses words that nobody has read.
func (w *words) end() {
	if len(w.left) > 0 {
		w.fail(fmt.Errorf("%q is too much", strings.Join(w.left, " ")))
	}
}

func (w *words) number() uint32 {
	s := w.next("number")
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil && w.err == nil {
		w.fail(fmt.Errorf("%q: a number", s))
	}
	return uint32(n)
}

func (w *words) connection() (c Connection) {
	c.Port = w.number()
	s := w.next("VPI/VCI")
	vpi, whole := strings.CutSuffix(s, "/*")
	if c.Path = whole; whole {
		s = vpi + "/0"
	}
	vc, err := aal.ParseVC(s)
	if err != nil {
		w.fail(err)
	}
	c.VC = vc
	return c
}

func (w *words) output() Output {
	return Output{Carrier: dataplane.ProcID(w.number()), Connection: w.connection()}
}

func (w *words) contract() aal.Contract {
	c, err := parseContract(w.left)
	if err != nil {
		w.fail(err)
	}
	w.left = nil
	return c
}

// MaxWeight is the greatest weight of a leg.
const MaxWeight = 255

func (w *words) leg() (l Leg) {
	l.Connection = w.connection()
	for len(w.left) > 0 {
		weight, given := strings.CutPrefix(w.left[0], "weight=")
		switch {
		case w.left[0] == "shape":
			l.Shape = true
		case w.left[0] == "frames":
			l.Frames = true
		case given:
			n, err := strconv.ParseUint(weight, 10, 8)
			if err != nil || n == 0 {
				w.fail(fmt.Errorf("weight %q: 1 to %d", weight, MaxWeight))
			}
			l.Weight = uint8(n)
		default:
			l.Contract = w.contract()
			return l
		}
		w.left = w.left[1:]
	}
	return l // UBR without a peak
}
