package dataplane

import "fmt"

// ProcID is the number of a process: of one queue pair of a module. A message names
// its sender and its receiver by number, never by pointer. The high bits are the index of
// the hub that it was made on, the low ones its place there, those between count how often
// the place was given. A process that moves keeps its number. 0 is nobody.
type ProcID uint32

const (
	hubShift = 26 // block.MaxHubs in the bits above
	useShift = 20 // MaxProcesses, and place 0, in the bits below
)

// MaxProcesses is how many processes a hub may have made that still are.
const MaxProcesses = 1<<useShift - 1

// quarantine is how many places of a hub stay empty before the one that became so first
// is given again, unless MaxProcesses wants them: some 10^6 processes come and go before a
// number names another.
const quarantine = 1 << 14

// Hub is the index of the hub that the process was made on.
func (id ProcID) Hub() int { return int(id >> hubShift) }

func (id ProcID) index() int { return int(id & (1<<useShift - 1)) }

// successor is the number of the next process in the same place.
func (id ProcID) successor() ProcID {
	const uses = 1<<hubShift - 1<<useShift // the bits that count
	return id&^uses | (id+1<<useShift)&uses
}

// numberTable has the processes made on a hub by place, wherever they stand now.
type numberTable struct {
	pairs []*pair // 0 is nobody
	free  []ProcID
	first int // of free: those before it are in use again
}

func (t *numberTable) take(hub int) (ProcID, error) {
	waiting := len(t.free) - t.first
	switch {
	case waiting > quarantine || waiting > 0 && len(t.pairs) > MaxProcesses:
		id := t.free[t.first]
		if t.first++; t.first > quarantine {
			t.free = append(t.free[:0], t.free[t.first:]...)
			t.first = 0
		}
		return id, nil
	case len(t.pairs) > MaxProcesses:
		return 0, fmt.Errorf("%w: more than %d processes", ErrHub, MaxProcesses)
	}
	if len(t.pairs) == 0 {
		t.pairs = append(t.pairs, nil)
	}
	t.pairs = append(t.pairs, nil)
	return ProcID(hub<<hubShift | (len(t.pairs) - 1)), nil
}

func (t *numberTable) set(p *pair) { t.pairs[p.id.index()] = p }

// give takes a number out of use. The next process in its place gets another one, so
// that neither a stale number nor a message on its way between hubs reaches it.
func (t *numberTable) give(id ProcID) {
	t.pairs[id.index()] = nil
	t.free = append(t.free, id.successor())
}

func (t *numberTable) find(id ProcID) *pair {
	if i := id.index(); i < len(t.pairs) && t.pairs[i] != nil && t.pairs[i].id == id {
		return t.pairs[i]
	}
	return nil
}
