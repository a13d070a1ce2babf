package server

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"syscall"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
)

// entry is a line of a listing.
type entry struct {
	a, b     uint32
	idx, val uint32 // of an event id
	name     string
	trailer  []byte
}

// list is HUB LIST: what there was at one moment, a message each, and DONE.
func (s *Server) list(c *client, in, out *control.Packet) error {
	entries, err := s.listing(control.Listing(in.Hub().B))
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, err := control.MakeName(e.name[:min(len(e.name), len(control.Name{}))])
		if err != nil {
			return err
		}
		p := &control.Packet{Trailer: e.trailer}
		p.Type, p.Idx, p.Val = control.HubList, e.idx, e.val
		p.SetHub(&control.Hub{A: e.a, B: e.b, Name: name})
		if err := c.more(in, p); err != nil {
			return err
		}
	}
	return done(in, out)
}

func (s *Server) listing(what control.Listing) (entries []entry, err error) {
	if what == control.ListProcesses || what == control.ListPlaces {
		return s.listFabric(what)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch what {
	case control.ListStreams:
		return s.listStreams()
	case control.ListModules:
		for _, name := range s.fabric.Modules() {
			entries = append(entries, entry{name: name})
		}
		return entries, nil
	case control.ListEvents:
		return s.listEvents(), nil
	case control.ListPorts:
		return s.listPorts()
	case control.ListSAPs:
		return s.listSAPs()
	}
	return nil, fmt.Errorf("listing %d: %w", what, syscall.EINVAL)
}

// listFabric lists the processes: of which there may be hundreds of thousands, so that entries are
// made of them when others have their turn again.
func (s *Server) listFabric(what control.Listing) ([]entry, error) {
	s.mu.Lock()
	all, err := s.fabric.Processes()
	given, parts := maps.Clone(s.names.given), maps.Clone(s.names.parts)
	s.mu.Unlock()
	if err != nil {
		return nil, errnoOf(err)
	}
	if what == control.ListPlaces {
		return s.listPlaces(all), nil
	}
	return listProcesses(all, given, parts)
}

// done makes the last answer to a dump.
func done(in, out *control.Packet) error {
	in.Type = control.HubDone // what is answered with has the type of the request
	out.Type = control.HubDone
	out.SetHub(&control.Hub{})
	return nil
}

func (s *Server) listStreams() (entries []entry, err error) {
	for _, st := range slices.SortedFunc(maps.Values(s.streams), func(a, b *stream) int { return cmp.Compare(a.id, b.id) }) {
		all, err := s.fabric.Stream(st.id)
		if err != nil {
			return nil, errnoOf(err)
		}
		e := entry{a: uint32(st.id), b: uint32(all[0].ID), name: s.names.of(dataplane.Process{ID: st.id, Module: st.module})}
		if e.trailer, err = control.AppendTLV(nil, control.TLVText, []byte(st.module+" "+st.arg)); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func listProcesses(all []dataplane.Process, given, parts map[dataplane.ProcID]string) (entries []entry, err error) {
	for _, p := range all {
		e := entry{a: uint32(p.ID), b: uint32(p.Above), name: p.Module}
		if name := given[p.ID]; name != "" {
			if e.trailer, err = control.AppendTLV(e.trailer, control.TLVName, []byte(name)); err != nil {
				return nil, err
			}
		}
		if part := parts[p.ID]; part != "" {
			if e.trailer, err = control.AppendTLV(e.trailer, control.TLVText, []byte(part)); err != nil {
				return nil, err
			}
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (s *Server) listPlaces(all []dataplane.Process) (entries []entry) {
	for i := range s.fabric.Hubs() { // each stands on itself
		n := uint32(s.fabric.Hub(i).Number())
		entries = append(entries, entry{a: n, b: n, name: "hub"})
	}
	for _, p := range all {
		entries = append(entries, entry{a: uint32(p.ID), b: uint32(s.fabric.Hub(p.Hub).Number()), name: p.Module})
	}
	return entries
}

func (s *Server) listPorts() (entries []entry, err error) {
	for _, p := range s.ports.inOrder() {
		e := entry{a: uint32(p.number), b: uint32(p.carrier.assoc), name: p.name}
		if e.trailer, err = control.AppendTLV(nil, control.TLVText, []byte(p.text)); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// resync is HUB RESYNC: the whole state of one moment, a message each, and DONE. What there is very
// much of is copied in that moment, and made messages of and put in order afterwards, when others
// have their turn again.
func (s *Server) resync(c *client, in, out *control.Packet) error {
	c.settle()
	m, err := s.state(c)
	for _, p := range m.before {
		if err := c.conn.Send(p); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	for p := range m.messages() {
		if err := c.more(in, p); err != nil {
			return err
		}
	}
	return done(in, out)
}

// moment is all that there was at one moment.
type moment struct {
	before []*control.Packet // the events until then that the client has not been sent
	ports  []*control.Packet
	vcs    []vcThen
	conns  []connThen
	rest   []*control.Packet
}

// messages are what RESYNC tells of it.
func (m *moment) messages() iter.Seq[*control.Packet] {
	slices.SortFunc(m.vcs, func(a, b vcThen) int { return a.compare(b.vcKey) })
	slices.SortFunc(m.conns, func(a, b connThen) int { return cmp.Compare(a.id.Index(), b.id.Index()) })
	return func(yield func(*control.Packet) bool) {
		for _, p := range m.ports {
			if !yield(p) {
				return
			}
		}
		for i := range m.vcs {
			if !yield(m.vcs[i].message()) {
				return
			}
		}
		for i := range m.conns {
			if !yield(m.conns[i].message()) {
				return
			}
		}
		for _, p := range m.rest {
			if !yield(p) {
				return
			}
		}
	}
}

// portsAtOnce is how many ports' counters are read in one visit of the hub.
const portsAtOnce = 64

// state takes all that there is at one moment: nothing changes meanwhile, while traffic flows.
func (s *Server) state(c *client) (m moment, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.before = c.overtaken()
	for some := range slices.Chunk(s.ports.inOrder(), portsAtOnce) {
		if err := s.bundle(func() error {
			for _, p := range some {
				out := new(control.Packet)
				if err := s.tellPort(p, out); err != nil {
					return err
				}
				m.ports = append(m.ports, out)
			}
			return nil
		}); err != nil {
			return m, err
		}
	}
	m.vcs, m.conns = s.vcsThen(), s.connsThen()
	paths, err := s.tellPaths()
	m.rest = append(paths, s.tellSubscriptions()...)
	return m, err
}

// tellSubscriptions describes those of all clients, each as EVT SUBSCRIBE. s.mu is held.
func (s *Server) tellSubscriptions() (all []*control.Packet) {
	for _, c := range s.clientsInOrder() {
		for i := range c.subscriptions {
			out := new(control.Packet)
			out.Type, out.Src = control.EvtSubscribe, c.id
			out.SetEvt(&c.subscriptions[i])
			all = append(all, out)
		}
	}
	return all
}

// clientsInOrder gives the clients by number. s.mu is held.
func (s *Server) clientsInOrder() []*client {
	return slices.SortedFunc(maps.Values(s.clients), func(a, b *client) int { return cmp.Compare(a.id, b.id) })
}
