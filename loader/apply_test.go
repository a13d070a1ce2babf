package loader

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
)

// serve puts a world behind a control socket, as far as the loader speaks to it, and gives
// a session with it. refuse is asked before a message is obeyed; an empty text obeys.
func (w *world) serve(t *testing.T, refuse func(*control.Packet) string) *control.Session {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control")
	l, err := control.Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		for {
			var in control.Packet
			if c.Recv(&in) != nil {
				return
			}
			if text := refuse(&in); text == "hang up" {
				return
			} else if text != "" {
				in.Status = -int32(syscall.EINVAL)
				in.Trailer, _ = control.AppendTLV(nil, control.TLVText, []byte(text+": "+syscall.EINVAL.Error()))
				_ = c.Reply(&in.Header, &in)
				continue
			}
			w.mu.Lock()
			w.answer(c, &in)
			w.mu.Unlock()
		}
	}()
	conn, err := control.Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := control.Hello(conn, control.RoleAdmin, "loader")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); l.Close(); <-ended })
	s.Timeout = 20 * time.Second
	return s
}

// answer obeys a message, or tells what there is.
func (w *world) answer(c *control.Conn, in *control.Packet) {
	request := in.Header
	more := func(class control.Class, p control.Packet) {
		r := request
		r.Class, r.Type = class, p.Type
		p.Flags |= control.FlagMore
		_ = c.Reply(&r, &p)
	}
	out := *in
	switch {
	case in.Class == control.ClassHub && in.Type == control.HubHello:
		out.Epoch = 1
	case in.Class == control.ClassHub && (in.Type == control.HubList || in.Type == control.HubResync):
		for _, p := range w.listing(in) {
			more(p.Class, p)
		}
		request.Type, out.Trailer = control.HubDone, nil
	default:
		if err := w.do(&out); err != nil {
			out.Status = -int32(syscall.EINVAL)
		}
		out.Trailer = nil
	}
	_ = c.Reply(&request, &out)
}

func (w *world) listing(in *control.Packet) (all []control.Packet) {
	item := func(a, b uint32, name, text string) {
		var p control.Packet
		p.Type = control.HubList
		n, _ := control.MakeName(name)
		p.SetHub(&control.Hub{A: a, B: b, Name: n})
		if text != "" {
			p.Trailer, _ = control.AppendTLV(nil, control.TLVText, []byte(text))
		}
		all = append(all, p)
	}
	switch what := control.Listing(in.Hub().B); {
	case in.Type == control.HubResync:
		for _, v := range w.PVCs {
			var p control.Packet
			p.Type = control.ATMQuery
			p.SetATM(&v.ATM)
			all = append(all, p)
		}
	case what == control.ListPorts:
		for _, p := range w.Ports {
			item(uint32(p.Number), 1, p.Name, p.Spec)
		}
	case what == control.ListStreams:
		for _, s := range w.Streams {
			item(s.Parts[0].Number, 0, s.Name, "")
		}
	case what == control.ListPlaces:
		for _, h := range w.Hubs {
			item(h, h, "hub", "")
		}
		for _, s := range w.Streams {
			for _, part := range s.Parts {
				item(part.Number, w.Hubs[part.Hub-1], part.Name, "")
			}
		}
	case what == control.ListProcesses:
		for _, s := range w.Streams {
			above := uint32(0)
			for _, part := range s.Parts {
				item(part.Number, above, "code of "+part.Name, strings.TrimSpace(part.Name+" "+part.Arg))
				above = part.Number
			}
			if slices.ContainsFunc(w.PVCs, func(v RunningPVC) bool { return s.holds(v.Receiver) }) {
				item(above+10000, above, "vc 0/100", "") // of the multiplexor, and no part of the stream
			}
		}
	}
	return all
}

func obey(*control.Packet) string { return "" }

// What has been applied is read again, and nothing is left to do.
func TestApplyAndRead(t *testing.T) {
	w := newWorld()
	s := w.serve(t, obey)
	want := mustParse(t, before)
	done := 0
	if err := Apply(s, "x", Plan(nil, Names{}, want), func(*Step) { done++ }); err != nil || done != 9 {
		t.Fatalf("%d steps, %v", done, err)
	}
	r, err := Read(s)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if fmt.Sprint(*r) != fmt.Sprint(w.Running) {
		t.Errorf("read %+v\nhave %+v", *r, w.Running)
	}
	if left := Plan(r, namesOf(want), want); len(left) != 0 {
		t.Errorf("left to do: %s …", left[0].What)
	}
}

// A refusal is told of with the line that asked for it, what stands on it is left out, and
// all else is done.
func TestApplyRefused(t *testing.T) {
	w := newWorld()
	s := w.serve(t, func(p *control.Packet) string {
		if text, _ := control.FindTLV(p.Trailer, control.TLVText); strings.HasPrefix(string(text), "b ") {
			return "no interface e1"
		}
		return ""
	})
	err := Apply(s, "x.yaml", Plan(nil, Names{}, mustParse(t, before)), nil)
	var faults Faults
	if !errors.As(err, &faults) || err.Error() != "x.yaml:5:3: open port b: no interface e1" || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("%v", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.Ports) != 1 || len(w.Streams) != 2 || len(w.PVCs) != 1 {
		t.Errorf("made: %v", w)
	}
}

// A daemon that goes away is another error, and nothing more is tried.
func TestApplyGone(t *testing.T) {
	w := newWorld()
	asked := 0
	s := w.serve(t, func(p *control.Packet) string {
		if asked++; asked == 3 { // HELLO, and one step
			return "hang up"
		}
		return ""
	})
	err := Apply(s, "x", Plan(nil, Names{}, mustParse(t, before)), nil)
	var faults Faults
	if err == nil || errors.As(err, &faults) || !strings.HasPrefix(err.Error(), "open port b: ") {
		t.Errorf("%v", err)
	}
	if _, err := Read(s); err == nil {
		t.Error("read from nobody")
	}
}
