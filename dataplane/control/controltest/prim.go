package controltest

import (
	"slices"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/dlpi"
)

// User is a stream with a service interface, and its user.
type User struct {
	*Client
	Top  uint32 // its process
	kind control.Interface
	of   *dlpi.Interface
}

// OpenUser opens a stream of a module, dlpi or cdi.
func OpenUser(c *Client, module string) *User {
	c.T.Helper()
	u := &User{Client: c, kind: control.InterfaceDLPI, of: &dlpi.DLPI}
	if module == "cdi" {
		u.kind, u.of = control.InterfaceCDI, &dlpi.CDI
	}
	u.Top = c.Must(c.Hub(control.HubOpen, 0, 0, module, "", "")).Hub().A
	return u
}

// Prim is a primitive as a message.
func (u *User) Prim(p dlpi.Prim) *control.Packet {
	m := new(control.Packet)
	m.SetHub(&control.Hub{})
	m.Class, m.Type, m.Dst, m.Idx, m.Val = control.ClassPrim, control.PrimPrimitive, u.Top, uint32(u.kind), p.Words[0]
	m.Trailer = u.of.Append(nil, &p)
	return m
}

// Say sends a primitive.
func (u *User) Say(p dlpi.Prim) {
	u.T.Helper()
	u.Must(u.Prim(p))
}

// Primitive makes a primitive of words alone.
func Primitive(number uint32, words ...uint32) (p dlpi.Prim) {
	p.Words[0] = number
	copy(p.Words[1:], words)
	return p
}

// Hears waits for the next primitive, which is the stream's own, of this number, and begins
// with these words.
func (u *User) Hears(number uint32, words ...uint32) dlpi.Prim {
	u.T.Helper()
	m := u.Next()
	p, err := u.of.Decode(m.Trailer)
	if err != nil || m.Class != control.ClassPrim || m.Src != u.Top || m.Val != p.Words[0] || control.Interface(m.Idx) != u.kind {
		u.T.Fatalf("%v: %v, %x", &m.Message, err, m.Trailer)
	}
	if p.Words[0] != number || !slices.Equal(p.Words[1:1+len(words)], words) {
		u.T.Fatalf("%s %x, want %s %x", u.of.Name(p.Words[0]), p.Words, u.of.Name(number), words)
	}
	return p
}

// Bound attaches a stream to a driver and binds it to a SAP; auto are the answers that the
// provider gives by itself.
func (u *User) Bound(ppa, sap, auto uint32) *User {
	u.T.Helper()
	u.Say(Primitive(dlpi.AttachReq, ppa))
	u.Hears(dlpi.OKAck, dlpi.AttachReq)
	u.Say(Primitive(dlpi.BindReq, sap, 0, dlpi.CLDLS<<16, auto))
	u.Hears(dlpi.BindAck, sap)
	return u
}
