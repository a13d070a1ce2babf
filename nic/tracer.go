package nic

import "time"

// Tracer is a device that writes the frames of another into a capture file.
type Tracer struct {
	Device
	file   *Pcap
	now    func() time.Time
	errors uint64
}

// NewTracer wraps dev: each frame received, and each that Transmit took, is written to file with the time that now
// gives once per batch. A frame that the kernel then refused is in the file too.
//
// A failed write never harms the traffic; it is counted. Close closes dev, not the file, which the caller made.
func NewTracer(dev Device, file *Pcap, now func() time.Time) *Tracer {
	return &Tracer{Device: dev, file: file, now: now}
}

// TraceErrors is how many frames are missing from the file.
func (t *Tracer) TraceErrors() uint64 { return t.errors }

// Receive is the wrapped device's, traced.
func (t *Tracer) Receive(bufs [][]byte) (int, error) {
	n, err := t.Device.Receive(bufs)
	t.trace(bufs[:n])
	return n, err
}

// Transmit is the wrapped device's, traced. What a device that is down or gone takes, is lost and not traced.
func (t *Tracer) Transmit(frames [][]byte) (int, error) {
	n, err := t.Device.Transmit(frames)
	if err == nil {
		t.trace(frames[:n])
	}
	return n, err
}

// Post is the wrapped device's, which is a Keeper.
func (t *Tracer) Post(pieces [][]byte) int { return t.Device.(Keeper).Post(pieces) }

// Complete is the wrapped device's, which is a Keeper.
func (t *Tracer) Complete(bufs [][]byte) int { return t.Device.(Keeper).Complete(bufs) }

func (t *Tracer) trace(frames [][]byte) {
	if len(frames) == 0 {
		return
	}
	at := t.now()
	for _, frame := range frames {
		if t.file.Write(at, frame) != nil {
			t.errors++
		}
	}
}
