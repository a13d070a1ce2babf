package modules

import (
	"fmt"
	"syscall"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
)

// Connection names a VC of a carrier's port, or with Path a whole VP: then the VCI counts for
// nothing.
type Connection struct {
	Port uint32 // as AddPort has numbered it
	VC   aal.VC
	Path bool
}

// String gives "PORT VPI/VCI", of a path "PORT VPI/*".
func (c Connection) String() string {
	if c.Path {
		return fmt.Sprintf("%d %d/*", c.Port, c.VC.VPI)
	}
	return fmt.Sprintf("%d %s", c.Port, c.VC)
}

// check refuses what nobody may switch.
func (c Connection) check(uni bool) error {
	switch {
	case c.VC.VPI > aal.MaxVPI, uni && c.VC.VPI > aal.MaxUNIVPI:
		return fmt.Errorf("VPI %d: %w", c.VC.VPI, errVPI)
	case !c.Path && c.VC.Reserved():
		return errReserved
	}
	return nil
}

// key is the connection's own among those of its port.
func (c Connection) key() uint32 {
	if c.Path {
		return pathKey(uint32(c.VC.VPI))
	}
	return uint32(Key(c.VC))
}

func pathKey(vpi uint32) uint32 { return 1<<28 | vpi } // above VPI and VCI

// Output is where a cross-connected cell leaves: a port of a carrier, which may stand on any
// hub of the fabric, and the VC, or VP, that it becomes there.
type Output struct {
	Carrier dataplane.ProcID // of the carrier's queue pair
	Connection
}

// refusal is an error with the number by which the control protocol names it.
type refusal struct {
	text  string
	errno syscall.Errno
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.errno }

// Refusals of cross-connects.
var (
	ErrConnected    error = &refusal{"in use already", syscall.EADDRINUSE}
	ErrNotConnected error = &refusal{"not cross-connected", syscall.ENOENT}

	errReserved error = &refusal{fmt.Sprintf("VCIs below %d are reserved: switch the VP, or choose another", aal.FirstUserVCI), syscall.EPERM}
	errVPI      error = &refusal{"out of range at this port", syscall.EINVAL}
	errKind     error = &refusal{"a path goes to a path, a channel to a channel", syscall.EINVAL}
	errSwitched error = &refusal{"this VPI is switched as a whole", syscall.EADDRINUSE}
	errChannels error = &refusal{"channels of this VPI are switched: it cannot be switched as a whole", syscall.EADDRINUSE}
	errPaths    error = &refusal{"a port of SDUs has no paths: a VC is a sequence of PDUs", syscall.EOPNOTSUPP}
	errEnds     error = &refusal{"this path ends here: its OAM is looked after", syscall.EADDRINUSE}
	errLeaf     error = &refusal{"no such leaf", syscall.ENOENT}
	errMerge    error = &refusal{"a VC with one way out is merged, and no path", syscall.EINVAL}
)

// MaxLeaves is how many leaves one point-to-multipoint connection has, and
// MaxCrossConnects how many connections one port switches.
const (
	MaxLeaves        = 1 << 15 // endpoint references of Q.2971 have 15 bits
	MaxCrossConnects = 1 << 20
)

// crossEntry is one direction of a cross-connected VC or VP: what a port does with its cells.
// It has no pointer, so that the collector has nothing to look at among thousands.
type crossEntry struct {
	cells  uint64 // taken
	first  crossLeaf
	police uint32 // among the port's policers, 0 is none
	leaves uint16
	kept   uint8 // bits of a header that stay: PTI and CLP, of a path the VCI too
	flags  crossFlags
}

type crossFlags uint8

// What a cell needs beside another header.
const (
	crossWatched crossFlags = 1 << iota // to be looked at: it may be OAM
	crossPoliced
	crossLeaves // copies, or none
	crossMerged // PDUs leave whole
)

// note sets or clears a flag.
func (e *crossEntry) note(f crossFlags, on bool) {
	if e.flags &^= f; on {
		e.flags |= f
	}
}

// crossLeaf is one way out of a connection.
type crossLeaf struct {
	out  uint32 // among the port's outputs
	bits uint32 // VPI and VCI there, where they stand in a header
	name uint32 // by which it is dropped
	next uint32 // among the port's leaves; 0: the last
}

// Bits at the end of a header that a switch does not change.
const (
	keptOfChannel = 4
	keptOfPath    = 20
)

// keep is the mask of what stays of a header.
func (e *crossEntry) keep() uint32 { return 1<<e.kept - 1 }

// crossOutput is a port that connections leave by, once for all of them, and a list of cells
// of one frame.
type crossOutput struct {
	carrier    dataplane.ProcID
	port       uint32
	users      uint32
	frame      uint32 // whose cells these are
	head, tail uint16
	cells      uint16
}

type outputKey struct {
	carrier dataplane.ProcID
	port    uint32
}

// cross is what a port switches. Removing it needs no walk, nor does removing one connection.
type cross struct {
	table    vcIndex // by Connection.key
	paths    [(aal.MaxVPI + 1) / 64]uint64
	channels [aal.MaxVPI + 1]uint16 // connected, by VPI
	entries  []crossEntry
	free     []uint32 // of entries
	leaves   []crossLeaf
	spare    uint32 // the first of leaves that are free
	outputs  []crossOutput
	vacant   []uint32 // of outputs
	places   map[outputKey]uint32
	police   policers
	alarm    alarm
	oam      oamPoints
	merge    *merging // nil: nothing merges
}

