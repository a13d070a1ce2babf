package dataplane

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// BlockID is a block's index in the process's arena. 0 is no block.
type BlockID uint32

// Limits of an arena.
const (
	MaxChunkBytes = 1 << 17 // longest chunk: an AAL5 SDU of 65,535 octets with headers fits
	MinChunkBytes = 512
	MaxChunks     = 1 << 22
	MaxHubs       = 64
	MaxViews      = 1 << 20 // loans and duplicates standing at once, per hub
)

// Headroom is what every fresh block keeps free before its data, in octets: the
// headers of all layers below are written there instead of copying the payload.
// Ethernet 14, two MPLS labels 8, control word 4, LLC and SNAP 10 are 36.
const Headroom = 64

// ErrArena is wrapped by every refusal of NewArena.
var ErrArena = errors.New("arena")

// ArenaConfig gives the sizes of an arena.
type ArenaConfig struct {
	Hubs       int // pools; 0 means 1
	Chunks     int // chunks of each hub
	ChunkBytes int // octets of a chunk, a power of two
	Views      int // loans and duplicates of each hub; 0 means as many as chunks
}

// Arena is the block memory of a process: one anonymous mapping, cut in chunks of
// one size, outside the garbage collector's sight. Blocks are named by index; an
// index tells the hub it belongs to. The headers lie beside the memory, not in it,
// so that a chunk can be handed whole to a kernel ring.
type Arena struct {
	mem    []byte
	chunk  uint32
	chunks uint32 // of all hubs
	perHub uint32
	views  uint32 // of each hub
	head   []header
	lent   [][]byte // memory of the blocks that have no chunk of their own
	done   []func() // what to call when an external block is free
	ledger ledger   //nolint:unused // of a debug build
	pools  []*Pool
}

// A header says where a block's data lies in its memory. Only the hub that holds
// the block touches it. Pool sets it field by field: the compiler builds a literal on
// the stack and copies it, which stalls on the narrow stores just made.
type header struct {
	rd, wr uint32  // data is memory[rd:wr]
	next   BlockID // next block of the message, or of the free list
	base   BlockID // the block whose memory a duplicate shows
	refs   uint16  // holders of the memory: this block and its duplicates
	kind   blockKind
	home   uint8
}

type blockKind uint8

const (
	kindFree     blockKind = iota
	kindOwned              // a chunk of the arena
	kindView               // a duplicate: the memory of base, positions of its own
	kindLoan               // memory that is somebody else's until put returns
	kindExternal           // memory that is somebody else's until the block is freed
)

// NewArena maps the memory and makes one pool per hub. Close unmaps it.
func NewArena(c ArenaConfig) (*Arena, error) {
	c.Hubs = max(c.Hubs, 1)
	if c.Views == 0 {
		c.Views = c.Chunks
	}
	switch {
	case c.Hubs > MaxHubs:
		return nil, fmt.Errorf("%w: %d hubs, at most %d", ErrArena, c.Hubs, MaxHubs)
	case c.Chunks < 1 || c.Chunks*c.Hubs > MaxChunks:
		return nil, fmt.Errorf("%w: %d chunks for each of %d hubs, at most %d in all", ErrArena, c.Chunks, c.Hubs, MaxChunks)
	case c.ChunkBytes < MinChunkBytes || c.ChunkBytes > MaxChunkBytes || c.ChunkBytes&(c.ChunkBytes-1) != 0:
		return nil, fmt.Errorf("%w: chunks of %d octets; a power of two from %d to %d", ErrArena, c.ChunkBytes, MinChunkBytes, MaxChunkBytes)
	case c.Views < 1 || c.Views > MaxViews:
		return nil, fmt.Errorf("%w: %d views, 1 to %d", ErrArena, c.Views, MaxViews)
	}
	n := c.Chunks * c.Hubs
	mem, err := unix.Mmap(-1, 0, n*c.ChunkBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("%w: map %d octets: %w", ErrArena, n*c.ChunkBytes, err)
	}
	a := &Arena{
		mem: mem, chunk: uint32(c.ChunkBytes), chunks: uint32(n),
		perHub: uint32(c.Chunks), views: uint32(c.Views),
		head:  make([]header, 1+n+c.Views*c.Hubs),
		lent:  make([][]byte, c.Views*c.Hubs),
		done:  make([]func(), c.Views*c.Hubs),
		pools: make([]*Pool, c.Hubs),
	}
	a.openLedger()
	for i := range a.pools {
		a.pools[i] = newPool(a, i)
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

// Chunks is how many chunks each hub has.
func (a *Arena) Chunks() int { return int(a.perHub) }

// ChunkBytes is the size of a chunk, in octets.
func (a *Arena) ChunkBytes() int { return int(a.chunk) }

// memory is all the memory behind a block.
func (a *Arena) memory(b BlockID) []byte {
	if i := uint32(b) - 1; i < a.chunks {
		o := int(i) * int(a.chunk)
		return a.mem[o : o+int(a.chunk) : o+int(a.chunk)]
	}
	return a.lent[uint32(b)-1-a.chunks]
}

// Bytes is the data of one block (not of the blocks linked behind it). The slice
// is good as long as the block is held.
func (a *Arena) Bytes(b BlockID) []byte {
	h := &a.head[b]
	return a.memory(b)[h.rd:h.wr:h.wr]
}

// Tail is the room behind the block's data.
func (a *Arena) Tail(b BlockID) []byte { return a.memory(b)[a.head[b].wr:] }

// Len is the octets of data in one block.
func (a *Arena) Len(b BlockID) int { return int(a.head[b].wr - a.head[b].rd) }

// Prepend grows the data by n octets at the front and returns them, or nil when
// the room before the data is shorter or the memory is shared.
func (a *Arena) Prepend(b BlockID, n int) []byte {
	h := &a.head[b]
	if uint32(n) > h.rd || !a.exclusive(b) {
		return nil
	}
	h.rd -= uint32(n)
	return a.memory(b)[h.rd : h.rd+uint32(n)]
}

// Extend grows the data by n octets at the end and returns them, or nil when the
// room is shorter or the memory is shared.
func (a *Arena) Extend(b BlockID, n int) []byte {
	h := &a.head[b]
	m := a.memory(b)
	if n > len(m)-int(h.wr) || !a.exclusive(b) {
		return nil
	}
	h.wr += uint32(n)
	return m[h.wr-uint32(n) : h.wr]
}

// Trim takes n octets off the front of the data; at most all of it.
func (a *Arena) Trim(b BlockID, n int) {
	h := &a.head[b]
	h.rd += min(uint32(n), h.wr-h.rd)
}

// Cut shortens the data to n octets; it never lengthens it.
func (a *Arena) Cut(b BlockID, n int) {
	h := &a.head[b]
	h.wr = min(h.wr, h.rd+uint32(n))
}

// Window sets the data to memory[from:from+n], whatever it was. It panics outside
// the memory: positions come from the block's holder, never from a peer.
func (a *Arena) Window(b BlockID, from, n int) {
	if from < 0 || n < 0 || from+n > len(a.memory(b)) {
		panic("dataplane: window outside the block")
	}
	a.head[b].rd, a.head[b].wr = uint32(from), uint32(from+n)
}

// Borrowed reports whether the memory is somebody else's until put returns.
func (a *Arena) Borrowed(b BlockID) bool { return a.head[b].kind == kindLoan }

// exclusive reports whether the holder may write the memory around the data.
func (a *Arena) exclusive(b BlockID) bool {
	h := &a.head[b]
	return h.kind == kindOwned && h.refs == 1
}
