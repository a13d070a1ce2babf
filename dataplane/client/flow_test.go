package client

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/pace"
	"github.com/cellhub/cellhub/dataplane/region"
)

func newEcho(t testing.TB, max int, kind region.Kind) (*attachment, *flow) {
	t.Helper()
	r := newRig(t, pace.Config{})
	a := r.client(region.Config{Octets: 1 << 22})
	return a, a.flow(r.build(dataplane.Part{Name: "echo"})[0], max, kind)
}

// TestFlowEcho sends SDUs of all sizes from one goroutine and reads them in another: whole, in
// order, none lost, though both rings are full most of the time.
func TestFlowEcho(t *testing.T) {
	_, f := newEcho(t, 9180, 0)
	const sdus = 20000
	go func() {
		r := rand.New(rand.NewPCG(1, 1))
		for i := range sdus {
			p := bytes.Repeat([]byte{byte(i)}, 1+r.IntN(9180))
			if err := f.write(p, region.Descriptor{UU: uint32(i) & 0xFF}); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	r := rand.New(rand.NewPCG(1, 1))
	p := make([]byte, 9180)
	for i := range sdus {
		n, d, err := f.read(p)
		if want := 1 + r.IntN(9180); err != nil || n != want || d.UU != uint32(i)&0xFF || p[0] != byte(i) || p[n-1] != byte(i) {
			t.Fatalf("SDU %d: %d octets, want %d, %+v %v", i, n, want, d, err)
		}
	}
}

// TestFlowMany: many connections of one process, all busy.
func TestFlowMany(t *testing.T) {
	r := newRig(t, pace.Config{})
	a := r.client(region.Config{Octets: 1 << 26})
	var wait sync.WaitGroup
	for n := range 100 {
		f := a.flow(r.build(dataplane.Part{Name: "echo"})[0], 512, 0)
		wait.Go(func() {
			p := make([]byte, 512)
			for i := range 200 {
				if err := f.write(slices.Repeat([]byte{byte(n)}, 1+i), region.Descriptor{}); err != nil {
					t.Error(err)
					return
				}
				if k, _, err := f.read(p); err != nil || k != 1+i || p[i] != byte(n) {
					t.Errorf("connection %d, SDU %d: %d octets of %d, %v", n, i, k, p[i], err)
					return
				}
			}
		})
	}
	wait.Wait()
	if n := a.count("doorbell_strays") + a.count("doorbell_unheard") + a.count("broken"); n != 0 {
		t.Errorf("%d faults counted", n)
	}
}

func TestFlowDeadline(t *testing.T) {
	_, f := newEcho(t, 100, 0)
	p := make([]byte, 100)
	f.readBy.set(time.Now().Add(-time.Second))
	if _, _, err := f.read(p); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("past: %v", err)
	}
	f.readBy.set(time.Now().Add(10 * time.Millisecond))
	if _, _, err := f.read(p); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("soon: %v", err)
	}
	f.readBy.set(time.Time{})
	go func() {
		time.Sleep(5 * time.Millisecond)
		f.readBy.set(time.Now())
	}()
	if _, _, err := f.read(p); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("changed while waiting: %v", err)
	}
	f.readBy.set(time.Time{})
	if err := f.write(p[:1], region.Descriptor{}); err != nil {
		t.Fatal(err)
	}
	if n, _, err := f.read(p); n != 1 || err != nil {
		t.Errorf("without limit: %d %v", n, err)
	}
	f.writeBy.set(time.Now().Add(50 * time.Millisecond))
	for { // nobody reads: the stream fills up
		if err := f.write(p, region.Descriptor{}); err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(err)
			}
			break
		}
	}
}

// TestFlowSizes: what does not fit is refused, and nothing is lost by it.
func TestFlowSizes(t *testing.T) {
	_, f := newEcho(t, 100, 0)
	if err := f.write(make([]byte, 101), region.Descriptor{}); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("101 of 100 octets: %v", err)
	}
	if err := f.write([]byte("0123456789"), region.Descriptor{}); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 100)
	if n, _, err := f.read(p[:9]); n != 0 || !errors.Is(err, io.ErrShortBuffer) {
		t.Errorf("9 octets for 10: %d %v", n, err)
	}
	if n, _, err := f.read(p); n != 10 || err != nil {
		t.Errorf("again: %d %v", n, err)
	}
}

