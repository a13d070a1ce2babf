package loader

import (
	"strings"
	"time"
)

// Limits of what a daemon is given at its start. They are those of the packages concerned,
// which this one does not import.
const (
	MinRegion      = 1 << 17 // octets
	MaxRegion      = 1 << 36 // octets
	MaxConnections = 1 << 20
	MaxUserRegions = 1 << 14
	MaxUserOctets  = 1 << 50
	MaxGrace       = 10 * time.Second
	MaxBlocks      = 1 << 22 // of all hubs together
	minBlocks      = 64      // of a size
	minPage        = 4096    // what the size of a region is a multiple of
)

// Sockets are the limits of applications; 0: the daemon's choice.
type Sockets struct {
	Region      int // octets that each application shares with the hub at first
	Connections int // of all users together
	Grace       time.Duration
	HasGrace    bool
	User        User
}

// User is what one user may have, whatever programs he runs; 0: the daemon's choice.
type User struct {
	Applications, Octets, Connections int
}

// Blocks are how many blocks of each size a hub has; 0: the daemon's choice.
type Blocks struct {
	Small, Medium, Large int
	At                   Position
}

// sockets reads {region, connections, grace, user}.
func (r *reader) sockets(c *Config, e entry) {
	s := &c.Sockets
	r.fields(e.value, "sockets", map[string]func(entry){
		"region": func(e entry) {
			s.Region = int(r.number(e, MinRegion, MaxRegion))
			if s.Region%minPage != 0 {
				r.fault(nodeAt(e.value), "region: %d is no multiple of %d", s.Region, minPage)
			}
		},
		"connections": func(e entry) { s.Connections = int(r.number(e, 1, MaxConnections)) },
		"grace": func(e entry) {
			text, at := r.text(e)
			grace, err := time.ParseDuration(text)
			if text != "" && (err != nil || grace < 0 || grace > MaxGrace) {
				r.fault(at, "grace: %q: a time from 0s to %v", text, MaxGrace)
			}
			s.Grace, s.HasGrace = grace, true
		},
		"user": func(e entry) {
			r.fields(e.value, "user", map[string]func(entry){
				"applications": func(e entry) { s.User.Applications = int(r.number(e, 1, MaxUserRegions)) },
				"octets":       func(e entry) { s.User.Octets = int(r.number(e, MinRegion, MaxUserOctets)) },
				"connections":  func(e entry) { s.User.Connections = int(r.number(e, 1, MaxConnections)) },
			})
		},
	})
}

// blocks reads {small, medium, large}.
func (r *reader) blocks(c *Config, e entry) {
	c.Blocks.At = e.at
	count := func(n *int) func(entry) {
		return func(e entry) { *n = int(r.number(e, minBlocks, MaxBlocks)) }
	}
	r.fields(e.value, "blocks", map[string]func(entry){
		"small": count(&c.Blocks.Small), "medium": count(&c.Blocks.Medium), "large": count(&c.Blocks.Large),
	})
}

// MaxRelayed is the most connections that the kernel may relay.
const MaxRelayed = 1 << 20

// Relay is what the kernel relays.
type Relay struct {
	Connections int  // at most; 0: the daemon's choice
	Keep        bool // it goes on when the daemon ends as it was asked to
}

// relay reads {connections, keep}.
func (r *reader) relay(c *Config, e entry) {
	r.fields(e.value, "relay", map[string]func(entry){
		"connections": func(e entry) { c.Relay.Connections = int(r.number(e, 1, MaxRelayed)) },
		"keep":        func(e entry) { c.Relay.Keep = r.yes(e) },
	})
}

// folders reads the folders that captures may be written to.
func (r *reader) folders(c *Config, e entry) {
	for _, n := range r.list(e.value, e.key) {
		name, at := r.text(entry{e.key, e.at, n})
		if name != "" && !strings.HasPrefix(name, "/") {
			r.fault(at, "captures: %q: a path from the root", name)
		}
		c.Captures = append(c.Captures, name)
	}
}

// fewBlocks looks at whether all hubs together have no more blocks than there may be.
func (r *reader) fewBlocks(c *Config) {
	b := c.Blocks
	if n := (b.Small + b.Medium + b.Large) * max(c.Hubs, 1); n > MaxBlocks {
		r.fault(b.At, "blocks: %d for all hubs together: at most %d", n, MaxBlocks)
	}
}
