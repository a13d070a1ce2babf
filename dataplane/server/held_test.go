package server_test

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/dataplane/server"
)

// ends puts a second end, and what else stands behind it, into a message.
func ends(t *testing.T, p *control.Packet, port, vci uint16, cookie string) *control.Packet {
	t.Helper()
	var err error
	if p.Trailer, err = (&control.SecondEnd{Port: port, VCI: vci}).Append(p.Trailer); err == nil && cookie != "" {
		p.Trailer, err = control.AppendTLV(p.Trailer, control.TLVCookie, []byte(cookie))
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// vcs are the VCs that a RESYNC tells of, with their notes.
func vcs(c *controltest.Client) map[uint16]string {
	c.T.Helper()
	all := map[uint16]string{}
	for _, p := range c.Dump(c.Hub(control.HubResync, 0, 0, "", "", "")) {
		if p.Class == control.ClassATM && p.Type == control.ATMQuery {
			cookie, _ := control.FindTLV(p.Trailer, control.TLVCookie)
			all[p.ATM().VCI] = string(cookie)
		}
	}
	return all
}

// TestHeldCrossConnects: with grace a manager's cross-connects outlive it; a new one finds its
// predecessor's notes, claims what it knows, and DONE ends the rest. Without a new manager all
// end with the grace.
func TestHeldCrossConnects(t *testing.T) {
	for _, c := range []struct {
		name  string
		grace time.Duration
		again bool
		want  []uint16
	}{{"no grace", 0, true, nil}, {"claimed", 10 * time.Second, true, []uint16{300, 301, 302, 303, 304}}, {"nobody comes", 50 * time.Millisecond, false, nil}} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, 1, func(s *server.Config) { s.Grace = c.grace })
			admin := r.dial(control.RoleAdmin)
			for i, port := range []string{"one wire:w-a,100", "two wire:w-a,101"} {
				admin.Must(admin.Hub(control.HubOpen, 0, uint32(i+1), "port", port, ""))
			}
			xconnect := func(m *controltest.Client, vci, far uint16, way control.Direction, cookie string) *control.Packet {
				return ends(t, m.ATM(control.ATMXConnect, control.ATM{Port: 1, VCI: vci, AAL: control.AAL0, Direction: way}), 2, far, cookie)
			}
			m := r.dial(control.RoleManager, 1, 2)
			m.Must(xconnect(m, 300, 301, control.DirectionBoth, "call 1"))
			m.Must(xconnect(m, 302, 303, control.DirectionIn, "call 2"))
			leaf := ends(t, m.ATM(control.ATMAddLeaf, control.ATM{Port: 1, VCI: 302, AAL: control.AAL0}), 2, 304, "")
			var err error
			if leaf.Trailer, err = (&control.Leaf{ID: 1}).Append(leaf.Trailer); err != nil {
				t.Fatal(err)
			}
			m.Must(leaf)
			note := m.ATM(control.ATMModify, control.ATM{Port: 2, VCI: 304})
			if note.Trailer, err = control.AppendTLV(nil, control.TLVCookie, []byte("leaf 1")); err != nil {
				t.Fatal(err)
			}
			m.Must(note)
			m.Must(xconnect(m, 310, 311, control.DirectionBoth, "nobody knows it"))
			if all := vcs(admin); len(all) != 7 || all[300] != "call 1" || all[304] != "leaf 1" {
				t.Fatal(all)
			}
			m.Conn.Close()
			if c.again {
				controltest.Until(t, "the manager's ports are free", func() bool {
					m, err = controltest.TryDial(t, r.path, control.RoleManager, 1, 2)
					return err == nil
				})
				if c.grace > 0 {
					if all := vcs(m); all[300] != "call 1" || all[302] != "call 2" || all[304] != "leaf 1" || len(all) != 7 {
						t.Error(all)
					}
					m.Must(xconnect(m, 300, 301, control.DirectionBoth, "call 1 again"))
					m.Must(xconnect(m, 302, 304, control.DirectionIn, ""))
					for what, p := range map[string]*control.Packet{
						"with another end": xconnect(m, 310, 301, control.DirectionBoth, ""), "twice": xconnect(m, 300, 301, control.DirectionBoth, "")} {
						if err := m.Errno(p); !errors.Is(err, syscall.EEXIST) {
							t.Errorf("claimed %s: %v", what, err)
						}
					}
				}
				m.Must(m.Hub(control.HubDone, 0, 0, "", "", ""))
			}
			controltest.Until(t, "what nobody has claimed has gone", func() bool { return len(vcs(admin)) == len(c.want) })
			all := vcs(admin)
			for _, vci := range c.want {
				if _, there := all[vci]; !there {
					t.Errorf("VCI %d has gone: %v", vci, all)
				}
			}
			if c.want != nil && all[300] != "call 1 again" {
				t.Errorf("the note is %q", all[300])
			}
		})
	}
}
