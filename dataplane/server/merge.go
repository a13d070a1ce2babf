package server

import (
	"fmt"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/control"
)

// merge is what several cross-connects to one VC have in common: the VC's contract, by which each of them is
// policed where it asks for that, and who they are.
type merge struct {
	shape, contract string
	inputs          map[*cross]struct{}
}

// agrees refuses another contract than that of a merged VC.
func (m *merge) agrees(v *vc, t terms) error {
	if t.shape != m.shape || t.forward != m.contract {
		return fmt.Errorf("VC %v, which others merge into, has the contract %q: %w", v, m.contract+m.shape, syscall.EINVAL)
	}
	return nil
}

// merging is the word by which a carrier is told to merge.
func (t *terms) merging() string {
	if t.merge {
		return " merge"
	}
	return ""
}

// joinMerge has one more cross-connect merge into a VC. s.mu is held.
func (s *Server) joinMerge(x *cross, end *vc, t terms) (err error) {
	if err := s.carry(x.a); err != nil {
		return err
	}
	if err = x.a.tell(s, control.CarrierConnect, "%s%s", end.way(), t.merging()); err == nil && t.police {
		if err = x.a.tell(s, control.CarrierPolice, " %s", t.forward); err != nil {
			s.ended(x.a, x.a.tell(s, control.CarrierDisconnect, ""))
		}
	}
	if err != nil {
		s.uncarry(x.a)
		return err
	}
	s.enterCross(x.a)
	s.enterRelay(x.a)
	end.merge.inputs[x] = struct{}{}
	return nil
}

// removeMerged ends a cross-connect that merges, and with the last of them, or when the VC that they
// merge into goes, all of it. s.mu is held.
func (s *Server) removeMerged(v *vc) {
	x := v.cross
	end := x.ends[firstLeaf]
	gone := map[*cross]struct{}{x: {}}
	if v == end {
		gone = end.merge.inputs
	}
	for x := range gone {
		s.leaveRelay(x.a)
		s.ended(x.a, x.a.tell(s, control.CarrierDisconnect, ""))
		s.leaveCross(x.a)
		delete(end.merge.inputs, x)
	}
	for other := range end.merge.inputs {
		end.cross = other // of those that are left
		return
	}
	s.leaveRelay(end)
	s.ended(end, end.tell(s, control.CarrierRelease, ""))
	s.leaveCross(end)
}
