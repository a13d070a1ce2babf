package dataplane

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/pace"
)

// echoDevice answers each octet on a socket with the same.
type echoDevice struct{ fd int }

func (e *echoDevice) Poll() int {
	var one [1]byte
	if n, err := unix.Read(e.fd, one[:]); n != 1 || err != nil {
		return 0
	}
	_, _ = unix.Write(e.fd, one[:])
	return 1
}

func (e *echoDevice) Send() {}

// BenchmarkWake is the round trip from a thread to a hub and back over a socket, one after
// the other and every 10 ms, when all have gone to sleep; against a thread that does
// nothing but read and write. The median is what counts; the mean has what other
// programs did.
func BenchmarkWake(b *testing.B) {
	for _, every := range []time.Duration{0, 10 * time.Millisecond} {
		name := "one_after_the_other"
		if every > 0 {
			name = "every_" + every.String()
		}
		b.Run(name+"/hub", func(b *testing.B) { benchWake(b, every, pace.Config{}) })
		b.Run(name+"/hub_spins", func(b *testing.B) { benchWake(b, every, pace.Config{Spin: true}) })
		b.Run(name+"/thread", func(b *testing.B) {
			ends := socketPair(b, 0)
			go func() {
				var one [1]byte
				for {
					if n, err := unix.Read(ends[1], one[:]); err != unix.EINTR && (n != 1 || err != nil) {
						return
					}
					_, _ = unix.Write(ends[1], one[:])
				}
			}()
			roundTrips(b, ends[0], every)
			_ = unix.Shutdown(ends[0], unix.SHUT_RDWR)
		})
	}
}

func socketPair(b *testing.B, flags int) [2]int {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	if err := unix.SetNonblock(ends[1], flags != 0); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = unix.Close(ends[0])
		_ = unix.Close(ends[1])
	})
	return ends
}

func benchWake(b *testing.B, every time.Duration, pace pace.Config) {
	ends := socketPair(b, unix.SOCK_NONBLOCK)
	arena, err := block.NewArena(block.Config{Small: 64})
	if err != nil {
		b.Fatal(err)
	}
	h, err := NewHub(Config{Pool: arena.Pool(0), Pace: pace})
	if err != nil {
		b.Fatal(err)
	}
	f, err := connectHubs(h)
	if err != nil {
		b.Fatal(err)
	}
	m := Module{Name: "echo", Poller: &echoDevice{ends[1]}, Open: func(q *Queue) error {
		_, err := q.Watch(ends[1], nil)
		return err
	}}
	if _, err := h.Add(m); err != nil {
		b.Fatal(err)
	}
	go f.Run()
	roundTrips(b, ends[0], every)
	f.Stop()
	if err := h.Close(); err != nil {
		b.Error(err)
	}
	_ = arena.Close()
}

func roundTrips(b *testing.B, fd int, every time.Duration) {
	var one [1]byte
	var all []time.Duration
	next := time.Now()
	for b.Loop() {
		if every > 0 {
			next = next.Add(every)
			for wait := time.Until(next); wait > 0; wait = time.Until(next) {
				t := unix.NsecToTimespec(int64(wait))
				_ = unix.Nanosleep(&t, nil)
			}
		}
		begun := time.Now()
		if _, err := unix.Write(fd, one[:]); err != nil {
			b.Fatal(err)
		}
		for {
			if n, err := unix.Read(fd, one[:]); n == 1 {
				break
			} else if err != unix.EINTR {
				b.Fatal(n, err)
			}
		}
		all = append(all, time.Since(begun))
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2])/1000, "p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100])/1000, "p99-µs")
}
