package dataplane

// MaxTimers is how many timers a hub may have running.
const MaxTimers = 1 << 20

// Timer calls Fire on the hub once its time has come. The owner keeps it; the zero
// value with Fire set is ready to be started.
type Timer struct {
	Fire func()

	at    int64
	place int // in the heap, counted from 1; 0 when not running
}

// Running reports whether the timer is started and has not fired.
func (t *Timer) Running() bool { return t.place != 0 }

// StartTimer has t fire at the given time of the hub's clock, in nanoseconds; a
// running timer is moved. false: MaxTimers are running, and the caller has to do
// without.
func (h *Hub) StartTimer(t *Timer, at int64) bool {
	t.at = at
	if t.place != 0 {
		h.timers.fix(t.place)
		return true
	}
	return h.timers.add(t)
}

// StopTimer stops t, if it runs.
func (h *Hub) StopTimer(t *Timer) {
	if t.place != 0 {
		h.timers.remove(t.place)
	}
}

// timerHeap is a binary heap by time: heap[0] is unused, heap[1] the next to fire.
type timerHeap struct{ heap []*Timer }

// next is when the next timer fires; false when none runs.
func (s *timerHeap) next() (int64, bool) {
	if len(s.heap) < 2 {
		return 0, false
	}
	return s.heap[1].at, true
}

// due tells whether a timer is.
func (s *timerHeap) due(now int64) bool { return len(s.heap) > 1 && s.heap[1].at <= now }

// advance fires what is due, each timer that ran at the start at most once or so:
// timers that start themselves again do not keep the pass from ending.
func (s *timerHeap) advance(now int64) (fired int) {
	for due := len(s.heap); due > 1 && s.heap[1].at <= now; due-- {
		t := s.heap[1]
		s.remove(1)
		t.Fire()
		fired++
		if len(s.heap) < 2 {
			break
		}
	}
	return fired
}

func (s *timerHeap) add(t *Timer) bool {
	if len(s.heap) == 0 {
		s.heap = append(s.heap, nil)
	}
	if len(s.heap) > MaxTimers {
		return false
	}
	s.heap = append(s.heap, t)
	t.place = len(s.heap) - 1
	s.up(t.place)
	return true
}

func (s *timerHeap) remove(i int) {
	t, last := s.heap[i], len(s.heap)-1
	s.swap(i, last)
	s.heap[last] = nil
	s.heap = s.heap[:last]
	t.place = 0
	if i < last {
		s.fix(i)
	}
}

func (s *timerHeap) fix(i int) {
	s.up(i)
	s.down(i)
}

func (s *timerHeap) up(i int) {
	for ; i > 1 && s.heap[i].at < s.heap[i/2].at; i /= 2 {
		s.swap(i, i/2)
	}
}

func (s *timerHeap) down(i int) {
	for {
		c := 2 * i
		if c >= len(s.heap) {
			return
		}
		if c+1 < len(s.heap) && s.heap[c+1].at < s.heap[c].at {
			c++
		}
		if s.heap[i].at <= s.heap[c].at {
			return
		}
		s.swap(i, c)
		i = c
	}
}

func (s *timerHeap) swap(i, j int) {
	s.heap[i], s.heap[j] = s.heap[j], s.heap[i]
	s.heap[i].place, s.heap[j].place = i, j
}
