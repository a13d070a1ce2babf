package classifier

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/cellhub/cellhub/bpf"
)

// VC names a VC of a port, or a whole VP, as the classifier does.
type VC uint32

// wholeVP marks a VP: WHOLE_PATH of maps.h.
const wholeVP = 1 << 28

// MakeVC names a VC.
func MakeVC(vpi, vci uint16) VC { return VC(uint32(vpi)<<16 | uint32(vci)) }

// MakeVP names a VP.
func MakeVP(vpi uint16) VC { return wholeVP | VC(vpi) }

// Where the VPI and the VCI stand in a cell's header, and what of it a switch does not change.
const (
	vpiShift   = 20
	vciShift   = 4
	keptOfVC   = 1<<vciShift - 1 // PTI and CLP
	keptOfPath = 1<<vpiShift - 1 // and the VCI
)

// Key names what has a verdict: a VC, or VP, of a port.
type Key struct {
	Port uint32 // its number
	VC   VC
}

func (k Key) key() bpf.ClassifierKey { return bpf.ClassifierKey{Port: k.Port, Vc: uint32(k.VC)} }

// Connection is the verdict of a VC or VP.
type Connection struct {
	Verdict Verdict
	Out     uint32 // Relay: the number of the port that its cells leave by
	As      VC     // … and what they are there; a VP is a VP
}

func (c *Connection) value() bpf.ClassifierConnection {
	v := bpf.ClassifierConnection{Verdict: bpf.ClassifierVerdict(c.Verdict), Out: c.Out, Keep: keptOfVC, Bits: uint32(c.As) << vciShift}
	if c.As&wholeVP != 0 {
		v.Keep, v.Bits = keptOfPath, uint32(c.As&^wholeVP)<<vpiShift
	}
	return v
}

// Connect gives a VC or VP a verdict of its own. One that has the same already goes on counting; ErrFull past the
// limit.
func (c *Classifier) Connect(k Key, to Connection) error {
	key, want := k.key(), to.value()
	c.adopted.asked(key)
	var has bpf.ClassifierConnection
	if err := c.objects.Connections.Lookup(key, &has); err == nil {
		if want.Cells = has.Cells; want == has {
			return nil
		}
	}
	if err := c.objects.Connections.Put(key, want); err != nil {
		return noRoom(err, int(c.objects.Connections.MaxEntries()))
	}
	return nil
}

// Disconnect takes a verdict away, and gives what was relayed by it. One that there is not does no harm.
func (c *Classifier) Disconnect(k Key) (cells uint64, err error) {
	key := k.key()
	cells, err = c.Relayed(k)
	if err == nil {
		err = c.objects.Connections.Delete(key)
	}
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		err = nil
	}
	return cells, err
}

// Relayed is how many cells, or SDUs, of a VC or VP were relayed since it was connected.
func (c *Classifier) Relayed(k Key) (uint64, error) {
	var v bpf.ClassifierConnection
	if err := c.objects.Connections.Lookup(k.key(), &v); err != nil {
		return 0, fmt.Errorf("connection %d of port %d: %w", k.VC, k.Port, err)
	}
	return v.Cells, nil
}
