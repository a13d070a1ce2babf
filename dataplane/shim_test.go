package dataplane

import (
	"fmt"
	"slices"

	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
)

// These put the hub's own steps together as tests of one of them want it: changes of
// topology without commands.

func (h *Hub) local(id ProcID) (*pair, error) {
	if p := h.find(id); p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%w: %w: %#x on hub %d", ErrHub, errNobody, uint32(id), h.index)
}

// with runs fn on the pairs of some numbers.
func (h *Hub) with(fn func(p []*pair) error, ids ...ProcID) error {
	pairs := make([]*pair, len(ids))
	for i, id := range ids {
		var err error
		if pairs[i], err = h.local(id); err != nil {
			return err
		}
	}
	return fn(pairs)
}

func (h *Hub) Add(m Module) (ProcID, error) { return idOf(h.add(m, nil)) }

func idOf(p *pair, err error) (ProcID, error) {
	if err != nil {
		return 0, err
	}
	return p.id, nil
}

func (h *Hub) AddPair(id ProcID, m Module) (made ProcID, err error) {
	err = h.with(func(p []*pair) (err error) { made, err = idOf(h.add(m, p[0])); return err }, id)
	return made, err
}

func (h *Hub) Queues(id ProcID) (rq, wq *Queue, err error) {
	err = h.with(func(p []*pair) error { rq, wq = p[0].rq, p[0].wq; return nil }, id)
	return rq, wq, err
}

func (h *Hub) Join(lower, upper ProcID) error {
	return h.with(func(p []*pair) error { return join(p[0], p[1]) }, lower, upper)
}

func (h *Hub) Part(lower ProcID) error {
	return h.with(func(p []*pair) error { return h.fabric.unlink(p[0]) }, lower)
}

func (h *Hub) Remove(id ProcID) error {
	return h.with(func(p []*pair) error { return h.fabric.close(p[0]) }, id)
}

func (h *Hub) Push(at ProcID, m Module) (id ProcID, err error) {
	err = h.with(func(p []*pair) (err error) { id, err = idOf(h.push(p[0], m)); return err }, at)
	return id, err
}

func (h *Hub) Pop(id ProcID) error {
	return h.with(func(p []*pair) error { return h.fabric.pop(p[0]) }, id)
}

func (h *Hub) Replace(id ProcID, m Module) error {
	return h.with(func(p []*pair) error { return h.replace(p[0], m) }, id)
}

func (h *Hub) AddPoller(id ProcID, p Poller) error {
	return h.with(func(o []*pair) error {
		o[0].driver = &driver{Poller: p, pair: o[0]}
		h.enlist(o[0].driver)
		return nil
	}, id)
}

// Do of one command or another, in words.

func (f *Fabric) Join(lower, upper ProcID) error { return f.Alone().link(lower, upper) }

func (f *Fabric) Part(lower ProcID) error {
	_, err := f.Do(Command{Number: control.HubUnlink, A: lower})
	return err
}

// Move moves a run of neighbours, one after the other.
func (f *Fabric) Move(run []ProcID, to int) error {
	for _, id := range run {
		if _, err := f.Do(Command{Number: control.HubMove, A: id, B: f.hubs[to].Number()}); err != nil {
			return err
		}
	}
	return nil
}

// connectHubs makes a fabric of hubs that ask no registry.
func connectHubs(hubs ...*Hub) (*Fabric, error) { return NewFabric(&Registry{}, hubs...) }

// processes are the pairs on a hub that a test has made.
func (h *Hub) processes() []*pair {
	return slices.DeleteFunc(h.standing(), func(p *pair) bool {
		return slices.Contains([]string{"hub", "line", "post"}, p.module.Name)
	})
}

var _ block.ID
