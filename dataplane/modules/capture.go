package modules

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/nic"
)

const (
	captureReceived = 0
	captureSent     = 1
)

// captureFlush is how often what was captured reaches the file, at the latest.
const captureFlush = int64(time.Second)

// Capture is a module that writes the SDUs passing it, both ways, to a file as the
// CPCS-PDUs they are on the wire; the trailer is rebuilt. The hub never waits for the
// disk: what it is too slow for is left out and counted. A write that fails ends the
// capture, not the traffic. The file may be a FIFO that somebody reads.
type Capture struct {
	hub    *dataplane.Hub
	vc     aal.VC
	file   *nic.Pcap
	spool  *spool
	err    error // of the whole capture, after Close
	record []byte
	paused bool
	wall   int64 // nanoseconds of wall-clock time when the hub's clock was 0
	timer  dataplane.Timer
	counts struct{ taken, tooLong, tooSlow uint64 }
}

// NewCapture makes the file, and a capture of one VC to it.
func NewCapture(name string, vc aal.VC) (*Capture, error) {
	file, sp, err := createERF(name)
	if err != nil {
		return nil, err
	}
	c := &Capture{vc: vc, file: file, spool: sp, record: make([]byte, maxERF), wall: time.Now().UnixNano() - dataplane.Monotonic()}
	c.timer.Fire = c.flush
	return c, nil
}

// createERF makes a file of ERF records, which a goroutine of its own writes.
func createERF(name string) (*nic.Pcap, *spool, error) {
	// Without O_NONBLOCK a FIFO that nobody reads would hold the start up for ever.
	disk, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NONBLOCK, 0o666)
	if errors.Is(err, syscall.ENXIO) {
		err = fmt.Errorf("%s: nobody reads this FIFO: start its reader first", name)
	}
	if err != nil {
		return nil, nil, err
	}
	sp := newSpool(disk)
	file, err := nic.NewPcap(sp, LinkTypeERF, maxERF)
	if err == nil {
		err = file.Flush() // a capture of nothing is one too
	}
	if err != nil {
		return nil, nil, errors.Join(err, sp.Close())
	}
	return file, sp, nil
}

// Module is the capture's code.
func (c *Capture) Module() dataplane.Module {
	return dataplane.Module{
		Name:     "capture",
		ReadPut:  func(q *dataplane.Queue, m dataplane.Msg) { c.see(m, captureReceived); q.PutNext(m) },
		WritePut: func(q *dataplane.Queue, m dataplane.Msg) { c.see(m, captureSent); q.PutNext(m) },
		Open:     func(q *dataplane.Queue) error { c.hub = q.Hub(); return nil },
		Close:    func(*dataplane.Queue) { c.hub.StopTimer(&c.timer); c.close() },
		Discard:  c.close,
		Leave:    func() error { c.hub.StopTimer(&c.timer); return nil },
		Arrive: func(q *dataplane.Queue) {
			c.hub = q.Hub()
			c.hub.StartTimer(&c.timer, c.hub.Now()+captureFlush)
		},
		Counters: c.Counts,
		Commands: []dataplane.ModuleCommand{
			setSwitch(128, "trace", func(on bool) error { c.paused = !on; return nil }),
			readText(129, "state", c.state),
		},
	}
}

func (c *Capture) see(m dataplane.Msg, direction byte) {
	if m.Type != dataplane.Data || c.paused {
		return
	}
	if !c.spool.room() || c.spool.err() != nil {
		c.counts.tooSlow++
		return
	}
	n, ok := c.build(m, direction)
	if !ok || c.file.Write(time.Unix(0, c.wall+c.hub.Now()), c.record[:n]) != nil {
		c.counts.tooLong++
		return
	}
	c.counts.taken++
	if !c.timer.Running() {
		c.hub.StartTimer(&c.timer, c.hub.Now()+captureFlush)
	}
}

// build writes one record and gives its size.
func (c *Capture) build(m dataplane.Msg, direction byte) (int, bool) {
	sdu := c.hub.Pool.Bytes(m.Block)
	pdu := aal.AAL5PDUSize(len(sdu))
	n := erfHeader + aal.HeaderSize + pdu
	if n > len(c.record) {
		return 0, false
	}
	r := c.record[:n]
	h := aal.MakeHeader(c.vc, aal.PTIUserEnd, m.Flags&dataplane.FlagCLP != 0)
	putERF(r, n, c.wall+c.hub.Now(), erfAAL5, direction, h.WithEFCI(m.Flags&dataplane.FlagEFCI != 0))
	body := r[erfHeader+aal.HeaderSize:]
	copy(body, sdu)
	if _, err := aal.PutAAL5Trailer(body, len(sdu), uint8(m.Info), 0); err != nil {
		return 0, false
	}
	return n, true
}

// state says whether it writes, or what is in the way.
func (c *Capture) state() string {
	switch err := c.spool.err(); {
	case err != nil:
		return err.Error()
	case c.paused:
		return "off"
	}
	return "on"
}

func (c *Capture) flush() {
	if c.spool.room() {
		_ = c.file.Flush() // the spool keeps the error
	}
}

func (c *Capture) close() {
	c.err = c.file.Close()
}

// Err is what went wrong with the file, once the module is closed: with it, the end of
// the capture is missing.
func (c *Capture) Err() error {
	if c.err == nil {
		c.err = c.spool.err()
	}
	if c.err != nil {
		return fmt.Errorf("capture: %w", c.err)
	}
	return nil
}

// Failure is what has gone wrong with the file so far: nothing more is written to it.
// Any goroutine may ask.
func (c *Capture) Failure() error { return c.spool.err() }

// Counts gives the counters in a fixed order. On the hub only.
func (c *Capture) Counts() []dataplane.Count {
	return []dataplane.Count{{Name: "written", N: c.counts.taken}, {Name: "missed_too_long", N: c.counts.tooLong}, {Name: "missed_disk_slow", N: c.counts.tooSlow}}
}
