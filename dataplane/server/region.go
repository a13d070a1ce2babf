package server

import (
	"fmt"
	"syscall"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/pcb"
	"github.com/cellhub/cellhub/dataplane/region"
)

// Sockets is the hub's end of an application's region: the driver of dataplane/modules, whose
// pairs are made by a channel's number.
type Sockets interface {
	Module() dataplane.Module
	// Expect announces a channel whose pair is about to be made; Forget takes that back.
	Expect(*region.Channel)
	Forget(number uint32)
	// Drain sends what the application has put in a channel's ring, as far as there is room
	// below; on the hub.
	Drain(number uint32)
}

// NoSocket is the number by which a whole region is told to be broken.
const NoSocket = 1<<32 - 1

// Limits are what one user may have of the hub, by user number, whatever processes he runs.
type Limits struct {
	Clients     int // connections to the control socket at a time, before HELLO too; 0: the default's
	Regions     int // applications at a time
	Octets      int // of their regions together
	Connections int
}

// DefaultLimits is what a user has where a Config says nothing.
var DefaultLimits = Limits{Clients: MaxClients / 16, Regions: 64, Octets: 4 << 30, Connections: 1 << 17}

// usage is what a user has.
type usage struct{ clients, regions, octets, connections int }

// application is a client with a region.
type application struct {
	region   *region.Region
	sockets  Sockets
	driver   dataplane.ProcID
	user     uint32
	channels map[uint32]*conn
}

// enterApplication makes a region for a client, and puts its descriptors in the answer to HELLO.
// s.mu is held.
func (s *Server) enterApplication(c *client, out *control.Packet) error {
	if s.sockets == nil {
		return nil // nothing but primitives
	}
	user, octets := c.conn.Peer().Uid, s.regionOctets
	u := s.usageOf(user)
	if u.regions >= s.limits.Regions || u.octets+octets > s.limits.Octets {
		return fmt.Errorf("user %d has %d applications with %d octets: %w", user, u.regions, u.octets, syscall.EDQUOT)
	}
	r, passed, err := region.Make(region.Config{Octets: octets})
	if err != nil {
		return err
	}
	a := &application{region: r, user: user, channels: map[uint32]*conn{}}
	if a.sockets, err = s.sockets(r, func(number uint32) { go s.ringBroken(c, number) }); err == nil {
		m := a.sockets.Module()
		var ids []dataplane.ProcID
		if ids, err = s.fabric.Build(0, dataplane.Part{Module: &m}); err == nil {
			a.driver = ids[0]
		}
	}
	if err != nil {
		passed.Close()
		r.Close()
		return err
	}
	u.regions++
	u.octets += octets
	c.app = a
	out.Files = passed[:]
	return nil
}

// leaveApplication gives a region back; which nothing uses any more. s.mu is held.
func (s *Server) leaveApplication(c *client) {
	a := c.app
	if a == nil {
		return
	}
	c.app = nil
	for _, cn := range a.channels { // those whose manager has to release them yet
		s.closeChannel(cn)
	}
	s.mustClose(a.driver)
	a.region.Close()
	u := s.usageOf(a.user)
	u.regions--
	u.octets -= s.regionOctets
	s.forgetUsage(a.user)
}

func (s *Server) usageOf(user uint32) *usage {
	u := s.users[user]
	if u == nil {
		u = new(usage)
		s.users[user] = u
	}
	return u
}

func (s *Server) forgetUsage(user uint32) {
	if u := s.users[user]; u != nil && *u == (usage{}) {
		delete(s.users, user)
	}
}

// mustClose closes a process of ours.
func (s *Server) mustClose(id dataplane.ProcID) {
	if _, err := s.changes.Do(dataplane.Command{Number: control.HubClose, A: id}); err != nil {
		s.log.Error("close", "process", id, "error", err)
	}
}

// ringBroken sees to an application whose shared memory makes no sense: the connection ends, or,
// where it is the doorbells, the application is put out.
func (s *Server) ringBroken(c *client, number uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.app == nil {
		return
	}
	s.brokenRings++
	s.log.Warn("ring makes no sense", "client", c.name, "uid", c.conn.Peer().Uid, "channel", number)
	if number == NoSocket {
		_ = c.conn.Close() // whoever reads it lets go of all that it has
		return
	}
	if cn := c.app.channels[number]; cn != nil {
		s.tellUser(cn, control.SockClosed, -int32(syscall.EPROTO), 0, nil)
		_ = s.step(cn, pcb.Close, nil) // refused: it is about to end anyway
	}
}

// BrokenRings counts the connections and applications that ended because their shared memory
// made no sense.
func (s *Server) BrokenRings() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.brokenRings
}
