package main

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/nic"
	"github.com/cellhub/cellhub/nic/link"
)

// blocks of the hub's pool: both devices' posted bursts and a transmit batch each,
// several times over.
const blocks = 2048

// minChunk is the smallest block worth having, in octets: an Ethernet frame's.
const minChunk = 2048

// tunnel is the running program: one hub, one stream.
type tunnel struct {
	c      config
	device *hostDevice
	arena  *dataplane.Arena
	hub    *dataplane.Hub
	tap    *modules.TAPEnd
	rfc    *modules.RFC2684
	aal5   *modules.AAL5 // nil in AAL5 SDU mode
	assoc  *modules.Associations
	port   *modules.Port
	trace  *modules.Capture // nil unless asked for
	begun  time.Time

	underlay link.State    // the interface that the carrier leaves by, as it was opened
	failures chan struct{} // a device has failed
	notes    []string      // what the devices have to do without
}

// open makes everything the command line asks for, or nothing: its error is one
// line.
func open(c config) (_ *tunnel, err error) {
	t := &tunnel{c: c, failures: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			_ = t.close()
		}
	}()
	if t.device, err = findDevice(&t.c); err != nil {
		return nil, err
	}
	if c.spec.Device == c.name {
		return nil, fmt.Errorf("--%s %s: the port is on the same interface: take another name", c.kind(), c.name)
	}
	t.underlay, _ = link.Get(c.spec.Underlay()) // without one, the carrier is not followed
	carrier, err := c.spec.Open()
	if err != nil {
		return nil, fmt.Errorf("--port %s: %w", c.spec, portRemedy(err))
	}
	t.note(carrier.Device)
	if err := t.fits(carrier); err != nil {
		_ = carrier.Device.Close()
		return nil, err
	}
	if err := t.makeHub(carrier); err != nil {
		_ = carrier.Device.Close()
		return nil, err
	}
	return t, t.build(carrier)
}

// sdu is the longest CPCS-SDU of a device of that MTU, without a VLAN tag.
func (t *tunnel) sdu(mtu int) int {
	n := mtu + t.c.encap.HeaderSize(t.c.payload())
	if !t.c.tun {
		n += macHeader
	}
	return n
}

// fits checks that frames of the carrier hold the SDUs, where a frame is an SDU.
func (t *tunnel) fits(carrier modules.PortConfig) error {
	if carrier.Mode.Cells() {
		return nil
	}
	room := carrier.Device.Info().MaxFrame - carrier.Overhead()
	switch most := room - t.sdu(0); {
	case most < minMTU:
		return fmt.Errorf("--port %s: %s is too small for any SDU: raise its MTU by %d, or use mode=n1",
			t.c.spec, carrier.Device.Info().Name, t.device.mtu-most)
	case t.device.mtu > most:
		return fmt.Errorf("--mtu %d: mode aal5sdu sends an SDU as one frame, and %s holds an MTU of %d at most: set --mtu %d, raise the carrier's MTU by %d, or use mode=n1",
			t.device.mtu, carrier.Device.Info().Name, most, most, t.device.mtu-most)
	}
	return nil
}

// makeHub makes the hub and its memory: a block holds the longest frame of either
// device, and the longest PDU, whole.
func (t *tunnel) makeHub(carrier modules.PortConfig) (err error) {
	longest := max(
		min(carrier.Device.Info().MaxFrame, modules.MaxCellFrame),
		aal.AAL5PDUSize(t.sdu(t.device.mtu)+vlanTag),
		t.sdu(t.device.mtu)+vlanTag+carrier.Overhead(),
	)
	size := max(minChunk, 1<<bits.Len(uint(dataplane.Headroom+longest-1)))
	if t.arena, err = dataplane.NewArena(dataplane.ArenaConfig{Chunks: blocks, ChunkBytes: size}); err != nil {
		return err
	}
	t.hub, err = dataplane.NewHub(dataplane.Config{Pool: t.arena.Pool(0)})
	return err
}

