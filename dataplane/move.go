package dataplane

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cellhub/cellhub/dataplane/links"
)

// ErrStays refuses the move of a process that cannot: its module has no Arrive.
var ErrStays = errors.New("cannot move to another hub")

// move takes p's process, all its pairs, to hub b while all hubs stand still. What it has
// queued goes along, and so do the proxies beside it; a neighbour that stays behind gets
// one. All that can be refused comes first. It gives pairs to be popped.
func (f *Fabric) move(p *pair, b *Hub) (joints []*pair, err error) {
	a, proc, pairs := p.rq.hub, p.rq.proc, p.kin()
	run := slices.Clone(pairs)
	if err := movable(pairs, b); err != nil {
		return nil, err
	}
	var beside []*proxy // that go along
	var stay []link     // neighbours that do not
	for _, p := range pairs {
		for _, l := range [...]link{{p.below(), p}, {p, p.above()}} {
			if o := l.other(p); o != nil && o.proxy != nil {
				beside = append(beside, o.proxy)
				run = append(run, o)
			} else if o != nil {
				stay = append(stay, l)
			}
		}
	}
	if err := fit(run, b); err != nil {
		return nil, err
	}
	paths := make([][2]*proxy, len(stay))
	for i, l := range stay {
		low, high := a, b // the neighbour that stays is the lower one
		if l.lower.rq.proc == proc {
			low, high = b, a
		}
		if paths[i][0], paths[i][1], err = pave(low, high); err != nil {
			unpave(paths[:i])
			return nil, err
		}
	}
	if err := leave(pairs); err != nil {
		unpave(paths)
		return nil, err
	}
	for _, l := range stay {
		l.lower.part()
	}
	for _, p := range pairs {
		p.relocate(b)
	}
	for _, x := range beside {
		x.moveTo(b)
	}
	for i, l := range stay {
		_ = join(l.lower, paths[i][0].pair())
		_ = join(paths[i][1].pair(), l.upper)
	}
	for _, p := range pairs {
		p.module.Arrive(p.rq)
	}
	for _, x := range beside {
		joints = append(joints, x.shorten()...)
	}
	return joints, nil
}

// link is two neighbours.
type link struct{ lower, upper *pair }

func (l link) other(p *pair) *pair {
	if l.lower == p {
		return l.upper
	}
	return l.lower
}

func unpave(paths [][2]*proxy) {
	for _, p := range paths {
		p[0].cut()
	}
}

func movable(pairs []*pair, b *Hub) error {
	drivers := 0
	for _, p := range pairs {
		switch {
		case p.module.Arrive == nil || p.proxy != nil:
			return fmt.Errorf("%w: %s: %w", ErrHub, p.module.Name, ErrStays)
		case p.rq.proc.deferred > 0:
			return fmt.Errorf("%w: %s: %w", ErrHub, p.module.Name, ErrRestless)
		case p.driver != nil:
			drivers++
		}
	}
	if b.drivers+drivers > MaxDrivers {
		return fmt.Errorf("%w: more than %d drivers", ErrHub, MaxDrivers)
	}
	return nil
}

// leave has the modules leave, all or none.
func leave(pairs []*pair) error {
	for i, p := range pairs {
		if p.module.Leave == nil {
			continue
		}
		if err := p.module.Leave(); err != nil {
			for _, p := range pairs[:i] {
				p.module.Arrive(p.rq)
			}
			return fmt.Errorf("%s: %w", p.module.Name, err)
		}
	}
	return nil
}

// fit tells whether hub b can take what some pairs hold, and makes that fit to cross:
// blocks that are shared are copied.
func fit(pairs []*pair, b *Hub) error {
	msgs := 0
	for _, p := range pairs {
		if err := errors.Join(p.rq.ownAll(), p.wq.ownAll()); err != nil {
			return err
		}
		msgs += p.rq.Len() + p.wq.Len()
	}
	if b.nodes.Used+msgs > MaxQueued {
		return fmt.Errorf("%w: %d messages: %w", ErrHub, msgs, ErrNoRoom)
	}
	return nil
}

// ErrNoRoom refuses a move whose messages the other hub has no room for, or for whose
// shared blocks there is no memory: try again.
var ErrNoRoom = errors.New("no room to move them")

// ownAll makes the queued messages fit to cross.
func (q *Queue) ownAll() error {
	pool := q.hub.Pool
	for n := q.waiting.First; n != 0; n = q.hub.nodes.At(n).Next {
		m := &q.hub.nodes.At(n).Value
		if m.Block == 0 || !pool.Shared(m.Block) {
			continue
		}
		b := pool.CopyMsg(m.Block)
		if b == 0 {
			return fmt.Errorf("%w: a shared message: %w", ErrHub, ErrNoRoom)
		}
		if debug {
			q.hub.noteTaken(m)
		}
		pool.Free(m.Block)
		m.Block = b
		if debug {
			q.hub.noteQueued(m)
		}
	}
	return nil
}

// relocate takes a pair, with what its queues hold, to another hub, where it keeps its
// number. It leaves whoever waits for it, and whom it waits for, to ask again.
func (p *pair) relocate(b *Hub) {
	a := p.rq.hub
	asked := p.driver != nil && p.driver.wishes[a.sends.which] > 0
	a.delist(p.driver)
	delete(a.guests, p.id)
	for _, q := range [...]*Queue{p.rq, p.wq} {
		a.release(q)
		run := q.flags&qEnabled != 0 || q.waits > 0 || q.turn != nil
		if q.flags&qEnabled != 0 {
			q.flags &^= qEnabled
			a.run.drop(q)
		}
		a.unwait(q)
		q.waiting = q.waiting.migrate(&a.nodes, &b.nodes)
		q.hub = b
		if run {
			q.Enable()
		}
	}
	if p.id.Hub() != b.index {
		b.guests[p.id] = p
	}
	for _, q := range [...]*Queue{p.rq, p.wq} {
		resolve(q)
		resolve(q.before())
	}
	if b.enlist(p.driver); asked {
		b.askSend(p.driver)
	}
}

// migrate takes the messages of a list from one table to another, which has room.
func (l list) migrate(from, to *nodeTable) (moved list) {
	for l.First != 0 {
		m := l.remove(from, 0, l.First)
		n := to.Take(MaxQueued)
		to.At(n).Value = *m
		links.Append(to, &moved.List, n)
	}
	return moved
}
