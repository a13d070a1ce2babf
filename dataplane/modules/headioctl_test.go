package modules

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
)

// ioctlDriver answers ioctls as a driver does: it fetches what the message did not
// hold, and sends back what an answer does not.
type ioctlDriver struct {
	arg, result []byte
	want, sent  int
	refuse      uint32 // errno
	asked       []uint32
	deaf        bool
	piece       int
}

const (
	ioctlReverse = 1 + iota // the result is the argument, reversed
	ioctlBeyond             // asks for more than there is
	ioctlGap                // sends the result with a hole
	ioctlEndless            // sends more than any result may be
)

func (d *ioctlDriver) put(q *dataplane.Queue, m dataplane.Msg) {
	h := q.Hub()
	switch m.Type {
	case dataplane.Flush:
		q.TurnFlush(m)
		return
	case dataplane.Ioctl:
		p := h.Pool.Bytes(m.Block)
		command := binary.BigEndian.Uint32(p)
		d.asked = append(d.asked, command)
		d.want, d.sent, d.result = int(binary.BigEndian.Uint32(p[4:])), 0, nil
		d.arg = bytes.Clone(p[ioctlHeader:])
		if d.piece == 0 {
			d.piece = 100
		}
		if command == ioctlBeyond {
			d.want++
		}
	case dataplane.IocData:
		if m.Info != 0 {
			h.Free(m)
			q.Reply(dataplane.Msg{Type: dataplane.IocNak, Conn: m.Conn, Info: m.Info})
			return
		}
		if len(d.arg) < d.want {
			d.arg = append(d.arg, h.Pool.Bytes(m.Block)...)
		}
	default:
		h.Free(m)
		return
	}
	h.Free(m)
	if !d.deaf {
		d.next(q, m.Conn)
	}
}

// next goes on with the ioctl: a piece of the argument, of the result, or the end.
func (d *ioctlDriver) next(q *dataplane.Queue, conn uint64) {
	command := d.asked[len(d.asked)-1]
	if n := d.want - len(d.arg); n > 0 {
		q.Reply(d.request(q.Hub(), dataplane.CopyIn, conn, len(d.arg), min(n, d.piece), nil))
		return
	}
	if d.refuse != 0 {
		q.Reply(dataplane.Msg{Type: dataplane.IocNak, Conn: conn, Info: d.refuse})
		return
	}
	if d.result == nil {
		d.result = bytes.Clone(d.arg)
		slices.Reverse(d.result)
		if command == ioctlEndless {
			d.result = make([]byte, MaxIoctlResult+200)
		}
	}
	if n := len(d.result) - d.sent; n > d.piece {
		part := d.result[d.sent : d.sent+d.piece]
		at := d.sent
		if command == ioctlGap {
			at++
		}
		d.sent += d.piece
		q.Reply(d.request(q.Hub(), dataplane.CopyOut, conn, at, d.piece, part))
		return
	}
	ack := dataplane.Msg{Type: dataplane.IocAck, Conn: conn}
	if rest := d.result[d.sent:]; len(rest) > 0 {
		ack.Block = q.Hub().Pool.AllocControl(1)
		copy(q.Hub().Pool.Extend(ack.Block, len(rest)), rest)
		ack.Len = uint32(len(rest))
	}
	q.Reply(ack)
}

func (d *ioctlDriver) request(h *dataplane.Hub, t dataplane.Type, conn uint64, offset, size int, data []byte) dataplane.Msg {
	b := h.Pool.AllocControl(1)
	p := h.Pool.Extend(b, ioctlHeader)
	binary.BigEndian.PutUint32(p, uint32(offset))
	binary.BigEndian.PutUint32(p[4:], uint32(size))
	copy(h.Pool.Extend(b, len(data)), data)
	return dataplane.Msg{Type: t, Block: b, Conn: conn, Len: uint32(ioctlHeader + len(data))}
}

type ioctlRig struct {
	*headRig
	driver  *ioctlDriver
	results []string
	ended   []error
}

func newIoctlRig(t testing.TB) *ioctlRig {
	t.Helper()
	d := &ioctlDriver{}
	r := (&headRig{t: t}).build(dataplane.Module{Name: "driver", WritePut: d.put})
	return &ioctlRig{headRig: r, driver: d}
}

func (r *ioctlRig) ioctl(command uint32, arg []byte) error {
	returned := false
	err := r.head.Ioctl(command, arg, func(result []byte, status error) {
		if !returned {
			r.t.Error("done is called before dataplane.Ioctl has returned")
		}
		r.results, r.ended = append(r.results, string(result)), append(r.ended, status)
	})
	returned = true
	return err
}

