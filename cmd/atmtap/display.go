package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane"

	"github.com/cellhub/cellhub/cmd/internal/follow"
)

const statusInterval = time.Second

// snapshot is all counters at one moment.
type snapshot struct {
	at      time.Time
	since   time.Duration // since the start
	silence time.Duration // of the peer, though it is sent to
	groups  []group
}

type group struct {
	name   string
	counts []dataplane.Count
}

func (s *snapshot) add(name string, counts []dataplane.Count) {
	s.groups = append(s.groups, group{name, counts})
}

// get is one counter, 0 when there is none of that name.
func (s *snapshot) get(name, count string) uint64 {
	for _, g := range s.groups {
		if g.name != name {
			continue
		}
		for _, c := range g.counts {
			if c.Name == count {
				return c.N
			}
		}
	}
	return 0
}

// drops are the counters of losses that are not 0, and their sum.
func (s *snapshot) drops() (sum uint64, causes []dataplane.Count) {
	for _, g := range s.groups {
		for _, c := range g.counts {
			if c.N > 0 && strings.Contains(c.Name, "drop_") {
				sum += c.N
				causes = append(causes, dataplane.Count{Name: g.name + "." + c.Name, N: c.N})
			}
		}
	}
	return sum, causes
}

// Limits of the display.
const (
	maxWaiting     = 64              // lines that wait for a terminal that does not take them
	summaryTimeout = 2 * time.Second // how long the end waits for it
)

// display is what the user sees: messages on stderr, one live line on a terminal,
// the summary at the end. Messages may come from any goroutine; one writes them, so
// that a terminal that is stopped stops nothing else.
type display struct {
	c        config
	stdout   io.Writer
	stderr   io.Writer
	terminal bool
	lines    chan func() // to be written, in order; when full, what comes is dropped

	// Of the writing goroutine:
	shown  bool // the live line stands on the terminal
	before snapshot
}

func newDisplay(c config, stdout, stderr io.Writer) *display {
	d := &display{
		c: c, stdout: stdout, stderr: stderr, terminal: !c.json && isTerminal(stdout),
		lines: make(chan func(), maxWaiting),
	}
	go func() {
		for write := range d.lines {
			write()
		}
	}()
	return d
}

