package sscop

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/internal/proof"
)

// The simulation tries seeds 1 to n, or one:
//
//	go test ./signalling/sscop -run Simulation -seeds 1000000
//	go test ./signalling/sscop -run Simulation -seed 4711 -v
//
// CELLHUB_SEEDS in the environment says how many, where no flag does.
var simSeeds = flag.Int("seeds", 0, "simulate so many seeds")

// TestSimulation: assured data comes exactly once and in order, or the user is
// told; ends that can reach each other agree; no timer and no message is left.
func TestSimulation(t *testing.T) {
	if *proof.Seed != 0 {
		var met [numMet]int
		if err := simulate(*proof.Seed, &met); err != nil {
			t.Errorf("seed %d: %v", *proof.Seed, err)
		}
		t.Log(metText(&met))
		return
	}
	seeds := *simSeeds
	if seeds == 0 {
		seeds, _ = strconv.Atoi(os.Getenv("CELLHUB_SEEDS"))
	}
	if seeds <= 0 {
		seeds = simDefault
	}
	var next, failed atomic.Int64
	var total [numMet]int
	var lock sync.Mutex
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			var met [numMet]int
			for n := next.Add(1); n <= int64(seeds) && failed.Load() < 5; n = next.Add(1) {
				if err := simulate(uint64(n), &met); err != nil {
					failed.Add(1)
					t.Errorf("seed %d: %v", n, err)
				}
			}
			lock.Lock()
			defer lock.Unlock()
			for i, n := range met {
				total[i] += n
			}
		})
	}
	workers.Wait()
	t.Logf("%d seeds; met %s", seeds, metText(&total))
	for i, n := range total {
		if n == 0 && seeds >= 500 {
			t.Errorf("no %s in %d seeds", metNames[i], seeds)
		}
	}
}

func metText(met *[numMet]int) string {
	var s []string
	for i, n := range met {
		s = append(s, fmt.Sprintf("%s %d", metNames[i], n))
	}
	return strings.Join(s, ", ")
}

// simulate lives one world's life.
func simulate(seed uint64, met *[numMet]int) error {
	w := newWorld(seed, met)
	for _, e := range w.ends {
		e.live()
	}
	w.after(w.upTo(simLife), w.cutLink)
	if err := w.run(simLife, func() bool { return false }); err != nil {
		return err
	}
	w.heal()
	if err := w.run(w.now+simHeal, w.agreed); err != nil {
		return fmt.Errorf("healing: %w", err)
	}
	if err := w.converse(); err != nil {
		return err
	}
	return w.part()
}

// run goes on until it is done, or, past the time, fails unless done is never.
func (w *world) run(until time.Duration, done func() bool) error {
	for range simSteps {
		if done() {
			return nil
		}
		more, err := w.step(until)
		if err != nil {
			return err
		}
		if !more {
			if until <= simLife {
				return nil
			}
			return fmt.Errorf("no end: states %v and %v", w.ends[0].m.state, w.ends[1].m.state)
		}
	}
	return errors.New("too many events")
}

// live makes the user of an end do something, now and again.
func (e *simEnd) live() {
	w := e.w
	if w.healed {
		return
	}
	w.after(w.upTo(200*time.Millisecond), e.live)
	if e.down {
		return
	}
	switch n := w.rng.IntN(100); {
	case n < 60:
		for range 1 + w.rng.IntN(6) {
			e.say()
		}
	case n < 65:
		_ = e.m.UnitData(w.now, message(w.rng.Uint32N(1000)))
		_ = e.m.ManagementData(w.now, message(w.rng.Uint32N(1000)))
	case n < 70:
		w.met1(metBusy)
		e.busy = !e.busy
		e.m.SetBusy(w.now, e.busy)
	case w.now >= e.nextTry:
		e.change(n)
	}
}

// change makes or ends a connection.
func (e *simEnd) change(n int) {
	w := e.w
	switch {
	case e.m.state == Idle || e.m.state == OutgoingDisconnection && n < 75:
		if e.m.Establish(w.now, nil, e.release) != nil {
			return
		}
	case n < 72:
		if e.m.Release(w.now, nil) != nil {
			return
		}
	case n < 74:
		if e.m.Resync(w.now, nil) != nil {
			return
		}
	case n < 75:
		e.crash()
	default:
		return
	}
	e.interrupted()
	e.nextTry = w.now + simSpace
}

// crash ends the machine's life; the next one knows N(SQ) only.
func (e *simEnd) crash() {
	w := e.w
	w.met1(metCrash)
	e.down = true
	e.m, _ = New(e.cfg)
	w.after(simSpace+w.upTo(2*time.Second), func() {
		e.down, e.busy = false, false
		e.interrupted()
	})
}

func (w *world) cutLink() {
	w.cut = true
	w.after(w.upTo(simLife), func() { w.cut = false })
}

// heal ends all faults; users only answer from now on.
func (w *world) heal() {
	w.healed, w.cut = true, false
	for _, e := range w.ends {
		e.busy = false
		e.m.SetBusy(w.now, false)
	}
}

// agreed says that both ends are in the same lasting state, with nothing under
// way.
func (w *world) agreed() bool {
	a, z := w.ends[0], w.ends[1]
	s := a.m.state
	return len(w.events) == 0 && !a.down && !z.down && s == z.m.state && (s == Idle || s == Ready && a.m.Pending()+z.m.Pending() == 0)
}

// converse lets messages pass both ways; first, what was accepted on the
// present connection must have arrived.
func (w *world) converse() error {
	if w.ends[0].m.state == Ready {
		for i, e := range w.ends {
			if peer := w.ends[1-i]; e.sent > e.atTold && peer.seen != e.sent {
				return fmt.Errorf("end %d saw message %d, the last one was %d", peer.i, peer.seen, e.sent)
			}
		}
	} else {
		for tries := 0; w.ends[0].m.state != Ready; tries++ { // a BGN may meet VR(SQ) by chance
			if tries > 2 {
				return errors.New("no connection comes up")
			}
			if err := w.ends[0].m.Establish(w.now, nil, w.ends[0].release); err != nil {
				return err
			}
			if err := w.run(w.now+simHeal, w.agreed); err != nil {
				return fmt.Errorf("establishing: %w", err)
			}
		}
	}
	for range 5 {
		for _, e := range w.ends {
			before := e.sent
			if e.say(); e.sent == before {
				return fmt.Errorf("end %d refuses a message in %v", e.i, e.m.state)
			}
		}
	}
	all := func() bool { return w.agreed() && w.ends[0].seen == w.ends[1].sent && w.ends[1].seen == w.ends[0].sent }
	if err := w.run(w.now+simHeal, all); err != nil {
		return fmt.Errorf("conversing: %w", err)
	}
	return nil
}

// part releases the connection: nothing may be left.
func (w *world) part() error {
	if err := w.ends[w.rng.IntN(2)].m.Release(w.now, nil); err != nil {
		return err
	}
	if err := w.run(w.now+simHeal, func() bool { return w.agreed() && w.ends[0].m.state == Idle }); err != nil {
		return fmt.Errorf("releasing: %w", err)
	}
	for _, e := range w.ends {
		if _, running := e.m.Timeout(); running || e.m.Pending() != 0 || e.m.rx.count != 0 {
			return fmt.Errorf("end %d: timers %v, %d messages, %d out of turn left", e.i, e.m.timers, e.m.Pending(), e.m.rx.count)
		}
	}
	return nil
}
