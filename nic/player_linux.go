package nic

import (
	"fmt"
	"time"
)

// Recording is frames of one size, and when each is due.
type Recording struct {
	Size   int             // octets of a frame
	Octets []byte          // the frames, one after the other
	At     []time.Duration // of each, since the first; it never falls
}

// Player is a device that gives out a recording once, each frame when it is due by the monotonic clock. What it is
// sent is lost, and counted in TxDown. When the hub is late, frames follow each other as fast as they are taken: none
// is left out.
//
// System calls: a read for each Receive that finds something due, and one to set the timer for the next.
type Player struct {
	info  Info
	rec   Recording
	now   func() time.Duration
	timer timer
	next  int           // the frame that is due next
	start time.Duration // when the first was due
	on    bool
	since time.Duration // when it was stopped
	count Counters
}

// NewPlayer makes a player, which waits for Play.
func NewPlayer(name string, rec Recording) (*Player, error) {
	if rec.Size < 1 || len(rec.Octets) != len(rec.At)*rec.Size {
		return nil, fmt.Errorf("%s: %d octets are not %d frames of %d", name, len(rec.Octets), len(rec.At), rec.Size)
	}
	began := time.Now()
	p := &Player{rec: rec, now: func() time.Duration { return time.Since(began) }}
	p.info = Info{Name: name, MaxFrame: rec.Size, Batch: maxBatch}
	var err error
	if p.timer, err = newTimer(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// Play begins, or goes on where it was stopped; on=false stops. On the device's own goroutine.
func (p *Player) Play(on bool) {
	if p.timer.fd < 0 || on == p.on {
		return
	}
	if p.on = on; !on {
		p.since = p.now()
		p.timer.stop()
		return
	}
	p.start += p.now() - p.since
	p.arm()
}

// Left is the frames that are still to come.
func (p *Player) Left() int { return len(p.rec.At) - p.next }

// arm sets the timer for the next frame, if there is one.
func (p *Player) arm() {
	if p.Left() > 0 {
		p.timer.set(p.start + p.rec.At[p.next] - p.now())
	}
}

// Info returns the limits: frames of one size.
func (p *Player) Info() Info { return p.info }

// FD is a timer's.
func (p *Player) FD() int { return p.timer.fd }

// Counters is a snapshot.
func (p *Player) Counters() Counters { return p.count }

// Release does nothing: frames are copied.
func (p *Player) Release() {}

// Receive gives the frames that are due.
func (p *Player) Receive(bufs [][]byte) (int, error) {
	if p.timer.fd < 0 {
		return 0, ErrGone
	}
	if !p.on {
		return 0, nil
	}
	limit, n, now := min(len(bufs), p.info.Batch), 0, p.now()
	for ; n < limit && p.Left() > 0 && p.start+p.rec.At[p.next] <= now; p.next++ {
		frame := p.rec.Octets[p.next*p.rec.Size:][:p.rec.Size]
		if len(bufs[n]) < len(frame) {
			p.count.RxTruncated++
			continue
		}
		bufs[n] = bufs[n][:copy(bufs[n], frame)]
		p.count.RxFrames++
		p.count.RxOctets += uint64(len(frame))
		n++
	}
	p.timer.expired() // it is not to wake for these again
	p.arm()
	return n, nil
}

// Transmit loses what it is given.
func (p *Player) Transmit(frames [][]byte) (int, error) {
	p.count.TxDown += uint64(len(frames))
	if p.timer.fd < 0 {
		return len(frames), ErrGone
	}
	return len(frames), nil
}

// Close ends the device.
func (p *Player) Close() error {
	if p.timer.fd >= 0 {
		p.timer.close()
	}
	return nil
}
