package loader

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Read asks a daemon what it has. The role OBSERVER is enough. What changes meanwhile may
// be seen or not.
func Read(s *control.Session) (*Running, error) {
	r := new(Running)
	if err := r.readPorts(s); err != nil {
		return nil, fmt.Errorf("list of ports: %w", err)
	}
	if err := r.readStreams(s); err != nil {
		return nil, fmt.Errorf("list of streams: %w", err)
	}
	if err := r.readPVCs(s); err != nil {
		return nil, fmt.Errorf("list of VCs: %w", err)
	}
	return r, nil
}

func (r *Running) readPorts(s *control.Session) error {
	ports, err := s.List(control.ListPorts)
	for _, p := range ports {
		r.Ports = append(r.Ports, RunningPort{p.Name, p.Text, uint16(p.A)})
	}
	return err
}

// readStreams follows each stream from its first process, its top, down to what is a VC's.
func (r *Running) readStreams(s *control.Session) error {
	streams, err := s.List(control.ListStreams)
	if err != nil {
		return err
	}
	processes, err := s.List(control.ListProcesses)
	if err != nil {
		return err
	}
	places, err := s.List(control.ListPlaces)
	if err != nil {
		return err
	}
	at := r.hubs(places)
	by, below := map[uint32]control.Listed{}, map[uint32]uint32{}
	for _, p := range processes {
		by[p.A] = p
		if p.B != 0 {
			below[p.B] = p.A
		}
	}
	for _, stream := range streams {
		one := RunningStream{Name: stream.Name}
		for n := stream.A; n != 0 && len(one.Parts) <= len(processes); n = below[n] {
			p, ok := by[n]
			if !ok || isVC(p.Name) {
				break
			}
			name, arg, _ := strings.Cut(p.Text, " ")
			one.Parts = append(one.Parts, RunningPart{n, name, arg, at[n]})
		}
		r.Streams = append(r.Streams, one)
	}
	return nil
}

// hubs takes the hubs out of a listing of places, and gives each process's, counted from 1.
func (r *Running) hubs(places []control.Listed) (at map[uint32]int) {
	r.Hubs = nil
	for _, p := range places {
		r.Hubs = append(r.Hubs, p.B)
	}
	slices.Sort(r.Hubs)
	r.Hubs = slices.Compact(r.Hubs)
	at = map[uint32]int{}
	for _, p := range places {
		at[p.A] = slices.Index(r.Hubs, p.B) + 1
	}
	return at
}

// isVC tells whether a process is the multiplexor's, under the stream of a VC: "vc 0/100".
func isVC(module string) bool {
	vc, ok := strings.CutPrefix(module, "vc ")
	if ok {
		_, _, ok = parseVC(vc)
	}
	return ok
}

// readPVCs takes the VCs out of a dump of everything.
func (r *Running) readPVCs(s *control.Session) error {
	var p control.Packet
	p.Type = control.HubResync
	p.SetHub(&control.Hub{})
	return s.Each(&p, func(in *control.Packet) error {
		if in.Class != control.ClassATM || in.Type != control.ATMQuery {
			return nil
		}
		value, cross := control.FindTLV(in.Trailer, control.TLVSecondEnd)
		text, first := control.FindTLV(in.Trailer, control.TLVText)
		switch {
		case cross && first:
			far, err := control.ParseSecondEnd(value)
			r.Crosses = append(r.Crosses, RunningCross{in.ATM(), far, string(text)})
			return err
		case !cross && !first: // else it is another end of a cross-connect
			r.PVCs = append(r.PVCs, RunningPVC{in.ATM()})
		}
		return nil
	}, nil)
}
