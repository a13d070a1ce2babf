package daemon

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/node"
)

// maxClaims is how many claims wait for their answers at a time, while a daemon takes calls over.
const maxClaims = 256

// heldCalls asks the hub what there is on the ports of the interfaces, with the notes of whoever
// had them. What others say meanwhile waits for Run.
func (d *Daemon) heldCalls() (held []node.Held, err error) {
	p := control.Packet{}
	p.Type, p.Epoch = control.HubResync, d.epoch
	p.SetHub(&control.Hub{})
	if err := d.conn.Send(&p); err != nil {
		return nil, err
	}
	request := p.Header
	for {
		var in control.Packet
		err := d.conn.Recv(&in)
		switch {
		case isFault(err):
			continue
		case err != nil:
			return nil, fmt.Errorf("RESYNC: %w", err)
		}
		in.CloseFiles()
		switch {
		case !in.IsAnswer(&request):
			d.early = append(d.early, in)
		case in.Status < 0:
			return nil, fmt.Errorf("RESYNC: %w", in.Err())
		case in.Flags&control.FlagMore == 0:
			return held, nil
		case in.Class == control.ClassATM && in.Type == control.ATMQuery:
			if h, ok := d.heldVC(&in); ok {
				held = append(held, h)
			}
		}
	}
}

// heldVC is what RESYNC says of a VC: one that may be a call's, on a port of ours.
func (d *Daemon) heldVC(p *control.Packet) (h node.Held, ok bool) {
	b := p.ATM()
	if !slices.ContainsFunc(d.config.Interfaces, func(i node.Interface) bool { return i.Port == b.Port }) {
		return h, false
	}
	h = node.Held{Conn: p.Conn, VC: node.VC{Port: b.Port, VPI: b.VPI, VCI: b.VCI}}
	cookie, noted := control.FindTLV(p.Trailer, control.TLVCookie)
	h.Cookie = slices.Clone(cookie)
	value, crossed := control.FindTLV(p.Trailer, control.TLVSecondEnd)
	if !crossed {
		return h, noted
	}
	e, err := control.ParseSecondEnd(value)
	if err != nil {
		return h, false
	}
	h.Conn, h.Other = 0, node.VC{Port: e.Port, VPI: e.VPI, VCI: e.VCI}
	leaf, err := leafOf(p.Trailer)
	switch {
	case err != nil: // the VC that XCONNECT has named first
		return h, noted
	case b.Direction == control.DirectionOut:
		h.Root, h.Other, h.Leaf = h.Other, node.VC{}, leaf
		return h, true
	}
	return h, false // the second VC of both ways
}

// takeOver gives the node the calls of a daemon that has ended, and has the hub let go of what
// nobody has claimed.
func (d *Daemon) takeOver(held []node.Held) error {
	calls := d.node.Restore(d.now(), held)
	for _, a := range slices.Clone(d.node.Actions()) { // answers make more
		if err := d.perform(&a); err != nil {
			return err
		}
		for len(d.tokens) > maxClaims {
			var p control.Packet
			if err := d.conn.Recv(&p); isFault(err) {
				continue
			} else if err != nil {
				return err
			}
			if p.CloseFiles(); p.Flags&control.FlagReply == 0 {
				d.early = append(d.early, p)
				continue
			}
			d.take(&p)
		}
	}
	if d.config.Graceful {
		d.config.Log.Info("taken over", "calls", calls)
	}
	return d.claimed()
}

// claimed is DONE: what is held on our ports, and was not claimed, goes.
func (d *Daemon) claimed() error {
	p := control.Packet{}
	p.Type, p.Epoch, p.Flags = control.HubDone, d.epoch, control.FlagNoReply
	p.SetHub(&control.Hub{})
	if err := d.conn.Send(&p); err != nil && !errors.Is(err, control.ErrOutstanding) {
		return err
	}
	return nil
}
