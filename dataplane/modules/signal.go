package modules

import (
	"fmt"
	"strconv"

	"github.com/cellhub/cellhub/dataplane"
)

// signal is the top of the stream of a signalling channel: what comes up goes to a line, to
// somebody outside who reads it there, and what he posts to it goes down. What the line has no
// room for is shed and counted: signalling repairs it.
type signal struct {
	line           dataplane.ProcID
	up, down, shed uint64
}

// parseSignal makes the module of the number of its line.
func parseSignal(arg string) (dataplane.Module, error) {
	n, err := strconv.ParseUint(arg, 10, 32)
	if err != nil {
		return dataplane.Module{}, fmt.Errorf("line %q: its number", arg)
	}
	s := &signal{line: dataplane.ProcID(n)}
	return dataplane.Module{Name: "signal", ReadPut: s.read, WritePut: s.write, Counters: s.counts}, nil
}

func (s *signal) read(q *dataplane.Queue, m dataplane.Msg) {
	if _, ok := announced(&m); ok {
		return
	}
	switch {
	case m.Type == dataplane.Flush:
		q.TurnFlush(m)
	case m.Type != dataplane.Data:
		q.Hub().Refuse(m)
	case !q.CanPost(s.line):
		s.shed++
		q.Hub().Free(m)
	default:
		s.up++
		m.Dst = s.line
		q.Post(m)
	}
}

func (s *signal) write(q *dataplane.Queue, m dataplane.Msg) {
	if m.Type == dataplane.Data {
		s.down++
	}
	q.PutNext(m)
}

func (s *signal) counts() []dataplane.Count {
	return []dataplane.Count{{Name: "rx_sdus", N: s.up}, {Name: "tx_sdus", N: s.down}, {Name: "rx_drop_shed", N: s.shed}}
}
