package proof

import (
	"container/heap"
	"time"
)

// Schedule is what is still to happen in a simulation: in the order of time, and at one
// time in the order in which it was planned. The zero value is empty.
type Schedule struct {
	tasks tasks
	count int
}

// At plans a task.
func (s *Schedule) At(at time.Duration, run func()) {
	s.count++
	heap.Push(&s.tasks, task{at, s.count, run})
}

// Next is when the next task is; false: there is none.
func (s *Schedule) Next() (at time.Duration, ok bool) {
	if len(s.tasks) == 0 {
		return 0, false
	}
	return s.tasks[0].at, true
}

// Run carries out the next task, of which there is one.
func (s *Schedule) Run() { heap.Pop(&s.tasks).(task).run() }

type task struct {
	at    time.Duration
	order int
	run   func()
}

type tasks []task

func (t tasks) Len() int { return len(t) }
func (t tasks) Less(i, j int) bool {
	return t[i].at < t[j].at || t[i].at == t[j].at && t[i].order < t[j].order
}
func (t tasks) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t *tasks) Push(x any)   { *t = append(*t, x.(task)) }
func (t *tasks) Pop() any {
	old := *t
	last := old[len(old)-1]
	old[len(old)-1] = task{}
	*t = old[:len(old)-1]
	return last
}
