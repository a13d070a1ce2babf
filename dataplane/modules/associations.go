package modules

import (
	"fmt"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
)

// Key is a VC as messages carry it in Conn between a port and the association
// table: VPI and VCI, the VCI in the low 16 bits.
func Key(vc aal.VC) uint64 { return uint64(vc.VPI)<<16 | uint64(vc.VCI) }

const portShift = 32 // the table's key: lower stream, VPI, VCI

// Associations is the multiplexor between ports below and one stream above for each
// VC: the association table and nothing else. What comes from below for a VC that
// nobody has is freed and counted.
type Associations struct {
	hub     *dataplane.Hub
	id      dataplane.ProcID // of the first pair; 0 before
	table   dataplane.AssocTable
	lowers  []*dataplane.Queue // write queues, by port
	uppers  []association      // by the table's value
	unknown uint64             // cells, or SDUs, of VCs that nobody has
	full    uint64             // messages for a stream that was full
}

// association is one VC: its stream above and the port it came from.
type association struct {
	upper *dataplane.Queue // read queue of the upper pair
	port  uint64
}

// NewAssociations makes an empty multiplexor.
func NewAssociations(h *dataplane.Hub) *Associations { return &Associations{hub: h} }

func (a *Associations) addPair(m dataplane.Module) (dataplane.ProcID, error) {
	if a.id != 0 {
		return a.hub.AddPair(a.id, m)
	}
	id, err := a.hub.Add(m)
	a.id = id
	return id, err
}

// AddPort makes the pair that a port is joined below, and gives the port's index in
// this table.
func (a *Associations) AddPort() (port int, id dataplane.ProcID, err error) {
	port = len(a.lowers)
	id, err = a.addPair(dataplane.Module{
		Name:     "associations",
		ReadPut:  func(q *dataplane.Queue, m dataplane.Msg) { a.demultiplex(uint64(port)<<portShift, m) },
		WritePut: (*dataplane.Queue).PutNext,
	})
	if err != nil {
		return 0, 0, err
	}
	_, wq, err := a.hub.Queues(id)
	a.lowers = append(a.lowers, wq)
	return port, id, err
}

// AddVC makes the pair that the stream of a VC stands on.
func (a *Associations) AddVC(port int, vc aal.VC) (dataplane.ProcID, error) {
	if port < 0 || port >= len(a.lowers) {
		return 0, fmt.Errorf("associations: no port %d", port)
	}
	key := uint64(port)<<portShift | Key(vc)
	if err := a.table.Add(key, uint32(len(a.uppers))); err != nil {
		return 0, fmt.Errorf("associations: VC %s: %w", vc, err)
	}
	lower := a.lowers[port]
	hi, lo := marks(a.hub, dataplane.DefaultHiWat)
	id, err := a.addPair(dataplane.Module{
		Name: "vc " + vc.String(), HiWat: hi, LoWat: lo,
		ReadService:  (*dataplane.Queue).Drain,
		WritePut:     func(q *dataplane.Queue, m dataplane.Msg) { a.multiplex(q, lower, Key(vc), m) },
		WriteService: func(q *dataplane.Queue) { a.drainDown(q, lower) },
	})
	if err != nil {
		a.table.Remove(key)
		return 0, err
	}
	rq, _, err := a.hub.Queues(id)
	a.uppers = append(a.uppers, association{upper: rq, port: uint64(port) << portShift})
	return id, err
}

// marks gives a queue's water marks: at most so many octets, and no more than an
// eighth of the pool's blocks, so that a stream that is stopped leaves enough to the
// others and to the other direction.
func marks(h *dataplane.Hub, most int) (hi, lo int) {
	hi = min(most, h.Pool.Limit(1)/8*dataplane.BlockCost)
	return hi, hi / 4
}

// demultiplex finds the stream of what a port has received. A stream that has no
// room loses it: a network cannot be asked to wait.
func (a *Associations) demultiplex(port uint64, m dataplane.Msg) {
	if m.Type != dataplane.Data {
		a.tellAll(port, m)
		return
	}
	i, ok := a.table.Find(port | m.Conn)
	if !ok {
		a.unknown += max(1, uint64(m.Len)/aal.CellSize)
		a.hub.Free(m)
		return
	}
	q := a.uppers[i].upper
	if q.Full() {
		a.full++
		a.hub.Free(m)
		return
	}
	q.Forward(m)
}

// tellAll gives what a port says to all its streams: a flush that was turned round, a
// hangup, an error.
func (a *Associations) tellAll(port uint64, m dataplane.Msg) {
	for _, u := range a.uppers {
		if u.port != port {
			continue
		}
		each := m
		if m.Block != 0 {
			if each.Block = a.hub.Pool.CopyMsg(m.Block); each.Block == 0 {
				continue
			}
		}
		u.upper.Forward(each)
	}
	a.hub.Free(m)
}

// multiplex sends what a stream puts down to its port.
func (a *Associations) multiplex(q, lower *dataplane.Queue, key uint64, m dataplane.Msg) {
	switch m.Type {
	case dataplane.Data:
		m.Conn = key
	case dataplane.Flush:
		q.FlushPair(m)
	}
	if m.Type.HighPriority() || q.Empty() && lower.CanPutNextFor(q, m.Band) {
		lower.PutNext(m)
		return
	}
	q.PutQ(m)
}

func (a *Associations) drainDown(q, lower *dataplane.Queue) {
	for {
		m, ok := q.GetQ()
		if !ok {
			return
		}
		if !m.Type.HighPriority() && !lower.CanPutNextFor(q, m.Band) {
			q.PutBQ(m)
			return
		}
		lower.PutNext(m)
	}
}

// Counts gives the counters in a fixed order. On the hub only.
func (a *Associations) Counts() []Count {
	return []Count{{"rx_drop_unknown_vc", a.unknown}, {"rx_drop_congested", a.full}}
}
