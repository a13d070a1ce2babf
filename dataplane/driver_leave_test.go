package dataplane

import (
	"slices"
	"testing"

	"github.com/cellhub/cellhub/dataplane/block"
)

// Drivers come and go while many stand on the hub. That a driver's going walks nothing is counted: of the lists that it
// is on at most two places change, its own and that of the one that takes it over, and those that have asked for
// something keep their order.
func TestDriversLeaveWithoutAWalk(t *testing.T) {
	const many = 1000
	r := newRig(t, 1, block.Config{})
	ids := make([]ProcID, many)
	for i := range ids {
		ids[i] = r.add(r.h, Module{Name: "driver", Poller: &poller{}})
		q, _, _ := r.h.Queues(ids[i])
		q.AskPoll()
		q.AskSend()
	}
	changed := func(what string, before, after []*driver) {
		t.Helper()
		n := len(before) - len(after)
		for i := range after {
			if before[i] != after[i] {
				n++
			}
		}
		if n > 2 {
			t.Errorf("%s: %d places changed", what, n)
		}
	}
	asked := func(l *wishes) (all []*driver) {
		for i, d := range l.drivers {
			if d != nil {
				all = append(all, d)
				if d.wishes[l.which] != i+1 {
					t.Errorf("place %d is thought to be %d", i+1, d.wishes[l.which])
				}
			}
		}
		return all
	}
	for _, i := range []int{0, many / 2, many - 1} {
		always, again, sends := slices.Clone(r.h.always), asked(&r.h.again), asked(&r.h.sends)
		d := r.h.numbers.find(ids[i]).driver
		if err := r.h.Remove(ids[i]); err != nil {
			t.Fatal(err)
		}
		changed("polled every pass", always, r.h.always)
		without := func(o *driver) bool { return o == d }
		if !slices.Equal(asked(&r.h.again), slices.DeleteFunc(again, without)) || !slices.Equal(asked(&r.h.sends), slices.DeleteFunc(sends, without)) {
			t.Errorf("driver %d: the others' turn has changed", i)
		}
		for at, o := range r.h.always {
			if o.always != at+1 || o == d {
				t.Errorf("place %d is thought to be %d", at+1, o.always)
			}
		}
	}
	if r.h.drivers != many-3 {
		t.Errorf("%d drivers, want %d", r.h.drivers, many-3)
	}
	r.h.Pass()
	if n := len(r.h.again.drivers) + len(r.h.sends.drivers); n != 0 {
		t.Errorf("%d still ask", n)
	}
}

// Each driver that stays is polled once a pass, whichever of them goes while they are polled: it, one before, one after.
func TestDriversLeaveWhilePolled(t *testing.T) {
	for gone := range 5 {
		r := newRig(t, 1, block.Config{})
		var polled [5]int
		var ids [5]ProcID
		for i := range ids {
			ids[i] = r.add(r.h, Module{Name: "driver", Poller: polls(func() int {
				if polled[i]++; i == 2 && polled[i] == 1 {
					if err := r.h.Remove(ids[gone]); err != nil {
						t.Error(err)
					}
				}
				return 0
			})})
		}
		r.h.Pass()
		before := polled
		r.h.Pass()
		for i, n := range polled {
			if i != gone && (before[i] == 0 || n != before[i]+1) || i == gone && n != before[i] {
				t.Errorf("driver %d goes: polled %v, and then %v", gone, before, polled)
			}
		}
	}
}

// polls is a Poller of a function.
type polls func() int

func (p polls) Poll() int { return p() }
func (polls) Send()       {}

// A word in memory is looked at until its watch is forgotten, whoever else forgets; the last takes the place.
func TestWatchesLeaveWithoutAWalk(t *testing.T) {
	const many = 100
	r := newRig(t, 1, block.Config{})
	var watches []*Watch
	for range many {
		q, _, _ := r.h.Queues(r.add(r.h, Module{Name: "driver", Poller: &poller{}}))
		w, err := q.Watch(-1, func() bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		watches = append(watches, w)
	}
	if len(r.h.always) != 0 {
		t.Errorf("%d are polled every pass", len(r.h.always))
	}
	for i, w := range []*Watch{watches[0], watches[many/2], watches[many-1]} {
		before := slices.Clone(r.h.memory)
		w.Want(false, false)
		w.Want(true, false)
		w.Forget()
		n := 0
		for at, o := range r.h.memory {
			if o.memory != at+1 || o == w {
				t.Errorf("place %d is thought to be %d", at+1, o.memory)
			}
			if o != before[at] {
				n++
			}
		}
		if n > 2 || len(r.h.memory) != many-1-i {
			t.Errorf("%d places changed, %d left", n, len(r.h.memory))
		}
	}
}

// What waits for room in a ring to another hub leaves the list in the same way.
func TestWaitingProxiesLeaveWithoutAWalk(t *testing.T) {
	r := newRig(t, 2, block.Config{})
	p := r.h.peers[1]
	var waiting []*Queue
	for range 10 {
		x, err := r.h.newProxy(false)
		if err != nil {
			t.Fatal(err)
		}
		x.out.flags |= qForRoom
		p.waiting, x.waitsAt = append(p.waiting, x.out), len(p.waiting)
		waiting = append(waiting, x.out)
	}
	for i, q := range []*Queue{waiting[0], waiting[5], waiting[9]} {
		before := slices.Clone(p.waiting)
		p.forget(q)
		p.forget(q) // once is enough
		n := 0
		for at, o := range p.waiting {
			if o.pair.proxy.waitsAt != at || o == q {
				t.Errorf("place %d is thought to be %d", at, o.pair.proxy.waitsAt)
			}
			if o != before[at] {
				n++
			}
		}
		if n > 1 || len(p.waiting) != 9-i {
			t.Errorf("%d places changed, %d left", n, len(p.waiting))
		}
	}
	clear(p.waiting)
	p.waiting = p.waiting[:0]
}
