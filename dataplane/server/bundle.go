package server

import "github.com/cellhub/cellhub/dataplane"

// bundle has all that fn changes of the hub done at once: a call is a dozen changes, and to wait
// for the hub costs more than all of them. fn must not wait for anything, nor change what it
// does not change by s.changes. s.mu is held.
func (s *Server) bundle(fn func() error) (err error) {
	if s.bundled {
		return fn()
	}
	failed := s.fabric.Together(func(x dataplane.Changes) {
		s.changes, s.bundled = x, true
		defer func() { s.changes, s.bundled = s.fabric.Alone(), false }()
		err = fn()
	})
	after := s.unsettled
	s.unsettled = nil
	for _, do := range after {
		do()
	}
	if failed != nil {
		return errnoOf(failed)
	}
	return err
}
