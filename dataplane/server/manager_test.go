package server_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/dataplane/control"
)

// A manager has to do with its own ports alone, whichever way it names what is another's: by
// the number of a VC, by a port beside the number of its own, as the far end of a leaf.
func TestManagerKeepsToItsPorts(t *testing.T) {
	r := newRig(t, 1)
	admin := r.dial(control.RoleAdmin)
	twoEnds(admin)
	mine, others := control.ATM{Port: 1, VCI: 200, AAL: control.AAL5}, control.ATM{Port: 2, VCI: 200, AAL: control.AAL5}
	own := admin.Must(admin.ATM(control.ATMAdd, mine)).Conn
	foreign := admin.Must(admin.ATM(control.ATMAdd, others)).Conn
	m := r.dial(control.RoleManager, 1)
	at := func(conn control.ConnID, typ control.Type, b control.ATM) *control.Packet {
		p := m.ATM(typ, b)
		p.Conn = conn
		return p
	}
	for _, o := range []struct {
		what string
		p    *control.Packet
	}{
		{"PORTDOWN beside a VC's number", at(own, control.ATMPortDown, control.ATM{Port: 2})},
		{"PORTDOWN beside any number", at(1, control.ATMPortDown, control.ATM{Port: 2})},
		{"PORTSTAT beside a VC's number", at(own, control.ATMPortStat, control.ATM{Port: 2})},
		{"MODIFY by number", at(foreign, control.ATMModify, others)},
		{"FLOW by number", at(foreign, control.ATMFlow, others)},
		{"STATS by number", at(foreign, control.ATMStats, control.ATM{})},
		{"QUERY by number", at(foreign, control.ATMQuery, control.ATM{})},
		{"DEL by number", at(foreign, control.ATMDel, control.ATM{})},
		{"DEL by number, of its port", at(foreign, control.ATMDel, control.ATM{Port: 1})},
	} {
		if err := m.Errno(o.p); !errors.Is(err, syscall.EPERM) {
			t.Errorf("%s: %v, want EPERM", o.what, err)
		}
	}
	m.Must(at(own, control.ATMDel, control.ATM{}))
}

// The leaves of a manager's root leave by its own ports.
func TestManagerKeepsItsLeaves(t *testing.T) {
	r := newRig(t, 1)
	admin := r.dial(control.RoleAdmin)
	for i, port := range []string{"one wire:w-a,100", "two wire:w-a,101", "three wire:w-a,102"} {
		admin.Must(admin.Hub(control.HubOpen, 0, uint32(i+1), "port", port, ""))
	}
	m := r.dial(control.RoleManager, 1, 2)
	end := func(p *control.Packet, port uint16) *control.Packet {
		var err error
		if p.Trailer, err = (&control.SecondEnd{Port: port, VCI: 300}).Append(p.Trailer); err != nil {
			t.Fatal(err)
		}
		return p
	}
	root := control.ATM{Port: 1, VCI: 300, AAL: control.AAL0, Direction: control.DirectionIn}
	m.Must(end(m.ATM(control.ATMXConnect, root), 2))
	p := end(m.ATM(control.ATMAddLeaf, root), 3)
	var err error
	if p.Trailer, err = (&control.Leaf{ID: 1}).Append(p.Trailer); err != nil {
		t.Fatal(err)
	}
	if err := m.Errno(p); !errors.Is(err, syscall.EPERM) {
		t.Errorf("a leaf at another's port: %v, want EPERM", err)
	}
}
