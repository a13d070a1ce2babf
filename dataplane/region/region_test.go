package region

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pairOf makes both sides of a region in one process.
func pairOf(t testing.TB, c Config) (hub, client *Region) {
	t.Helper()
	hub, passed, err := Make(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Close)
	if client, err = Open(passed[:]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return hub, client
}

func shapeFor(t testing.TB, max int) Shape {
	t.Helper()
	s, err := ShapeFor(max)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// channelOf makes both sides of a channel.
func channelOf(t testing.TB, hub, client *Region, max int) (h, c *Channel, p Place) {
	t.Helper()
	h, p, err := hub.Alloc(shapeFor(t, max))
	if err != nil {
		t.Fatal(err)
	}
	if c, err = client.Attach(p.Offset, p.Size); err != nil {
		t.Fatal(err)
	}
	if c.Number != h.Number || c.Shape != h.Shape {
		t.Fatalf("client sees %d %+v, hub made %d %+v", c.Number, c.Shape, h.Number, h.Shape)
	}
	return h, c, p
}

// TestChannel sends SDUs of random sizes both ways, published and released in random bursts:
// each comes whole, in order, with what its descriptor says.
func TestChannel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for _, max := range []int{1, 48, 512, 1500, 9180, 65535} {
		hub, client := pairOf(t, Config{Octets: 1 << 20})
		h, c, _ := channelOf(t, hub, client, max)
		exchange(t, r, &c.Send, &h.Receive, max)
		exchange(t, r, &h.Send, &c.Receive, max)
		if h.Broken() || c.Broken() {
			t.Error("a good channel is called broken")
		}
	}
}

func exchange(t *testing.T, r *rand.Rand, s *Sender, v *Receiver, max int) {
	t.Helper()
	var sent, got uint32
	sizes := map[uint32]int{}
	for got < 3000 {
		for range r.IntN(40) {
			n := 1 + r.IntN(max)
			if r.IntN(8) == 0 {
				n = max
			}
			room := s.Room(n)
			if room == nil {
				if sent == got && s.Idle() {
					t.Fatalf("no room for %d of %d octets in an empty channel", n, max)
				}
				break
			}
			for i := range room {
				room[i] = byte(sent) + byte(i)
			}
			s.Put(n, Descriptor{UU: sent, Flags: FlagEFCI, NS: int64(sent) << 32})
			sizes[sent] = n
			sent++
		}
		s.Publish()
		for range r.IntN(40) {
			d, octets, ok := v.Get()
			if !ok {
				break
			}
			if d.UU != got || len(octets) != sizes[got] || d.NS != int64(got)<<32 || d.Flags != FlagEFCI {
				t.Fatalf("%+v with %d octets, want %d with %d", d, len(octets), got, sizes[got])
			}
			for i, b := range octets {
				if b != byte(got)+byte(i) {
					t.Fatalf("SDU %d, octet %d is %d", got, i, b)
				}
			}
			delete(sizes, got)
			got++
		}
		v.Release()
	}
}

func TestAllocate(t *testing.T) {
	hub, client := pairOf(t, Config{Octets: 1 << 18, Channels: 3})
	s := shapeFor(t, 512)
	var places []Place
	for range 3 {
		_, p, err := hub.Alloc(s)
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, p)
	}
	if _, _, err := hub.Alloc(s); !errors.Is(err, syscall.ENOBUFS) {
		t.Errorf("a fourth channel of three: %v", err)
	}
	for i, p := range places {
		for _, q := range places[:i] {
			if p.Number == q.Number || p.Offset < q.Offset+uint64(q.Size) && q.Offset < p.Offset+uint64(p.Size) {
				t.Errorf("%+v and %+v overlap", p, q)
			}
		}
	}
	hub.Free(places[1].Number)
	hub.Free(places[1].Number) // once is enough
	h, c, p := channelOf(t, hub, client, 512)
	if p != places[1] {
		t.Errorf("%+v is not %+v used again", p, places[1])
	}
	if _, _, ok := c.Receive.Get(); ok || h.Receive.ring.Len() != 0 || c.Send.ring.Free() != s.Entries {
		t.Error("a channel used again is not empty")
	}
	if _, _, err := hub.Alloc(shapeFor(t, MaxSDU)); !errors.Is(err, syscall.ENOBUFS) {
		t.Errorf("more octets than there are: %v", err)
	}
}

