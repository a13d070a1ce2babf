package server

import (
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
)

// A cross-connect whose manager has gone is held while the grace runs: cells flow, and a new
// manager that names it by XCONNECT has it. Connections of applications are held by their blocks
// (package pcb).

// hold keeps a manager's cross-connect for the grace. False: there is none.
func (s *Server) hold(x *cross) bool {
	if s.grace == 0 {
		return false
	}
	x.manager, x.until = nil, s.now()+s.grace
	s.held = append(s.held, x)
	return true
}

// claim gives a held cross-connect to the manager that has named both of its ends; nil: none is
// held there, or another. Its leaves go with it.
func (s *Server) claim(c *client, near, far vcKey) (*cross, error) {
	v := s.vcs.byKey[near]
	if c.role != control.RoleManager || v == nil || v.cross == nil || v.cross.until == 0 {
		return nil, nil
	}
	x := v.cross
	same := false
	for _, end := range x.ends {
		same = same || end.vcKey == far
	}
	if x.a != v || !same {
		return nil, fmt.Errorf("VC %v is held, but not with %v: %w", v, far, syscall.EEXIST)
	}
	for _, end := range x.ends {
		if err := c.mayTouch(end.port); err != nil {
			return nil, err
		}
	}
	if err := c.mayTouch(near.port); err != nil {
		return nil, err
	}
	x.manager, x.until = c, 0
	s.held = slices.DeleteFunc(s.held, func(o *cross) bool { return o == x })
	return x, nil
}

// release ends what is held and satisfies a condition.
func (s *Server) release(over func(*cross) bool) {
	kept := s.held[:0]
	for _, x := range s.held {
		switch {
		case s.vcs.byKey[x.a.vcKey] != x.a: // it has gone by itself
		case over(x):
			s.removeVC(x.a)
		default:
			kept = append(kept, x)
		}
	}
	clear(s.held[len(kept):])
	s.held = kept
}

// nextExpiry is when the first grace is over; false when nothing is held.
func (s *Server) nextExpiry() (at time.Duration, any bool) {
	at, any = s.table.NextExpiry()
	if len(s.held) > 0 && (!any || s.held[0].until < at) {
		at, any = s.held[0].until, true
	}
	return at, any
}
