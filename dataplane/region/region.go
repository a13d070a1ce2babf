package region

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/cellhub/cellhub/dataplane/ring"
)

// Region is one side of the memory that a client and the hub share. Telling is one
// goroutine's, hearing is one goroutine's.
type Region struct {
	mem       []byte
	memory    int // descriptor of the memfd
	bell      int // written to wake the other side: the eventfd, the pipe
	ear       int // where the other side's wakes come: the pipe, the eventfd
	hub       bool
	tell      *ring.Producer[uint32]
	hear      *ring.Consumer[uint32]
	entries   int
	Sleeps    Flag // this side: armed before it sleeps
	PeerSleep Flag
	unheard   uint64 // channels not told: the other side does not take its doorbells
	allocator allocator
}

// layOut writes the head of a fresh region, which is zero, by the hub.
func layOut(mem []byte, entries int) {
	le := binary.NativeEndian
	le.PutUint32(mem, magicRegion)
	le.PutUint32(mem[4:], version)
	le.PutUint64(mem[8:], uint64(len(mem)))
	le.PutUint32(mem[16:], uint32(entries))
	le.PutUint32(mem[20:], regionHead)
	le.PutUint32(mem[24:], uint32(regionHead+ring.Octets[uint32](entries)))
}

// headOctets is what comes before the first channel.
func headOctets(entries int) int {
	n := regionHead + 2*ring.Octets[uint32](entries)
	return (n + pageSize - 1) &^ (pageSize - 1)
}

// join makes this side's doorbells over a region that has its head.
func (r *Region) join(entries int) (err error) {
	tx := r.mem[regionHead:]
	rx := tx[ring.Octets[uint32](entries):]
	mine, theirs := clientSleepsAt, hubSleepsAt
	if r.hub {
		tx, rx, mine, theirs = rx, tx, theirs, mine
	}
	if r.tell, _, err = ring.NewOver[uint32](tx, entries); err != nil {
		return err
	}
	if _, r.hear, err = ring.NewOver[uint32](rx, entries); err != nil {
		return err
	}
	r.entries = entries
	r.Sleeps, r.PeerSleep = Flag{word(r.mem, mine)}, Flag{word(r.mem, theirs)}
	return nil
}

// checkHead reads the head of a region, as the hub has written it.
func checkHead(mem []byte) (entries int, err error) {
	le := binary.NativeEndian
	if len(mem) < MinOctets || le.Uint32(mem) != magicRegion || le.Uint32(mem[4:]) != version || le.Uint64(mem[8:]) != uint64(len(mem)) {
		return 0, fmt.Errorf("%w: no region of version %d", ErrRegion, version)
	}
	entries = int(le.Uint32(mem[16:]))
	if entries < minEntries || entries > 2*MaxChannels || bits.OnesCount(uint(entries)) != 1 || headOctets(entries) > len(mem) ||
		le.Uint32(mem[20:]) != regionHead || int(le.Uint32(mem[24:])) != regionHead+ring.Octets[uint32](entries) {
		return 0, fmt.Errorf("%w: the head makes no sense", ErrRegion)
	}
	return entries, nil
}

// Tell names a channel to the other side, which sees it after Flush. The ring has room for all
// that the protocol wants told; a side that does not take its doorbells goes without, and it is
// counted.
func (r *Region) Tell(number uint32) {
	if !r.tell.Put(number) {
		r.unheard++
	}
}

// Flush lets the other side see what it was told, and wakes it if it sleeps.
func (r *Region) Flush() error {
	if r.tell.Publish() && r.PeerSleep.Needs() {
		return r.wake()
	}
	return nil
}

// Heard gives the next channel that the other side has named.
func (r *Region) Heard() (number uint32, ok bool) {
	number, ok = r.hear.Get()
	if ok {
		r.hear.Release()
	}
	return number, ok
}

// Silent looks whether the other side has named nothing.
func (r *Region) Silent() bool { return r.hear.Empty() }

// Broken reports whether the other side's part of the doorbells makes no sense.
func (r *Region) Broken() bool { return r.hear.Broken() || r.tell.Broken() }

// Unheard counts what could not be told.
func (r *Region) Unheard() uint64 { return r.unheard }

// Ear is the descriptor by which this side is woken.
func (r *Region) Ear() int { return r.ear }

// TakeEar gives that descriptor away: it is the caller's to close.
func (r *Region) TakeEar() int {
	fd := r.ear
	r.ear = -1
	return fd
}

// Attach gives the client's side of a channel, which TLV RING has named.
func (r *Region) Attach(offset uint64, size uint32) (*Channel, error) {
	if offset%pageSize != 0 || offset > uint64(len(r.mem)) || uint64(size) > uint64(len(r.mem))-offset {
		return nil, fmt.Errorf("%w: a channel at %d of %d octets in %d", ErrRegion, offset, size, len(r.mem))
	}
	mem := r.mem[offset : offset+uint64(size)]
	number, shape, err := head(mem)
	if err != nil {
		return nil, err
	}
	return view(mem, false, number, shape)
}
