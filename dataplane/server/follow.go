package server

import (
	"slices"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
)

// Follower is a carrier that follows its device.
type Follower interface {
	// Follow begins to keep the device open, until the carrier's module is closed. on runs a
	// function on the carrier's hub. tell says whether a port, by the carrier's number, can
	// carry, and if not why; it does not wait.
	Follow(on func(func()) error, tell func(number uint32, able bool, why string))
}

// news is what a follower has told.
type news struct {
	carrier *carrier
	number  uint32
	able    bool
	why     string
}

// follow has a carrier followed, if it can be. s.mu is held; what is told comes later, for
// whoever closes the carrier waits for its follower.
func (s *Server) follow(c *carrier) {
	f, ok := c.Carrier.(Follower)
	if !ok {
		return
	}
	f.Follow(
		func(fn func()) error { return s.fabric.On(c.id, fn) },
		func(number uint32, able bool, why string) {
			s.newsMu.Lock()
			defer s.newsMu.Unlock()
			if s.deaf {
				return
			}
			if s.news = append(s.news, news{c, number, able, why}); len(s.news) == 1 {
				s.wait.Go(s.hear)
			}
		})
}

// hear takes all news.
func (s *Server) hear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newsMu.Lock()
	all := s.news
	s.news = nil
	s.newsMu.Unlock()
	for _, n := range all {
		for _, p := range s.ports.all {
			if p.carrier == n.carrier && p.index == n.number && p.unable == n.able {
				was := p.carries()
				p.unable = !n.able
				s.portChanged(p, was, n.why)
			}
		}
	}
}

// carries tells whether a port is up and can carry.
func (p *port) carries() bool { return !p.down && !p.unable }

// portChanged tells of a port that carries now, or not any more. s.mu is held.
func (s *Server) portChanged(p *port, was bool, why string) {
	now := p.carries()
	if was == now {
		return
	}
	kind := control.EventPortDown
	if now {
		kind = control.EventPortUp
	}
	s.log.Info("port", "port", p.number, "name", p.name, "carries", now, "why", why)
	s.raisePort(p, kind)
	s.tellManagers(p, now)
	for v := range p.vcs {
		s.passCarrier(v, now)
	}
}

// tellManagers tells the manager of a port whether it carries.
func (s *Server) tellManagers(p *port, carries bool) {
	for _, m := range s.managers {
		if !m.serves(uint16(p.number)) {
			continue
		}
		out := &control.Packet{}
		out.Type, out.Flags = control.ATMPortDown, control.FlagNoReply
		if carries {
			out.Type = control.ATMPortUp
		}
		out.SetATM(&control.ATM{Port: uint16(p.number)})
		m.mustPost(out)
	}
}

// passCarrier gives the device on top of a VC's stream its carrier, or takes it, so that the
// host's routing takes another way: a driver that has a command of that name.
func (s *Server) passCarrier(v *vc, on bool) {
	all, err := s.changes.Stream(v.pair)
	if v.pair == 0 || err != nil {
		return
	}
	top := all[len(all)-1].ID
	commands, err := s.changes.Commands(top)
	i := slices.IndexFunc(commands, func(c dataplane.ModuleCommand) bool {
		return c.Name == "carrier" && c.Direction == control.DirectionIn
	})
	if err != nil || i < 0 {
		return
	}
	arg := "\x00"
	if on {
		arg = "\x01"
	}
	if _, err := s.changes.Do(dataplane.Command{Number: control.Type(commands[i].Number), A: top, Arg: arg}); err != nil {
		s.log.Warn("carrier of a device", "vc", v, "error", err)
	}
}