// TestIoctlCopiesArgumentsLongerThanAMessage both ways: with CopyIn and CopyOut.
func TestIoctlCopiesArgumentsLongerThanAMessage(t *testing.T) {
	for _, n := range []int{0, 1, blockRoom - ioctlHeader, blockRoom - ioctlHeader + 1, 3000, 100000} {
		for _, piece := range []int{7, blockRoom - ioctlHeader} {
			if n > 3000 && piece == 7 {
				continue
			}
			r := newIoctlRig(t)
			r.driver.piece = piece
			arg := make([]byte, n)
			for i := range arg {
				arg[i] = byte(i * 7)
			}
			want := bytes.Clone(arg)
			slices.Reverse(want)
			if err := r.ioctl(ioctlReverse, arg); err != nil {
				t.Fatal(err)
			}
			r.settle()
			if len(r.ended) != 1 || r.ended[0] != nil || r.results[0] != string(want) {
				t.Errorf("%d octets by %d: ended %v with %d octets", n, piece, r.ended, len(fmt.Sprint(r.results)))
			}
		}
	}
}

func TestIoctlsThatFail(t *testing.T) {
	for _, c := range []struct {
		name    string
		command uint32
		set     func(*ioctlRig)
		err     error
	}{
		{"refused", ioctlReverse, func(r *ioctlRig) { r.driver.refuse = uint32(syscall.EPERM) }, syscall.EPERM},
		{"copyin of more than there is", ioctlBeyond, func(*ioctlRig) {}, syscall.EFAULT},
		{"copyin of more than a block holds", ioctlReverse, func(r *ioctlRig) { r.driver.piece = blockRoom + 1 }, syscall.EFAULT},
		{"copyout with a hole", ioctlGap, func(*ioctlRig) {}, syscall.EFAULT},
		{"copyout without end", ioctlEndless, func(r *ioctlRig) { r.driver.piece = 400 }, syscall.EFAULT},
		{"hangup", ioctlReverse, func(r *ioctlRig) { r.driver.deaf = true; r.up.PutNext(dataplane.Msg{Type: dataplane.Hangup}) }, syscall.ENXIO},
		{"error", ioctlReverse, func(r *ioctlRig) {
			r.driver.deaf = true
			r.up.PutNext(dataplane.Msg{Type: dataplane.Error, Info: uint32(syscall.EIO)})
		}, syscall.EIO},
		{"closed", ioctlReverse, func(r *ioctlRig) {
			r.driver.deaf = true
			_, _ = r.fabric.Do(dataplane.Command{Number: control.HubClose, A: r.id})
		}, io.EOF},
		{"no answer", ioctlReverse, func(r *ioctlRig) { r.driver.deaf = true; r.now += IoctlTimeout }, ErrTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newIoctlRig(t)
			arg := make([]byte, 3000)
			if err := r.ioctl(c.command, arg); err != nil {
				t.Fatal(err)
			}
			if err := r.ioctl(c.command, arg); !errors.Is(err, ErrIoctlBusy) {
				t.Errorf("a second one meanwhile: %v", err)
			}
			c.set(r)
			r.settle()
			if len(r.ended) != 1 || !errors.Is(r.ended[0], c.err) || r.results[0] != "" {
				t.Fatalf("ended %v", r.ended)
			}
			if r.head.timer.Running() {
				t.Error("the timer runs on")
			}
			if r.head.state() != nil || c.err == io.EOF {
				return
			}
			r.driver.deaf, r.driver.refuse, r.driver.piece = false, 0, 100
			r.up.PutNext(dataplane.Msg{Type: dataplane.IocAck, Conn: r.head.ioctl.id}) // too late
			if err := r.ioctl(ioctlReverse, []byte("ab")); err != nil {
				t.Fatal(err)
			}
			if r.settle(); len(r.ended) != 2 || r.results[1] != "ba" {
				t.Errorf("the next one ended %v with %q", r.ended, r.results)
			}
		})
	}
}

// TestIoctlGetsThroughWithoutBlocks: it may take the reserve.
func TestIoctlGetsThroughWithoutBlocks(t *testing.T) {
	r := newIoctlRig(t)
	var held []block.ID
	for b := r.h.Pool.Alloc(1); b != 0; b = r.h.Pool.Alloc(1) {
		held = append(held, b)
	}
	if err := r.ioctl(ioctlReverse, []byte("abc")); err != nil {
		t.Fatal(err)
	}
	for b := r.h.Pool.AllocControl(1); b != 0; b = r.h.Pool.AllocControl(1) {
		held = append(held, b)
	}
	for _, b := range held[:1] {
		r.h.Pool.Free(b)
	}
	if r.settle(); len(r.results) != 1 || r.results[0] != "cba" {
		t.Errorf("ended %v with %q", r.ended, r.results)
	}
	for b := r.h.Pool.AllocControl(1); b != 0; b = r.h.Pool.AllocControl(1) {
		held = append(held, b)
	}
	if err := r.ioctl(ioctlReverse, nil); !errors.Is(err, ErrWouldBlock) {
		t.Errorf("without any block: %v", err)
	}
	for _, b := range held[1:] {
		r.h.Pool.Free(b)
	}
}
