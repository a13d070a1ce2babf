package modules

import (
	"fmt"

	"github.com/cellhub/cellhub/dataplane"
)

// local is what stands below both sockets of a call within one host: what comes down from the
// one goes up to the other. No cell is made.
type local struct {
	ends [2]*dataplane.Queue // read queues; nil: none, or gone
	gone uint64              // messages for an end that has gone
	hub  *dataplane.Hub
}

// Local makes it with its first end. The second is made by a pair, whose argument is empty.
func Local(arg string) (dataplane.Module, error) { return new(local).pair(arg) }

func (l *local) pair(arg string) (dataplane.Module, error) {
	i := 0
	if l.ends[0] != nil {
		i = 1
	}
	if arg != "" || l.ends[i] != nil {
		return dataplane.Module{}, fmt.Errorf("local %q: two ends, without argument", arg)
	}
	return dataplane.Module{
		Name: "local", Pair: l.pair,
		ReadService:  (*dataplane.Queue).Drain,
		WritePut:     func(q *dataplane.Queue, m dataplane.Msg) { l.cross(q, 1-i, m) },
		WriteService: func(q *dataplane.Queue) { l.drain(q, 1-i) },
		Open:         func(q *dataplane.Queue) error { l.hub, l.ends[i] = q.Hub(), q; return nil },
		Close:        func(*dataplane.Queue) { l.ends[i] = nil },
		Counters:     func() []dataplane.Count { return []dataplane.Count{{Name: "drop_no_end", N: l.gone}} },
	}, nil
}

// cross takes a message from one end to the other.
func (l *local) cross(q *dataplane.Queue, to int, m dataplane.Msg) {
	switch {
	case m.Type == dataplane.Flush:
		q.TurnFlush(m)
	case l.ends[to] == nil:
		l.gone++
		l.hub.Free(m)
	default:
		q.ForwardTo(l.ends[to], m)
	}
}

func (l *local) drain(q *dataplane.Queue, to int) {
	if l.ends[to] != nil {
		q.DrainTo(func(*dataplane.Msg) *dataplane.Queue { return l.ends[to] })
		return
	}
	for m, ok := q.GetQ(); ok; m, ok = q.GetQ() {
		l.gone++
		l.hub.Free(m)
	}
}
