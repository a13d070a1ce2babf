package nic

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// recorderFlush is how often what was recorded reaches the file, at the latest.
const recorderFlush = time.Second

// Sink takes what a recorder is sent. None of its functions may block, or keep the frame.
type Sink struct {
	Record func(at time.Time, frame []byte) bool // false: the frame is lost
	Err    func() error                          // why it takes nothing any more; nil: a frame that is lost had no room
	Flush  func()                                // hands on what was collected
	Close  func() error
}

// NewRecorder makes a device that nothing comes from, and that gives each frame it is sent to a sink, with the time of
// day: frames of up to maxFrame octets. What the sink refuses is counted in TxNoBuffer, or in TxErrors once it has failed. A second after the first frame
// that has not been flushed, it is. It owns the sink, but for an error.
//
// System calls: two in a second with frames.
func NewRecorder(name string, maxFrame int, to Sink) (Device, error) {
	timer, err := newTimer()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	r := &recorder{to: to, timer: timer}
	r.info = Info{Name: name, MaxFrame: maxFrame, Batch: 1}
	return r, nil
}

type recorder struct {
	info    Info
	to      Sink
	timer   timer
	pending bool // the timer runs
	count   Counters
}

func (r *recorder) Info() Info         { return r.info }
func (r *recorder) FD() int            { return r.timer.fd }
func (r *recorder) Counters() Counters { return r.count }
func (r *recorder) Release()           {}

// Receive is called when the timer has run out.
func (r *recorder) Receive([][]byte) (int, error) {
	if r.timer.fd < 0 {
		return 0, ErrGone
	}
	if r.timer.expired() {
		r.pending = false
		r.to.Flush()
	}
	return 0, nil
}

func (r *recorder) Transmit(frames [][]byte) (int, error) {
	if r.timer.fd < 0 {
		r.count.TxDown += uint64(len(frames))
		return len(frames), ErrGone
	}
	now := time.Now()
	for _, f := range frames {
		switch {
		case len(f) > r.info.MaxFrame:
			r.count.TxTooLong++
		case r.to.Record(now, f):
			r.count.TxFrames++
			r.count.TxOctets += uint64(len(f))
		case r.to.Err() != nil:
			r.count.TxErrors++
		default:
			r.count.TxNoBuffer++
		}
	}
	if !r.pending {
		r.pending = true
		r.timer.set(recorderFlush)
	}
	return len(frames), nil
}

func (r *recorder) Close() error {
	if r.timer.fd < 0 {
		return nil
	}
	r.timer.close()
	return r.to.Close()
}

// timer is a descriptor that becomes readable.
type timer struct{ fd int }

func newTimer() (timer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return timer{-1}, fmt.Errorf("timer: %w", err)
	}
	return timer{fd}, nil
}

// set has it run out once; a time of zero or less is soon.
func (t timer) set(after time.Duration) {
	_ = unix.TimerfdSettime(t.fd, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(max(after, 1).Nanoseconds())}, nil)
}

// stop has it run out no more.
func (t timer) stop() { _ = unix.TimerfdSettime(t.fd, 0, &unix.ItimerSpec{}, nil) }

// expired tells whether it has run out since it was asked last.
func (t timer) expired() bool {
	var times [8]byte
	n, _ := unix.Read(t.fd, times[:])
	return n == len(times)
}

func (t *timer) close() {
	_ = unix.Close(t.fd)
	t.fd = -1
}
