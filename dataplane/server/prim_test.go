package server_test

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/dataplane/dlpi"
	"github.com/cellhub/cellhub/dataplane/modules"
)

// ether is a driver on an end of an in-memory wire: "ether w-a" has the address 02:00:00:00:00:0a.
func (r *rig) ether(arg string) (dataplane.Module, error) {
	d, err := wireSpec{wires: r.wires, end: arg}.device()
	if err != nil {
		return dataplane.Module{}, err
	}
	return modules.NewEther(d, [6]byte{2, 5: arg[len(arg)-1] - 'a' + 10}).Module(), nil
}

// primTo makes a message of a primitive to a stream of DLPI.
func primTo(top, number uint32, words ...uint32) *control.Packet {
	var p dlpi.Prim
	p.Words[0] = number
	copy(p.Words[1:], words)
	return primOf(top, p)
}

func primOf(top uint32, p dlpi.Prim) *control.Packet {
	m := &control.Packet{Trailer: dlpi.DLPI.Append(nil, &p)}
	m.SetHub(&control.Hub{})
	m.Class, m.Type, m.Dst, m.Idx, m.Val = control.ClassPrim, control.PrimPrimitive, top, uint32(control.InterfaceDLPI), p.Words[0]
	return m
}

// heard waits for a primitive of a stream's.
func heard(c *controltest.Client, top, number uint32) dlpi.Prim {
	c.T.Helper()
	m := c.Next()
	p, err := dlpi.DLPI.Decode(m.Trailer)
	if err != nil || m.Class != control.ClassPrim || m.Src != top || p.Words[0] != number {
		c.T.Fatalf("%v: %s %x, %v; want %s of %d", &m.Message, dlpi.DLPI.Name(p.Words[0]), p.Words, err, dlpi.DLPI.Name(number), top)
	}
	return p
}

// user is a stream on a driver, bound to a SAP.
func user(c *controltest.Client, hub, ppa, sap uint32) uint32 {
	c.T.Helper()
	top := c.Must(c.Hub(control.HubOpen, 0, hub, "dlpi", "", "")).Hub().A
	c.Must(primTo(top, dlpi.AttachReq, ppa))
	heard(c, top, dlpi.OKAck)
	c.Must(primTo(top, dlpi.BindReq, sap, 0, dlpi.CLDLS<<16, 0))
	heard(c, top, dlpi.BindAck)
	return top
}

// TestPrimitives: streams on two hubs, over drivers on two hubs, with several at one SAP.
func TestPrimitives(t *testing.T) {
	r := newRig(t, 2)
	admin, app, other := r.dial(control.RoleAdmin), r.dial(control.RoleApplication), r.dial(control.RoleApplication)
	hubs := [2]uint32{uint32(r.fabric.Hub(0).Number()), uint32(r.fabric.Hub(1).Number())}
	a := admin.Must(admin.Hub(control.HubOpen, 0, hubs[0], "ether", "w-a", "")).Hub().A
	b := admin.Must(admin.Hub(control.HubOpen, 0, hubs[1], "ether", "w-b", "")).Hub().A
	from := user(app, hubs[1], a, 0x88B5)
	both := []uint32{user(other, hubs[0], b, 0x88B5), user(other, hubs[1], b, 0x88B5)}
	deaf := user(other, hubs[1], b, 0x88B6)

	p := dlpi.Prim{Data: []byte("hello")}
	p.Words[0], p.Addr[0] = dlpi.UnitdataReq, []byte{2, 0, 0, 0, 0, 11, 0x88, 0xB5}
	app.Must(primOf(from, p))
	var got []uint32
	for range both {
		m := other.Next()
		q, err := dlpi.DLPI.Decode(m.Trailer)
		if err != nil || string(q.Data) != "hello" || q.Addr[1][5] != 10 {
			t.Fatalf("%v: %+v, %v", &m.Message, q, err)
		}
		got = append(got, m.Src)
	}
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(both))) {
		t.Errorf("heard by %d, not by %d and not by %d", got, both, deaf)
	}

	t.Run("detach", func(t *testing.T) {
		other.T = t
		other.Must(primTo(deaf, dlpi.UnbindReq))
		heard(other, deaf, dlpi.OKAck)
		other.Must(primTo(deaf, dlpi.DetachReq))
		heard(other, deaf, dlpi.OKAck)
		other.Must(primTo(deaf, dlpi.AttachReq, deaf))
		if q := heard(other, deaf, dlpi.ErrorAck); q.Words[2] != dlpi.BadPPA {
			t.Errorf("%x", q.Words)
		}
	})
	t.Run("refused", func(t *testing.T) {
		admin.T, app.T, other.T = t, t, t
		foreign, short, wrong := primTo(both[0], dlpi.InfoReq), primTo(from, dlpi.InfoReq), primTo(from, dlpi.InfoReq)
		short.Trailer, wrong.Idx = short.Trailer[:3], uint32(control.InterfaceCDI)
		for name, x := range map[string]struct {
			c    *controltest.Client
			p    *control.Packet
			want error
		}{
			"another's":              {app, foreign, syscall.ENOENT},
			"no number":              {app, short, syscall.EINVAL},
			"another interface":      {app, wrong, syscall.EINVAL},
			"no service interface":   {app, app.Hub(control.HubOpen, 0, 0, "head", "", ""), syscall.EOPNOTSUPP},
			"argument":               {app, app.Hub(control.HubOpen, 0, 0, "dlpi", "1", ""), syscall.EINVAL},
			"close of another's":     {app, app.Hub(control.HubClose, both[0], 0, "", "", ""), syscall.ENOENT},
			"close by administrator": {admin, admin.Hub(control.HubClose, from, 0, "", "", ""), syscall.EBUSY},
			"driver in use":          {admin, admin.Hub(control.HubClose, a, 0, "", "", ""), syscall.EBUSY},
			"administrator's PRIM":   {admin, primTo(from, dlpi.InfoReq), syscall.EPERM},
		} {
			if err := x.c.Errno(x.p); err != x.want {
				t.Errorf("%s: %v, want %v", name, err, x.want)
			}
		}
	})
	t.Run("too many", func(t *testing.T) {
		c := r.dial(control.RoleApplication)
		c.T = t
		defer c.Close()
		var err error
		n := 0
		for ; err == nil && n < 100; n++ {
			err = c.Errno(c.Hub(control.HubOpen, 0, 0, "dlpi", "", ""))
		}
		if err != syscall.EDQUOT || n != 65 {
			t.Errorf("stream %d: %v", n, err)
		}
	})
	t.Run("gone", func(t *testing.T) { // an application that ends leaves nothing
		admin.T = t
		app.Close()
		other.Close()
		controltest.Until(t, "no stream is left", func() bool {
			for _, p := range admin.Dump(admin.Hub(control.HubList, 0, uint32(control.ListProcesses), "", "", "")) {
				if name := p.Hub().Name.String(); strings.HasPrefix(name, "dlpi") || name == "ether" && p.Hub().A != a && p.Hub().A != b {
					return false
				}
			}
			return true
		})
		for _, id := range []uint32{a, b} {
			admin.Must(admin.Hub(control.HubClose, id, 0, "", "", ""))
		}
	})
}
