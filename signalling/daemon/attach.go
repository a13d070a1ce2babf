package daemon

import (
	"fmt"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/node"
)

// attach says HELLO, asks for the signalling channels and starts the interfaces.
func (d *Daemon) attach() error {
	if err := d.conn.SetDeadline(time.Now().Add(attachTimeout)); err != nil {
		return err
	}
	if err := d.hello(); err != nil {
		return err
	}
	var held []node.Held
	if d.config.Graceful {
		var err error
		if held, err = d.heldCalls(); err != nil {
			return err
		}
	}
	for i := range d.config.Interfaces {
		if err := d.open(d.config.Interfaces[i]); err != nil {
			return err
		}
	}
	routes, err := d.config.Store.Routes()
	if err != nil {
		return err
	}
	for _, all := range []map[string][]uint16{routes, d.config.Routes} {
		for text, ports := range all {
			if _, err := d.route(text, ports); err != nil {
				return err
			}
		}
	}
	if err := d.takeOver(held); err != nil {
		return err
	}
	return d.conn.SetDeadline(time.Time{})
}

func (d *Daemon) hello() error {
	var ports []uint16
	for _, i := range d.config.Interfaces {
		ports = append(ports, i.Port)
	}
	name, err := control.MakeName(d.config.Name)
	if err != nil {
		return err
	}
	p := control.Packet{}
	p.Type = control.HubHello
	p.SetHub(&control.Hub{A: uint32(control.RoleManager), B: control.DefinitionHash, Name: name})
	if p.Trailer, err = control.AppendPorts(nil, ports); err != nil {
		return err
	}
	if err := d.conn.Call(&p); err != nil {
		return fmt.Errorf("attaching as manager: %w", err)
	}
	p.CloseFiles()
	d.epoch = p.Epoch
	return nil
}

// open asks the hub for an interface's channels 0/5 and 0/16, and starts its machines.
func (d *Daemon) open(i node.Interface) error {
	vcis := []uint16{SignallingVCI}
	if i.Management != nil {
		vcis = append(vcis, ManagementVCI)
	}
	for _, vci := range vcis {
		p := control.Packet{}
		p.Type, p.Epoch = control.ATMAdd, d.epoch
		p.SetATM(&control.ATM{Port: i.Port, VCI: vci, AAL: control.AAL5})
		if err := d.conn.Call(&p); err != nil {
			return fmt.Errorf("VC 0/%d of port %d: %w", vci, i.Port, err)
		}
	}
	sq, err := d.config.Store.Sequence(i.Port)
	if err != nil {
		return err
	}
	i.Link.LastSQ = sq
	return d.node.AddInterface(d.now(), i)
}

// route gives the node a route, and tells what the prefix is in the one spelling in which
// it is kept.
func (d *Daemon) route(text string, ports []uint16) (string, error) {
	prefix, err := address.ParsePrefix(text)
	if err != nil {
		return "", fmt.Errorf("route %q: %w", text, err)
	}
	d.node.SetRoute(prefix, ports...)
	return prefix.String(), nil
}
