package dataplane

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// list tells of all processes that a module is, a line each: its number, the hub that it
// stands on, the numbers of those below and above it, and its name.
func (f *Fabric) list() ([]byte, error) {
	all, err := f.Processes()
	var s strings.Builder
	for _, p := range all {
		fmt.Fprintf(&s, "%#x %d %#x %#x %s\n", uint32(p.ID), p.Hub, uint32(p.Below), uint32(p.Above), p.Module)
	}
	return []byte(s.String()), err
}

// Process is what a listing tells of one.
type Process struct {
	ID           ProcID
	Hub          int    // that it stands on
	Below, Above ProcID // its neighbours, whichever hubs the path passes; 0: none
	Module       string
}

// listedAtOnce is how many processes are listed in one visit of their hub, which stands meanwhile.
const listedAtOnce = 512

// Processes lists all that a module is, and the hubs; not what else the executive has for itself.
// Nothing changes meanwhile, and traffic flows.
func (f *Fabric) Processes() (all []Process, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range f.hubs {
		first := len(all)
		list := func(p *pair) {
			if p != nil && p.rq.hub == h && p.proxy == nil && (!p.internal || p.id == h.Number()) {
				all = append(all, p.tell())
			}
		}
		for from, more := 0, true; more; from += listedAtOnce {
			err := f.Alone().at(h, func() error {
				pairs := h.numbers.pairs
				for _, p := range pairs[min(from, len(pairs)):min(from+listedAtOnce, len(pairs))] {
					list(p)
				}
				more = from+listedAtOnce < len(pairs)
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
		if err := f.Alone().at(h, func() error {
			for _, p := range h.guests {
				list(p)
			}
			return nil
		}); err != nil {
			return nil, err
		}
		slices.SortFunc(all[first:], func(a, b Process) int { return cmp.Compare(a.ID, b.ID) })
	}
	return all, nil
}

// Stream lists the processes of the stream that one stands in, the lowest first.
func (x Changes) Stream(id ProcID) (all []Process, err error) {
	x.lock()
	defer x.unlock()
	p, err := x.f.find(id)
	if err != nil {
		return nil, err
	}
	for below := p; below != nil; below = beyond(below.below()) {
		p = below
	}
	for ; p != nil; p = beyond(p.above()) {
		all = append(all, p.tell())
	}
	return all, nil
}

// Above gives the process above each of some, whichever hubs the path passes; 0: there is none, or
// no such process.
func (f *Fabric) Above(ids []ProcID) []ProcID {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]ProcID, len(ids))
	for i, id := range ids {
		if p, err := f.find(id); err == nil {
			all[i] = number(p.above())
		}
	}
	return all
}

func (p *pair) tell() Process {
	return Process{ID: p.id, Hub: p.rq.hub.index, Below: number(p.below()), Above: number(p.above()), Module: p.module.Name}
}

// number is the number of a neighbour, whichever hubs the path to it passes; 0 for none.
func number(p *pair) ProcID {
	if p = beyond(p); p == nil {
		return 0
	}
	return p.id
}

// beyond is the neighbour that a proxy stands for.
func beyond(p *pair) *pair {
	for p != nil && p.proxy != nil {
		p = p.proxy.mate.in.neighbour()
	}
	return p
}
