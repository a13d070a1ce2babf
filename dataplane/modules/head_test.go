package modules

import (
	"errors"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
)

// headRig is a head on a bottom that the test plays.
type headRig struct {
	t        testing.TB
	now      int64
	h        *dataplane.Hub
	fabric   *dataplane.Fabric
	registry *dataplane.Registry
	head     *Head
	id       dataplane.ProcID
	low      dataplane.ProcID
	events   Events
	bottom   *bottom
	up       *dataplane.Queue
}

func newHeadRig(t testing.TB) *headRig {
	t.Helper()
	r := &headRig{t: t, bottom: &bottom{}}
	return r.build(r.bottom.module())
}

func (r *headRig) build(low dataplane.Module) *headRig {
	t := r.t
	t.Helper()
	arena, err := block.NewArena(block.Config{Small: 64})
	if err != nil {
		t.Fatal(err)
	}
	if r.h, err = dataplane.NewHub(dataplane.Config{Pool: arena.Pool(0), Clock: func() int64 { return r.now }}); err != nil {
		t.Fatal(err)
	}
	r.head = NewHead(func(e Events) { r.events |= e })
	low.Open = func(q *dataplane.Queue) error { r.up = q; return nil }
	r.registry = registry(t, map[string]dataplane.Module{"bottom": low, "head": r.head.Module()})
	if r.fabric, err = dataplane.NewFabric(r.registry, r.h); err != nil {
		t.Fatal(err)
	}
	ids, err := r.fabric.Build(0, dataplane.Part{Name: "bottom"}, dataplane.Part{Name: "head"})
	if err != nil {
		t.Fatal(err)
	}
	r.low, r.id = ids[0], ids[1]
	t.Cleanup(func() {
		_ = r.fabric.Close()
		if blocks, views := arena.Pool(0).InUse(); blocks+views != 0 {
			t.Errorf("after the end %d blocks and %d views are out", blocks, views)
		}
		_ = arena.Close()
	})
	return r
}

func (r *headRig) settle() {
	for idle := 0; idle < 3; idle++ {
		if r.h.Pass() > 0 {
			idle = 0
		}
	}
}

// bottom notes what reaches it. While stalled it queues instead.
type bottom struct {
	msgs    []dataplane.Msg // as they came; their blocks are freed
	texts   []string
	stalled bool
	q       *dataplane.Queue
	onPut   func(*dataplane.Queue, dataplane.Msg) // called first
}

func (e *bottom) module() dataplane.Module {
	return dataplane.Module{Name: "bottom", WritePut: e.put, WriteService: e.service, HiWat: 400, LoWat: 100}
}

func (e *bottom) put(q *dataplane.Queue, m dataplane.Msg) {
	e.q = q
	if e.onPut != nil {
		e.onPut(q, m)
	}
	switch {
	case m.Type == dataplane.Flush:
		q.TurnFlush(m)
	case e.stalled || !q.Empty():
		q.PutQ(m)
	default:
		e.take(q, m)
	}
}

func (e *bottom) take(q *dataplane.Queue, m dataplane.Msg) {
	e.msgs = append(e.msgs, m)
	e.texts = append(e.texts, string(octets(q.Hub(), m.Block)))
	q.Hub().Free(m)
}

func (e *bottom) service(q *dataplane.Queue) {
	for !e.stalled {
		m, ok := q.GetQ()
		if !ok {
			return
		}
		e.take(q, m)
	}
}

func (e *bottom) resume() {
	e.stalled = false
	e.q.Enable()
}

// octets is the data of a message, of all its blocks.
func octets(h *dataplane.Hub, b block.ID) (p []byte) {
	for ; b != 0; b = h.Pool.Next(b) {
		p = append(p, h.Pool.Bytes(b)...)
	}
	return p
}

// told gives the events since it was last asked.
func (r *headRig) told() Events {
	e := r.events
	r.events = 0
	return e
}

// text makes a message of s.
func (r *headRig) text(s string) dataplane.Msg {
	r.t.Helper()
	b := r.h.Pool.Alloc(len(s))
	if b == 0 {
		r.t.Fatal("no block")
	}
	copy(r.h.Pool.Extend(b, len(s)), s)
	return dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(len(s))}
}

