package client

import (
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/pace"
	"github.com/cellhub/cellhub/dataplane/region"
)

// contender is a way to move SDUs between two parties: put hands one over, get takes one.
type contender struct {
	name     string
	put, get func(p []byte) error
}

// sink frees what comes down.
var sink = dataplane.Module{Name: "sink", WritePut: func(q *dataplane.Queue, m dataplane.Msg) { q.Hub().Free(m) }}

// oneWay are the contenders for bulk: SDUs that one goroutine sends and another takes.
func oneWay(b *testing.B) []contender {
	r := newRig(b, pace.Config{})
	a, c := r.client(region.Config{Octets: 1 << 22}), r.client(region.Config{Octets: 1 << 22})
	ends := r.build(dataplane.Part{Name: "local"}, dataplane.Part{})
	left, right := a.flow(ends[0], 1500, region.Local), c.flow(ends[1], 1500, region.Local)
	list := []contender{{"socket-hub-socket", func(p []byte) error { return left.write(p, region.Descriptor{}) },
		func(p []byte) error { _, _, err := right.read(p); return err }}}
	return append(list, baselines(b)...)
}

// baselines are what there is without us.
func baselines(b *testing.B) []contender {
	x, y := seqpacket(b)
	t, u := tcp(b)
	ch := make(chan []byte, 128)
	free := make(chan []byte, 256)
	for range 256 {
		free <- make([]byte, 1500)
	}
	return []contender{
		{"seqpacket", func(p []byte) error { _, err := x.Write(p); return err }, func(p []byte) error { _, err := y.Read(p); return err }},
		{"tcp", func(p []byte) error { _, err := t.Write(p); return err }, func(p []byte) error { return full(u, p) }},
		{"channel", func(p []byte) error { q := <-free; copy(q, p); ch <- q; return nil },
			func(p []byte) error { q := <-ch; copy(p, q); free <- q; return nil }},
	}
}

func full(c net.Conn, p []byte) error {
	for n := 0; n < len(p); {
		k, err := c.Read(p[n:])
		if err != nil {
			return err
		}
		n += k
	}
	return nil
}

func seqpacket(b testing.TB) (x, y net.Conn) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		b.Fatal(err)
	}
	conns := [2]net.Conn{}
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "seqpacket")
		if conns[i], err = net.FileConn(f); err != nil {
			b.Fatal(err)
		}
		f.Close()
		b.Cleanup(func() { conns[i].Close() })
	}
	return conns[0], conns[1]
}

func tcp(b testing.TB) (x, y net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	if x, err = net.Dial("tcp", l.Addr().String()); err == nil {
		y, err = l.Accept()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { x.Close(); y.Close() })
	return x, y
}

// BenchmarkBulk sends SDUs of 1,500 octets from one goroutine to another: by the contenders in
// turns, and the ratios are medians of the rounds' ratios.
func BenchmarkBulk(b *testing.B) {
	const rounds, sdus = 9, 20000
	list := oneWay(b)
	times := make([][]float64, len(list))
	for b.Loop() {
		for range rounds {
			for i, c := range list {
				times[i] = append(times[i], bulk(b, c, sdus))
			}
		}
	}
	report(b, list, times, "ns/SDU")
}

func bulk(b *testing.B, c contender, sdus int) float64 {
	done := make(chan error, 1)
	begin := time.Now()
	go func() {
		p := make([]byte, 1500)
		for range sdus {
			if err := c.put(p); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	p := make([]byte, 1500)
	for range sdus {
		if err := c.get(p); err != nil {
			b.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	return float64(time.Since(begin).Nanoseconds()) / float64(sdus)
}

// BenchmarkToHub sends SDUs of 1,500 octets from an application to the hub, which frees them:
// the socket alone, against SEQPACKET to a reader that does nothing with them.
func BenchmarkToHub(b *testing.B) {
	const rounds, sdus = 9, 20000
	r := newRig(b, pace.Config{})
	a := r.client(region.Config{Octets: 1 << 22})
	f := a.flow(r.build(dataplane.Part{Module: &sink})[0], 1500, 0)
	list := append([]contender{{name: "socket-hub"}}, baselines(b)...)
	times := make([][]float64, len(list))
	p := make([]byte, 1500)
	for b.Loop() {
		for range rounds {
			begin := time.Now()
			for range sdus {
				if err := f.write(p, region.Descriptor{}); err != nil {
					b.Fatal(err)
				}
			}
			f.flush(time.Minute)
			times[0] = append(times[0], float64(time.Since(begin).Nanoseconds())/sdus)
			for i, c := range list[1:] {
				times[i+1] = append(times[i+1], bulk(b, c, sdus))
			}
		}
	}
	report(b, list, times, "ns/SDU")
}

// BenchmarkRoundTrip sends one SDU of 48 octets and waits for its echo: from the hub, asleep
// between two, and spinning; from another goroutine by the others.
func BenchmarkRoundTrip(b *testing.B) {
	const rounds, trips = 9, 2000
	type echo struct {
		name string
		trip func(p []byte) error
	}
	flowEcho := func(pace pace.Config, spin time.Duration) func(p []byte) error {
		r := newRig(b, pace)
		f := r.client(region.Config{Octets: 1 << 22}).flow(r.build(dataplane.Part{Name: "echo"})[0], 1500, 0)
		f.spin = spin
		return func(p []byte) error {
			if err := f.write(p, region.Descriptor{}); err != nil {
				return err
			}
			_, _, err := f.read(p)
			return err
		}
	}
	list := []contender{{name: "asleep"}, {name: "seqpacket"}, {name: "tcp"}, {name: "spinning"}}
	echoes := []echo{{"asleep", flowEcho(pace.Config{}, 0)}}
	x, y := seqpacket(b)
	t, u := tcp(b)
	for _, pair := range [][2]net.Conn{{x, y}, {t, u}} {
		go func() {
			p := make([]byte, 48)
			for {
				n, err := pair[1].Read(p)
				if err != nil {
					return
				}
				_, _ = pair[1].Write(p[:n])
			}
		}()
		echoes = append(echoes, echo{"", func(p []byte) error {
			if _, err := pair[0].Write(p); err != nil {
				return err
			}
			return full(pair[0], p)
		}})
	}
	times := make([][]float64, len(list))
	p := make([]byte, 48)
	run := func(i int, trip func(p []byte) error) {
		begin := time.Now()
		for range trips {
			if err := trip(p); err != nil {
				b.Fatal(err)
			}
		}
		times[i] = append(times[i], float64(time.Since(begin).Nanoseconds())/trips)
	}
	for b.Loop() {
		for range rounds {
			for i, e := range echoes {
				run(i, e.trip)
			}
		}
	}
	spinning := flowEcho(pace.Config{Spin: true}, time.Second) // alone: its hub never rests
	for range rounds {
		run(3, spinning)
	}
	report(b, list, times, "ns/trip")
}

// report gives each contender's median and the first one's ratio to it.
func report(b *testing.B, list []contender, times [][]float64, unit string) {
	b.ReportMetric(0, "ns/op")
	for i, c := range list {
		b.ReportMetric(median(times[i]), c.name+"-"+unit)
		if i > 0 && len(times[i]) == len(times[0]) {
			var ratios []float64
			for k := range times[i] {
				ratios = append(ratios, times[i][k]/times[0][k])
			}
			b.ReportMetric(median(ratios), "x-"+c.name)
		}
	}
}

func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}