// TestFlowTry: a write that does not wait is taken while there is room, and then refused.
func TestFlowTry(t *testing.T) {
	_, f := newEcho(t, 100, 0)
	p := make([]byte, 100)
	if err := f.tryWrite(make([]byte, 101)); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("101 of 100 octets: %v", err)
	}
	eventually(t, "nobody reads: the stream is full", func() bool {
		err := f.tryWrite(p)
		if err != nil && err != syscall.EAGAIN {
			t.Fatal(err)
		}
		return err != nil
	})
	if n, _, err := f.read(p); n != 100 || err != nil {
		t.Errorf("what was taken: %d %v", n, err)
	}
	f.end(syscall.EUNATCH)
	if err := f.tryWrite(p); !errors.Is(err, syscall.EUNATCH) {
		t.Errorf("after the end: %v", err)
	}
}

func TestFlowCells(t *testing.T) {
	_, f := newEcho(t, 1500, region.Cells)
	if err := f.write(make([]byte, 53), region.Descriptor{}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("53 octets: %v", err)
	}
	if err := f.write(make([]byte, 3*cell), region.Descriptor{}); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 1500)
	for _, c := range []struct{ have, want int }{{51, 0}, {52, 52}, {200, 104}} {
		n, _, err := f.read(p[:c.have])
		if n != c.want || (err == nil) != (n > 0) {
			t.Errorf("with room for %d: %d octets, %v", c.have, n, err)
		}
	}
}

// TestFlowLocal: two sockets of a host, and the end of one half.
func TestFlowLocal(t *testing.T) {
	r := newRig(t, pace.Config{})
	a, b := r.client(region.Config{Octets: 1 << 20}), r.client(region.Config{Octets: 1 << 20})
	ends := r.build(dataplane.Part{Name: "local"}, dataplane.Part{})
	left, right := a.flow(ends[0], 1500, region.Local), b.flow(ends[1], 1500, region.Local)
	p := make([]byte, 1500)
	for range 1000 {
		if err := left.write([]byte("ping"), region.Descriptor{}); err != nil {
			t.Fatal(err)
		}
		if n, _, err := right.read(p); string(p[:n]) != "ping" {
			t.Fatal(n, err)
		}
		if err := right.write([]byte("pong!"), region.Descriptor{}); err != nil {
			t.Fatal(err)
		}
		if n, _, err := left.read(p); string(p[:n]) != "pong!" {
			t.Fatal(n, err)
		}
	}
	if err := errors.Join(left.write([]byte("last"), region.Descriptor{}), left.closeWrite()); err != nil {
		t.Fatal(err)
	}
	if err := left.write([]byte("more"), region.Descriptor{}); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("after the end: %v", err)
	}
	if n, _, err := right.read(p); string(p[:n]) != "last" || err != nil {
		t.Errorf("%q %v", p[:n], err)
	}
	for range 2 {
		if n, _, err := right.read(p); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("the end: %d %v", n, err)
		}
	}
	if err := right.write([]byte("other half"), region.Descriptor{}); err != nil {
		t.Fatal(err)
	}
	if n, _, err := left.read(p); string(p[:n]) != "other half" || err != nil {
		t.Errorf("%q %v", p[:n], err)
	}
	_, echo := newEcho(t, 100, 0)
	if err := echo.closeWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("half of a call through the network: %v", err)
	}
}

// TestFlowClose: who waits wakes, and what has come before the end can be read.
func TestFlowClose(t *testing.T) {
	_, f := newEcho(t, 100, 0)
	p := make([]byte, 100)
	done := make(chan error)
	go func() { _, _, err := f.read(p); done <- err }()
	f.close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	_, f = newEcho(t, 100, 0)
	if err := f.write(p[:7], region.Descriptor{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the echo", func() bool { return !f.channel.Receive.Empty() })
	f.end(syscall.EUNATCH)
	if n, _, err := f.read(p); n != 7 || err != nil {
		t.Errorf("what came before the end: %d %v", n, err)
	}
	if _, _, err := f.read(p); !errors.Is(err, syscall.EUNATCH) {
		t.Errorf("read: %v", err)
	}
	if err := f.write(p, region.Descriptor{}); !errors.Is(err, syscall.EUNATCH) {
		t.Errorf("write: %v", err)
	}
}

// TestFlowAllocations: sending and receiving allocate nothing.
func TestFlowAllocations(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates")
	}
	_, f := newEcho(t, 1500, 0)
	p := make([]byte, 1500)
	if n := testing.AllocsPerRun(200, func() {
		if err := f.write(p, region.Descriptor{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := f.read(p); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for an SDU", n)
	}
}
