package client

import (
	"sync"
	"time"
)

// deadline is a time limit of reading or writing that may be changed while somebody waits for
// it, as net.Pipe has it.
type deadline struct {
	mu     sync.Mutex
	timer  *time.Timer
	passed chan struct{} // closed when the time has come
}

func newDeadline() *deadline { return &deadline{passed: make(chan struct{})} }

// set changes the limit; the zero time is none.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.passed // it has fired, or is about to
	}
	d.timer = nil
	over := isClosed(d.passed)
	switch wait := time.Until(t); {
	case t.IsZero() || wait > 0:
		if over {
			d.passed = make(chan struct{})
		}
		if !t.IsZero() {
			passed := d.passed
			d.timer = time.AfterFunc(wait, func() { close(passed) })
		}
	case !over:
		close(d.passed)
	}
}

// wait is closed when the time has come.
func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.passed
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