const blockRoom = block.SmallBytes - block.Headroom

func TestHeadWrite(t *testing.T) {
	r := newHeadRig(t)
	long := strings.Repeat("x", 2*blockRoom+10)
	for _, s := range []string{"one", long, ""} {
		if n, err := r.head.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatalf("wrote %d of %d: %v", n, len(s), err)
		}
	}
	if want := []string{"one", long[:blockRoom], long[:blockRoom], long[:10]}; !slices.Equal(r.bottom.texts, want) {
		t.Errorf("arrived %q", r.bottom.texts)
	}
	r.bottom.stalled = true
	var n int
	var err error
	for range 20 {
		if n, err = r.head.Write([]byte(strings.Repeat("y", 50))); err != nil {
			break
		}
	}
	if n != 0 || !errors.Is(err, ErrWouldBlock) || r.told() != 0 {
		t.Fatalf("into a full stream: %d, %v", n, err)
	}
	r.bottom.resume()
	r.settle()
	if r.told() != Writable {
		t.Error("not told that writing may go on")
	}
	if n, err := r.head.Write([]byte("z")); n != 1 || err != nil {
		t.Errorf("afterwards: %d, %v", n, err)
	}
}

func TestHeadWriteWithoutBlocks(t *testing.T) {
	r := newHeadRig(t)
	var held []block.ID
	for b := r.h.Pool.Alloc(1); b != 0; b = r.h.Pool.Alloc(1) {
		held = append(held, b)
	}
	r.h.Pool.Free(held[0])
	held = held[1:]
	r.bottom.stalled = true
	if n, err := r.head.Write(make([]byte, 2*blockRoom)); n != blockRoom || !errors.Is(err, ErrWouldBlock) {
		t.Errorf("wrote %d, %v", n, err)
	}
	if err := r.head.PutMsg([]byte("c"), nil, 0, false); !errors.Is(err, ErrWouldBlock) {
		t.Errorf("an ordinary message: %v", err)
	}
	if err := r.head.PutMsg([]byte("c"), []byte("d"), 0, true); err != nil {
		t.Errorf("a high-priority message may take the reserve: %v", err)
	}
	for _, b := range held {
		r.h.Pool.Free(b)
	}
	r.bottom.resume()
	r.settle()
}

// TestHeadRead reads messages as an octet stream, by pieces of every size.
func TestHeadRead(t *testing.T) {
	for size := 1; size < 9; size++ {
		r := newHeadRig(t)
		var want string
		for _, s := range []string{"abc", "", "defghi", "j"} {
			r.up.PutNext(r.text(s))
			want += s
		}
		r.up.PutNext(dataplane.Msg{Type: dataplane.Data}) // no data, no block
		chained := r.text("k")
		r.h.Pool.Append(chained.Block, r.text("lm").Block)
		chained.Len = 3
		r.up.PutNext(chained)
		want += "klm"
		if r.told() != Readable {
			t.Fatal("not told")
		}
		var got []byte
		p := make([]byte, size)
		for {
			n, err := r.head.Read(p)
			got = append(got, p[:n]...)
			if errors.Is(err, ErrWouldBlock) {
				break
			}
			if err != nil || n == 0 {
				t.Fatalf("read %d, %v", n, err)
			}
		}
		if string(got) != want {
			t.Errorf("pieces of %d: read %q, want %q", size, got, want)
		}
	}
}