// write has something written, sooner or later or not at all.
func (d *display) write(f func()) {
	select {
	case d.lines <- f:
	default:
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// start says what was set up.
func (d *display) start(t *tunnel) {
	what := "made"
	if t.device.existed {
		what = "taken"
	}
	d.event(follow.Event{Kind: "start", Dev: d.c.name, Text: fmt.Sprintf("%s %s, MTU %d; VC %s, %s %s; %s", d.c.name, what, t.device.mtu, d.c.vc, d.c.encap, d.c.payload(), d.c.spec)})
	for _, note := range t.notes {
		d.event(follow.Event{Kind: "note", Dev: "", Text: note})
	}
	now := time.Now()
	d.write(func() { d.before = snapshot{at: now} })
}

// record is an event for machines.
type record struct {
	Time      time.Time `json:"time"`
	Event     string    `json:"event"`
	Interface string    `json:"interface,omitempty"`
	Text      string    `json:"text"`
}

// event tells one thing: a line for people and, with --json, an object for machines.
func (d *display) event(e follow.Event) {
	now, line := time.Now(), oneLine.Replace(e.Text)
	d.write(func() {
		d.clear()
		fmt.Fprintf(d.stderr, "atmtap: %s\n", line)
		if d.c.json {
			_ = json.NewEncoder(d.stdout).Encode(record{now, e.Kind, e.Dev, e.Text})
		}
	})
}

func (d *display) events(all []follow.Event) {
	for _, e := range all {
		d.event(e)
	}
}

// clear takes the live line away, so that other text does not run into it.
func (d *display) clear() {
	if d.shown {
		fmt.Fprint(d.stdout, "\r\x1b[K")
		d.shown = false
	}
}

// status renews the live line.
func (d *display) status(s snapshot) {
	if !d.terminal {
		return
	}
	d.write(func() {
		d.clear()
		fmt.Fprint(d.stdout, fit(statusLine(d.c, d.before, s), columns(d.stdout)))
		d.shown = true
		d.before = s
	})
}

// columns is the width of a terminal, 0 when it is not known.
func columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

// fit cuts a line to what a terminal shows in one: what wraps cannot be renewed.
func fit(line string, columns int) string {
	if columns == 0 || len(line) < columns {
		return line
	}
	return line[:columns-1]
}

func statusLine(c config, before, now snapshot) string {
	seconds := now.at.Sub(before.at).Seconds()
	rate := func(count string) float64 {
		return float64(now.get("tap", count)-before.get("tap", count)) / seconds
	}
	sum, causes := now.drops()
	line := fmt.Sprintf("drops %d", sum) // first: a narrow terminal is to show them
	for _, cause := range causes {
		line += fmt.Sprintf(" %s=%d", cause.Name, cause.N)
	}
	if now.silence > 0 {
		line += fmt.Sprintf("  peer silent for %.0f s", now.silence.Seconds())
	}
	return line + fmt.Sprintf("  %s %s  to network %s %s  to host %s %s", c.name, c.vc,
		si(8*rate("rx_octets"), "b/s"), si(rate("rx_frames"), "PDU/s"),
		si(8*rate("tx_octets"), "b/s"), si(rate("tx_frames"), "PDU/s"))
}

// si writes a number with three digits and a unit's prefix.
func si(v float64, unit string) string {
	prefixes := []string{"", "k", "M", "G"}
	i := 0
	for ; v >= 999.5 && i < len(prefixes)-1; i++ {
		v /= 1000
	}
	return fmt.Sprintf("%.3g %s%s", v, prefixes[i], unit)
}

// summary ends the output; nothing is written after it. A terminal that takes nothing
// for too long is left alone.
func (d *display) summary(s snapshot) error {
	done := make(chan error, 1)
	go func() { // the writer may be stuck with a line, and the queue full
		d.lines <- func() {
			d.clear()
			if d.c.json {
				done <- d.writeJSON(s)
				return
			}
			done <- d.writeTable(s)
		}
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(summaryTimeout):
		return errors.New("the summary was not written: the output takes nothing")
	}
}

func (d *display) writeTable(s snapshot) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s, VC %s, %.1f s\n", d.c.name, d.c.vc, s.since.Seconds())
	for _, g := range s.groups {
		fmt.Fprintf(&out, "  %-13s", g.name)
		for _, c := range g.counts {
			if c.N > 0 {
				fmt.Fprintf(&out, " %s=%d", c.Name, c.N)
			}
		}
		fmt.Fprintln(&out)
	}
	sum, _ := s.drops()
	fmt.Fprintf(&out, "  %-13s %d\n", "drops", sum)
	_, err := d.stdout.Write(out.Bytes())
	return err
}

// report is the summary for machines.
type report struct {
	Time     time.Time                    `json:"time"`
	Event    string                       `json:"event"` // summary
	Device   string                       `json:"device"`
	VC       string                       `json:"vc"`
	Port     string                       `json:"port"`
	Encap    string                       `json:"encap"`
	Seconds  float64                      `json:"seconds"`
	Drops    uint64                       `json:"drops"`
	Counters map[string]map[string]uint64 `json:"counters"`
}

func (d *display) writeJSON(s snapshot) error {
	r := report{
		Time: time.Now(), Event: "summary",
		Device: d.c.name, VC: d.c.vc.String(), Port: d.c.spec.String(), Encap: d.c.encap.String(),
		Seconds: s.since.Seconds(), Counters: map[string]map[string]uint64{},
	}
	r.Drops, _ = s.drops()
	for _, g := range s.groups {
		counts := map[string]uint64{}
		for _, c := range g.counts {
			counts[c.Name] = c.N
		}
		r.Counters[g.name] = counts
	}
	return json.NewEncoder(d.stdout).Encode(r)
}
