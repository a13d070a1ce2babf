package dataplane

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
)

// routes is a multiplexor for tests: a message going down leaves by the lower pair
// Conn>>8, one going up by the upper pair Conn&0xFF.
type routes struct{ lowers, uppers []*Queue }

func (x *routes) pair(arg string) (Module, error) {
	if arg != "upper" && arg != "lower" {
		return Module{}, syscall.EINVAL
	}
	return Module{
		Name: "routes", ReadPut: x.route, WritePut: x.route,
		ReadService: x.drain, WriteService: x.drain, Pair: x.pair, Arrive: func(*Queue) {},
		Open: func(q *Queue) error {
			if arg == "upper" {
				x.uppers = append(x.uppers, q)
			} else {
				x.lowers = append(x.lowers, q.Mate())
			}
			return nil
		},
	}, nil
}

func (x *routes) way(q *Queue, m *Msg) *Queue {
	if q.Reader() {
		return x.uppers[m.Conn&0xFF]
	}
	return x.lowers[m.Conn>>8]
}

func (x *routes) route(q *Queue, m Msg) { q.ForwardTo(x.way(q, &m), m) }

func (x *routes) drain(q *Queue) { q.DrainTo(func(m *Msg) *Queue { return x.way(q, m) }) }

// commandRig is hubs that only commands reach: called, or as messages.
type commandRig struct {
	*rig
	line      *Line // nil: commands are called
	ends      map[string]*end
	discarded int
}

