package dataplane

import (
	"encoding/binary"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane/block"
)

// belled is a driver whose device is another party's memory and eventfd.
type belled struct {
	asked, served atomic.Int64
	asleep        atomic.Bool
}

func (b *belled) ready() bool { return b.asked.Load() != b.served.Load() }
func (b *belled) Send()       {}
func (b *belled) Poll() int {
	n := b.asked.Load() - b.served.Load()
	b.served.Add(n)
	return int(n)
}

// TestWatchBell: a party that rings only when the hub has said that it sleeps is heard every time,
// though nobody ever reads its eventfd, which is full of rings in the end.
func TestWatchBell(t *testing.T) {
	arena, err := block.NewArena(block.Config{Small: 16})
	if err != nil {
		t.Fatal(err)
	}
	defer arena.Close()
	h, err := NewHub(Config{Pool: arena.Pool(0)})
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	b := &belled{}
	if _, err := h.add(Module{Name: "belled", Poller: b, Open: func(q *Queue) error {
		if _, err := q.WatchBell(-1, b.ready, func() {}); err == nil {
			t.Error("a bell without a descriptor")
		}
		_, err := q.WatchBell(fd, b.ready, func() { b.asleep.Store(true) })
		return err
	}}, nil); err != nil {
		t.Fatal(err)
	}
	go h.Run()
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	for i := range int64(400) {
		b.asked.Add(1)
		if b.asleep.Swap(false) {
			if _, err := unix.Write(fd, one[:]); err != nil {
				t.Fatal(err)
			}
		}
		for end := time.Now().Add(time.Minute); b.served.Load() <= i; {
			if runtime.Gosched(); time.Now().After(end) {
				t.Fatalf("ring %d was not heard", i)
			}
		}
		if i%8 == 0 {
			for !b.asleep.Load() {
				time.Sleep(time.Microsecond)
			}
		}
	}
	h.Stop()
	<-h.ended
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}
