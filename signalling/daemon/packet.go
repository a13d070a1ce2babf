package daemon

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/ie"
	"github.com/cellhub/cellhub/signalling/node"
)

// The channels of signalling and ILMI (UNI 4.0; af-ilmi-0065, 7).
const (
	SignallingVCI = 5
	ManagementVCI = 16
)

var errNotForUs = errors.New("not a message for a manager")

// fromSock is an application's message as an event.
func fromSock(p *control.Packet) (e node.Event, err error) {
	kinds := map[control.Type]node.EventKind{
		control.SockBind: node.Bind, control.SockListen: node.Listen, control.SockConnect: node.Connect,
		control.SockAccept: node.Accept, control.SockReject: node.Reject, control.SockClose: node.Close,
		control.SockAlerting: node.Alert, control.SockAddParty: node.AddParty, control.SockDropParty: node.DropParty,
	}
	kind, ok := kinds[p.Type]
	if !ok {
		return e, fmt.Errorf("%w: %s", errNotForUs, control.TypeName(p.Class, p.Type))
	}
	s := p.Sock()
	e = node.Event{Kind: kind, Conn: p.Conn, Port: s.Port, Cause: p.Cause}
	if e.Elements, err = elementsOf(p.Trailer); err != nil {
		return e, err
	}
	local, remote := addressOf(s.Local), addressOf(s.Remote)
	switch kind {
	case node.Listen:
		e.Called = local
	case node.Bind, node.Connect:
		e.Calling, e.Called = local, remote
		if number := node.CalledAddress(e.Elements); e.Called.IsZero() || !number.IsZero() {
			e.Called = number
		}
		e.MaxSDU = s.MaxSDU
		e.Contract = node.Contract{Service: s.Service, ForwardPeak: s.PCRForward, BackwardPeak: s.PCRBackward}
	case node.AddParty, node.DropParty:
		if e.Called = remote; remote.IsZero() {
			e.Called = node.CalledAddress(e.Elements)
		}
		e.Leaf, err = leafOf(p.Trailer)
	}
	return e, err
}

// leafOf is the leaf that a message is about.
func leafOf(trailer []byte) (uint32, error) {
	value, ok := control.FindTLV(trailer, control.TLVLeaf)
	if !ok {
		return 0, fmt.Errorf("no TLV LEAF: %w", syscall.EBADMSG)
	}
	l, err := control.ParseLeaf(value)
	return l.ID, err
}

// addressOf is an address of a body: an AESA, or none.
func addressOf(octets [20]byte) (a address.Address) {
	a.AESA = address.AESA(octets)
	return a
}

// elementsOf are the information elements of a trailer, in their order.
func elementsOf(trailer []byte) ([]ie.Element, error) {
	var octets []byte
	r := control.ReadTLVs(trailer)
	for r.Next() {
		if r.Type().Element() {
			octets = append(octets, r.Value()...)
		}
	}
	if r.Err() != nil {
		return nil, r.Err()
	}
	return ie.Decode(octets), nil
}

// appendElements puts elements into a trailer, one TLV each.
func appendElements(trailer []byte, elements []ie.Element) ([]byte, error) {
	for i := range elements {
		octets, err := ie.Append(nil, elements[i])
		if err != nil {
			return nil, err
		}
		if trailer, err = control.AppendTLV(trailer, control.TLVType(elements[i].ID), octets); err != nil {
			return nil, err
		}
	}
	return trailer, nil
}

// toPacket is an action as the message that asks for it. SaveSequence, Addressed and
// Unaddressed are no messages: false.
func toPacket(a *node.Action) (p control.Packet, is bool, err error) {
	switch a.Kind {
	case node.Send:
		signal(&p, a, SignallingVCI, control.SigKindSAAL)
	case node.SendManagement:
		signal(&p, a, ManagementVCI, control.SigKindILMI)
	case node.Add, node.Cross, node.Delete, node.Join, node.Prune, node.Note:
		err = associate(&p, a)
	case node.Claim:
		err = claim(&p, a)
	case node.Okay, node.Failed, node.Incoming, node.Closed, node.Released, node.Alerting:
		err = tell(&p, a)
	default:
		return p, false, nil
	}
	return p, true, err
}

