package modules

import (
	"encoding/binary"
	"fmt"
	"slices"
	"syscall"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/dlpi"
	"github.com/cellhub/cellhub/nic"
)

// What a provider and the pair of an Ethernet driver that it stands on say to each other, in
// the Info of a Proto.
const (
	etherAsk  uint32 = 16 + iota // down: what are you?
	etherHere                    // up: the station's address, and octets of the longest frame, u32
	etherTake                    // down: SAPs, a u64 each, in the place of those before
)

// MaxEtherUsers is how many streams stand on one Ethernet driver.
const MaxEtherUsers = 1 << 10

// Ether is the driver of an Ethernet interface under service interfaces: a multiplexor, which
// hands a frame to each stream that has taken its SAP, or, where none has, to those that take
// the rest. What a stream sends is a whole frame.
type Ether struct {
	driver
	address  [6]byte
	users    int
	takers   map[dlpi.SAP][]*etherUser
	nobodys  uint64 // frames that no stream takes
	full     uint64 // messages for which the device, or a stream, had no room
	noCopies uint64 // frames of several takers that there was no memory to copy
}

// etherUser is a pair that a stream stands on.
type etherUser struct {
	ether *Ether
	rq    *dataplane.Queue
	saps  []dlpi.SAP
}

// NewEther makes the driver of a device, which it owns from then on, opened or discarded.
// address is the station's.
func NewEther(dev nic.Device, address [6]byte) *Ether {
	e := &Ether{address: address, takers: map[dlpi.SAP][]*etherUser{}}
	e.driver = driver{
		first: dev, mark: dataplane.DefaultHiWat,
		input:  e.up,
		output: func(m dataplane.Msg) { e.send(m.Block) },
	}
	return e
}

// Module is the driver's code; its first pair is the device's own, and nothing stands on it.
func (e *Ether) Module() dataplane.Module {
	m := e.module("ether", false)
	m.Counters, m.Pair = e.counts, e.pair
	return m
}

func (e *Ether) pair(string) (dataplane.Module, error) {
	if e.users == MaxEtherUsers {
		return dataplane.Module{}, errTooMany
	}
	u := &etherUser{ether: e}
	return dataplane.Module{
		Name: "ether", Pair: e.pair, Counters: e.counts,
		Open: func(q *dataplane.Queue) error {
			e.users++
			u.rq = q
			return nil
		},
		Close: func(*dataplane.Queue) {
			e.users--
			u.take(nil)
		},
		Arrive:   func(q *dataplane.Queue) { u.rq = q },
		WritePut: u.put,
		Commands: []dataplane.ModuleCommand{{
			Number: 128, Name: "saps", Direction: control.DirectionIn, Most: maxManaged,
			Run: func(arg []byte) ([]byte, error) { return nil, u.command(arg) },
		}},
	}, nil
}

// up takes a frame of the device's.
func (e *Ether) up(b block.ID) {
	takers := e.takers[dlpi.Classify(e.hub.Pool.Bytes(b))]
	if len(takers) == 0 {
		takers = e.takers[dlpi.Rest]
	}
	if len(takers) == 0 {
		e.nobodys++
		e.hub.Pool.Free(b)
		return
	}
	for _, u := range takers[1:] {
		if c := e.hub.Pool.Copy(b); c != 0 {
			u.up(c)
		} else {
			e.noCopies++
		}
	}
	takers[0].up(b)
}

func (u *etherUser) up(b block.ID) {
	pool := u.ether.hub.Pool
	if !u.rq.CanPutNext() {
		u.ether.full++
		pool.Free(b)
		return
	}
	u.rq.PutNext(dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(pool.Len(b))})
}

