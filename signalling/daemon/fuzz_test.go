package daemon

import (
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/ie"
	"github.com/cellhub/cellhub/signalling/node"
	"github.com/cellhub/cellhub/signalling/q2931"
)

// sendable checks that an action makes a message which the connection to the hub would
// send: for one that it refuses the daemon would have to end.
func sendable(t *testing.T, a *node.Action) {
	t.Helper()
	switch a.Kind {
	case node.SaveSequence, node.Addressed, node.Unaddressed:
		return
	}
	p, is, err := toPacket(a)
	if err != nil || !is {
		t.Fatalf("%v: %v, %v", a.Kind, is, err)
	}
	if p.Len = uint32(len(p.Trailer)); p.Len > 0 {
		p.Flags |= control.FlagTrailer
	}
	var octets [control.Size]byte
	p.Encode(&octets)
	if err := control.CheckMessage(&octets); err != nil {
		t.Fatalf("%v: %v", a.Kind, err)
	}
	if p.Class.TLVTrailer() {
		if err := control.CheckTLVs(p.Trailer); err != nil {
			t.Fatalf("%v: %v", a.Kind, err)
		}
	}
}

// FuzzSock: whatever an application says, in a message that the control protocol lets pass,
// is an event or an error; and what a node then wants can be sent.
func FuzzSock(f *testing.F) {
	f.Fuzz(func(t *testing.T, kind uint16, cause uint8, pcr uint32, sdu uint16, local, remote, trailer []byte) {
		var p control.Packet
		p.Type, p.Conn, p.Cause, p.Trailer = control.Type(kind), 7, cause, trailer
		s := control.Sock{MaxSDU: sdu, PCRForward: pcr, PCRBackward: pcr, Service: control.Service(cause % 7)}
		copy(s.Local[:], local)
		copy(s.Remote[:], remote)
		p.SetSock(&s)
		if control.CheckTLVs(trailer) != nil {
			return
		}
		e, err := fromSock(&p)
		if err != nil {
			return
		}
		n := node.New()
		if err := n.AddInterface(0, node.Interface{Port: 1, Call: q2931.Config{Side: q2931.Network}}); err != nil {
			t.Fatal(err)
		}
		n.SetRoute(address.Prefix{}, 1)
		for k := range 3 {
			now := time.Duration(k) * time.Second
			n.Step(now, &e)
			n.Tick(now)
			for _, a := range n.Actions() {
				sendable(t, &a)
			}
		}
		n.Step(4*time.Second, &node.Event{Kind: node.Close, Conn: 7, Cause: cause})
		for _, a := range n.Actions() {
			sendable(t, &a)
		}
		if calls, _ := n.Calls(0, 1); len(calls) > 0 && calls[0].State != "clearing" {
			t.Errorf("left: %+v", calls[0])
		}
	})
}

// FuzzTell: elements of a peer's message, as they have come, can be told to an application.
func FuzzTell(f *testing.F) {
	f.Fuzz(func(t *testing.T, cause uint8, elements []byte) {
		if len(elements) > q2931.MaxMessage {
			return
		}
		for kind := node.Okay; kind <= node.Alerting; kind++ {
			sendable(t, &node.Action{Kind: kind, Conn: 7, Cause: cause & 0x7f, Elements: ie.Decode(elements)})
		}
	})
}