func newCross() *cross {
	return &cross{leaves: make([]crossLeaf, 1), places: map[outputKey]uint32{}}
}

// key is the key of a cell's header: its VC's, or its VP's where that is switched.
func (x *cross) key(h uint32) uint32 {
	vpi := h >> 20
	if x.paths[vpi/64]>>(vpi%64)&1 != 0 {
		return pathKey(vpi)
	}
	return h >> 4
}

// lookup finds the entry of a cell's header.
func (x *cross) lookup(h uint32) (uint32, bool) { return x.table.find(x.key(h)) }

// Connect cross-connects one direction: cells of from leave by to. The way back is another
// call, on the carrier of to. It refuses what is connected, reserved or out of range, and a
// VPI that would be switched as a whole and by channels. Whether to is free, and its port has
// room, the carrier there has been asked before: see Reserve. On the hub.
func (d *Carrier) Connect(from Connection, to Output) error {
	p, err := d.crossPort(from)
	switch {
	case err != nil:
		return err
	case from.Path != to.Path:
		return errKind
	case from.Path && p.f4[from.VC.VPI] != nil:
		return errEnds
	}
	p.needSAR(from.VC)
	if p.cross == nil {
		p.cross = newCross()
	}
	if err := p.cross.connect(from, to); err != nil {
		return err
	}
	d.work()
	if p.deaf() && d.hub != nil {
		p.raise()
	}
	return nil
}

// crossPort is the port of a connection that may be switched.
func (d *Carrier) crossPort(c Connection) (*port, error) {
	p := d.port(c.Port)
	if p == nil {
		return nil, fmt.Errorf("port %d: %w", c.Port, errNoPort)
	}
	if err := p.cfg.Mode.Refuse(p.cfg.VC, c.VC, c.Path); err != nil {
		return nil, err
	}
	if c.Path && p.trunk != nil && p.trunk.sars != nil {
		return nil, errPaths
	}
	return p, c.check(p.cfg.UNI)
}

func (x *cross) connect(from Connection, to Output) error {
	vpi := from.VC.VPI
	switched := x.paths[vpi/64]>>(vpi%64)&1 != 0
	switch _, there := x.table.find(from.key()); {
	case there:
		return ErrConnected
	case switched:
		return errSwitched
	case from.Path && x.channels[vpi] > 0:
		return errChannels
	case x.table.count == MaxCrossConnects:
		return fmt.Errorf("more than %d connections of one port", MaxCrossConnects)
	}
	i := uint32(len(x.entries))
	if n := len(x.free); n > 0 {
		i = x.free[n-1]
	}
	x.table.add(from.key(), i)
	if i == uint32(len(x.entries)) {
		x.entries = append(x.entries, crossEntry{})
	} else {
		x.free = x.free[:len(x.free)-1]
	}
	e := crossEntry{kept: keptOfChannel, first: x.leaf(to, 0), leaves: 1}
	if from.Path {
		e.kept = keptOfPath
		x.paths[vpi/64] |= 1 << (vpi % 64)
	} else {
		x.channels[vpi]++
	}
	x.entries[i] = e
	return nil
}

// leaf makes a way out.
func (x *cross) leaf(to Output, name uint32) crossLeaf {
	l := crossLeaf{out: x.output(to), bits: uint32(to.VC.VPI) << 20, name: name}
	if !to.Path {
		l.bits |= uint32(to.VC.VCI) << 4
	}
	return l
}

// output is the place of a port that connections leave by, which one more does now.
func (x *cross) output(to Output) uint32 {
	k := outputKey{to.Carrier, to.Port}
	i, there := x.places[k]
	switch n := len(x.vacant); {
	case there:
	case n > 0:
		i, x.vacant = x.vacant[n-1], x.vacant[:n-1]
	default:
		i = uint32(len(x.outputs))
		x.outputs = append(x.outputs, crossOutput{})
	}
	if !there {
		x.places[k] = i
		x.outputs[i] = crossOutput{carrier: to.Carrier, port: to.Port}
	}
	x.outputs[i].users++
	return i
}

func (x *cross) leaveOutput(i uint32) {
	o := &x.outputs[i]
	if o.users--; o.users == 0 {
		delete(x.places, outputKey{o.carrier, o.port})
		x.vacant = append(x.vacant, i)
	}
}

// Disconnect ends a cross-connect of one direction, with all its leaves. On the hub.
func (d *Carrier) Disconnect(from Connection) error {
	p, e, err := d.connected(from)
	if err != nil {
		return err
	}
	x := p.cross
	i, _ := x.table.find(from.key())
	x.table.remove(from.key())
	x.free = append(x.free, i)
	if from.Path {
		x.paths[from.VC.VPI/64] &^= 1 << (from.VC.VPI % 64)
	} else {
		x.channels[from.VC.VPI]--
	}
	x.police.give(e.police)
	p.forgetOAM(i, e)
	p.forgetMerge(i)
	for e.leaves > 1 {
		x.dropLeaf(e, x.leaves[e.first.next].name)
	}
	if e.leaves == 1 {
		x.leaveOutput(e.first.out)
	}
	*e = crossEntry{}
	return nil
}

// connected finds a connection that is switched.
func (d *Carrier) connected(c Connection) (*port, *crossEntry, error) {
	p := d.port(c.Port)
	if p == nil {
		return nil, nil, fmt.Errorf("port %d: %w", c.Port, errNoPort)
	}
	if p.cross != nil {
		if i, ok := p.cross.table.find(c.key()); ok {
			return p, &p.cross.entries[i], nil
		}
	}
	return nil, nil, ErrNotConnected
}
