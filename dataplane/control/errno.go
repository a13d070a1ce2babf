package control

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"syscall"
)

// Error is a refusal: what a reply says whose status is below 0. errors.Is finds the
// errno in it: errors.Is(err, syscall.ENXIO).
type Error struct {
	Class Class
	Type  Type
	Errno syscall.Errno
	Cause uint8  // of Q.2931; 0 none
	Text  string // what the peer says about it, its TLV TEXT; empty: nothing
}

// Error names the message and gives what the peer says about it, else the errno's
// meaning.
func (e *Error) Error() string {
	s := TypeName(e.Class, e.Type) + ": " + e.Reason()
	if e.Cause != 0 {
		s += fmt.Sprintf(" (cause %d)", e.Cause)
	}
	return s
}

// Reason is what the peer says, else the errno's meaning. Both is once too often.
func (e *Error) Reason() string {
	if text := strings.TrimSuffix(e.Text, ": "+e.Errno.Error()); text != "" {
		return text
	}
	return e.Errno.Error()
}

// Unwrap gives the errno.
func (e *Error) Unwrap() error { return e.Errno }

// Err gives the refusal that the message is, or nil.
func (h *Header) Err() error {
	if h.Status >= 0 {
		return nil
	}
	return &Error{Class: h.Class, Type: h.Type, Errno: syscall.Errno(-int64(h.Status)), Cause: h.Cause}
}

// Err gives the refusal that the message is, with the text in its trailer, or nil.
func (p *Packet) Err() error {
	if p.Status >= 0 {
		return nil
	}
	e := &Error{Class: p.Class, Type: p.Type, Errno: syscall.Errno(-int64(p.Status)), Cause: p.Cause}
	if p.Class.TLVTrailer() {
		text, _ := FindTLV(p.Trailer, TLVText)
		e.Text = string(text)
	}
	return e
}

// Status turns an error into a message's status: 0 for nil, the negated errno found in
// err, else that of EIO.
func Status(err error) int32 {
	var errno syscall.Errno
	switch {
	case err == nil:
		return 0
	case errors.As(err, &errno) && errno > 0 && errno <= math.MaxInt32:
		return -int32(errno)
	}
	return -int32(syscall.EIO)
}

// StatusDeferred is the status with which an application answers INCOMING when its user is
// told and decides later.
const StatusDeferred = 1
