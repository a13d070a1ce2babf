package region

import (
	"encoding/binary"
	"fmt"

	"github.com/cellhub/cellhub/dataplane/ring"
)

// Channel is one side's view of a connection's rings. Sending and receiving are one
// goroutine's each.
type Channel struct {
	Number  uint32
	Shape   Shape
	Send    Sender
	Receive Receiver

	// WantsData and WantsRoom are this side's wishes: to be told of something to receive, of
	// room to send.
	WantsData, WantsRoom Flag
	// PeerWantsData and PeerWantsRoom are the other side's: to be asked for after Send.Publish
	// and after Receive.Release.
	PeerWantsData, PeerWantsRoom Flag
}

// lay writes a channel's head, by the hub, and makes its rings empty.
func lay(mem []byte, number uint32, s Shape) {
	le := binary.NativeEndian
	clear(mem[:channelHead])
	rings := s.ringOctets()
	tx, rx := channelHead, channelHead+rings
	areas := rx + rings
	for i, v := range [...]int{magicChannel, int(number), s.Entries, s.Entries, s.Area, s.Area, tx, rx, areas, areas + s.Area, s.MaxSDU, int(s.Kind)} {
		le.PutUint32(mem[4*i:], uint32(v))
	}
	for _, at := range [...]int{tx, rx} {
		clear(mem[at : at+ring.Octets[Descriptor](0)])
	}
	word(mem, hubWantsDataAt).Store(1) // it waits for the first SDU
}

// head reads a channel's head, as the hub has written it.
func head(mem []byte) (number uint32, s Shape, err error) {
	if len(mem) < channelHead {
		return 0, s, fmt.Errorf("%w: a channel of %d octets", ErrRegion, len(mem))
	}
	at := func(i int) int { return int(binary.NativeEndian.Uint32(mem[4*i:])) }
	s = Shape{Entries: at(2), Area: at(4), MaxSDU: at(10), Kind: Kind(at(11))}
	rings := channelHead + 2*ring.Octets[Descriptor](s.Entries)
	if at(0) != magicChannel || at(3) != s.Entries || at(5) != s.Area || rings+2*s.Area > len(mem) || s.Area < 1 ||
		at(6) != channelHead || at(7) != channelHead+s.ringOctets() || at(8) != rings || at(9) != rings+s.Area {
		return 0, s, fmt.Errorf("%w: a channel's head makes no sense", ErrRegion)
	}
	return uint32(at(1)), s, nil
}

// view makes one side of a channel over its memory.
func view(mem []byte, hub bool, number uint32, s Shape) (*Channel, error) {
	rings := s.ringOctets()
	tx, rx := mem[channelHead:channelHead+rings], mem[channelHead+rings:channelHead+2*rings]
	areas := mem[channelHead+2*rings:]
	txArea, rxArea := areas[:s.Area:s.Area], areas[s.Area:2*s.Area:2*s.Area]
	if hub {
		tx, rx, txArea, rxArea = rx, tx, rxArea, txArea
	}
	out, _, err := ring.NewOver[Descriptor](tx, s.Entries)
	if err != nil {
		return nil, err
	}
	_, in, err := ring.NewOver[Descriptor](rx, s.Entries)
	if err != nil {
		return nil, err
	}
	c := &Channel{Number: number, Shape: s}
	c.Send = Sender{ring: out, area: txArea, ends: make([]uint64, s.Entries)}
	c.Receive = Receiver{ring: in, area: rxArea, most: uint32(s.MaxSDU)}
	mine, theirs := [2]int{clientWantsDataAt, clientWantsRoomAt}, [2]int{hubWantsDataAt, hubWantsRoomAt}
	if hub {
		mine, theirs = theirs, mine
	}
	c.WantsData, c.WantsRoom = Flag{word(mem, mine[0])}, Flag{word(mem, mine[1])}
	c.PeerWantsData, c.PeerWantsRoom = Flag{word(mem, theirs[0])}, Flag{word(mem, theirs[1])}
	return c, nil
}

// Broken reports whether the other side has written to its part of the channel what makes no
// sense.
func (c *Channel) Broken() bool { return c.Send.ring.Broken() || c.Receive.Broken() }
