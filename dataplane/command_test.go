package dataplane

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/dataplane/block"
)

// routes is a multiplexor for tests: a message going down leaves by the lower pair
// Conn>>8, one going up by the upper pair Conn&0xFF.
type routes struct{ lowers, uppers []*Queue }

func (x *routes) pair(arg []byte) (Module, error) {
	side := &x.lowers
	switch string(arg) {
	case "upper":
		side = &x.uppers
	case "lower":
	default:
		return Module{}, syscall.EINVAL
	}
	upper := string(arg) == "upper"
	return Module{
		Name: "routes", ReadPut: x.route, WritePut: x.route,
		ReadService: x.drain, WriteService: x.drain, Pair: x.pair,
		Open: func(q *Queue) error {
			if !upper {
				q = q.Mate()
			}
			*side = append(*side, q)
			return nil
		},
	}, nil
}

func (x *routes) way(q *Queue, m Msg) *Queue {
	if q.Reader() {
		return x.uppers[m.Conn&0xFF]
	}
	return x.lowers[m.Conn>>8]
}

func (x *routes) route(q *Queue, m Msg) {
	if m.Type == Flush {
		q.TurnFlush(m)
		return
	}
	if way := x.way(q, m); m.Type.HighPriority() || q.Empty() && way.CanPutNextFor(q, m.Band) {
		way.PutNext(m)
		return
	}
	q.PutQ(m)
}

func (x *routes) drain(q *Queue) {
	for {
		m, ok := q.GetQ()
		if !ok {
			return
		}
		if way := x.way(q, m); !way.CanPutNextFor(q, m.Band) {
			q.PutBQ(m)
			return
		}
		x.way(q, m).PutNext(m)
	}
}

// commandRig is a hub that only commands reach.
type commandRig struct {
	*rig
	c    *Commander
	ends map[string]*end
}

