package region

import (
	"errors"
	"fmt"

	"github.com/cellhub/cellhub/dataplane/ring"
)

// Where things are; doc.go has the whole.
const (
	magicRegion  = 0x43485247 // "CHRG"
	magicChannel = 0x43484348 // "CHCH"
	version      = 1

	hubSleepsAt    = 128
	clientSleepsAt = 256
	regionHead     = 512 // then the doorbell rings

	hubWantsDataAt    = 128
	hubWantsRoomAt    = 132
	clientWantsDataAt = 256
	clientWantsRoomAt = 260
	channelHead       = 384 // then the tx ring
)

// Limits of regions and channels.
const (
	MinOctets     = 1 << 17 // of a region
	MaxOctets     = 1 << 36
	MaxChannels   = 1 << 18 // of a region
	MaxSDU        = 65535   // octets
	DefaultOctets = 1 << 26

	minEntries = 64      // of a ring: its octets are a multiple of 64
	minArea    = 1 << 14 // octets for the SDUs of one direction
	maxArea    = 1 << 17 // room for the largest SDU, and another
	smallSDU   = 512     // octets: up to that, the smallest channel
	align      = 16      // of an SDU in its area
)

// ErrRegion is a region or a channel that is not as it should be, or cannot be made.
var ErrRegion = errors.New("region")

// Descriptor is an entry of a channel's ring: an SDU, or a run of cells.
type Descriptor struct {
	Offset uint32 // in the area
	Length uint32 // octets
	Flags  uint32 // FlagCLP, FlagEFCI
	UU     uint32 // CPCS-UU of AAL5
	NS     int64  // when it was received, nanoseconds since 1970; 0 the other way
	zero   uint64 //nolint:unused // reserved
}

// Flags of a descriptor.
const (
	FlagCLP  = 1 << iota // cell loss priority: shed first
	FlagEFCI             // congestion was met on the way
	FlagEnd              // of a local channel: nothing follows, and nothing is in it
)

// Shape is the size of a channel's parts, the same in both directions.
type Shape struct {
	Entries int // of each ring
	Area    int // octets of each area
	MaxSDU  int // octets
	Kind    Kind
}

// Kind is what a channel carries.
type Kind uint32

// The kinds, bits of a channel's head.
const (
	Cells Kind = 1 << iota // runs of 52-octet cells, and no SDUs
	Local                  // to another socket of this host: it can be closed by halves
)

// ShapeFor is the channel for SDUs of up to max octets: for a burst of those that are common.
func ShapeFor(max int) (Shape, error) {
	switch {
	case max < 1 || max > MaxSDU:
		return Shape{}, fmt.Errorf("%w: SDUs of %d octets: 1 to %d", ErrRegion, max, MaxSDU)
	case max <= smallSDU:
		return Shape{Entries: minEntries, Area: minArea, MaxSDU: max}, nil
	case max <= maxArea/4:
		return Shape{Entries: 2 * minEntries, Area: maxArea / 2, MaxSDU: max}, nil
	}
	return Shape{Entries: 2 * minEntries, Area: maxArea, MaxSDU: max}, nil
}

func (s Shape) ringOctets() int { return ring.Octets[Descriptor](s.Entries) }

// Octets is what a channel of the shape takes, in whole pages.
func (s Shape) Octets() int {
	n := channelHead + 2*s.ringOctets() + 2*s.Area
	return (n + pageSize - 1) &^ (pageSize - 1)
}

const pageSize = 4096
