package pcb

import (
	"fmt"
	"syscall"
	"testing"
)

// Every pair of a leaf's state and event, by hand.
func TestLeaves(t *testing.T) {
	const (
		add, drop, okay, fail, closed, released = LeafAdd, LeafDrop, LeafOkay, LeafFail, LeafClosed, LeafReleased
	)
	way := map[LeafState][]LeafEvent{LeafNone: nil, LeafAdding: {add}, LeafActive: {add, okay}, LeafDropping: {add, drop}}
	for _, c := range []struct {
		from LeafState
		e    LeafEvent
		to   LeafState
		do   Action
		err  error
	}{
		{LeafNone, add, LeafAdding, Forward, nil},
		{LeafNone, drop, LeafNone, None, syscall.ENOENT},
		{LeafNone, okay, LeafNone, None, syscall.ENOENT},
		{LeafNone, fail, LeafNone, None, nil}, // RELEASED may follow FAIL
		{LeafNone, closed, LeafNone, None, nil},
		{LeafNone, released, LeafNone, None, nil},
		{LeafAdding, add, LeafAdding, None, syscall.EALREADY},
		{LeafAdding, drop, LeafDropping, Forward, nil},
		{LeafAdding, okay, LeafActive, Forward, nil},
		{LeafAdding, fail, LeafNone, Forward, nil},
		{LeafAdding, closed, LeafNone, Forward, nil},
		{LeafAdding, released, LeafNone, Forward, nil},
		{LeafActive, add, LeafActive, None, syscall.EISCONN},
		{LeafActive, drop, LeafDropping, Forward, nil},
		{LeafActive, okay, LeafActive, None, syscall.EISCONN},
		{LeafActive, fail, LeafNone, Forward, nil},
		{LeafActive, closed, LeafNone, Forward, nil},
		{LeafActive, released, LeafNone, Forward, nil},
		{LeafDropping, add, LeafDropping, None, syscall.EALREADY},
		{LeafDropping, drop, LeafDropping, None, syscall.EALREADY},
		{LeafDropping, okay, LeafDropping, None, nil}, // crossed
		{LeafDropping, fail, LeafNone, UserReleased, nil},
		{LeafDropping, closed, LeafNone, UserReleased, nil},
		{LeafDropping, released, LeafNone, UserReleased, nil},
	} {
		name := fmt.Sprintf("%v, event %d", c.from, c.e)
		p := PCB{State: Connected, VC: true}
		for _, e := range way[c.from] {
			if _, err := p.StepLeaf(7, e); err != nil {
				t.Fatal(name, err)
			}
		}
		if p.Leaf(7) != c.from {
			t.Fatal(name, p.Leaf(7))
		}
		if _, err := p.StepLeaf(8, LeafAdd); err != nil { // a second leaf is not touched
			t.Fatal(err)
		}
		do, err := p.StepLeaf(7, c.e)
		if err != c.err || do != c.do || p.Leaf(7) != c.to || p.Leaf(8) != LeafAdding {
			t.Errorf("%s: %v by %v, %v", name, p.Leaf(7), do, err)
		}
		want := 1
		if c.to != LeafNone {
			want = 2
		}
		if p.Leaves() != want {
			t.Errorf("%s: %d leaves", name, p.Leaves())
		}
	}
	for s := range numLeafStates {
		for e := range numLeafEvents {
			if !leafTransitions[s][e].decided {
				t.Errorf("%v, event %d: not decided", s, e)
			}
		}
	}
}

// The first leaf is there with the connection: it can be dropped, and added again.
func TestFirstLeaf(t *testing.T) {
	p := PCB{State: Connecting, VC: true}
	if p.Leaf(FirstLeaf) != LeafNone {
		t.Error("there before the connection is")
	}
	p.State = Connected
	for _, c := range []struct {
		e   LeafEvent
		to  LeafState
		do  Action
		err error
	}{
		{LeafAdd, LeafActive, None, syscall.EISCONN},
		{LeafDrop, LeafDropping, Forward, nil},
		{LeafReleased, LeafNone, UserReleased, nil},
		{LeafDrop, LeafNone, None, syscall.ENOENT},
		{LeafAdd, LeafAdding, Forward, nil},
		{LeafOkay, LeafActive, Forward, nil},
		{LeafClosed, LeafNone, Forward, nil},
	} {
		do, err := p.StepLeaf(FirstLeaf, c.e)
		if do != c.do || err != c.err || p.Leaf(FirstLeaf) != c.to {
			t.Errorf("event %d: %v by %v, %v", c.e, p.Leaf(FirstLeaf), do, err)
		}
	}
}

// A leaf stands and falls with its root.
func TestLeavesOfRoot(t *testing.T) {
	for s := range numStates {
		for e := range numLeafEvents {
			p := PCB{State: s, VC: true}
			_, err := p.StepLeaf(1, e)
			switch {
			case s == Connected || s == Held:
				if (e == LeafDrop || e == LeafOkay) != (err == syscall.ENOENT) {
					if s == Connected || e != LeafAdd && e != LeafDrop {
						t.Errorf("%v, %d: %v", s, e, err)
					}
				}
			case err != syscall.ENOTCONN && (s != Dead || err != syscall.ESTALE):
				t.Errorf("%v, %d: %v", s, e, err)
			}
		}
	}
	p := PCB{State: Connected, PVC: true, VC: true}
	if _, err := p.StepLeaf(1, LeafAdd); err != syscall.EOPNOTSUPP {
		t.Error(err)
	}
	p = PCB{State: Connected, VC: true}
	if _, err := p.StepLeaf(MaxLeaves, LeafAdd); err != syscall.EINVAL {
		t.Error(err)
	}
	if _, err := p.StepLeaf(MaxLeaves-1, numLeafEvents); err != syscall.EINVAL {
		t.Error(err)
	}
	p.Step(ManagerGone, true)
	if _, err := p.StepLeaf(1, LeafAdd); err != syscall.EUNATCH || p.State != Held {
		t.Error(p.State, err)
	}
}