func newCommandRig(t *testing.T, hubs int, messages bool) *commandRig {
	t.Helper()
	r := &commandRig{rig: newRig(t, hubs, block.Config{}), ends: map[string]*end{}}
	*r.fabric.registry = Registry{}
	made := func(m func(*end) Module) Constructor {
		return func(arg string) (Module, error) {
			e := &end{}
			r.ends[arg] = e
			return m(e), nil
		}
	}
	for name, c := range map[string]Constructor{
		"driver":  made((*end).bottom),
		"head":    made((*end).top),
		"pass":    func(string) (Module, error) { return pass("pass"), nil },
		"through": func(string) (Module, error) { return through("through"), nil },
		"broken":  func(string) (Module, error) { return Module{}, syscall.ENODEV },
		"mux":     func(arg string) (Module, error) { return (&routes{}).pair(arg) },
		"shut": func(string) (Module, error) {
			return Module{Name: "shut", Open: func(*Queue) error { return syscall.EACCES }, Discard: func() { r.discarded++ }}, nil
		},
		"owns": func(string) (Module, error) {
			m := through("owns")
			m.Discard = func() { r.discarded++ }
			return m, nil
		},
	} {
		if err := r.fabric.registry.Add(name, c); err != nil {
			t.Fatal(err)
		}
	}
	if messages {
		var err error
		if r.line, err = r.hubs[hubs-1].NewLine(); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// do carries one command out.
func (r *commandRig) do(c Command) (Answer, error) {
	if r.line == nil {
		return r.fabric.Do(c)
	}
	if !r.line.Send(Msg{Type: Ctl, Class: control.ClassHub, Dst: r.h.Number(), Conn: 77, Info: uint32(c.Number)}, c.Encode()) {
		r.t.Fatal("the ring is full")
	}
	for range 20 {
		for _, h := range r.hubs {
			h.Pass()
		}
		r.fabric.attend()
		if m, data, ok := r.line.Receive(); ok {
			if m.Conn != 77 {
				r.t.Fatalf("the answer is to %d", m.Conn)
			}
			return DecodeAnswer(m, data)
		}
	}
	r.t.Fatalf("command %d is not answered", c.Number)
	return Answer{}, nil
}

func (r *commandRig) must(c Command) Answer {
	r.t.Helper()
	a, err := r.do(c)
	if err != nil {
		r.t.Fatalf("%+v: %v", c, err)
	}
	return a
}

// TestTopologyBuiltByCommandsOnly builds two stages of multiplexors, three drivers, of
// which one has modules pushed by itself, and four heads, over two hubs, sends traffic
// between all of them, and moves, changes and takes down everything again, by nothing
// but commands, called and as messages.
func TestTopologyBuiltByCommandsOnly(t *testing.T) {
	for _, messages := range []bool{false, true} {
		t.Run(fmt.Sprint("messages ", messages), func(t *testing.T) { testCommandsOnly(t, newCommandRig(t, 2, messages)) })
	}
}

func testCommandsOnly(t *testing.T, r *commandRig) {
	r.fabric.registry.Autopush("driver", Part{Name: "pass"}, Part{Name: "through"})
	here, there := r.hubs[0].Number(), r.hubs[1].Number()
	lowers := []ProcID{r.must(Command{Number: control.HubOpen, Name: "mux", Arg: "lower"}).Number}
	for range 2 {
		lowers = append(lowers, r.must(Command{Number: control.HubPair, A: lowers[0], Arg: "lower"}).Number)
	}
	var tops, uppers, pushed []ProcID
	for i := range 4 {
		uppers = append(uppers, r.must(Command{Number: control.HubPair, A: lowers[0], Arg: "upper"}).Number)
		tops = append(tops, r.must(Command{Number: control.HubOpen, B: []ProcID{here, there}[i%2], Name: "head", Arg: fmt.Sprint("head ", i)}).Number)
	}
	for i := range 3 {
		a := r.must(Command{Number: control.HubOpen, B: there, Name: "driver", Arg: fmt.Sprint("driver ", i)})
		if a.Top == a.Number {
			t.Fatal("nothing was pushed by itself")
		}
		r.must(Command{Number: control.HubLink, A: a.Top, B: lowers[i]})
	}
	for i, id := range tops {
		r.must(Command{Number: control.HubLink, A: uppers[i], B: id})
		pushed = append(pushed, r.must(Command{Number: control.HubPush, A: uppers[i], Name: []string{"pass", "through"}[i%2]}).Number)
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
			if len(e.got) != want || r.h.counters.Unlinked+r.hubs[1].counters.Unlinked != 0 {
				t.Errorf("%s: %s got %v", when, name, e.got)
			}
			e.got = nil
		}
	}
	traffic("built")
	r.must(Command{Number: control.HubMove, A: lowers[1], B: there})
	if p, _ := r.fabric.find(uppers[3]); p.rq.hub != r.hubs[1] {
		t.Error("a pair of the multiplexor stayed behind")
	}
	traffic("moved")
	r.must(Command{Number: control.HubReplace, A: pushed[1], Name: "pass"})
	traffic("replaced")
	r.must(Command{Number: control.HubMove, A: lowers[0], B: here})
	r.must(Command{Number: control.HubPop, A: pushed[1]})
	traffic("popped, and moved back")
	if list := string(r.must(Command{Number: control.HubList}).Data); strings.Count(list, "\n") < 18 || strings.Count(list, " routes\n") != 7 {
		t.Errorf("the list:\n%s", list)
	}
	r.must(Command{Number: control.HubUnlink, A: uppers[2]})
	if _, err := r.do(Command{Number: control.HubUnlink, A: tops[2]}); !errors.Is(err, syscall.EINVAL) && !errors.Is(err, ErrHub) {
		t.Errorf("unlinked twice: %v", err)
	}
	for _, id := range slices.Concat(tops, uppers, lowers) {
		r.must(Command{Number: control.HubClose, A: id})
	}
	if n := r.proxies(); n != 0 {
		t.Errorf("%d proxies are left", n)
	}
}

// TestCommandsThatFailChangeNothing, and each is answered with one clear error.
func TestCommandsThatFailChangeNothing(t *testing.T) {
	for _, messages := range []bool{false, true} {
		r := newCommandRig(t, 2, messages)
		low := r.must(Command{Number: control.HubOpen, Name: "driver"}).Number
		high := r.must(Command{Number: control.HubOpen, B: r.hubs[1].Number(), Name: "head"}).Number
		r.must(Command{Number: control.HubLink, A: low, B: high})
		lone := r.must(Command{Number: control.HubOpen, Name: "through"}).Number
		before := string(r.must(Command{Number: control.HubList}).Data)
		for name, c := range map[string]struct {
			Command
			errno syscall.Errno
		}{
			"open of nothing":      {Command{Number: control.HubOpen, Name: "nothing"}, syscall.ENOENT},
			"open without name":    {Command{Number: control.HubOpen}, syscall.ENOENT},
			"open that fails":      {Command{Number: control.HubOpen, Name: "broken"}, syscall.ENODEV},
			"open that is refused": {Command{Number: control.HubOpen, Name: "shut"}, syscall.EACCES},
			"open on no hub":       {Command{Number: control.HubOpen, B: low, Name: "pass"}, syscall.ENXIO},
			"push on nobody":       {Command{Number: control.HubPush, A: 99, Name: "owns"}, syscall.ESRCH},
			"push on the top":      {Command{Number: control.HubPush, A: lone, Name: "owns"}, syscall.EINVAL},
			"push of nothing":      {Command{Number: control.HubPush, A: low, Name: "nothing"}, syscall.ENOENT},
			"replace by refusal":   {Command{Number: control.HubReplace, A: low, Name: "shut"}, syscall.EACCES},
			"pop of an end":        {Command{Number: control.HubPop, A: low}, syscall.EINVAL},
			"pop of nobody":        {Command{Number: control.HubPop, A: 99}, syscall.ESRCH},
			"link of linked":       {Command{Number: control.HubLink, A: low, B: lone}, syscall.EINVAL},
			"link to nobody":       {Command{Number: control.HubLink, A: lone, B: 99}, syscall.ESRCH},
			"link to itself":       {Command{Number: control.HubLink, A: lone, B: lone}, syscall.EINVAL},
			"link round":           {Command{Number: control.HubLink, A: high, B: low}, syscall.EINVAL},
			"unlink of open end":   {Command{Number: control.HubUnlink, A: high}, syscall.EINVAL},
			"pair of no mux":       {Command{Number: control.HubPair, A: low}, syscall.EINVAL},
			"close of nobody":      {Command{Number: control.HubClose, A: 99}, syscall.ESRCH},
			"pop of a line":        {Command{Number: control.HubClose, A: r.hubs[0].calls.ID()}, syscall.ESRCH},
			"no command":           {Command{Number: 99, A: low}, syscall.EINVAL},
			"no own command":       {Command{Number: 200, A: low}, syscall.EINVAL},
		} {
			if _, err := r.do(c.Command); Errno(err) != c.errno || err == nil {
				t.Errorf("%s: %v, want %v", name, err, c.errno)
			}
		}
		if after := string(r.must(Command{Number: control.HubList}).Data); after != before {
			t.Errorf("there were\n%sand are\n%s", before, after)
		}
		if r.discarded != 4 {
			t.Errorf("%d modules that were not opened were discarded, want 4", r.discarded)
		}
	}
}

// TestBuildIsAllOrNothing.
func TestBuildIsAllOrNothing(t *testing.T) {
	r := newCommandRig(t, 1, false)
	before := len(r.h.standing())
	parts := []Part{{Name: "driver"}, {Name: "mux", Arg: "lower"}, {Arg: "upper"}, {Name: "pass"}, {Name: "head"}}
	for bad := range parts {
		broken := slices.Clone(parts)
		broken[bad].Name, broken[bad].Arg = "shut", ""
		if _, err := r.fabric.Build(0, broken...); !errors.Is(err, syscall.EACCES) && !errors.Is(err, ErrHub) && !errors.Is(err, syscall.EINVAL) {
			t.Errorf("part %d: %v", bad, err)
		}
		if n := len(r.h.standing()); n != before {
			t.Fatalf("part %d: %d processes are left", bad, n-before)
		}
	}
	ids, err := r.fabric.Build(0, parts...)
	if err != nil || len(ids) != len(parts) {
		t.Fatalf("%v, %v", ids, err)
	}
	r.ends[""].q.Mate().PutNext(Msg{Type: Data})
	if r.settle(); len(r.ends[""].got) != 0 && r.h.counters.Unlinked != 0 {
		t.Error("the stream does not carry")
	}
}

// TestModuleCommands: a module's own, by name of its process, called and by message, on
// whichever hub it stands; checked against what the module says of them.
func TestModuleCommands(t *testing.T) {
	r := newCommandRig(t, 2, true)
	value, stopped := []byte("value"), 0
	m := through("m")
	m.Commands = []ModuleCommand{
		{Number: 128, Direction: control.DirectionOut, Most: 8, Run: func([]byte) ([]byte, error) { return value, nil }},
		{Number: 129, Direction: control.DirectionIn, Most: 8, Run: func(p []byte) ([]byte, error) { value = slices.Clone(p); return []byte("x"), nil }},
		{Number: 130, Direction: control.DirectionBoth, Most: 4, Stops: true, Run: func(p []byte) ([]byte, error) {
			for _, h := range r.hubs {
				if h.turn.TryLock() {
					h.turn.Unlock()
				} else {
					stopped++
				}
			}
			return p, nil
		}},
		{Number: 131, Run: func([]byte) ([]byte, error) { return nil, syscall.EBUSY }},
	}
	id := r.add(r.h, m)
	if err := r.fabric.Move([]ProcID{id}, 1); err != nil {
		t.Fatal(err)
	}
	byMessage := func(number uint16, arg string) (Answer, error) {
		r.line.Send(Msg{Type: Ctl, Class: control.ClassMMI, Dst: id, Info: uint32(number)}, []byte(arg))
		for range 20 {
			for _, h := range r.hubs {
				h.Pass()
			}
			r.fabric.attend()
			if m, data, ok := r.line.Receive(); ok {
				if m.Type == IocNak {
					return Answer{}, syscall.Errno(m.Info)
				}
				return Answer{Data: data}, nil
			}
		}
		t.Fatal("not answered")
		return Answer{}, nil
	}
	called := func(number uint16, arg string) (Answer, error) {
		return r.fabric.Do(Command{Number: control.Type(number), A: id, Arg: arg})
	}
	for name, do := range map[string]func(uint16, string) (Answer, error){"message": byMessage, "call": called} {
		value = []byte("value")
		for _, c := range []struct {
			number    uint16
			arg, want string
			err       error
		}{
			{128, "", "value", nil}, {129, "12345678", "", nil}, {128, "", "12345678", nil},
			{128, "in", "", syscall.EINVAL}, {129, "123456789", "", syscall.EINVAL}, {130, "abcd", "abcd", nil},
			{131, "", "", syscall.EBUSY}, {132, "", "", syscall.EINVAL},
		} {
			a, err := do(c.number, c.arg)
			if string(a.Data) != c.want || !errors.Is(err, c.err) {
				t.Errorf("%s %d of %q: %q, %v", name, c.number, c.arg, a.Data, err)
			}
		}
	}
	if stopped != 4 {
		t.Errorf("%d hubs stood still for two commands that want that on two hubs", stopped)
	}
}

// FuzzCommand: whatever comes as a command to a hub is answered, and changes nothing that
// it does not name.
func FuzzCommand(f *testing.F) {
	f.Add(uint16(control.HubPush), uint8(0), Command{A: 3, B: 4, Name: "pass", Arg: "x"}.Encode())
	f.Add(uint16(control.HubOpen), uint8(4), []byte{})
	f.Add(uint16(control.HubMove), uint8(0), make([]byte, commandHeader))
	f.Fuzz(func(t *testing.T, number uint16, class uint8, data []byte) {
		c, err := decodeCommand(Msg{Info: uint32(number), Class: control.Class(class)}, data)
		if err == nil && control.Class(class) == control.ClassHub && (c.Number >= control.FirstModuleCommand || len(c.Name) > MaxModuleName) {
			t.Errorf("%+v", c)
		}
		if a, err := DecodeAnswer(Msg{Type: IocAck, Info: uint32(number)}, data); err != nil || a.Number != ProcID(number) {
			t.Errorf("%+v, %v", a, err)
		}
	})
}