// TestFlags: an arm is answered once.
func TestFlags(t *testing.T) {
	hub, client := pairOf(t, Config{Octets: MinOctets})
	h, c, _ := channelOf(t, hub, client, 100)
	if !c.PeerWantsData.Needs() || c.PeerWantsData.Needs() {
		t.Error("a fresh channel's first SDU is told, once")
	}
	for name, f := range map[string][2]Flag{
		"data to client": {c.WantsData, h.PeerWantsData}, "room for client": {c.WantsRoom, h.PeerWantsRoom},
		"data to hub": {h.WantsData, c.PeerWantsData}, "room for hub": {h.WantsRoom, c.PeerWantsRoom},
		"hub sleeps": {hub.Sleeps, client.PeerSleep}, "client sleeps": {client.Sleeps, hub.PeerSleep},
	} {
		mine, theirs := f[0], f[1]
		if theirs.Needs() {
			t.Errorf("%s: armed by nobody", name)
		}
		if mine.Arm(); !theirs.Needs() || theirs.Needs() {
			t.Errorf("%s: not told once", name)
		}
		mine.Arm()
		if mine.Disarm(); theirs.Needs() {
			t.Errorf("%s: disarmed and told", name)
		}
	}
}

// TestWake: who sleeps is woken once, and who does not, not at all.
func TestWake(t *testing.T) {
	hub, client := pairOf(t, Config{Octets: MinOctets})
	for _, side := range []struct {
		name      string
		from, to  *Region
		readsBell bool
	}{{"hub wakes client", hub, client, true}, {"client wakes hub", client, hub, false}} {
		ready := func() bool {
			p := []unix.PollFd{{Fd: int32(side.to.Ear()), Events: unix.POLLIN}}
			n, err := unix.Poll(p, 0)
			return err == nil && n == 1
		}
		side.from.Tell(7)
		if err := side.from.Flush(); err != nil || ready() {
			t.Errorf("%s: woken while awake, %v", side.name, err)
		}
		side.to.Sleeps.Arm()
		if side.to.Silent() {
			t.Errorf("%s: heard nothing", side.name)
		}
		side.from.Tell(8)
		if err := side.from.Flush(); err != nil || !ready() {
			t.Errorf("%s: not woken, %v", side.name, err)
		}
		for _, want := range []uint32{7, 8} {
			if n, ok := side.to.Heard(); !ok || n != want {
				t.Errorf("%s: heard %d %v, want %d", side.name, n, ok, want)
			}
		}
		if _, ok := side.to.Heard(); ok || side.to.Broken() {
			t.Errorf("%s: heard more than was told", side.name)
		}
	}
}

// TestSealed: the file cannot be cut under the hub, nor grow; a hole reads as zeros.
func TestSealed(t *testing.T) {
	hub, client := pairOf(t, Config{Octets: MinOctets})
	h, c, _ := channelOf(t, hub, client, 100)
	for _, size := range []int64{0, MinOctets - 4096, MinOctets + 4096} {
		if err := unix.Ftruncate(client.memory, size); !errors.Is(err, unix.EPERM) {
			t.Errorf("ftruncate to %d: %v", size, err)
		}
	}
	if _, err := unix.FcntlInt(uintptr(client.memory), unix.F_ADD_SEALS, unix.F_SEAL_WRITE); !errors.Is(err, unix.EPERM) {
		t.Errorf("another seal: %v", err)
	}
	c.Send.Room(10)
	c.Send.Put(10, Descriptor{})
	c.Send.Publish()
	if _, _, ok := h.Receive.Get(); !ok {
		t.Fatal("nothing came")
	}
	client.punch(0, MinOctets)
	if _, _, ok := h.Receive.Get(); ok || !h.Receive.Broken() {
		t.Error("an index that went back to 0 is not noticed")
	}
}

// TestOpenRefuses: what is no region.
func TestOpenRefuses(t *testing.T) {
	hub, passed, err := Make(Config{Octets: MinOctets})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Close)
	t.Cleanup(passed.Close)
	for name, damage := range map[string]func(){
		"magic": func() { hub.mem[0]++ }, "version": func() { hub.mem[4]++ }, "size": func() { hub.mem[9]++ },
		"entries": func() { hub.mem[16]++ }, "offset": func() { hub.mem[20]++ }, "other offset": func() { hub.mem[24]++ },
	} {
		was := bytes.Clone(hub.mem[:64])
		damage()
		if _, err := Open(passed[:]); !errors.Is(err, ErrRegion) {
			t.Errorf("%s: %v", name, err)
		}
		copy(hub.mem, was)
	}
	if _, err := Open(passed[:2]); !errors.Is(err, ErrRegion) {
		t.Errorf("two descriptors: %v", err)
	}
	for _, c := range []Config{{Octets: 1}, {Octets: MinOctets + 1}, {Octets: MaxOctets + 4096}, {Channels: -1}, {Channels: MaxChannels + 1}} {
		if _, _, err := Make(c); !errors.Is(err, ErrRegion) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for _, n := range []int{0, -1, MaxSDU + 1} {
		if _, err := ShapeFor(n); !errors.Is(err, ErrRegion) {
			t.Errorf("SDUs of %d: %v", n, err)
		}
	}
}
