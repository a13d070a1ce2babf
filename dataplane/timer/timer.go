// Package timer keeps timers in the order in which they fire. Its owner tells the time.
package timer

// Max is how many timers may run at once.
const Max = 1 << 20

// Timer calls Fire once its time has come. The owner keeps it; the zero
// value with Fire set is ready to be started.
type Timer struct {
	Fire func()

	at    int64
	place int // in the heap, counted from 1; 0 when not running
}

// Running reports whether the timer is started and has not fired.
func (t *Timer) Running() bool { return t.place != 0 }

// Heap is a binary heap by time: heap[0] is unused, heap[1] the next to fire. The zero value is empty.
type Heap struct{ heap []*Timer }

// Start has t fire at the given time, in nanoseconds; a running timer is moved. false: Max are running.
func (s *Heap) Start(t *Timer, at int64) bool {
	t.at = at
	if t.place != 0 {
		s.fix(t.place)
		return true
	}
	return s.add(t)
}

// Stop stops t, if it runs.
func (s *Heap) Stop(t *Timer) {
	if t.place != 0 {
		s.remove(t.place)
	}
}

// Len is how many run.
func (s *Heap) Len() int { return max(len(s.heap)-1, 0) }

// Next is when the next timer fires; false when none runs.
func (s *Heap) Next() (int64, bool) {
	if len(s.heap) < 2 {
		return 0, false
	}
	return s.heap[1].at, true
}

// Due tells whether a timer is.
func (s *Heap) Due(now int64) bool { return len(s.heap) > 1 && s.heap[1].at <= now }

// Advance fires what is due, each timer that ran at the start at most once or so:
// timers that start themselves again do not keep the pass from ending.
func (s *Heap) Advance(now int64) (fired int) {
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

func (s *Heap) add(t *Timer) bool {
	if len(s.heap) == 0 {
		s.heap = append(s.heap, nil)
	}
	if len(s.heap) > Max {
		return false
	}
	s.heap = append(s.heap, t)
	t.place = len(s.heap) - 1
	s.up(t.place)
	return true
}

func (s *Heap) remove(i int) {
	t, last := s.heap[i], len(s.heap)-1
	s.swap(i, last)
	s.heap[last] = nil
	s.heap = s.heap[:last]
	t.place = 0
	if i < last {
		s.fix(i)
	}
}

func (s *Heap) fix(i int) {
	s.up(i)
	s.down(i)
}

func (s *Heap) up(i int) {
	for ; i > 1 && s.heap[i].at < s.heap[i/2].at; i /= 2 {
		s.swap(i, i/2)
	}
}

func (s *Heap) down(i int) {
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

func (s *Heap) swap(i, j int) {
	s.heap[i], s.heap[j] = s.heap[j], s.heap[i]
	s.heap[i].place, s.heap[j].place = i, j
}
