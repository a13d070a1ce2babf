package classifier

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/cellhub/cellhub/bpf"
)

// MaxSorted is how many labels one interface's sorter has owners for.
const MaxSorted = 1 << 16

// sortedProtocols are the protocol numbers that sorters give: none of them is an EtherType that IEEE has
// given to anybody, and no frame leaves with one.
const (
	sortedProtocols = 0xF000
	sortedMask      = 0x0FFF
)

// Sorted is a label whose frames, where they come by one interface, are shown to sockets of a protocol number of
// their own only. An interface has one sorter for all that have asked, in whatever process: it is there until the
// last of them has gone, however they go. One goroutine at a time uses a Sorted.
type Sorted struct {
	link   link.Link
	owners *ebpf.Map
	key    bpf.SorterSorted
	owner  bpf.SorterOwner
}

// Sort asks for the frames of a label, from one sender or at 0 from anybody, on the interface of that number, from now on;
// whoever has asked for the same before has them no more. Two labels may have the same number: a socket looks at what it
// gets. It wants TCX, which Linux has from 6.6 on.
func Sort(index int, label uint32, from [6]byte) (*Sorted, error) {
	s := &Sorted{key: bpf.SorterSorted{Label: label, From: from}, owner: bpf.SorterOwner{Cookie: rand.Uint32()}}
	binary.BigEndian.PutUint16(s.owner.Protocol[:], sortedProtocols|uint16(label&sortedMask))
	err := s.join(index)
	if err == nil {
		err = noRoom(s.owners.Put(s.key, s.owner), MaxSorted)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sorter: label %d: %w", label, err), s.release())
	}
	return s, nil
}

// Protocol is the number to bind a packet socket to.
func (s *Sorted) Protocol() uint16 { return binary.BigEndian.Uint16(s.owner.Protocol[:]) }

// join takes part in the interface's sorter, or puts one there. Two that come at once may both do: a frame is then
// sorted by one of them.
func (s *Sorted) join(index int) error {
	var own bpf.SorterObjects
	if err := bpf.LoadSorterObjects(&own, nil); err != nil {
		return whyNotLoaded(err)
	}
	defer own.Sort.Close()
	if s.find(index, own.Sort) {
		return own.Owners.Close()
	}
	s.owners = own.Owners
	var err error
	s.link, err = link.AttachTCX(link.TCXOptions{Interface: index, Program: own.Sort, Attach: ebpf.AttachTCXIngress})
	if err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	return nil
}

// find looks for the interface's sorter, which is the same program as ours. Whoever may not look at others' has one
// of its own beside it.
func (s *Sorted) find(index int, own *ebpf.Program) bool {
	mine, err := own.Info()
	if err != nil {
		return false
	}
	there, err := link.QueryPrograms(link.QueryOptions{Target: index, Attach: ebpf.AttachTCXIngress})
	if err != nil {
		return false
	}
	for _, p := range there.Programs {
		if id, ok := p.LinkID(); ok && s.take(p.ID, id, mine.Tag) {
			return true
		}
	}
	return false
}

// take holds on to a program's link and map, if it is a sorter: a link is attached as long as anybody holds it.
func (s *Sorted) take(program ebpf.ProgramID, on link.ID, tag string) bool {
	p, err := ebpf.NewProgramFromID(program)
	if err != nil {
		return false
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil || info.Tag != tag {
		return false
	}
	maps, ok := info.MapIDs()
	if !ok || len(maps) != 1 {
		return false
	}
	if s.link, err = link.NewFromID(on); err != nil {
		return false
	}
	if s.owners, err = ebpf.NewMapFromID(maps[0]); err != nil {
		_ = s.link.Close()
		s.link = nil
		return false
	}
	return true
}

// Close gives the label back, unless somebody has asked for it since, and lets go of the sorter. The socket is closed before.
// A second Close does nothing, nor does one of nil.
func (s *Sorted) Close() error {
	if s == nil || s.owners == nil {
		return nil
	}
	var owner bpf.SorterOwner
	if err := s.owners.Lookup(s.key, &owner); err == nil && owner == s.owner {
		if err = s.owners.Delete(s.key); err != nil {
			return errors.Join(fmt.Errorf("sorter: label %d: %w", s.key.Label, err), s.release())
		}
	}
	return s.release()
}

func (s *Sorted) release() (err error) {
	if s.link != nil {
		err = s.link.Close()
	}
	if s.owners != nil {
		err = errors.Join(err, s.owners.Close())
	}
	s.link, s.owners = nil, nil
	return err
}