// build stacks the stream, from the port up; modules/doc.go draws it.
func (t *tunnel) build(carrier modules.PortConfig) error {
	var stack []dataplane.ProcID
	var id dataplane.ProcID
	var err error
	carrier.VC, carrier.OnError = t.c.vc, t.failed
	if t.port, id, err = modules.OpenPort(t.hub, carrier); err != nil {
		return fmt.Errorf("--port %s: %w", t.c.spec, err)
	}
	t.assoc = modules.NewAssociations(t.hub)
	_, below, err := t.assoc.AddPort()
	if err != nil {
		return err
	}
	if err := t.hub.Join(id, below); err != nil {
		return err
	}
	add := func(id dataplane.ProcID, failed error) {
		stack = append(stack, id)
		if err == nil {
			err = failed
		}
	}
	add(t.assoc.AddVC(0, t.c.vc))
	if carrier.Mode.Cells() {
		a, id, failed := modules.OpenAAL5(t.hub, t.c.vc)
		t.aal5 = a
		add(id, failed)
	}
	if err != nil {
		return err
	}
	tap, err := t.openTAPEnd() // before the capture, whose file is not to be emptied for nothing
	if err != nil {
		return err
	}
	if t.c.capture != "" {
		capture, id, failed := modules.OpenCapture(t.hub, t.c.capture, t.c.vc)
		if failed != nil {
			return fmt.Errorf("--capture %s: %w", t.c.capture, failed)
		}
		t.trace = capture
		add(id, nil)
	}
	r, id, failed := modules.OpenRFC2684(t.hub, t.c.encap, t.c.payload())
	t.rfc = r
	add(id, failed)
	if err != nil {
		return err
	}
	return t.join(append(stack, tap))
}

func (t *tunnel) openTAPEnd() (id dataplane.ProcID, err error) {
	dev, err := t.device.open()
	if err != nil {
		return 0, err
	}
	t.note(dev)
	if t.tap, id, err = modules.OpenTAPEnd(t.hub, dev, nil); err != nil {
		_ = dev.Close()
	}
	return id, err
}

// join links a stack, lowest first.
func (t *tunnel) join(stack []dataplane.ProcID) error {
	for i := range stack[1:] {
		if err := t.hub.Join(stack[i], stack[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// run turns the hub until ctx ends, shows how it goes, and prints the summary.
func (t *tunnel) run(ctx context.Context, out *display) error {
	t.begun = time.Now()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		t.hub.Run()
	}()
	out.start(t)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		t.supervise(ctx, out)
	}()
	tick := time.NewTicker(statusInterval)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			if out.terminal {
				out.status(t.snapshot())
			}
		}
	}
	<-watched // it may be opening a device, which is not to outlive us
	t.hub.Stop()
	<-ended
	return out.summary(t.count())
}

// close removes what open made; also what it made halfway. Its error is about what
// could not be put back.
func (t *tunnel) close() (err error) {
	if t.hub != nil {
		_ = t.hub.Close()
		err = t.device.restore()
		if t.trace != nil {
			err = errors.Join(err, t.trace.Err())
		}
	}
	if t.arena != nil {
		_ = t.arena.Close()
	}
	return err
}

// note keeps what a device has to do without.
func (t *tunnel) note(dev nic.Device) {
	if info := dev.Info(); info.Note != "" {
		t.notes = append(t.notes, info.Name+": "+info.Note)
	}
}

// snapshot asks the hub for all counters.
func (t *tunnel) snapshot() (s snapshot) {
	t.hub.Call(func() { s = t.count() })
	return s
}

// count reads all counters, on the hub or after its end: then nothing is on its way
// that one of them has seen and another has not.
func (t *tunnel) count() snapshot {
	s := snapshot{at: time.Now(), since: time.Since(t.begun)}
	s.add("tap", t.tap.Counts())
	s.add("rfc2684", t.rfc.Counts())
	if t.trace != nil {
		s.add("capture", t.trace.Counts())
	}
	if t.aal5 != nil {
		s.add("aal5", t.aal5.Counts())
	}
	s.add("associations", t.assoc.Counts())
	s.add("port", t.port.Counts())
	s.add("hub", hubCounts(t.hub))
	return s
}

func hubCounts(h *dataplane.Hub) []modules.Count {
	c := h.Counters()
	chunks, _ := h.InUse()
	return []modules.Count{
		{Name: "passes", N: c.Passes}, {Name: "sleeps", N: c.Sleeps}, {Name: "messages", N: c.Messages},
		{Name: "services", N: c.Services}, {Name: "blocks_in_use", N: uint64(chunks)},
		{Name: "drop_unlinked", N: c.Unlinked}, {Name: "drop_no_block", N: c.NoBlocks},
		{Name: "drop_no_node", N: c.NoNodes}, {Name: "drop_no_defer", N: c.NoDefer},
	}
}
