package modules

import (
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// Limits of a spool.
const (
	spoolPieces = 16        // pieces of pcap's buffer that wait for the disk
	spoolPiece  = 512 << 10 // octets of a piece: pcap's buffer and what makes it overflow
)

// spoolPatience is how long the end of a capture waits for the file to take the rest.
const spoolPatience = 2 * time.Second

var (
	errSpool = errors.New("capture: the disk is too slow")
	errStuck = errors.New("the end of the capture is missing: its file takes nothing")
)

// spool takes what a capture writes off the hub: a goroutine of its own writes it to
// the file, and the hub never waits for the disk. One piece is some hundred records, so
// the channels are not touched for each.
type spool struct {
	to     io.WriteCloser
	full   chan []byte
	free   chan []byte
	ended  chan struct{}
	failed atomic.Pointer[error]
}

func newSpool(to io.WriteCloser) *spool {
	s := &spool{to: to, full: make(chan []byte, spoolPieces), free: make(chan []byte, spoolPieces), ended: make(chan struct{})}
	for range spoolPieces {
		s.free <- nil // made when first used
	}
	go s.run()
	return s
}

func (s *spool) run() {
	defer close(s.ended)
	for piece := range s.full {
		if s.err() == nil {
			if _, err := s.to.Write(piece); err != nil {
				s.failed.Store(&err)
			}
		}
		s.free <- piece
	}
	if err := s.to.Close(); err != nil && s.err() == nil {
		s.failed.Store(&err)
	}
}

// room tells whether two more pieces can be taken: as many as one record may need.
func (s *spool) room() bool { return len(s.free) >= 2 }

// err is the first failure of the file, if there was one.
func (s *spool) err() error {
	if e := s.failed.Load(); e != nil {
		return *e
	}
	return nil
}

// Write takes a copy of p.
func (s *spool) Write(p []byte) (int, error) {
	for n := 0; n < len(p); {
		select {
		case piece := <-s.free:
			if piece == nil {
				piece = make([]byte, spoolPiece)
			}
			k := copy(piece[:spoolPiece], p[n:])
			s.full <- piece[:k]
			n += k
		default:
			return n, errSpool
		}
	}
	return len(p), nil
}

// Close waits until everything is written and the file is closed; but not for ever for
// one that takes nothing, as a FIFO whose reader has stopped.
func (s *spool) Close() error {
	close(s.full)
	select {
	case <-s.ended:
	case <-time.After(spoolPatience):
		if d, ok := s.to.(interface{ SetWriteDeadline(time.Time) error }); ok {
			_ = d.SetWriteDeadline(time.Now()) // of a FIFO; a disk has none
		}
		return errStuck
	}
	return s.err()
}
