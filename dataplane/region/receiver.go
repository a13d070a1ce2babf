package region

import "github.com/cellhub/cellhub/dataplane/ring"

// Receiver is the consuming side of one direction of a channel.
type Receiver struct {
	ring *ring.Consumer[Descriptor]
	area []byte
	most uint32 // octets of an SDU
	bad  bool   // a descriptor made no sense
}

// Get takes the next SDU: a descriptor, and its octets, which may change as they are read until
// Release, and are copied first and read then. false: nothing is there, or what is makes no
// sense; see Broken.
func (r *Receiver) Get() (d Descriptor, octets []byte, ok bool) {
	if r.bad {
		return d, nil, false
	}
	d, ok = r.ring.Get()
	if !ok {
		return d, nil, false
	}
	size := uint32(len(r.area))
	if d.Length == 0 && d.Flags&FlagEnd == 0 || d.Length > r.most || d.Offset > size || d.Length > size-d.Offset {
		r.bad = true
		return d, nil, false
	}
	return d, r.area[d.Offset : d.Offset+d.Length : d.Offset+d.Length], true
}

// Release gives back what was taken.
func (r *Receiver) Release() { r.ring.Release() }

// Empty looks whether nothing waits.
func (r *Receiver) Empty() bool { return r.ring.Empty() }

// Broken reports whether the other side has written what makes no sense: nothing more is taken.
func (r *Receiver) Broken() bool { return r.bad || r.ring.Broken() }
