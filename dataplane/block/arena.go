package block

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// ID is a block's index in the process's arena. 0 is no block.
type ID uint32

// Size is one of the sizes that blocks have.
type Size uint8

// The sizes.
const (
	Small Size = iota
	Medium
	Large
	Sizes // how many there are
)

// Octets of a block of each size, headroom included. The region of the small ones begins
// the arena, and can be registered with the kernel as a UMEM: it wants chunks of 2,048.
const (
	SmallBytes  = 1 << 11 // a frame, some cells, the beginning of a PDU
	MediumBytes = 1 << 14 // a jumbo frame, an SDU of 9,180 octets
	LargeBytes  = 1 << 17 // an AAL5 SDU of 65,535 octets with its headers
)

var sizeShift = [Sizes]uint8{Small: 11, Medium: 14, Large: 17}

// Bytes is the octets of a block of the size, headroom included.
func (s Size) Bytes() int { return 1 << sizeShift[s] }

func (s Size) String() string { return [Sizes]string{"small", "medium", "large"}[s] }

// fits is the smallest size that has room for n octets behind the headroom; Sizes when
// none has.
func fits(n int) Size {
	switch {
	case n <= SmallBytes-Headroom:
		return Small
	case n <= MediumBytes-Headroom:
		return Medium
	case n <= LargeBytes-Headroom:
		return Large
	}
	return Sizes
}

// Limits of an arena.
const (
	MaxBlocks = 1 << 22 // of all hubs
	MaxHubs   = 64
	MaxViews  = 1 << 20 // loans, duplicates and external blocks standing at once, per hub
)

// Headroom is what every fresh block keeps free before its data, in octets: the
// headers of all layers below are written there instead of copying the payload.
// Ethernet 14, two MPLS labels 8, control word 4, LLC and SNAP 10 are 36.
const Headroom = 64

// ErrArena is wrapped by every refusal of NewArena.
var ErrArena = errors.New("arena")

// Config gives the blocks of an arena: how many of each size each hub has.
type Config struct {
	Hubs                 int // pools; 0 means 1
	Small, Medium, Large int // blocks of each hub; one of them at least
	Views                int // loans, duplicates and external blocks of each hub; 0 means as many as blocks
}

// Arena is the block memory of a process: one anonymous mapping, a region for each size.
// Blocks are named by index; an index tells the hub that it belongs to. The headers lie
// beside the memory, not in it, so that a block can be handed whole to a kernel ring.
type Arena struct {
	mem     []byte
	regions [Sizes]region
	blocks  uint32 // of all hubs and sizes
	views   uint32 // of each hub
	head    []header
	lent    [][]byte // memory of the blocks that have none of their own
	done    []func() // what to call when an external block is free
	ticket  []uint64 // of parked blocks
	ledger  ledger   //nolint:unused // of a debug build
	pools   []*Pool
}

// region is the blocks of one size, hub by hub.
type region struct {
	first  uint32 // index of the first
	perHub uint32
	blocks uint32 // of all hubs
	base   int    // where their memory begins
	shift  uint8
}

// A header says where a block's data lies in its memory. Only the hub that holds
// the block touches it. Pool sets it field by field: the compiler builds a literal on
// the stack and copies it, which stalls on the narrow stores just made.
type header struct {
	rd, wr uint32 // data is memory[rd:wr]
	next   ID     // next block of the message, of the free list, or of those parked
	base   ID     // the block whose memory a duplicate shows; the one parked before
	refs   uint16 // holders of the memory: this block and its duplicates
	kind   kind
	where  where
}

// where is the hub that a block belongs to, and its size: Sizes where it has no memory of
// its own.
type where uint8

const hubBits = 6 // MaxHubs

func at(hub int, s Size) where { return where(int(s)<<hubBits | hub) }
func (w where) hub() int       { return int(w & (1<<hubBits - 1)) }
func (w where) size() Size     { return Size(w >> hubBits) }

type kind uint8

const (
	kindFree     kind = iota
	kindOwned         // memory of the arena
	kindView          // a duplicate: the memory of base, positions of its own
	kindLoan          // memory that is somebody else's until put returns
	kindExternal      // memory that is somebody else's until the block is freed
	kindParked        // owned, and may be taken back: see Park
)

