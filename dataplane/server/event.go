package server

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
)

// Limits of events.
const (
	MaxEvents        = 512  // that wait for one subscriber
	MaxSubscriptions = 256  // of one client
	MaxEventIDs      = 4096 // registered
)

// eventID names what an event is about.
type eventID struct{ idx, val uint32 }

// event is one that is raised now.
type event struct {
	eventID
	kind    control.EventMask
	group   uint32
	trailer []byte
}

// registered is an event id that an ADMIN has made known.
type registered struct {
	eventID
	name  control.Name
	group uint32
	owner *client
}

// events is who has registered and subscribed to what. s.mu guards it.
type events struct {
	ids         map[eventID]*registered
	subscribers map[*client]struct{}
}

func newEvents() events {
	return events{map[eventID]*registered{}, map[*client]struct{}{}}
}

// matches tells whether a subscription wants an event.
func matches(sub *control.Evt, e *event) bool {
	return sub.Mask&e.kind != 0 &&
		e.idx-sub.IdxFirst <= sub.IdxRange && e.val-sub.ValFirst <= sub.ValRange &&
		e.idx >= sub.IdxFirst && e.val >= sub.ValFirst &&
		(sub.Group == 0 || sub.Group == e.group)
}

// raise tells all who have subscribed to an event, and gives how many that are. s.mu is held.
func (s *Server) raise(e event) (listeners int) {
	var p *control.Packet
	for c := range s.events.subscribers {
		if !slices.ContainsFunc(c.subscriptions, func(sub control.Evt) bool { return matches(&sub, &e) }) {
			continue
		}
		if p == nil {
			p = e.packet()
		}
		listeners++
		own := *p
		c.notify(&own)
	}
	return listeners
}

// packet is the message that an event is.
func (e *event) packet() *control.Packet {
	p := &control.Packet{Trailer: e.trailer}
	p.Type, p.Flags, p.Idx, p.Val = control.EvtEvent, control.FlagNoReply, e.idx, e.val
	p.SetEvt(&control.Evt{IdxFirst: e.idx, ValFirst: e.val, Mask: e.kind, Group: e.group, NS: uint64(time.Now().UnixNano())})
	return p
}

// subscribe is EVT SUBSCRIBE.
func (s *Server) subscribe(c *client, in, _ *control.Packet) error {
	sub := in.Evt()
	switch {
	case sub.Mask == 0:
		return fmt.Errorf("a mask of nothing: %w", syscall.EINVAL)
	case sub.Lost != 0 || sub.NS != 0:
		return fmt.Errorf("lost and ns are the hub's to tell: %w", syscall.EINVAL)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case slices.Contains(c.subscriptions, sub):
		return syscall.EEXIST
	case len(c.subscriptions) == MaxSubscriptions:
		return syscall.ENOSPC
	}
	c.subscriptions = append(c.subscriptions, sub)
	s.events.subscribers[c] = struct{}{}
	return nil
}

// unsubscribe is EVT UNSUBSCRIBE.
func (s *Server) unsubscribe(c *client, in, _ *control.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(c.subscriptions, in.Evt())
	if i < 0 {
		return syscall.ENOENT
	}
	if c.subscriptions = slices.Delete(c.subscriptions, i, i+1); len(c.subscriptions) == 0 {
		delete(s.events.subscribers, c)
	}
	return nil
}

// register is HUB REGISTER.
func (s *Server) register(c *client, in, _ *control.Packet) error {
	r := &registered{eventID: eventID{in.Idx, in.Val}, name: in.Hub().Name, owner: c}
	if in.Flags&control.FlagGroup != 0 {
		r.group = in.Dst
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.idx < uint32(control.SourceRegistered):
		return fmt.Errorf("idx %d is the hub's own: %w", r.idx, syscall.EPERM)
	case s.events.ids[r.eventID] != nil:
		return syscall.EEXIST
	case len(s.events.ids) == MaxEventIDs:
		return syscall.ENOSPC
	}
	s.events.ids[r.eventID] = r
	s.raise(event{eventID: r.eventID, kind: control.EventRegistered, group: r.group, trailer: r.tlvs()})
	return nil
}

// tlvs names what is registered.
func (r *registered) tlvs() []byte {
	t, _ := control.AppendTLV(nil, control.TLVName, []byte(r.name.String())) // of 32 octets at most: it fits
	return t
}

// unregister is HUB UNREGISTER.
func (s *Server) unregister(c *client, in, _ *control.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.ownEvent(c, in)
	if err == nil {
		s.withdraw(r)
	}
	return err
}