// signal is SIG TX. Nobody waits for its answer: SSCOP repairs what is lost.
func signal(p *control.Packet, a *node.Action, vci uint16, kind control.SigKind) {
	p.Type, p.Flags, p.Trailer = control.SigTX, control.FlagNoReply, a.Data
	p.SetSig(&control.Sig{Port: a.Port, VCI: vci, Kind: kind})
}

// associate is ATM ADD, XCONNECT, DEL, ADDLEAF or DELLEAF.
func associate(p *control.Packet, a *node.Action) (err error) {
	b := control.ATM{Port: a.VC.Port, VPI: a.VC.VPI, VCI: a.VC.VCI, AAL: control.AAL5, Service: a.Contract.Service,
		PCRForward: a.Contract.ForwardPeak, PCRBackward: a.Contract.BackwardPeak,
		SCRForward: a.Contract.ForwardRate, SCRBackward: a.Contract.BackwardRate}
	p.Conn = a.Conn
	switch {
	case a.Kind == node.Delete:
		p.Type = control.ATMDel
		p.Flags = control.FlagNoReply
	case a.Kind == node.Cross:
		p.Type, b.AAL = control.ATMXConnect, control.AAL0
		if a.OneWay {
			b.Direction = control.DirectionIn
		}
	case a.Kind == node.Note:
		p.Type, p.Conn, p.Flags = control.ATMModify, 0, control.FlagNoReply
	case a.Kind == node.Join:
		p.Type, b.AAL = control.ATMAddLeaf, control.AAL0
	case a.Kind == node.Prune:
		p.Type, b.AAL = control.ATMDelLeaf, control.AAL0
		p.Flags = control.FlagNoReply
	default:
		p.Type = control.ATMAdd
	}
	if a.Other.Port != 0 {
		end := control.SecondEnd{Port: a.Other.Port, VPI: a.Other.VPI, VCI: a.Other.VCI}
		p.Trailer, err = end.Append(p.Trailer)
	}
	if err == nil && (a.Kind == node.Join || a.Kind == node.Prune) {
		p.Trailer, err = (&control.Leaf{ID: a.Leaf}).Append(p.Trailer)
	}
	if err == nil && len(a.Cookie) > 0 {
		p.Trailer, err = control.AppendTLV(p.Trailer, control.TLVCookie, a.Cookie)
	}
	p.SetATM(&b)
	return err
}

// claim is OKAY for a connection that the hub holds, or XCONNECT of what is cross-connected.
func claim(p *control.Packet, a *node.Action) error {
	if a.Conn == 0 {
		c := *a
		c.Kind = node.Cross
		return associate(p, &c)
	}
	p.Type, p.Conn = control.SockOkay, a.Conn
	p.SetSock(&control.Sock{AAL: control.AAL5})
	return nil
}

var sockTypes = map[node.ActionKind]control.Type{
	node.Okay: control.SockOkay, node.Failed: control.SockFail, node.Incoming: control.SockIncoming,
	node.Closed: control.SockClosed, node.Released: control.SockReleased, node.Alerting: control.SockAlerting,
}

// tell is a SOCK message down.
func tell(p *control.Packet, a *node.Action) (err error) {
	p.Type, p.Conn, p.Cause = sockTypes[a.Kind], a.Conn, a.Cause
	if a.Kind != node.Incoming && a.Token == 0 {
		p.Flags = control.FlagNoReply
	}
	p.SetSock(&control.Sock{AAL: control.AAL5, Service: a.Contract.Service,
		PCRForward: a.Contract.ForwardPeak, PCRBackward: a.Contract.BackwardPeak,
		Local: a.Called.AESA, Remote: a.Calling.AESA})
	if a.OfLeaf {
		if p.Trailer, err = (&control.Leaf{ID: a.Leaf}).Append(nil); err != nil {
			return err
		}
	}
	p.Trailer, err = appendElements(p.Trailer, a.Elements)
	return err
}
