package main

import (
	"fmt"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/cmd/internal/follow"
	"github.com/cellhub/cellhub/cmd/internal/offload"
	"github.com/cellhub/cellhub/cmd/internal/port"
	"github.com/cellhub/cellhub/nic/link"
)

// This file is --offload with --hub: this process, which has the privileges for it, puts the tunnel into the kernel, and the
// daemon carries on a TAP beside what the programs leave. Neither is needed for the traffic.

// chooseOffload makes on or off of auto.
func (g *guest) chooseOffload() {
	c := &g.c
	if c.offload != offload.Auto {
		return
	}
	c.offload = offload.On
	if why := c.whyNotOffload(); why != nil {
		c.offload, g.note = offload.Off, fmt.Sprintf("in the daemon's user space: %v", why)
	}
}

// openOffload puts the tunnel into the kernel, beside the daemon's device.
func (g *guest) openOffload() error {
	c := &g.c
	if err := offload.CheckName(c.name); err != nil {
		return err
	}
	beside, err := link.Get(offload.HubDevice(c.name))
	if err != nil {
		return fmt.Errorf("the daemon's device is not here: run this in its network namespace: %w", err)
	}
	mac := c.mac
	if mac == nil {
		mac = port.StableMAC(c.spec.Underlay().HardwareAddr, c.name, c.vc, c.spec)
	}
	u := g.update(beside)
	g.offload, err = offload.Open(offload.Config{
		Name: c.name, MTU: beside.MTU, MAC: mac, Spec: c.spec, Encap: c.encap, GSO: c.gso, BPFFS: c.bpffs, Hub: u.Hub, Source: u.Source, Limit: u.Limit,
	})
	return err
}

// update is how things are: the daemon's datagrams leave by the local port, and frames are as long as the interface, or the
// path, lets them be.
func (g *guest) update(beside link.State) offload.Update {
	s := g.c.spec
	mtu := s.Underlay().MTU
	if s.Kind == port.UDP {
		if path, err := link.PathTo(s.Local.Addr(), s.Remote.Addr()); err == nil && path.MTU > 0 {
			mtu = min(mtu, path.MTU)
		}
	}
	before := s.Overhead() + g.c.encap.HeaderSize(aal.Bridged)
	if s.Kind == port.Ethernet {
		before += macHeader
	}
	return offload.Update{Spec: s, Hub: beside.Index, Source: s.Local.Port(), Limit: s.MaxFrame(mtu) - before}
}

// sayOffload tells how the kernel's tunnel was opened, or why there is none.
func (g *guest) sayOffload(out *display) {
	if g.note != "" {
		out.event(follow.Event{Kind: "note", Text: g.note})
	}
	if g.offload == nil {
		return
	}
	for _, line := range g.offload.Says() {
		out.event(follow.Event{Kind: "note", Text: line})
	}
}

// followOffload brings the kernel's tunnel after what has changed. The host's device has its carrier when the daemon's has.
func (g *guest) followOffload(out *display) {
	if g.offload == nil {
		return
	}
	text := ""
	beside, err := link.Get(offload.HubDevice(g.c.name))
	if err == nil {
		_, err = g.offload.Follow(g.update(beside))
	}
	if err == nil {
		err = g.offload.SetCarrier(beside.Running)
	}
	if err != nil {
		text = fmt.Sprintf("%s: the tunnel in the kernel: %v", g.c.name, err)
	}
	if text != g.trouble && text != "" {
		out.event(follow.Event{Kind: "offload", Dev: g.c.name, Text: text})
	}
	g.trouble = text
}

func (g *guest) closeOffload() error {
	if g.offload == nil {
		return nil
	}
	return g.offload.Close()
}