func TestHeadReadStopsBeforeControl(t *testing.T) {
	r := newHeadRig(t)
	r.up.PutNext(r.text("data"))
	proto := r.text("control")
	proto.Type = dataplane.Proto
	r.up.PutNext(proto)
	r.up.PutNext(r.text("more"))
	p := make([]byte, 100)
	read := func(want string, wantErr error) {
		t.Helper()
		if n, err := r.head.Read(p); string(p[:n]) != want || !errors.Is(err, wantErr) {
			t.Errorf("read %q, %v; want %q, %v", p[:n], err, want, wantErr)
		}
	}
	read("data", nil)
	read("", ErrNotData)
	m, err := r.head.GetMsg()
	if err != nil || m.Type != dataplane.Proto || string(octets(r.h, m.Block)) != "control" {
		t.Fatalf("getmsg: %+v, %v", m, err)
	}
	r.h.Free(m)
	read("more", nil)
	high := r.text("first")
	high.Type = dataplane.PCProto
	r.up.PutNext(r.text("last"))
	r.up.PutNext(high)
	if m, err = r.head.GetMsg(); m.Type != dataplane.PCProto || err != nil {
		t.Errorf("high priority does not come first: %+v, %v", m, err)
	}
	r.h.Free(m)
	n, _ := r.head.Read(p[:2])
	if m, err = r.head.GetMsg(); string(p[:n])+string(octets(r.h, m.Block)) != "last" || m.Len != 2 || err != nil {
		t.Errorf("getmsg of the rest: %+v, %v", m, err)
	}
	r.h.Free(m)
	if _, err := r.head.GetMsg(); !errors.Is(err, ErrWouldBlock) {
		t.Error(err)
	}
}

func TestHeadPutMsg(t *testing.T) {
	r := newHeadRig(t)
	big := make([]byte, blockRoom+1)
	for _, c := range []struct {
		name          string
		control, data []byte
		band          uint8
		high          bool
		err           error
		typ           dataplane.Type
		blocks        int
	}{
		{"data", nil, []byte("d"), 0, false, nil, dataplane.Data, 1},
		{"nothing", nil, nil, 0, false, nil, dataplane.Data, 1},
		{"control", []byte("c"), nil, 3, false, nil, dataplane.Proto, 1},
		{"both", []byte("c"), []byte("d"), 0, false, nil, dataplane.Proto, 2},
		{"high priority", []byte("c"), []byte("d"), 0, true, nil, dataplane.PCProto, 2},
		{"high priority without control", nil, []byte("d"), 0, true, syscall.EINVAL, 0, 0},
		{"high priority in a band", []byte("c"), nil, 1, true, syscall.EINVAL, 0, 0},
		{"too long", nil, big, 0, false, syscall.ERANGE, 0, 0},
		{"control too long", big, nil, 0, false, syscall.ERANGE, 0, 0},
	} {
		blocks := 0
		r.bottom.msgs, r.bottom.texts = nil, nil
		r.bottom.onPut = func(_ *dataplane.Queue, m dataplane.Msg) {
			for b := m.Block; b != 0; b = r.h.Pool.Next(b) {
				blocks++
			}
		}
		err := r.head.PutMsg(c.control, c.data, c.band, c.high)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if c.err != nil {
			continue
		}
		if m := r.bottom.msgs[0]; m.Type != c.typ || m.Band != c.band || blocks != c.blocks ||
			int(m.Len) != len(c.control)+len(c.data) || r.bottom.texts[0] != string(c.control)+string(c.data) {
			t.Errorf("%s: %+v in %d blocks: %q", c.name, m, blocks, r.bottom.texts)
		}
	}
	r.bottom.onPut = nil
	r.bottom.stalled = true
	for r.head.PutMsg(nil, []byte("d"), 0, false) == nil {
		continue
	}
	if err := r.head.PutMsg(nil, []byte("d"), 4, false); err != nil {
		t.Errorf("another band: %v", err)
	}
	if err := r.head.PutMsg([]byte("c"), nil, 0, true); err != nil {
		t.Errorf("high priority: %v", err)
	}
	r.bottom.resume()
}