// ownEvent finds the id of a message among those that its sender has registered. s.mu is held.
func (s *Server) ownEvent(c *client, in *control.Packet) (*registered, error) {
	r := s.events.ids[eventID{in.Idx, in.Val}]
	switch {
	case r == nil:
		return nil, syscall.ENOENT
	case r.owner != c:
		return nil, fmt.Errorf("%q has registered it: %w", r.owner.name, syscall.EPERM)
	}
	return r, nil
}

func (s *Server) withdraw(r *registered) {
	delete(s.events.ids, r.eventID)
	s.raise(event{eventID: r.eventID, kind: control.EventGone, group: r.group, trailer: r.tlvs()})
}

// alarm is EVT EVENT of an ADMIN: an alarm under an id of its own.
func (s *Server) alarm(c *client, in, out *control.Packet) error {
	b := in.Evt()
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.ownEvent(c, in)
	switch {
	case err != nil:
		return err
	case b.Mask != control.EventAlarmRaised && b.Mask != control.EventAlarmCleared:
		return fmt.Errorf("mask %v: one of the two of alarms: %w", b.Mask, syscall.EINVAL)
	}
	n := s.raise(event{eventID: r.eventID, kind: b.Mask, group: r.group, trailer: in.Trailer})
	if n == 0 {
		return syscall.ESRCH
	}
	out.Status = int32(n)
	return nil
}

// silence ends what a client has registered and subscribed to. s.mu is held.
func (s *Server) silence(c *client) {
	delete(s.events.subscribers, c)
	for _, r := range s.eventsInOrder() {
		if r.owner == c {
			s.withdraw(r)
		}
	}
}

// eventsInOrder gives what is registered, by id.
func (s *Server) eventsInOrder() []*registered {
	all := make([]*registered, 0, len(s.events.ids))
	for _, r := range s.events.ids {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *registered) int { return cmp.Or(cmp.Compare(a.idx, b.idx), cmp.Compare(a.val, b.val)) })
	return all
}

// listEvents lists the ids that are registered, and then the hub's own.
func (s *Server) listEvents() (entries []entry) {
	for _, r := range s.eventsInOrder() {
		entries = append(entries, entry{idx: r.idx, val: r.val, name: r.name.String()})
	}
	for _, p := range s.ports.inOrder() {
		entries = append(entries, entry{idx: uint32(control.SourcePort), val: uint32(p.number), name: p.name})
	}
	for _, m := range s.managers {
		entries = append(entries, entry{idx: uint32(control.SourceManager), val: m.id, name: m.name})
	}
	return entries
}

// raiseManager raises events about a manager; the trailer has its name and ports.
func (s *Server) raiseManager(m *client, name string, kinds ...control.EventMask) {
	t, _ := control.AppendTLV(nil, control.TLVName, []byte(name))
	if len(m.ports) > 0 {
		t, _ = control.AppendPorts(t, m.ports)
	}
	for _, kind := range kinds {
		s.raise(event{eventID: eventID{uint32(control.SourceManager), m.id}, kind: kind, trailer: t})
	}
}

// raisePort raises an event about a port.
func (s *Server) raisePort(p *port, kind control.EventMask) {
	t, _ := control.AppendTLV(nil, control.TLVName, []byte(p.name))
	s.raise(event{eventID: eventID{uint32(control.SourcePort), uint32(p.number)}, kind: kind, trailer: t})
}

// raiseVC raises an event about a VC, which the trailer names.
func (s *Server) raiseVC(v *vc, kind control.EventMask) {
	end := control.SecondEnd{Port: v.port, VPI: v.vpi, VCI: v.vci}
	t, _ := end.Append(nil)
	s.raise(event{eventID: eventID{uint32(control.SourceVC), v.id.Index()}, kind: kind, trailer: t})
}

// queueChanged raises what the hub tells of the queue of a VC, by its process.
func (s *Server) queueChanged(pair dataplane.ProcID, kind control.EventMask) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.vcs.byPair[pair]; v != nil {
		s.raiseVC(v, kind)
	}
}

// watchQueues has the hub tell of the queues of a carrier's VCs. s.mu is held.
func (s *Server) watchQueues(c *carrier) error {
	if err := s.openLine(); err != nil {
		return err
	}
	number := binary.BigEndian.AppendUint32(nil, uint32(s.sig.line.ID()))
	_, err := s.fabric.Do(dataplane.Command{Number: watchQueues, A: c.assoc, Arg: string(number)})
	return err
}

// watchQueues is the command by which a multiplexor learns whom to tell.
const watchQueues = control.FirstModuleCommand
