package server

import (
	"errors"
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
	Octets      int // of all their regions together
	Connections int
}

// DefaultLimits is what a user has where a Config says nothing.
var DefaultLimits = Limits{Clients: MaxClients / 16, Regions: 64, Octets: 4 << 30, Connections: 1 << 17}

// usage is what a user has.
type usage struct{ clients, regions, octets, connections int }

// MaxRegions is how many regions an application may have: each has twice the octets of the one
// before.
const MaxRegions = 16

// application is a client with regions, in the order in which they were passed.
type application struct {
	client *client
	user   uint32
	shares []*share
}

// share is a region and the hub's end of it.
type share struct {
	number   int
	octets   int
	region   *region.Region
	sockets  Sockets
	driver   dataplane.ProcID
	channels map[uint32]*conn
}

// enterApplication makes a region for a client, and puts its descriptors in the answer to HELLO.
// s.mu is held.
func (s *Server) enterApplication(c *client, out *control.Packet) error {
	if s.sockets == nil {
		return nil // nothing but primitives
	}
	user := c.conn.Peer().Uid
	u := s.usageOf(user)
	if u.regions >= s.limits.Regions {
		return fmt.Errorf("user %d has %d applications: %w", user, u.regions, syscall.EDQUOT)
	}
	a := &application{client: c, user: user}
	passed, err := s.addShare(a, s.regionOctets)
	if err != nil {
		return err
	}
	u.regions++
	c.app = a
	out.Files = passed[:]
	return nil
}

// addShare makes another region of an application. The descriptors are for the client.
func (s *Server) addShare(a *application, octets int) (passed region.Passed, err error) {
	u := s.usageOf(a.user)
	if u.octets+octets > s.limits.Octets {
		return passed, fmt.Errorf("user %d shares %d octets, %d more are too many: %w", a.user, u.octets, octets, syscall.EDQUOT)
	}
	sh := &share{number: len(a.shares), octets: octets, channels: map[uint32]*conn{}}
	if sh.region, passed, err = region.Make(region.Config{Octets: octets}); err != nil {
		return passed, err
	}
	if sh.sockets, err = s.sockets(sh.region, func(number uint32) { go s.ringBroken(a, sh, number) }); err == nil {
		m := sh.sockets.Module()
		var ids []dataplane.ProcID
		if ids, err = s.changes.Build(0, dataplane.Part{Module: &m}); err == nil {
			sh.driver = ids[0]
		}
	}
	if err != nil {
		passed.Close()
		sh.region.Close()
		return passed, err
	}
	u.octets += octets
	a.shares = append(a.shares, sh)
	return passed, nil
}

// alloc makes a channel in the first of an application's regions that has room, or in another
// region, of which the client is told before it can hear of the channel.
func (s *Server) alloc(a *application, shape region.Shape) (*share, *region.Channel, region.Place, error) {
	for _, sh := range a.shares {
		if side, place, err := sh.region.Alloc(shape); !errors.Is(err, syscall.ENOBUFS) {
			return sh, side, place, err
		}
	}
	if len(a.shares) == MaxRegions {
		return nil, nil, region.Place{}, fmt.Errorf("%d regions are full: %w", MaxRegions, syscall.ENOBUFS)
	}
	passed, err := s.addShare(a, s.nextOctets(a, shape.Octets()))
	if err != nil {
		return nil, nil, region.Place{}, err
	}
	sh := a.shares[len(a.shares)-1]
	p := &control.Packet{Files: passed[:]}
	p.SetHub(&control.Hub{A: uint32(sh.number)})
	p.Type, p.Flags = control.HubRegion, control.FlagNoReply
	if !a.client.post(p) {
		p.CloseFiles()
		s.putOut(a.client)
		return nil, nil, region.Place{}, syscall.ENOBUFS
	}
	side, place, err := sh.region.Alloc(shape)
	return sh, side, place, err
}

// nextOctets is the size of an application's next region, for a channel of some octets first:
// twice that of the last, or what is left to its user, if that is enough.
func (s *Server) nextOctets(a *application, channel int) int {
	const page = 4096
	least := max(2*channel, region.MinOctets) // doorbells and a head come before the channel
	next := max(min(2*a.shares[len(a.shares)-1].octets, region.MaxOctets), least)
	if left := (s.limits.Octets - s.usageOf(a.user).octets) &^ (page - 1); left < next && left >= least {
		next = left
	}
	return next
}

// putOut ends a client that does not read what the hub has to say: it would not know what has
// become of its connections.
func (s *Server) putOut(c *client) {
	s.log.Warn("application does not read", "client", c.name, "uid", c.conn.Peer().Uid)
	_ = c.conn.Close()
}

// leaveApplication gives an application's regions back, which nothing uses any more. s.mu is held.
func (s *Server) leaveApplication(c *client) {
	a := c.app
	if a == nil {
		return
	}
	c.app = nil
	u := s.usageOf(a.user)
	for _, sh := range a.shares {
		for len(sh.channels) > 0 { // those whose manager has to release them yet
			_ = s.bundle(func() error { s.closeSome(sh); return nil }) // nothing fails in it
			s.giveWay()
		}
		s.mustClose(sh.driver)
		sh.region.Close()
		u.octets -= sh.octets
	}
	u.regions--
	s.forgetUsage(a.user)
}

// closeSome closes some of a region's channels.
func (s *Server) closeSome(sh *share) {
	n := 0
	for _, cn := range sh.channels {
		if n++; n > goneAtOnce {
			return
		}
		s.closeChannel(cn)
	}
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
func (s *Server) ringBroken(a *application, sh *share, number uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := a.client
	if c.app != a {
		return
	}
	s.brokenRings++
	s.log.Warn("ring makes no sense", "client", c.name, "uid", c.conn.Peer().Uid, "region", sh.number, "channel", number)
	if number == NoSocket {
		_ = c.conn.Close() // whoever reads it lets go of all that it has
		return
	}
	if cn := sh.channels[number]; cn != nil {
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
