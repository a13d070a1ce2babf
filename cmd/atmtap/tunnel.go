package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/cmd/internal/daemon"
	"github.com/cellhub/cellhub/cmd/internal/offload"
	"github.com/cellhub/cellhub/cmd/internal/port"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/nic"
	"github.com/cellhub/cellhub/nic/link"
)

// blocks of the hub's pool: both devices' posted bursts and a transmit batch each,
// several times over.
const blocks = 2048

// tunnel is the running program: one hub, one stream.
type tunnel struct {
	c      config
	device *hostDevice
	arena  *block.Arena
	hub    *dataplane.Hub
	fabric *dataplane.Fabric
	parts  []dataplane.Part   // of the stream, the lowest first
	ids    []dataplane.ProcID // their numbers
	tap    *modules.TAP
	port   *modules.Carrier
	trace  *modules.Capture // nil unless asked for
	tooBig *modules.TooBig
	begun  time.Time

	underlay link.State       // the interface that the carrier leaves by, as it was opened
	dev      nic.Device       // the TAP's or TUN's
	carrier  nic.Device       // the port's
	overhead int              // octets of a frame of the carrier before cells or SDU
	label    *port.Claim      // on the interface, of an Ethernet port
	offload  *offload.Offload // the tunnel in the kernel; nil: there is none
	silence  atomic.Int64     // of the peer, in nanoseconds; 0: it is not silent
	service  *daemon.Service  // the service manager, if one has started us
	failures chan struct{}    // a device has failed
	notes    []string         // what the devices have to do without
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
	if err := t.findDevice(); err != nil {
		return nil, err
	}
	if c.spec.Device == c.name {
		return nil, fmt.Errorf("--%s %s: the port is on the same interface: take another name", c.kind(), c.name)
	}
	if err := t.makeHub(); err != nil {
		return nil, err
	}
	if c.offload == offload.On {
		c.spec.GSO = nic.GSOOff // else the kernel joins datagrams for the hub's socket before the programs see them
		t.c.spec.GSO = nic.GSOOff
	}
	t.underlay = c.spec.Underlay()
	carrier, err := c.spec.Open(port.Opening{Region: t.arena.Region(block.Small)})
	if err == nil {
		t.carrier, t.overhead = carrier.Device, carrier.Overhead(&carrier.Ports[0])
		if err = t.claim(c.spec, t.underlay.Index); err != nil {
			_ = carrier.Device.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("--port %s: %w", c.spec, port.Remedy(err))
	}
	t.note(carrier.Device)
	if err := t.fits(t.device.mtu, t.carrier.Info()); err != nil {
		_ = carrier.Device.Close()
		return nil, err
	}
	if err := t.build(carrier); err != nil {
		_ = carrier.Device.Close() // which may be done already
		return nil, err
	}
	if c.offload == offload.On {
		if err := t.openOffload(); err != nil {
			return nil, fmt.Errorf("--offload: %w", err)
		}
	}
	return t, nil
}

// sdu is the longest CPCS-SDU of a device of that MTU, without a VLAN tag.
func (t *tunnel) sdu(mtu int) int {
	n := mtu + t.c.encap.HeaderSize(t.c.payload())
	if !t.c.tun {
		n += macHeader
	}
	return n
}

// claim holds the port's label on its interface.
func (t *tunnel) claim(spec port.Spec, index int) error {
	if spec.Kind != port.Ethernet || t.label.On(index) {
		return nil
	}
	label, err := spec.Claim(index)
	if err == nil {
		t.label.Close()
		t.label = label
	}
	return err
}

// fits checks that frames of the carrier hold the SDUs of a device of that MTU, where a
// frame is an SDU.
func (t *tunnel) fits(mtu int, carrier nic.Info) error {
	if t.c.spec.Mode.Cells() {
		return nil
	}
	switch most := t.mtuOf(carrier.MaxFrame); {
	case most < minMTU:
		return fmt.Errorf("--port %s: %s is too small for any SDU: raise its MTU by %d, or use mode=n1, or frag=on,seq=on at both ends", t.c.spec, carrier.Name, mtu-most)
	case mtu > most:
		return fmt.Errorf("--mtu %d: mode aal5sdu sends an SDU as one frame, and %s holds an MTU of %d at most: set --mtu %d, raise the carrier's MTU by %d, or use mode=n1, or frag=on,seq=on at both ends",
			mtu, carrier.Name, most, most, mtu-most)
	}
	return nil
}

// longestSDU is the octets that a frame of the carrier holds, or fragments do.
func (t *tunnel) longestSDU(frame int) int {
	n := frame - t.overhead
	if t.c.spec.Fragment {
		n *= modules.MaxFragments
	}
	return min(n, aal.MaxSDU)
}

// mtuOf is the MTU of a device whose SDUs the carrier just holds.
func (t *tunnel) mtuOf(frame int) int { return t.longestSDU(frame) - t.sdu(0) }

// mostMTU is the MTU of a device whose longest PDUs just fit a block.
func (t *tunnel) mostMTU() int {
	room := t.hub.Pool.MaxAlloc()
	pdu := room - room%aal.PayloadSize - aal.TrailerSize
	return min(t.c.maxMTU(), min(pdu, room-t.overhead)-vlanTag-t.sdu(0))
}

// makeHub makes the hub and its memory. What is never used is never taken from the
// machine, so there are blocks for any MTU that the devices may come to have. AF_XDP has
// all of the small ones locked, and keeps many.
func (t *tunnel) makeHub() (err error) {
	sizes := block.Config{Small: blocks, Medium: blocks, Large: blocks / 4}
	if t.c.spec.Driver != port.Packet {
		sizes.Small += nic.DefaultXDPPosts + nic.XDPTransmits
	}
	if t.arena, err = block.NewArena(sizes); err != nil {
		return err
	}
	t.hub, err = dataplane.NewHub(dataplane.Config{Pool: t.arena.Pool(0), Pace: t.c.pace})
	return err
}

// build makes the stream of its list; modules/doc.go draws it.
func (t *tunnel) build(carrier modules.CarrierConfig) (err error) {
	carrier.OnError = t.failed
	if t.c.spec.Mode.OneVC() {
		carrier.Ports[0].VC = t.c.vc
	}
	if t.port, err = modules.NewCarrier(carrier); err != nil { // it owns the device from here on
		return fmt.Errorf("--port %s: %w", t.c.spec, err)
	}
	t.tooBig = modules.NewTooBig(t.c.payload())
	var registry dataplane.Registry
	if err := modules.Register(&registry); err != nil {
		return err
	}
	for name, c := range map[string]dataplane.Constructor{
		"carrier": func(string) (dataplane.Module, error) { return t.port.Module(), nil },
		"tap":     t.makeTAP,
		"capture": t.makeCapture,
		"toobig":  func(string) (dataplane.Module, error) { return t.tooBig.Module(), nil },
	} {
		if err := registry.Add(name, c); err != nil {
			return err
		}
	}
	if t.fabric, err = dataplane.NewFabric(&registry, t.hub); err != nil {
		return err
	}
	t.parts = modules.Tunnel(modules.TunnelConfig{
		Carrier: t.c.spec.String(), TAP: t.c.name, VC: t.c.vc, Cells: t.c.spec.Mode.Cells(),
		Encap: t.c.encap, Kind: t.c.payload(), Capture: t.c.capture,
	})
	t.ids, err = t.fabric.Build(0, t.parts...)
	return err
}

func (t *tunnel) makeTAP(string) (dataplane.Module, error) {
	dev, err := t.device.open()
	if err != nil {
		return dataplane.Module{}, err
	}
	t.note(dev)
	t.dev = dev
	t.tap = modules.NewTAP(dev, t.failed)
	return t.tap.Module(), nil
}

func (t *tunnel) makeCapture(string) (_ dataplane.Module, err error) {
	if t.trace, err = modules.NewCapture(t.c.capture, t.c.vc); err != nil {
		return dataplane.Module{}, fmt.Errorf("--capture %s: %w", t.c.capture, err)
	}
	return t.trace.Module(), nil
}

// run turns the hub until ctx ends, shows how it goes, and prints the summary.
func (t *tunnel) run(ctx context.Context, hangup <-chan os.Signal, out *display) error {
	t.begun = time.Now()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		t.fabric.Run()
	}()
	out.start(t)
	t.service.Ready()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		newSupervisor(t, out).run(ctx, hangup)
	}()
	tick := time.NewTicker(statusInterval)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			if out.terminal || t.service.Present() {
				s := t.snapshot()
				out.status(s)
				t.service.Status(statusOf(s))
			}
		}
	}
	t.service.Stopping()
	<-watched // it may be opening a device, which is not to outlive us
	t.fabric.Stop()
	<-ended
	return out.summary(t.snapshot())
}