func newCommandRig(t *testing.T) *commandRig {
	t.Helper()
	r := &commandRig{rig: newRig(t, 1, block.Config{}), ends: map[string]*end{}}
	var err error
	if r.c, err = r.h.NewCommander(); err != nil {
		t.Fatal(err)
	}
	made := func(m func(*end) Module) Factory {
		return func(_ *Hub, arg []byte) (Module, error) {
			e := &end{}
			r.ends[string(arg)] = e
			return m(e), nil
		}
	}
	for name, f := range map[string]Factory{
		"driver":  made((*end).bottom),
		"head":    made((*end).top),
		"pass":    func(*Hub, []byte) (Module, error) { return pass("pass"), nil },
		"through": func(*Hub, []byte) (Module, error) { return through("through"), nil },
		"broken":  func(*Hub, []byte) (Module, error) { return Module{}, syscall.ENODEV },
		"mux":     func(_ *Hub, arg []byte) (Module, error) { return (&routes{}).pair(arg) },
	} {
		if err := r.h.Register(name, f); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// do sends one command and turns the hub until it is answered.
func (r *commandRig) do(op Op, dst, other ProcID, name, arg string) Answer {
	r.t.Helper()
	seq, ok := r.c.Send(op, dst, other, name, []byte(arg))
	if !ok {
		r.t.Fatal("the ring is full")
	}
	for range 10 {
		r.h.Pass()
		if a, ok := r.c.Receive(); ok {
			if a.Seq != seq {
				r.t.Fatalf("answer %d to command %d", a.Seq, seq)
			}
			return a
		}
	}
	r.t.Fatalf("command %d is not answered", op)
	return Answer{}
}

func (r *commandRig) must(op Op, dst, other ProcID, name, arg string) Answer {
	r.t.Helper()
	a := r.do(op, dst, other, name, arg)
	if a.Err != nil {
		r.t.Fatalf("command %d of %s %s: %v", op, name, arg, a.Err)
	}
	return a
}

// TestTopologyBuiltByCommandsOnly builds two stages of multiplexors, three drivers, of
// which one has modules pushed by itself, and four heads, sends traffic between all of
// them, and changes and takes down everything again, by nothing but commands.
func TestTopologyBuiltByCommandsOnly(t *testing.T) {
	r := newCommandRig(t)
	r.h.Autopush("driver", "pass", "through")
	low := r.must(OpOpen, 0, 0, "mux", "lower").Number // pairs 0 to 2 below
	for i := range 3 {
		if i > 0 {
			r.must(OpPair, low, 0, "", "lower")
		}
	}
	lowers := []ProcID{low, low + 1, low + 2}
	var tops, uppers []ProcID
	for i := range 4 {
		uppers = append(uppers, r.must(OpPair, low, 0, "", "upper").Number)
		tops = append(tops, r.must(OpOpen, 0, 0, "head", fmt.Sprint("head ", i)).Number)
	}
	for i := range 3 {
		a := r.must(OpOpen, 0, 0, "driver", fmt.Sprint("driver ", i))
		if a.Top == a.Number {
			t.Fatal("nothing was pushed by itself")
		}
		r.must(OpLink, a.Top, lowers[i], "", "")
	}
	for i, id := range tops {
		r.must(OpLink, uppers[i], id, "", "")
		r.must(OpPush, uppers[i], 0, []string{"pass", "through"}[i%2], "")
	}
	traffic := func(when string) {
		t.Helper()
		for d := range 3 {
			for h := range 4 {
				m := Msg{Type: Data, Conn: uint64(d<<8 | h)}
				r.ends[fmt.Sprint("driver ", d)].q.Mate().PutNext(m)
				r.ends[fmt.Sprint("head ", h)].q.Mate().PutNext(m)
			}
		}
		r.settle()
		for name, e := range r.ends {
			want := 4
			if strings.HasPrefix(name, "head") {
				want = 3
			}
			if len(e.got) != want || r.h.counters.Unlinked != 0 {
				t.Errorf("%s: %s got %v", when, name, e.got)
			}
			e.got = nil
		}
	}
	traffic("built")
	_, w := r.queues(tops[0])
	pushed := w.next.ID()
	r.must(OpReplace, pushed, 0, "through", "")
	traffic("replaced")
	r.must(OpPop, pushed, 0, "", "")
	traffic("popped")
	r.must(OpUnlink, uppers[1], 0, "", "")
	if a := r.do(OpUnlink, uppers[1], 0, "", ""); !errors.Is(a.Err, ErrHub) {
		t.Errorf("unlinked twice: %v", a.Err)
	}
	r.must(OpOpen, 0, 0, "head", "head 1")
	for _, p := range r.h.procs {
		if p != nil {
			r.must(OpClose, p.id, 0, "", "")
		}
	}
	for _, p := range r.h.procs {
		if p != nil {
			t.Errorf("%s is left", p.module.Name)
		}
	}
}

// TestCommandsThatFailChangeNothing, and each is answered with one clear error.
func TestCommandsThatFailChangeNothing(t *testing.T) {
	r := newCommandRig(t)
	driver := r.must(OpOpen, 0, 0, "driver", "d").Number
	mux := r.must(OpOpen, 0, 0, "mux", "upper").Number
	r.h.Autopush("head", "pass", "nonesuch")
	for _, c := range []struct {
		name       string
		op         Op
		dst, other ProcID
		module     string
		arg        string
		err        error
	}{
		{"no such command", 99, driver, 0, "", "", syscall.EINVAL},
		{"command 0", 0, driver, 0, "", "", syscall.EINVAL},
		{"no such module", OpOpen, 0, 0, "nonesuch", "", ErrHub},
		{"a module that refuses", OpOpen, 0, 0, "broken", "", syscall.ENODEV},
		{"a name too long", OpOpen, 0, 0, strings.Repeat("x", MaxModuleName+1), "", ErrHub},
		{"autopush of no module", OpOpen, 0, 0, "head", "h", ErrHub},
		{"close of nobody", OpClose, 77, 0, "", "", ErrHub},
		{"link to nobody", OpLink, driver, 77, "", "", ErrHub},
		{"unlink of what is not linked", OpUnlink, driver, 0, "", "", ErrHub},
		{"push on an end", OpPush, driver, 0, "pass", "", ErrHub},
		{"pop of an end", OpPop, driver, 0, "", "", ErrHub},
		{"replace of nobody", OpReplace, 77, 0, "pass", "", ErrHub},
		{"a pair of no multiplexor", OpPair, driver, 0, "", "upper", ErrHub},
		{"a pair of nobody", OpPair, 77, 0, "", "upper", ErrHub},
		{"a pair that it refuses", OpPair, mux, 0, "", "sideways", syscall.EINVAL},
	} {
		if a := r.do(c.op, c.dst, c.other, c.module, c.arg); !errors.Is(a.Err, c.err) || a.Number != 0 && c.op != OpReplace {
			t.Errorf("%s: %+v", c.name, a)
		}
		if rq, wq := r.queues(driver); rq.Linked() || wq.Linked() {
			t.Errorf("%s: something is linked to the driver", c.name)
		}
		left := 0
		for _, p := range r.h.procs {
			if p != nil {
				left++
			}
		}
		if left != 2 {
			t.Fatalf("%s: %d processes, 2 before", c.name, left)
		}
	}
	if _, err := r.h.Command(Msg{Type: Data}, nil); !errors.Is(err, ErrHub) {
		t.Errorf("data as a command: %v", err)
	}
	if _, err := r.h.Command(Msg{Type: Ctl, Class: 3, Info: uint32(OpOpen)}, nil); !errors.Is(err, ErrHub) {
		t.Errorf("another class: %v", err)
	}
}

// FuzzCommand wants no text of a command to do more than fail.
func FuzzCommand(f *testing.F) {
	f.Add(uint32(OpOpen), uint32(0), uint64(0), []byte{0, 4, 'p', 'a', 's', 's', 'x'})
	f.Add(uint32(OpPush), uint32(1), uint64(0), []byte{0, 4, 'p', 'a', 's', 's'})
	f.Add(uint32(OpLink), uint32(1), uint64(2), []byte{})
	f.Add(uint32(OpLink), uint32(2), uint64(1), []byte{0})
	f.Add(uint32(OpPair), uint32(1), uint64(1<<40), []byte{0xFF, 0xFF})
	f.Add(uint32(OpClose), uint32(1<<31), uint64(0), []byte{0, 0})
	f.Fuzz(func(t *testing.T, op, dst uint32, conn uint64, text []byte) {
		r := newRig(t, 1, block.Config{Small: 8})
		if err := r.h.Register("pass", func(_ *Hub, arg []byte) (Module, error) {
			if len(arg) > 0 {
				return Module{}, syscall.EINVAL
			}
			return pass("pass"), nil
		}); err != nil {
			t.Fatal(err)
		}
		r.chain(pass("a"), pass("b"), pass("c"))
		_, _ = r.h.Command(Msg{Type: Ctl, Info: op, Dst: ProcID(dst), Conn: conn}, text)
		r.settle()
	})
}

func TestCommandNameIsChecked(t *testing.T) {
	long := binary.BigEndian.AppendUint16(nil, MaxModuleName+1)
	long = append(long, make([]byte, MaxModuleName+1)...)
	for _, text := range [][]byte{nil, {0}, {0, 1}, {0xFF, 0xFF, 'x'}, long} {
		if _, _, err := commandName(text); !errors.Is(err, ErrHub) {
			t.Errorf("%v: %v", text, err)
		}
	}
	name, arg, err := commandName([]byte{0, 2, 'a', 'b', 'c'})
	if name != "ab" || string(arg) != "c" || err != nil {
		t.Errorf("%q, %q, %v", name, arg, err)
	}
}

// TestCommandsWaitForRoomToAnswer: none is carried out whose answer would be lost, and
// a full ring refuses.
func TestCommandsWaitForRoomToAnswer(t *testing.T) {
	r := newCommandRig(t)
	sent := 0
	for range 3 {
		for {
			if _, ok := r.c.Send(OpOpen, 0, 0, "pass", nil); !ok {
				break
			}
			sent++
		}
		r.h.Pass()
	}
	if sent != 2*commandRing || len(r.h.procs)-1 != commandRing {
		t.Errorf("%d were taken, %d carried out; the ring holds %d", sent, len(r.h.procs)-1, commandRing)
	}
	var seqs []uint64
	for range 3 {
		for {
			a, ok := r.c.Receive()
			if !ok {
				break
			}
			seqs = append(seqs, a.Seq)
		}
		r.h.Pass()
	}
	if !slices.Equal(seqs, count(1, sent)) {
		t.Errorf("%d answers of %d, or in another order", len(seqs), sent)
	}
}
