package control

import (
	"errors"
	"fmt"
	"math"
	"syscall"
)

// Error is a refusal: what a reply says whose status is below 0. errors.Is finds the
// errno in it: errors.Is(err, syscall.ENXIO).
type Error struct {
	Class Class
	Type  Type
	Errno syscall.Errno
	Cause uint8 // of Q.2931; 0 none
}

// Error names the message and the errno.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %v", TypeName(e.Class, e.Type), e.Errno)
	if e.Cause != 0 {
		s += fmt.Sprintf(" (cause %d)", e.Cause)
	}
	return s
}

// Unwrap gives the errno.
func (e *Error) Unwrap() error { return e.Errno }

// Err gives the refusal that the message is, or nil.
func (h *Header) Err() error {
	if h.Status >= 0 {
		return nil
	}
	return &Error{h.Class, h.Type, syscall.Errno(-int64(h.Status)), h.Cause}
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