// NewArena maps the memory and makes one pool per hub, with the rings by which blocks
// come home. Memory that was never used costs nothing. Close unmaps it.
func NewArena(c Config) (*Arena, error) {
	c.Hubs = max(c.Hubs, 1)
	counts := [Sizes]int{c.Small, c.Medium, c.Large}
	perHub := c.Small + c.Medium + c.Large
	if c.Views == 0 {
		c.Views = perHub
	}
	switch {
	case c.Hubs > MaxHubs:
		return nil, fmt.Errorf("%w: %d hubs, at most %d", ErrArena, c.Hubs, MaxHubs)
	case slices.Min(counts[:]) < 0 || slices.Max(counts[:]) > MaxBlocks || perHub < 1 || perHub*c.Hubs > MaxBlocks:
		return nil, fmt.Errorf("%w: %d, %d and %d blocks for each of %d hubs, at most %d in all", ErrArena, c.Small, c.Medium, c.Large, c.Hubs, MaxBlocks)
	case c.Views < 1 || c.Views > MaxViews:
		return nil, fmt.Errorf("%w: %d views, 1 to %d", ErrArena, c.Views, MaxViews)
	}
	a := &Arena{blocks: uint32(perHub * c.Hubs), views: uint32(c.Views)}
	first, octets := uint32(1), 0
	for s, n := range counts {
		a.regions[s] = region{first: first, perHub: uint32(n), blocks: uint32(n * c.Hubs), base: octets, shift: sizeShift[s]}
		first += uint32(n * c.Hubs)
		octets += n * c.Hubs << sizeShift[s]
	}
	var err error
	if a.mem, err = unix.Mmap(-1, 0, octets, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS); err != nil {
		return nil, fmt.Errorf("%w: map %d octets: %w", ErrArena, octets, err)
	}
	a.head = make([]header, 1+int(a.blocks)+c.Views*c.Hubs)
	a.lent = make([][]byte, c.Views*c.Hubs)
	a.done = make([]func(), c.Views*c.Hubs)
	a.ticket = make([]uint64, 1+int(a.blocks))
	a.openLedger()
	for i := range c.Hubs {
		a.pools = append(a.pools, newPool(a, i))
	}
	if err := a.connect(); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// Close unmaps the memory. Nothing may hold a block any more.
func (a *Arena) Close() error {
	mem := a.mem
	a.mem = nil
	if mem == nil {
		return nil
	}
	return unix.Munmap(mem)
}

// Pool is the pool of hub i.
func (a *Arena) Pool(i int) *Pool { return a.pools[i] }

// Hubs is how many pools there are.
func (a *Arena) Hubs() int { return len(a.pools) }

// Blocks is how many blocks each hub has, of all sizes.
func (a *Arena) Blocks() int { return int(a.blocks) / len(a.pools) }

// BlocksOf is how many blocks of a size each hub has.
func (a *Arena) BlocksOf(s Size) int { return int(a.regions[s].perHub) }

// MaxAlloc is the most octets that Alloc ever gives room for behind the headroom.
func (a *Arena) MaxAlloc() int {
	for s := Large; s > Small; s-- {
		if a.regions[s].perHub > 0 {
			return s.Bytes() - Headroom
		}
	}
	return SmallBytes - Headroom
}

// memory is all the memory behind a block.
func (a *Arena) memory(b ID) []byte {
	if uint32(b) > a.blocks {
		return a.lent[uint32(b)-1-a.blocks]
	}
	r := &a.regions[a.head[b].where.size()]
	o := r.base + int(uint32(b)-r.first)<<r.shift
	return a.mem[o : o+1<<r.shift : o+1<<r.shift]
}

// Bytes is the data of one block (not of the blocks linked behind it). The slice
// is good as long as the block is held.
func (a *Arena) Bytes(b ID) []byte {
	h := &a.head[b]
	return a.memory(b)[h.rd:h.wr:h.wr]
}

// Tail is the room behind the block's data.
func (a *Arena) Tail(b ID) []byte { return a.memory(b)[a.head[b].wr:] }

// Len is the octets of data in one block.
func (a *Arena) Len(b ID) int { return int(a.head[b].wr - a.head[b].rd) }

// Prepend grows the data by n octets at the front and returns them, or nil when
// the room before the data is shorter or the memory is shared.
func (a *Arena) Prepend(b ID, n int) []byte {
	h := &a.head[b]
	if uint32(n) > h.rd || !a.exclusive(b) {
		return nil
	}
	h.rd -= uint32(n)
	return a.memory(b)[h.rd : h.rd+uint32(n)]
}

// Extend grows the data by n octets at the end and returns them, or nil when the
// room is shorter or the memory is shared.
func (a *Arena) Extend(b ID, n int) []byte {
	h := &a.head[b]
	m := a.memory(b)
	if n > len(m)-int(h.wr) || !a.exclusive(b) {
		return nil
	}
	h.wr += uint32(n)
	return m[h.wr-uint32(n) : h.wr]
}

// Trim takes n octets off the front of the data; at most all of it.
func (a *Arena) Trim(b ID, n int) {
	h := &a.head[b]
	h.rd += min(uint32(n), h.wr-h.rd)
}

// Cut shortens the data to n octets; it never lengthens it.
func (a *Arena) Cut(b ID, n int) {
	h := &a.head[b]
	h.wr = min(h.wr, h.rd+uint32(n))
}

// Window sets the data to memory[from:from+n], whatever it was. It panics outside
// the memory: positions come from the block's holder, never from a peer.
func (a *Arena) Window(b ID, from, n int) {
	if from < 0 || n < 0 || from+n > len(a.memory(b)) {
		panic("block: window outside the memory")
	}
	a.head[b].rd, a.head[b].wr = uint32(from), uint32(from+n)
}

// Borrowed reports whether the memory is somebody else's until put returns.
func (a *Arena) Borrowed(b ID) bool { return a.head[b].kind == kindLoan }

// exclusive reports whether the holder may write the memory around the data.
func (a *Arena) exclusive(b ID) bool {
	h := &a.head[b]
	return h.kind == kindOwned && h.refs == 1
}

// Stat is what a debugger shows of one block.
type Stat struct {
	Free    bool
	Holders int  // of its memory: this block and its duplicates
	Base    ID   // the block whose memory a duplicate shows, else 0
	Own     bool // it has memory of the arena
}

// Stat tells of a block, in use or not.
func (a *Arena) Stat(b ID) Stat {
	h := &a.head[b]
	s := Stat{Free: h.kind == kindFree, Holders: int(h.refs), Own: uint32(b) <= a.blocks}
	if h.kind == kindView {
		s.Base = h.base
	}
	return s
}
