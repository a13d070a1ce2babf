package region

import (
	"testing"
)

// FuzzScribble has a client write anything anywhere in its region, again and again, while the
// hub goes on sending, receiving and hearing: no panic, and nothing out of bounds.
func FuzzScribble(f *testing.F) {
	f.Add([]byte{0, 0, 0, 255, 1, 0, 1, 9, 2, 0, 128, 1})
	f.Add([]byte{0, 4, 0, 1, 16, 0, 0, 255, 255, 255, 255})
	f.Add([]byte{3, 1, 0, 5, 3, 2, 0, 250, 3, 130, 1, 200})
	f.Fuzz(func(t *testing.T, script []byte) {
		hub, passed, err := Make(Config{Octets: MinOctets, Channels: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer passed.Close()
		defer hub.Close()
		s, _ := ShapeFor(100)
		ch, p, err := hub.Alloc(s)
		if err != nil {
			t.Fatal(err)
		}
		mine := hub.mem[p.Offset : p.Offset+uint64(p.Size)]
		for len(script) >= 4 {
			at := int(script[1]) | int(script[2])<<8
			switch script[0] % 4 {
			case 0:
				hub.mem[at%len(hub.mem)] = script[3]
			case 1: // the heads of the rings
				mine[channelHead+at%300] = script[3]
			case 2:
				mine[channelHead+s.ringOctets()+at%300] = script[3]
			default: // the doorbells
				hub.mem[regionHead+at%1200] = script[3]
			}
			script = script[4:]
			turn(t, hub, ch, int(at)%s.MaxSDU+1)
		}
	})
}

// turn is what the hub does in a pass.
func turn(t *testing.T, hub *Region, ch *Channel, n int) {
	for range 2 * hub.entries {
		if _, ok := hub.Heard(); !ok {
			break
		}
	}
	taken := 0
	for ; taken <= ch.Shape.Entries; taken++ {
		d, octets, ok := ch.Receive.Get()
		if !ok {
			break
		}
		if len(octets) == 0 && d.Flags&FlagEnd == 0 || len(octets) > ch.Shape.MaxSDU || int(d.Length) != len(octets) {
			t.Fatalf("%+v has %d octets", d, len(octets))
		}
	}
	if taken > ch.Shape.Entries {
		t.Fatalf("%d SDUs of a ring of %d at once", taken, ch.Shape.Entries)
	}
	ch.Receive.Release()
	if room := ch.Send.Room(n); room != nil {
		if len(room) != n {
			t.Fatalf("room of %d octets for %d", len(room), n)
		}
		clear(room)
		ch.Send.Put(n, Descriptor{})
		ch.Send.Publish()
	}
	ch.PeerWantsData.Needs()
	hub.Tell(ch.Number)
	if err := hub.Flush(); err != nil {
		t.Fatal(err)
	}
}
