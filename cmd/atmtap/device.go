package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

	"github.com/cellhub/cellhub/cmd/internal/port"
	"github.com/cellhub/cellhub/nic"
	"github.com/cellhub/cellhub/nic/link"
)

// Octets of the frames on a TAP beyond its MTU.
const (
	macHeader = 14
	vlanTag   = 4
)

// hostDevice is the TAP or TUN and what its interface was like before us.
type hostDevice struct {
	c       *config
	mtu     int              // that it is opened with
	mtuNow  int              // that somebody has given it since
	mac     net.HardwareAddr // to be given to it; nil: it keeps its own
	existed bool
	opened  link.State // before we changed it
	undo    undo

	moved     *link.Namespace // where it was at the end; nil: here
	movedName string
}

// locate notes where the interface is, while its device is still open.
func (d *hostDevice) locate(dev nic.Device) {
	name, err := nic.AttachedTo(dev)
	if err != nil {
		return
	}
	fd, err := nic.NamespaceOf(dev)
	if err != nil {
		return
	}
	ns := link.NamespaceFrom(fd)
	if ns.Here() {
		_ = ns.Close()
		return
	}
	d.moved, d.movedName = ns, name
}

// undo is what an existing interface was like before we changed it; the zero value
// where we did not.
type undo struct {
	mtu  int
	mac  net.HardwareAddr
	down bool
}

// frame is the longest frame of the device, in octets.
func (c *config) frame(mtu int) int {
	if c.tun {
		return mtu
	}
	return mtu + macHeader + vlanTag
}

// findDevice looks what the MTU will be, before anything is made.
func findDevice(c *config) (*hostDevice, error) {
	d := &hostDevice{c: c, mtu: c.mtu, mac: c.mac}
	state, err := link.Get(c.name)
	switch {
	case err == nil:
		if _, err := link.TunInfo(c.name); errors.Is(err, link.ErrNotTUN) {
			return nil, fmt.Errorf("--%s %s: %w", c.kind(), c.name, deviceRemedy(nic.ErrNotTAP))
		}
		d.existed = true
		if d.mtu == 0 {
			d.mtu = state.MTU
		}
	case !errors.Is(err, link.ErrNotFound):
		return nil, err
	}
	if d.mtu == 0 {
		d.mtu = defaultMTU
	}
	if most := c.maxMTU(); d.mtu > most {
		return nil, fmt.Errorf("--%s %s: its MTU is %d, and an AAL5 SDU holds %d at most: add --mtu %d", c.kind(), c.name, d.mtu, most, most)
	}
	if d.mac == nil && !d.existed && !c.tun {
		d.mac = port.StableMAC(c.spec.Underlay().HardwareAddr, c.name, c.vc, c.spec)
	}
	return d, nil
}

// open creates or takes the device, and configures its interface and brings it up.
func (d *hostDevice) open() (nic.Device, error) {
	dev, err := nic.OpenTAP(nic.TAPConfig{Name: d.c.name, TUN: d.c.tun, MaxFrame: d.c.frame(d.mtu), GSO: d.c.gso})
	if err != nil {
		return nil, fmt.Errorf("--%s %s: %w", d.c.kind(), d.c.name, deviceRemedy(err))
	}
	if err := d.configure(); err != nil {
		_ = dev.Close()
		return nil, err
	}
	return dev, nil
}

// deviceRemedy adds what to do about a refusal.
func deviceRemedy(err error) error {
	switch {
	case errors.Is(err, nic.ErrInUse):
		return fmt.Errorf("%w: take another name", err)
	case errors.Is(err, nic.ErrNotTAP):
		return fmt.Errorf("%w: take another name", err)
	case errors.Is(err, nic.ErrOtherKind):
		return fmt.Errorf("%w: use the other flag, or another name", err)
	case errors.Is(err, nic.ErrNeedNetAdmin):
		return fmt.Errorf("%w: run as root, or give the capability", err)
	case errors.Is(err, nic.ErrTunClosed):
		return fmt.Errorf("%w: let this user read and write it, or run as its owner", err)
	}
	return err
}

func (d *hostDevice) configure() error {
	state, err := link.Get(d.c.name)
	if err != nil {
		return err
	}
	if state.Index != d.opened.Index { // else a first attempt has changed it already
		d.undo = undo{}
	}
	d.opened, d.mtuNow = state, d.mtu
	if state.MTU != d.mtu {
		if err := link.SetMTU(d.c.name, d.mtu); err != nil {
			return fmt.Errorf("--mtu %d: %w", d.mtu, linkRemedy(err))
		}
		d.undo.mtu, d.opened.MTU = state.MTU, d.mtu
	}
	if d.mac != nil && !slices.Equal(d.mac, state.HardwareAddr) {
		if err := link.SetHardwareAddr(d.c.name, d.mac); err != nil {
			return fmt.Errorf("--mac %s: %w", d.mac, linkRemedy(err))
		}
		d.undo.mac = state.HardwareAddr
	}
	if state.Up {
		return nil // who may use it may not be who may set it up
	}
	if err := link.Up(d.c.name); err != nil {
		return fmt.Errorf("--%s %s: %w", d.c.kind(), d.c.name, linkRemedy(err))
	}
	d.undo.down = true
	return nil
}

// linkRemedy adds what to do about a refusal to change the interface.
func linkRemedy(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return deviceRemedy(nic.ErrNeedNetAdmin)
	}
	return err
}

// restore undoes what we changed at an existing interface, where nobody else has
// changed it since; one that we made goes with its descriptor.
func (d *hostDevice) restore() error {
	if !d.existed || d.opened.Index == 0 {
		return nil
	}
	if ns := d.moved; ns != nil { // somebody has moved it to another namespace
		defer ns.Close()
		return ns.Do(func() error { return d.putBack(link.Get(d.movedName)) })
	}
	return d.putBack(link.GetIndex(d.opened.Index))
}

func (d *hostDevice) putBack(now link.State, err error) error {
	if err != nil {
		return nil // somebody has deleted it
	}
	var errs []error
	if d.undo.down && now.Up {
		errs = append(errs, link.Down(now.Name))
	}
	if d.undo.mtu != 0 && now.MTU == d.mtu {
		errs = append(errs, link.SetMTU(now.Name, d.undo.mtu))
	}
	if d.undo.mac != nil && slices.Equal(now.HardwareAddr, d.mac) {
		errs = append(errs, link.SetHardwareAddr(now.Name, d.undo.mac))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s is not as it was: %w", now.Name, err)
	}
	return nil
}