// TestHangupReachesTheHead: what was there before can still be read.
func TestHangupReachesTheHead(t *testing.T) {
	r := newHeadRig(t)
	r.up.PutNext(r.text("last words"))
	r.up.PutNext(dataplane.Msg{Type: dataplane.Hangup})
	if r.told() != HungUp|Readable {
		t.Error("not told")
	}
	if _, err := r.head.Write([]byte("x")); !errors.Is(err, syscall.ENXIO) {
		t.Errorf("write: %v", err)
	}
	p := make([]byte, 20)
	if n, err := r.head.Read(p); string(p[:n]) != "last words" || err != nil {
		t.Errorf("read %q, %v", p[:n], err)
	}
	if _, err := r.head.Read(p); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if _, err := r.head.GetMsg(); !errors.Is(err, io.EOF) {
		t.Errorf("getmsg at the end: %v", err)
	}
	for name, err := range map[string]error{
		"putmsg": r.head.PutMsg(nil, nil, 0, false), "flush": r.head.Flush(dataplane.FlushRead),
		"ioctl": r.head.Ioctl(1, nil, nil),
	} {
		if !errors.Is(err, syscall.ENXIO) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestErrorReachesTheHead: the stream is unusable, and what was queued is gone.
func TestErrorReachesTheHead(t *testing.T) {
	r := newHeadRig(t)
	r.up.PutNext(r.text("abc"))
	p := make([]byte, 1)
	if n, _ := r.head.Read(p); n != 1 {
		t.Fatal("nothing read")
	}
	r.up.PutNext(r.text("lost"))
	r.up.PutNext(dataplane.Msg{Type: dataplane.Error, Info: uint32(syscall.EPROTO)})
	r.up.PutNext(dataplane.Msg{Type: dataplane.Error, Info: uint32(syscall.EIO)}) // the first one stays
	if r.told()&HungUp == 0 {
		t.Error("not told")
	}
	r.up.PutNext(r.text("too late"))
	if n, late := r.h.Counters().Flushed, r.head.counters()[0].N; n != 1 || late != 1 {
		t.Errorf("%d queued and %d later messages are counted, want 1 and 1", n, late)
	}
	_, e1 := r.head.Write(p)
	_, e2 := r.head.Read(p)
	_, e3 := r.head.GetMsg()
	for i, err := range []error{e1, e2, e3, r.head.PutMsg(nil, nil, 0, false), r.head.Ioctl(1, nil, nil), r.head.Flush(dataplane.FlushWrite)} {
		if !errors.Is(err, syscall.EPROTO) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if chunks, _ := r.h.Pool.InUse(); chunks != 0 {
		t.Errorf("%d blocks are held", chunks)
	}
}

func TestHeadFlush(t *testing.T) {
	for _, c := range []struct {
		bits     uint32
		up, down int // messages left in the module between
		read     bool
	}{
		{dataplane.FlushRead, 0, 1, false}, {dataplane.FlushWrite, 1, 0, true}, {dataplane.FlushRead | dataplane.FlushWrite, 0, 0, false},
	} {
		r := newHeadRig(t)
		var rq, wq *dataplane.Queue
		if err := r.registry.Add("m", func(string) (dataplane.Module, error) {
			return dataplane.Module{
				Name: "m", ReadService: (*dataplane.Queue).Drain, WriteService: (*dataplane.Queue).Drain,
				Open: func(q *dataplane.Queue) error { rq, wq = q, q.Mate(); return nil },
			}, nil
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.fabric.Do(dataplane.Command{Number: control.HubPush, A: r.low, Name: "m"}); err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{"ab", "cd"} {
			r.up.PutNext(r.text(s))
		}
		p := make([]byte, 10)
		_, _ = r.head.Read(p[:1])
		rq.NoEnable()
		wq.NoEnable()
		rq.PutQ(r.text("x"))
		wq.PutQ(r.text("y"))
		if err := r.head.Flush(c.bits); err != nil {
			t.Fatal(err)
		}
		r.settle()
		if rq.Len() != c.up || wq.Len() != c.down {
			t.Errorf("flush %d: left %d up and %d down", c.bits, rq.Len(), wq.Len())
		}
		if n, _ := r.head.Read(p); (n > 0) != c.read {
			t.Errorf("flush %d: then read %q", c.bits, p[:n])
		}
	}
}

func TestHeadFreesWhatIsNotForIt(t *testing.T) {
	r := newHeadRig(t)
	for _, typ := range []dataplane.Type{dataplane.Ctl, dataplane.Ioctl, dataplane.IocAck, dataplane.IocNak, dataplane.CopyIn, dataplane.CopyOut, dataplane.IocData} {
		m := r.text("x")
		m.Type = typ
		r.up.PutNext(m)
	}
	if chunks, _ := r.h.Pool.InUse(); chunks != 0 || r.told() != 0 {
		t.Errorf("%d blocks are out", chunks)
	}
}
