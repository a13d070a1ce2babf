package modules

import (
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// pairDevice is a device over one end of a socket pair: it fills, and its descriptor tells
// when it has room.
type pairDevice struct {
	badDevice
	fd int
}

func (d *pairDevice) FD() int { return d.fd }

func (d *pairDevice) Receive([][]byte) (int, error) { return 0, nil }

func (d *pairDevice) Transmit(frames [][]byte) (n int, err error) {
	for n < len(frames) && unix.Sendto(d.fd, frames[n], unix.MSG_DONTWAIT, nil) == nil {
		n++
	}
	return n, nil
}

func (d *pairDevice) Close() error { return unix.Close(d.fd) }

// fountain is a driver at the bottom that puts frames up, as long as there is room.
type fountain struct {
	q    *dataplane.Queue
	left int
}

func (f *fountain) Poll() (n int) {
	for ; f.left > 0 && f.q.CanPutNext(); n++ {
		b := f.q.Hub().Pool.Alloc(1000)
		if b == 0 {
			break
		}
		f.q.Hub().Pool.Extend(b, 1000)
		f.left--
		f.q.PutNext(dataplane.Msg{Type: dataplane.Data, Block: b, Len: 1000})
	}
	return n
}

func (f *fountain) Send() {}

// TestAFullDeviceWakesItsHub: frames that wait for room in a device go out when it has
// some, although nothing else wakes the hub.
func TestAFullDeviceWakesItsHub(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[1])
	arena, err := block.NewArena(block.Config{Small: 256})
	if err != nil {
		t.Fatal(err)
	}
	defer arena.Close()
	h, err := dataplane.NewHub(dataplane.Config{Pool: arena.Pool(0)})
	if err != nil {
		t.Fatal(err)
	}
	const frames = 5000
	f := &fountain{left: frames}
	source := dataplane.Module{
		Name: "fountain", Poller: f, ReadService: func(*dataplane.Queue) {},
		Open: func(q *dataplane.Queue) error { f.q = q; return nil },
	}
	tap := NewTAP(&pairDevice{badDevice{max: 1514}, fds[0]}, nil)
	fabric, err := dataplane.NewFabric(registry(t, map[string]dataplane.Module{"fountain": source, "tap": tap.Module()}), h)
	if err != nil {
		t.Fatal(err)
	}
	defer fabric.Close()
	if _, err := fabric.Build(0, dataplane.Part{Name: "fountain"}, dataplane.Part{Name: "tap"}); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(fabric.Run)
	defer wait.Wait()
	defer fabric.Stop()
	for asleep := uint64(0); asleep == 0; time.Sleep(time.Millisecond) { // the device is full, and the hub sleeps
		h.Call(func() { asleep = h.Counters().Sleeps })
	}
	timeout := unix.Timeval{Sec: 30} // a hub that sleeps on, not a slow one
	if err := unix.SetsockoptTimeval(fds[1], unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 2000)
	for i := range frames {
		if n, err := unix.Read(fds[1], buf); n != 1000 || err != nil {
			t.Fatalf("frame %d: %d octets, %v", i, n, err)
		}
	}
}

// TestIdleDescriptorsAreNotAsked: a hub with many idle devices polls none of them, and
// one that has something is polled.
func TestIdleDescriptorsAreNotAsked(t *testing.T) {
	arena, err := block.NewArena(block.Config{Small: 4096})
	if err != nil {
		t.Fatal(err)
	}
	defer arena.Close()
	h, err := dataplane.NewHub(dataplane.Config{Pool: arena.Pool(0), Clock: (&testClock{}).read})
	if err != nil {
		t.Fatal(err)
	}
	const devices = 50
	var asked, far [devices]int
	made := 0
	r := registry(t, nil)
	if err := r.Add("tap", func(string) (dataplane.Module, error) {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return dataplane.Module{}, err
		}
		far[made] = fds[1]
		made++
		return NewTAP(&askedDevice{pairDevice{badDevice{max: 1514}, fds[0]}, &asked[made-1]}, nil).Module(), nil
	}); err != nil {
		t.Fatal(err)
	}
	fabric, err := dataplane.NewFabric(r, h)
	if err != nil {
		t.Fatal(err)
	}
	defer fabric.Close()
	for range devices {
		if _, err := fabric.Build(0, dataplane.Part{Name: "tap"}); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		h.Pass()
	}
	if _, err := unix.Write(far[7], []byte("x")); err != nil {
		t.Fatal(err)
	}
	h.Pass()
	for i, n := range asked {
		if want := map[int]int{7: 1}[i]; n != want {
			t.Errorf("device %d was asked %d times, want %d", i, n, want)
		}
		_ = unix.Close(far[i])
	}
}

// askedDevice counts how often it is asked for frames.
type askedDevice struct {
	pairDevice
	asked *int
}

func (d *askedDevice) Receive([][]byte) (int, error) {
	*d.asked++
	return 0, nil
}

// TestUnknownTypesAreCounted: whatever is freed at a driver or a head is in a counter.
func TestUnknownTypesAreCounted(t *testing.T) {
	a, _, _ := newTunnel(t, bridgedLLC)
	before := a.hub.Counters().Unknown
	types := []dataplane.Type{dataplane.Ctl, dataplane.Proto, dataplane.PCProto, dataplane.IocData, 0x55}
	for _, typ := range types {
		for _, q := range []*dataplane.Queue{a.carrier.in, a.tap.in} {
			a.carrier.put(q, dataplane.Msg{Type: typ})
		}
	}
	if n := a.hub.Counters().Unknown - before; n != uint64(2*len(types)) {
		t.Errorf("%d of %d are counted", n, 2*len(types))
	}
	r := newHeadRig(t)
	r.up.PutNext(dataplane.Msg{Type: dataplane.Ctl})
	r.up.PutNext(dataplane.Msg{Type: dataplane.IocAck, Conn: 99})
	if n := r.h.Counters().Unknown; n != 2 {
		t.Errorf("%d of 2 are counted at the head", n)
	}
}

var _ nic.Device = (*pairDevice)(nil)
