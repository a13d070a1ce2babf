package main

import (
	"fmt"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/cmd/internal/follow"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/modules"
)

// proof is how a VC has to prove that it carries.
type proof uint8

// The proofs.
const (
	proofNone     proof = iota
	proofCheck          // by continuity check cells, both ways, and by AIS
	proofLoopback       // by loopback cells that come back
)

var proofNames = map[string]proof{"off": proofNone, "check": proofCheck, "loopback": proofLoopback}

// loopbackEach is how often a loopback cell goes out.
const loopbackEach = time.Second

// continuity tells from OAM whether the VC carries, end to end. It is a machine without a clock.
type continuity struct {
	by    proof
	asked time.Time // when a loopback cell went out last
	last  vcHealth
	down  bool
}

// vcHealth is what the end of the VC has counted.
type vcHealth struct {
	defects        aal.OAMState
	returned, lost uint64 // loopback cells of ours
}

// look is told the counts by now. ask tells that a loopback cell is to go out.
func (c *continuity) look(now time.Time, n vcHealth, dev string) (ask bool, events []follow.Event) {
	was, why := c.down, ""
	switch c.by {
	case proofCheck:
		defects := n.defects & (aal.OAMStateAIS | aal.OAMStateLOC)
		c.down, why = defects != 0, defects.String()
	case proofLoopback:
		if ask = now.Sub(c.asked) >= loopbackEach; ask {
			c.asked = now
		}
		switch {
		case n.returned > c.last.returned:
			c.down = false
		case n.lost > c.last.lost:
			c.down, why = true, fmt.Sprintf("no loopback cell has come back for %v", aal.OAMLoopbackTimeout)
		}
	}
	c.last = n
	switch {
	case c.down && !was:
		events = append(events, follow.Event{Kind: "oam", Dev: dev, Text: "the VC does not carry: " + why})
	case was && !c.down:
		events = append(events, follow.Event{Kind: "oam", Dev: dev, Text: "the VC carries again"})
	}
	return ask, events
}

// end is the process that is the end of the VC, and 0 in mode aal5sdu, where the carrier is.
func (t *tunnel) end() dataplane.ProcID {
	for i, p := range t.parts {
		if p.Name == "aal5" {
			return t.ids[i]
		}
	}
	return 0
}

// tellEnd has the end of the VC do something about OAM.
func (t *tunnel) tellEnd(module, carrier control.Type, words string) error {
	c := dataplane.Command{Number: module, A: t.end(), Arg: words}
	if c.A == 0 {
		c = dataplane.Command{Number: carrier, A: t.ids[0], Arg: modules.Connection{VC: t.c.vc}.String() + " " + words}
	}
	_, err := t.fabric.Do(c)
	return err
}

// health asks the end of the VC; false when the hub has ended.
func (t *tunnel) health() (n vcHealth, ok bool) {
	var counts []dataplane.Count
	if end := t.end(); end != 0 {
		all, err := t.fabric.Counters(end)
		if err != nil {
			return n, false
		}
		counts = all[0]
	} else if !t.hub.Call(func() { counts, _ = t.port.ConnectionCounts(modules.Connection{VC: t.c.vc}) }) {
		return n, false
	}
	for _, c := range counts {
		switch c.Name {
		case "oam_defects":
			n.defects = aal.OAMState(c.N)
		case "oam_returned":
			n.returned = c.N
		case "oam_lost":
			n.lost = c.N
		}
	}
	return n, true
}

// prove looks whether the VC carries, and asks.
func (s *supervisor) prove() {
	if s.vc.by == proofNone {
		return
	}
	if s.vc.by == proofCheck && !s.proving {
		s.proving = s.t.tellEnd(control.EndOAM, control.CarrierOAM, "source sink") == nil
	}
	n, ok := s.t.health()
	if !ok {
		return
	}
	ask, events := s.vc.look(time.Now(), n, s.t.c.name)
	s.out.events(events)
	if ask {
		_ = s.t.tellEnd(control.EndPing, control.CarrierPing, "end") // one may be out still
	}
}
