package q2931

import "time"

// Timers are the lengths of the timers (Q.2931, 7.1 and 7.2; Q.2971, 10; UNI
// 4.0, 6.2). Zero is the default.
type Timers struct {
	T301 time.Duration // ALERTING came; until CONNECT
	T303 time.Duration // SETUP sent; until a response. Once more, then given up
	T306 time.Duration // network: RELEASE with tones sent; until RELEASE COMPLETE
	T308 time.Duration // RELEASE sent; until RELEASE COMPLETE. Once more, then given up
	T309 time.Duration // link lost; until it is back. Then all calls are cleared
	T310 time.Duration // CALL PROCEEDING came; until the next response
	T313 time.Duration // user: CONNECT sent; until CONNECT ACKNOWLEDGE
	T316 time.Duration // RESTART sent; until RESTART ACKNOWLEDGE. Once more, then given up
	T317 time.Duration // RESTART came; until the VCs are given up. Less than T316
	T322 time.Duration // STATUS ENQUIRY sent; until STATUS. MaxEnquiries times
	T331 time.Duration // LEAF SETUP REQUEST sent; until an answer. Once more, then given up
	T397 time.Duration // PARTY ALERTING came; until ADD PARTY ACKNOWLEDGE
	T398 time.Duration // DROP PARTY sent; until DROP PARTY ACKNOWLEDGE
	T399 time.Duration // ADD PARTY sent; until a response
}

// defaults are the values of the tables; where one gives a range, its usual
// value.
var defaults = Timers{
	T301: 180 * time.Second, T303: 4 * time.Second, T306: 30 * time.Second, T308: 30 * time.Second,
	T309: 10 * time.Second, T310: 10 * time.Second, T313: 4 * time.Second, T316: 120 * time.Second,
	T317: 60 * time.Second, T322: 4 * time.Second, T331: 60 * time.Second,
	T397: 180 * time.Second, T398: 4 * time.Second, T399: 14 * time.Second,
}

// fields are the lengths in order of signals t301….
func (t *Timers) fields() []*time.Duration {
	return []*time.Duration{
		&t.T301, &t.T303, &t.T306, &t.T308, &t.T309, &t.T310, &t.T313,
		&t.T316, &t.T317, &t.T322, &t.T331, &t.T397, &t.T398, &t.T399,
	}
}

// complete fills in defaults.
func (t Timers) complete() Timers {
	d := defaults
	for i, f := range t.fields() {
		if *f == 0 {
			*f = *d.fields()[i]
		}
	}
	return t
}

// MaxEnquiries is how often STATUS ENQUIRY is sent without an answer before
// the call is cleared (5.6.11).
const MaxEnquiries = 3

// retryLink is how long the machine waits before it asks again for a link that
// could not be established while active calls are held.
const retryLink = time.Second

// timer is one running timer, or one at rest. A call has two, a party one.
type timer struct {
	at    time.Duration
	place int // in the heap, from 1; 0 is at rest
	what  signal
	call  *call
	party *party
	leaf  *leaf
}

// timers is a heap with the next to expire first.
type timers []*timer

func (h *timers) start(t *timer, at time.Duration, what signal) {
	h.stop(t)
	t.at, t.what = at, what
	*h = append(*h, t)
	t.place = len(*h)
	h.up(t.place)
}

func (h *timers) stop(t *timer) {
	i := t.place
	if i == 0 {
		return
	}
	last := len(*h)
	moved := (*h)[last-1]
	(*h)[last-1] = nil
	*h = (*h)[:last-1]
	t.place = 0
	if moved != t {
		(*h)[i-1], moved.place = moved, i
		h.up(i)
		h.down(moved.place)
	}
}

func (h timers) up(i int) {
	for i > 1 && h[i-1].at < h[i/2-1].at {
		h.swap(i, i/2)
		i /= 2
	}
}

func (h timers) down(i int) {
	for {
		least := i
		for _, child := range [2]int{2 * i, 2*i + 1} {
			if child <= len(h) && h[child-1].at < h[least-1].at {
				least = child
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}

func (h timers) swap(i, j int) {
	h[i-1], h[j-1] = h[j-1], h[i-1]
	h[i-1].place, h[j-1].place = i, j
}