// close removes what open made; also what it made halfway. Its error is about what
// could not be put back.
func (t *tunnel) close() (err error) {
	t.label.Close()
	if t.hub != nil {
		if t.dev != nil {
			t.device.locate(t.dev)
		}
		if t.offload != nil {
			err = t.offload.Close()
		}
		_ = t.hub.Close()
		err = errors.Join(err, t.device.restore())
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

// snapshot reads all counters, of one moment: nothing is on its way then that one of them
// has seen and another has not.
func (t *tunnel) snapshot() snapshot {
	s := snapshot{at: time.Now(), since: time.Since(t.begun), silence: time.Duration(t.silence.Load())}
	counts, err := t.fabric.Counters(t.ids...)
	if err != nil {
		return s
	}
	for i := len(t.parts) - 1; i >= 0; i-- { // from the host to the network
		switch name := t.parts[i].Name; name {
		case "":
		case "carrier": // with its one port
			s.add("port", counts[i])
		default:
			s.add(name, counts[i])
		}
	}
	s.addOffload(t.offload)
	t.hub.Call(func() { s.add("hub", hubCounts(t.hub)) })
	return s
}

// portCounts asks the hub for the port's traffic; false when it has ended.
func (t *tunnel) portCounts() (n traffic, ok bool) {
	var s snapshot
	ok = t.hub.Call(func() { s.add("port", t.port.Counts()) })
	s.addOffload(t.offload)
	return traffic{s.get("port", "rx_frames"), s.get("port", "tx_frames"), s.get("port", "peer_refused"), s.get("port", "peer_unreachable")}, ok
}

func hubCounts(h *dataplane.Hub) []dataplane.Count {
	c := h.Counters()
	chunks, _ := h.Pool.InUse()
	return []dataplane.Count{
		{Name: "passes", N: c.Passes}, {Name: "sleeps", N: c.Sleeps}, {Name: "naps", N: c.Naps}, {Name: "messages", N: c.Messages},
		{Name: "services", N: c.Services}, {Name: "blocks_in_use", N: uint64(chunks)},
		{Name: "drop_unlinked", N: c.Unlinked}, {Name: "drop_unknown", N: c.Unknown}, {Name: "drop_no_block", N: c.NoBlocks},
		{Name: "drop_no_node", N: c.NoNodes}, {Name: "drop_no_defer", N: c.NoDefer},
	}
}
