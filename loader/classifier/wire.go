package classifier

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"

	"github.com/cellhub/cellhub/bpf"
)

// Wire is a pseudowire by how its frames come: the label at the bottom of the stack, and on Ethernet the interface and the
// VLAN of the one tag before, of datagrams both addresses.
type Wire struct {
	Interface int // by number
	Label     uint32
	VLAN      uint16 // 0: none
	Local     netip.AddrPort
	Remote    netip.Addr
}

func (w Wire) key() (k bpf.ClassifierWire) {
	k.Label = w.Label
	if !w.Local.IsValid() {
		k.Interface, k.Vlan = uint32(w.Interface), uint32(w.VLAN)
		return k
	}
	k.Port = uint32(w.Local.Port())
	copy(k.Local[:], w.Local.Addr().AsSlice())
	copy(k.Remote[:], w.Remote.AsSlice())
	return k
}

// Verdict is what becomes of a frame.
type Verdict uint32

// The verdicts. What is not bound passes.
const (
	Pass  = Verdict(bpf.ClassifierVerdictPASS)  // to Linux, as without a classifier
	Hub   = Verdict(bpf.ClassifierVerdictHUB)   // to the AF_XDP socket of the queue that it came by, or the hub's packet socket
	Drop  = Verdict(bpf.ClassifierVerdictDROP)  // counted
	Relay = Verdict(bpf.ClassifierVerdictRELAY) // out by another port, with other headers
)

// Payload is what stands behind the label stack and the control word.
type Payload uint32

// The payloads.
const (
	Opaque = Payload(bpf.ClassifierPayloadOPAQUE) // is not looked at
	Cells  = Payload(bpf.ClassifierPayloadCELLS)  // of any VCs: N-to-one mode
	Unit   = Payload(bpf.ClassifierPayloadUNIT)   // of the port's one VC, or VP
)

// Port is what the classifier knows of the frames of a wire.
type Port struct {
	Verdict Verdict // of what has no verdict of its own
	Packet  bool    // the hub has a packet socket, or one for datagrams

	Connections bool   // there are verdicts of VCs or VPs; the rest is of use then
	Number      uint32 // see Classifier.Number
	Payload     Payload
	ControlWord bool // stands before the payload
	Frames      bool // … with the flags of AAL5 frames
	Paths       bool // some VPs have a verdict as a whole
	VC          VC   // Unit: the VC, or VP, of all of it
	Cell        int  // Unit: octets of a cell, by which they are counted; 0: it is an SDU

	Own, Group  [6]byte // frames are to one of them, when CheckOwn
	Sender      [6]byte // and from it, when CheckSender
	CheckOwn    bool
	CheckSender bool
}

// bit gives a flag when it is set.
func bit(set bool, f bpf.ClassifierFlag) bpf.ClassifierFlag {
	if set {
		return f
	}
	return 0
}

func (p *Port) value() bpf.ClassifierPort {
	v := bpf.ClassifierPort{
		Number: p.Number, Verdict: bpf.ClassifierVerdict(p.Verdict), Payload: bpf.ClassifierPayload(p.Payload), Vc: uint32(p.VC), Cell: uint32(p.Cell),
		Own: p.Own, Group: p.Group, Sender: p.Sender,
		Flags: bit(p.ControlWord, bpf.ClassifierFlagFLAG_CONTROL_WORD) | bit(p.CheckOwn, bpf.ClassifierFlagFLAG_STATION) |
			bit(p.CheckSender, bpf.ClassifierFlagFLAG_SENDER) | bit(p.Connections, bpf.ClassifierFlagFLAG_CONNECTIONS) |
			bit(p.Paths, bpf.ClassifierFlagFLAG_PATHS) | bit(p.Frames, bpf.ClassifierFlagFLAG_FRAMES),
	}
	if p.Packet {
		v.Packet = 1
	}
	return v
}

// Bind gives the frames of a wire a verdict, from the next one on; ErrFull past MaxWires.
func (c *Classifier) Bind(w Wire, p Port) error {
	key, value := w.key(), p.value()
	var has bpf.ClassifierPort
	if c.adopted != nil && c.objects.Ports.Lookup(key, &has) == nil { // VPs of it may not have been asked for yet
		value.Flags |= has.Flags & bpf.ClassifierFlagFLAG_PATHS
	}
	if err := c.objects.Ports.Put(key, value); err != nil {
		return fmt.Errorf("label %d: %w", w.Label, noRoom(err, MaxWires))
	}
	c.adopted.asked(key)
	return nil
}

// Unbind lets a wire's frames pass again. One that is not bound does no harm.
func (c *Classifier) Unbind(w Wire) error {
	if err := c.objects.Ports.Delete(w.key()); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("label %d: %w", w.Label, err)
	}
	return nil
}

// numbers are those of ports with connections.
type numbers struct {
	used map[uint32]bool
	next uint32
}

// Number gives a port with connections a number of its own: the one that an adopted classifier knows its wire by.
// ErrFull past MaxRelayPorts.
func (c *Classifier) Number(w Wire) (uint32, error) {
	var v bpf.ClassifierPort
	if c.adopted != nil && c.objects.Ports.Lookup(w.key(), &v) == nil && v.Number < MaxRelayPorts && !c.numbers.used[v.Number] {
		c.numbers.used[v.Number] = true
		return v.Number, nil
	}
	for range MaxRelayPorts {
		n := c.numbers.next % MaxRelayPorts
		c.numbers.next++
		if !c.numbers.used[n] && !c.adopted.number(n) {
			c.numbers.used[n] = true
			return n, nil
		}
	}
	return 0, fmt.Errorf("%w: %d ports with relayed connections", ErrFull, MaxRelayPorts)
}

// Release gives a number back, when nothing has it any more, with what was counted under it.
func (c *Classifier) Release(number uint32) error {
	delete(c.numbers.used, number)
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return err
	}
	return errors.Join(c.objects.Traffic.Put(number, make([]bpf.ClassifierPortTraffic, cpus)), c.objects.Sequences.Put(number, uint64(0)))
}
