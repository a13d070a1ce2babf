package main

import (
	"fmt"
	"slices"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/cmd/internal/follow"
	"github.com/cellhub/cellhub/cmd/internal/offload"
	"github.com/cellhub/cellhub/cmd/internal/port"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/nic"
	"github.com/cellhub/cellhub/nic/link"
)

// This file is --offload: the kernel carries the tunnel, and the hub, on a TAP beside the host's device, what it can't.

// openBest opens the tunnel as it is asked for; with --offload auto in user space where the kernel cannot carry it.
func openBest(c config) (*tunnel, error) {
	if c.offload != offload.Auto {
		return open(c)
	}
	c.offload = offload.On
	why := c.whyNotOffload()
	if why == nil {
		t, err := open(c)
		if err == nil {
			return t, nil
		}
		why = err
	}
	c.offload = offload.Off
	t, err := open(c)
	if err == nil {
		t.notes = append(t.notes, fmt.Sprintf("in user space: %v", why))
	}
	return t, err
}

// findDevice looks for the device that the hub opens: the host's, or the TAP beside it.
func (t *tunnel) findDevice() (err error) {
	if t.c.offload != offload.On {
		t.device, err = findDevice(&t.c)
		return err
	}
	beside := t.c
	beside.name, beside.mac = offload.HubDevice(t.c.name), nil
	if err := offload.CheckName(t.c.name); err != nil {
		return fmt.Errorf("--tap %w", err)
	}
	if there, _ := link.Get(t.c.name); beside.mtu == 0 && there.Index != 0 {
		beside.mtu = there.MTU // of an earlier process's pair
	}
	t.device, err = findDevice(&beside)
	return err
}

// openOffload puts the tunnel into the kernel.
func (t *tunnel) openOffload() (err error) {
	mac := t.c.mac
	if mac == nil {
		mac = port.StableMAC(t.underlay.HardwareAddr, t.c.name, t.c.vc, t.c.spec)
	}
	t.offload, err = offload.Open(offload.Config{
		Name: t.c.name, MTU: t.device.mtu, MAC: mac, Spec: t.c.spec, Encap: t.c.encap, GSO: t.c.gso, BPFFS: t.c.bpffs,
		Hub: t.device.opened.Index, Source: nic.SourcePort(t.carrier), Limit: t.longest(),
	})
	if err != nil {
		return err
	}
	t.notes = append(t.notes, t.offload.Says()...)
	return nil
}

// longest is the octets of the longest frame of the host that the carrier holds as one SDU.
func (t *tunnel) longest() int {
	return t.carrier.Info().MaxFrame - t.overhead - t.c.encap.HeaderSize(aal.Bridged)
}

// lookOffload brings the kernel's tunnel after what has changed.
func (s *supervisor) lookOffload() {
	t := s.t
	if t.offload == nil {
		return
	}
	s.followMTU()
	remade, err := t.offload.Follow(offload.Update{Spec: t.c.spec, Hub: s.tap.Opened.Index, Source: nic.SourcePort(t.carrier), Limit: t.longest()})
	text := ""
	if err != nil {
		text = fmt.Sprintf("%s: the tunnel in the kernel: %v", t.c.name, err)
	}
	if remade {
		s.cable = true
		s.out.event(follow.Event{Kind: "made", Dev: t.c.name, Text: fmt.Sprintf("%s was deleted, and is made again", t.c.name)})
	}
	if text != s.offloadTrouble && text != "" && s.carrier.Level == follow.Works {
		s.out.event(follow.Event{Kind: "offload", Dev: t.c.name, Text: text})
	}
	s.offloadTrouble = text
}

// followMTU gives the TAP beside the MTU that somebody has given the host's device.
func (s *supervisor) followMTU() {
	host, err := link.Get(s.t.c.name)
	if err == nil && s.tap.Opened.Index != 0 && host.MTU != s.tap.MTU {
		_ = link.SetMTU(s.tap.Called, host.MTU) // the follower sees it
	}
}

// addOffload adds what the kernel has carried to the counters of the modules that it stands for, and says of what it left
// to the hub or lost.
func (s *snapshot) addOffload(o *offload.Offload) {
	if o == nil {
		return
	}
	n, err := o.Counts()
	if err != nil {
		return
	}
	over := o.Overhead()
	s.plus("tap", "rx_frames", n.OutFrames)
	s.plus("tap", "rx_octets", n.OutOctets)
	s.plus("tap", "tx_frames", n.InFrames)
	s.plus("tap", "tx_octets", n.InOctets)
	s.plus("rfc2684", "tx_frames", n.OutFrames)
	s.plus("rfc2684", "rx_frames", n.InFrames)
	s.plus("port", "tx_frames", n.OutFrames)
	s.plus("port", "tx_octets", n.OutOctets+n.OutFrames*over)
	s.plus("port", "tx_sdus", n.OutFrames)
	s.plus("port", "rx_frames", n.InFrames)
	s.plus("port", "rx_octets", n.InOctets+n.InFrames*over)
	s.plus("port", "rx_sdus", n.InFrames)
	s.add("kernel", []dataplane.Count{
		{Name: "tx_frames", N: n.OutFrames}, {Name: "rx_frames", N: n.InFrames}, {Name: "tx_to_hub", N: n.OutHub}, {Name: "rx_to_hub", N: n.InHub},
		{Name: "tx_no_room", N: n.OutNoRoom}, {Name: "tx_drop_no_hub", N: n.OutNoHub}, {Name: "rx_drop_no_hub", N: n.InNoHub},
		{Name: "tx_drop_failed", N: n.OutFailed}, {Name: "rx_drop_failed", N: n.InFailed},
	})
}

// plus adds to a counter, if there is one of that name.
func (s *snapshot) plus(name, count string, n uint64) {
	for _, g := range s.groups {
		if i := slices.IndexFunc(g.counts, func(c dataplane.Count) bool { return c.Name == count }); g.name == name && i >= 0 {
			g.counts[i].N += n
		}
	}
}
