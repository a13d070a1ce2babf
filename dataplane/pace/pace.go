// Package pace decides what a hub does between two passes, by what its last waits were like: a machine without
// clock, to which the hub tells the time.
//
//	work found ──► turn again, or let the burst grow (Nap)
//	nothing    ──► turn, giving the processor away (Yield), while the next frame is near ──► Sleep
package pace

import "time"

// Config says how a hub waits when there is nothing to do. The zero value learns: it turns
// on, giving the processor away each time, for as long as the last waits say that the next
// frame is near; else it sleeps in the kernel until a descriptor, a timer or a doorbell
// wakes it.
type Config struct {
	// Spin has the hub turn for ever: for those with a processor to give away.
	Spin bool
	// Latency is how long what has come may be left waiting, under load, for more to come:
	// a burst costs less a frame than one frame after the other. 0: it never waits. A
	// frame that comes alone never does.
	Latency time.Duration
}

// MaxLatency bounds Config.Latency.
const MaxLatency = 10 * time.Millisecond

// What the pacer learns from, and how much it dares.
const (
	gapsKept   = 8                  // waits that are remembered
	maxYield   = 200_000            // ns: no frame that is further away is waited for awake
	sleepWorth = 50_000             // ns awake that a sleep avoided is worth
	dutyShift  = 5                  // and 1/32 of the time that has passed
	crowdedBy  = 100_000            // ns: a yield that lasts longer says that others need the processor,
	crowdedFor = 32                 // and none is tried for so many waits
	maxGap     = int64(time.Second) // longer ones count as this
	stepFor    = int64(time.Second) // after the last frame a sleep goes in steps
	StepMillis = 9                  // of so many milliseconds: a goroutine that has not run for longer is dear to wake
	spinTurns  = 64                 // turns of a spinning hub between two yields
	growFrames = 16                 // a burst that would not grow by so many within Latency is not left to
	fullBurst  = 64                 // and one of so many is large enough
	rateOver   = int64(100_000)     // ns over which the rate is taken, at least
	rateStale  = 16 * rateOver      // and at most
	Forever    = -1                 // ms
)

// Step is what a hub does between two passes.
type Step uint8

// The steps.
const (
	Turn  Step = iota // the next pass at once
	Yield             // let others have the processor first
	Nap               // let the burst grow, for Latency
	Sleep             // until something comes
)

// Pacer decides between two passes.
type Pacer struct {
	Config
	gaps    [gapsKept]int64 // the last waits, ns
	n       int             // gaps, modulo gapsKept
	budget  int64           // ns of a wait that are spent awake
	crowded int             // waits until yielding is tried again
	waiting bool
	since   int64 // when the wait began, if it waits
	met     int64 // when there was traffic last
	last    int64 // the pass before
	yielded bool  // before this pass
	turns   int   // empty ones, of a spinning hub

	begun  int64 // of the time over which the rate is taken
	frames int
	Grows  bool // at the rate of late a burst grows enough within Latency
}

// New makes a pacer that has met nothing yet.
func New(c Config) Pacer {
	q := Pacer{Config: c}
	for i := range q.gaps {
		q.gaps[i] = maxGap
	}
	return q
}

// Next is called after a pass that began at now, in ns, with the work that it found, and
// what of it came from devices and other hubs.
func (p *Pacer) Next(now int64, work, traffic int) Step {
	yielded, last := p.yielded, p.last
	p.yielded, p.last = false, now
	if work > 0 {
		if p.waiting {
			p.waiting = false
			p.learn(now - p.since)
		}
		p.turns = 0
		if traffic > 0 {
			p.met = now
		}
		if p.Latency > 0 && p.bursts(now, traffic) {
			return Nap
		}
		return Turn
	}
	if now-p.begun > rateStale {
		p.Grows = false
	}
	if !p.waiting {
		p.waiting, p.since = true, now
		return Turn
	}
	if p.Spin {
		if p.turns++; p.turns%spinTurns != 0 {
			return Turn
		}
		return Yield
	}
	if yielded && now-last > crowdedBy {
		p.crowded, p.budget = crowdedFor, 0
	}
	if now-p.since < p.budget {
		p.yielded = true
		return Yield
	}
	return Sleep
}

// Limit bounds a sleep that begins now, in ms: Forever, or a step.
func (p *Pacer) Limit(now int64) int {
	if now-p.met < stepFor {
		return StepMillis
	}
	return Forever
}

// learn takes the length of a wait, and sets how much of the next is spent awake: as much
// as would have met most of the last ones, if it costs no more than the sleeps avoided and
// a small part of the time.
func (p *Pacer) learn(gap int64) {
	p.gaps[p.n%gapsKept] = min(gap, maxGap)
	p.n++
	p.budget = 0
	if p.crowded > 0 {
		p.crowded--
		return
	}
	var passed int64
	for _, g := range p.gaps {
		passed += g
	}
	most := 0
	for _, g := range p.gaps {
		if g > maxYield {
			continue
		}
		b := g + g/4 // the next one may be a little longer
		met, cost := 0, int64(0)
		for _, o := range p.gaps {
			if o <= b {
				met++
			}
			cost += min(o, b)
		}
		if cost <= int64(met)*sleepWorth+passed>>dutyShift && (met > most || met == most && b < p.budget) {
			most, p.budget = met, b
		}
	}
}

// bursts tells whether a burst is worth waiting for: frames come so fast that within
// Latency there will be many more than there were now.
func (p *Pacer) bursts(now int64, traffic int) bool {
	p.frames += traffic
	switch over := now - p.begun; {
	case over > rateStale: // there was a pause
		p.Grows = false
	case over < rateOver:
		return p.Grows && traffic > 0 && traffic < fullBurst
	default:
		p.Grows = int64(p.frames)*int64(p.Latency) >= growFrames*over
	}
	p.begun, p.frames = now, 0
	return p.Grows && traffic > 0 && traffic < fullBurst
}
