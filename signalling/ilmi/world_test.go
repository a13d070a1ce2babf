package ilmi

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
)

var (
	hall  = NetPrefix(address.NetPrefix{0x47, 0, 0x05, 0x80, 0xFF, 0xE1, 0, 0, 0, 0xF2, 0x0F, 0x22, 0})
	annex = NetPrefix(address.NetPrefix{0x47, 0, 0x05, 0x80, 0xFF, 0xE1, 0, 0, 0, 0xF2, 0x0F, 0x22, 1})
	host  = Identifier{ESI: address.ESI{0, 0x20, 0xEA, 0, 0x0E, 0xE0}}
	other = Identifier{ESI: address.ESI{0, 0x20, 0xEA, 0, 0x0E, 0xE1}, Selector: 7}
)

// world is machines side by side, and one clock.
type world struct {
	t    testing.TB
	now  time.Duration
	ends [2]*end
	lose func(PDU) bool // what is lost on the way
}

// end is a machine, what it said, and what the caller of its actions knows.
type end struct {
	*Machine
	log    []string
	sent   []PDU
	tables map[string]bool // what was Added and not Removed
	ours   map[string]bool // what was Registered and not Withdrawn
	up     bool
}

func newEnd(t testing.TB, cfg Config) *end {
	t.Helper()
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &end{Machine: m, tables: map[string]bool{}, ours: map[string]bool{}}
}

// newWorld joins a user (0) and a network (1).
func newWorld(t testing.TB) *world {
	t.Helper()
	user, network := DefaultConfig(UserSide), DefaultConfig(NetworkSide)
	user.Interface = Interface{System: address.ESI{2, 0, 0, 0, 0, 1}, Identifier: 3, Name: "atm0"}
	network.Interface = Interface{System: address.ESI{2, 0, 0, 0, 0, 2}, Identifier: 9, Name: "port 9"}
	network.FirstRequestID = 1000
	return &world{t: t, ends: [2]*end{newEnd(t, user), newEnd(t, network)}}
}

func (w *world) start() {
	for _, e := range w.ends {
		e.Start(w.now)
	}
	w.settle()
}

// settle carries PDUs to and fro until none is left.
func (w *world) settle() {
	w.t.Helper()
	for range 10000 {
		moved := false
		for i, e := range w.ends {
			for _, octets := range e.take(w.t) {
				moved = true
				p, err := Decode(octets)
				if err != nil {
					w.t.Fatalf("%x: %v", octets, err)
				}
				if w.lose != nil && w.lose(p) {
					continue
				}
				if peer := w.ends[1-i]; peer != nil {
					if err := peer.Receive(w.now, octets); err != nil && peer.State() != Stopped {
						w.t.Fatalf("%x: %v", octets, err)
					}
				}
			}
		}
		if !moved {
			return
		}
	}
	w.t.Fatal("no end of PDUs")
}

// take does the actions of an end and gives what is to be sent.
func (e *end) take(t testing.TB) (out [][]byte) {
	t.Helper()
	for _, a := range e.Actions() {
		row := a.Address.String()
		if a.Prefix != (Prefix{}) {
			row = a.Prefix.String()
		}
		text := a.Kind.String()
		switch a.Kind {
		case Send:
			p, err := Decode(a.PDU)
			if err != nil {
				t.Fatalf("sent %x: %v", a.PDU, err)
			}
			e.sent = append(e.sent, p)
			out = append(out, a.PDU)
			continue
		case Up, Down, PeerRestarted:
			if e.up == (a.Kind == Up) {
				t.Fatalf("%v twice", a.Kind)
			}
			e.up = a.Kind == Up
			clear(e.ours)
		case Registered, Withdrawn:
			e.ours[row] = a.Kind == Registered
		case Added, Removed:
			if a.Kind == Removed && !e.tables[row] {
				t.Fatalf("%s removed, and was not there", row)
			}
			e.tables[row] = a.Kind == Added
		case Refused:
			e.ours[row] = false
			text += " " + a.Status.String()
		case Found:
			text += fmt.Sprint(" ", len(a.Services))
		}
		if row != "" {
			text += " " + row
		}
		if a.Scope != 0 && a.Scope != ScopeGlobal {
			text += fmt.Sprint(" scope ", a.Scope)
		}
		e.log = append(e.log, text)
	}
	return out
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	until := w.now + d
	for range 1000000 {
		next := until
		for _, e := range w.ends {
			if e == nil {
				continue
			}
			if at, running := e.Timeout(); running {
				next = min(next, at)
			}
		}
		w.now = max(w.now, next)
		for _, e := range w.ends {
			if e != nil {
				e.HandleTimeout(w.now)
			}
		}
		w.settle()
		if w.now == until {
			return
		}
	}
	w.t.Fatal("time stands still")
}

// events gives what an end said since the last time, in one line.
func (e *end) events() string {
	out := strings.Join(e.log, "; ")
	e.log = nil
	return out
}

// rows gives the rows that are there, sorted.
func rows(table map[string]bool) string {
	var out []string
	for row, there := range table {
		if there {
			out = append(out, row)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// wantEvents compares what both ends said.
func (w *world) wantEvents(user, network string) {
	w.t.Helper()
	if got := w.ends[0].events(); got != user {
		w.t.Errorf("at %v the user:\n%s\nwant\n%s", w.now, got, user)
	}
	if got := w.ends[1].events(); got != network {
		w.t.Errorf("at %v the network:\n%s\nwant\n%s", w.now, got, network)
	}
}

// count counts PDUs of a type that an end sent, and forgets all.
func (e *end) countSent(typ PDUType) (n int) {
	for _, p := range e.sent {
		if p.Type == typ {
			n++
		}
	}
	e.sent = nil
	return n
}
