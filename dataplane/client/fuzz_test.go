package client

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
)

// FuzzParseAddr: what is read is written so that it is read as the same.
func FuzzParseAddr(f *testing.F) {
	for _, s := range []string{"pvc://1/0/100", "pvc://dslam/4095/65535", "pvc://1/0", "svc://" + here, "svc://47.0005.80ffe1000000f21a26d8.0000000000aa.00?sap=0x7",
		"svc://", "svc://?sap=1", "tcp://x", "pvc://a/b/c/d", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddr(s)
		if err != nil {
			if !errors.Is(err, ErrAddress) {
				t.Fatal(err)
			}
			return
		}
		b, err := ParseAddr(a.String())
		if err != nil || *a != *b {
			t.Fatalf("%q is %+v, written %q, is %+v %v", s, a, a, b, err)
		}
	})
}

// FuzzSock has an application and a manager say anything of any connection in any order: the
// daemon answers each message, another application's PVC carries on, and all can be closed.
func FuzzSock(f *testing.F) {
	f.Add([]byte{0, 3, 0, 1, 1, 7, 1, 0, 0, 6, 1, 0})             // connect, okay too early, close
	f.Add([]byte{0, 2, 0, 2, 1, 7, 1, 0, 1, 9, 1, 0, 0, 4, 2, 0}) // listen, okay, incoming, accept
	f.Add([]byte{0, 3, 0, 0, 0, 3, 0, 0, 0, 6, 1, 0, 0, 6, 1, 0}) // the PVC twice, closed twice
	f.Add([]byte{0, 3, 0, 1, 1, 16, 1, 0, 1, 7, 1, 0, 0, 12, 1, 0, 0, 13, 1, 3, 1, 17, 1, 0, 1, 11, 1, 0})
	d := newDaemon(f, nil)
	d.pvc(100)
	d.pvc(101)
	honest := d.open()
	a, b := dial(f, honest, "pvc://1/0/100", nil), dial(f, honest, "pvc://2/0/100", nil)
	f.Fuzz(func(t *testing.T, script []byte) {
		var ends [2]*control.Conn
		var epochs [2]uint32
		for i, role := range []control.Role{control.RoleApplication, control.RoleManager} {
			c, err := control.Dial(d.path)
			must(t, err)
			defer c.Close()
			p := control.Packet{}
			p.SetHub(&control.Hub{A: uint32(role)})
			p.Type = control.HubHello
			if err := c.Call(&p); errors.Is(err, syscall.EBUSY) { // the last one's manager has not quite gone
				continue
			}
			p.CloseFiles()
			ends[i], epochs[i] = c, p.Epoch
		}
		ids := []control.ConnID{0}
		for len(script) >= 4 {
			c, who := ends[script[0]&1], script[0]&1
			if c != nil {
				p := fuzzedMessage(script, ids)
				p.Epoch = epochs[who]
				_ = c.SetDeadline(time.Now().Add(time.Minute))
				if p.Class == control.ClassSock && p.Type == control.SockModify { // answered when the manager has answered
					p.Flags = control.FlagNoReply
					must(t, c.Send(p))
					script = script[4:]
					continue
				}
				err := c.Call(p)
				var refused *control.Error
				if err != nil && !errors.As(err, &refused) && !errors.As(err, new(control.Fault)) {
					t.Fatalf("no answer: %v", err)
				}
				if err == nil && p.Conn != 0 && len(ids) < 64 {
					ids = append(ids, p.Conn)
				}
			}
			script = script[4:]
		}
		say(t, a, b, "still here")
	})
}

// fuzzedMessage makes a message of four octets: of which side, a type (above 15 ATM's), of which
// connection, and what for.
func fuzzedMessage(script []byte, ids []control.ConnID) *control.Packet {
	p := &control.Packet{}
	id, what := ids[int(script[2])%len(ids)], script[3]
	if n := script[1] % 20; n > 15 {
		p.SetATM(&control.ATM{Port: 1 + uint16(what&1), VCI: 300 + uint16(what>>1), AAL: control.AAL5, Direction: control.DirectionBoth})
		p.Type = control.Type(n - 15)
	} else {
		b := control.Sock{AAL: control.AAL5, MaxSDU: uint16(what) << 4}
		b.Local[0], b.Remote[0] = what&3, what>>2&3
		p.SetSock(&b)
		p.Type = max(control.Type(n), 1)
	}
	p.Conn = id
	switch what % 4 {
	case 0:
		p.Trailer, _ = (&control.SecondEnd{Port: 1, VCI: 101}).Append(nil)
	case 3:
		p.Trailer, _ = (&control.Leaf{ID: uint32(what)}).Append(nil)
	}
	return p
}