// put takes what a stream sends.
func (u *etherUser) put(q *dataplane.Queue, m dataplane.Msg) {
	e := u.ether
	switch {
	case m.Type == dataplane.Data && e.in.Full():
		e.full++
		e.hub.Free(m)
	case m.Type == dataplane.Proto && m.Info == etherAsk:
		u.tell(q, m)
	case m.Type == dataplane.Proto && m.Info == etherTake:
		u.take(readSAPs(octetsOf(e.hub, m)))
		e.hub.Free(m)
	case m.Type == dataplane.Flush:
		q.TurnFlush(m)
	case m.Type == dataplane.Ioctl:
		q.Nak(m, syscall.EINVAL)
	case m.Type == dataplane.Data:
		e.in.PutQ(m) // the driver's own service sends
	case isAnnouncement(&m): // of a VC, which this is not
	default:
		e.hub.Refuse(m)
	}
}

// tell says what the device is; without one, nothing, and who asks is refused.
func (u *etherUser) tell(q *dataplane.Queue, m dataplane.Msg) {
	e := u.ether
	e.hub.Free(m)
	var said []byte
	if e.present() {
		said = binary.BigEndian.AppendUint32(e.address[:6:6], uint32(e.tx.dev.Info().MaxFrame))
	}
	if m, ok := message(e.hub, said); ok {
		m.Info = etherHere
		q.Reply(m)
	}
}

// readSAPs reads SAPs, a u64 each.
func readSAPs(p []byte) (saps []dlpi.SAP) {
	for ; len(p) >= 8; p = p[8:] {
		saps = append(saps, dlpi.SAP(binary.BigEndian.Uint64(p)))
	}
	return saps
}

// command is etherTake for a stream that has no provider to say so: by the hub's administrator.
func (u *etherUser) command(arg []byte) error {
	saps := readSAPs(arg)
	if len(arg)%8 != 0 || slices.ContainsFunc(saps, func(s dlpi.SAP) bool { return !s.Valid() }) {
		return fmt.Errorf("SAPs %x: %w", arg, syscall.EINVAL)
	}
	u.take(saps)
	return nil
}

// take changes what a stream is handed.
func (u *etherUser) take(saps []dlpi.SAP) {
	takers := u.ether.takers
	for _, s := range u.saps {
		rest := slices.DeleteFunc(takers[s], func(o *etherUser) bool { return o == u })
		if takers[s] = rest; len(rest) == 0 {
			delete(takers, s)
		}
	}
	for _, s := range saps {
		takers[s] = append(takers[s], u)
	}
	u.saps = saps
}

// counts are the device's, and what was lost between it and the streams.
func (e *Ether) counts() []dataplane.Count {
	d := e.counters()
	return []dataplane.Count{
		{Name: "rx_frames", N: d.RxFrames}, {Name: "rx_octets", N: d.RxOctets}, {Name: "tx_frames", N: d.TxFrames}, {Name: "tx_octets", N: d.TxOctets},
		{Name: "rx_drop_unknown_sap", N: e.nobodys}, {Name: "rx_drop_device", N: d.RxDropped()},
		{Name: "rx_drop_no_block", N: e.rx.noBlocks + e.noCopies}, {Name: "drop_full", N: e.full},
		{Name: "tx_drop_device", N: e.lost + d.TxDropped()}, {Name: "tx_drop_no_block", N: e.noBlocks},
	}
}

// octetsOf gives the octets of a message of one block.
func octetsOf(h *dataplane.Hub, m dataplane.Msg) []byte {
	if m.Block == 0 {
		return nil
	}
	return h.Pool.Bytes(m.Block)
}

// message makes a Proto of octets; false: no memory.
func message(h *dataplane.Hub, parts ...[]byte) (m dataplane.Msg, ok bool) {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	m = dataplane.Msg{Type: dataplane.Proto, Len: uint32(n)}
	if n == 0 {
		return m, true
	}
	if m.Block = h.Pool.AllocControl(n); m.Block == 0 {
		return m, false
	}
	room := h.Pool.Extend(m.Block, n)
	for _, p := range parts {
		room = room[copy(room, p):]
	}
	return m, true
}
