package control

import (
	"strconv"
	"syscall"
)

// Fault is a way in which a message is wrong. Each is an error of its own, small enough
// to index an array of counters: see [NumFaults].
type Fault uint8

// The faults.
const (
	ErrSize        Fault      = iota + 1 // datagram shorter than a message
	ErrMagic                             // not a control message
	ErrVersion                           // another version of the protocol
	ErrClass                             // no such class
	ErrType                              // the class has no such type
	ErrFlags                             // unknown flag, or SYNC with NOREPLY
	ErrReserved                          // a reserved octet, or one behind the used ones, is not zero
	ErrValue                             // a field has a value that it cannot have
	ErrLength                            // flag TRAILER, len and the octets that came do not agree
	ErrTrailerLong                       // trailer longer than MaxTrailer
	ErrTLVShort                          // TLV cut short
	ErrTLVPadding                        // TLV's padding is not zero
	ErrTLVUnknown                        // unknown TLV that must be understood
	ErrTLVLength                         // TLV of a length that its type cannot have
	ErrArgument                          // MMI argument not as direction and arglen say
	ErrName                              // name too long, or with a zero in it
	ErrTruncated                         // datagram longer than any message, or cut ancillary data
	ErrAncillary                         // ancillary data that are not descriptors
	ErrDescriptors                       // descriptors sent with a message that has none
	ErrOutstanding                       // MaxOutstanding replies awaited already
	ErrHeld                              // MaxHeld messages wait for Recv while Call waits
	NumFaults      = iota + 1            // length of an array indexed by Fault
)

var faultText = [NumFaults]string{
	ErrSize:        "datagram shorter than a message",
	ErrMagic:       "not a control message",
	ErrVersion:     "unknown protocol version",
	ErrClass:       "unknown class",
	ErrType:        "unknown type",
	ErrFlags:       "flags unknown or at odds",
	ErrReserved:    "reserved octet not zero",
	ErrValue:       "field out of range",
	ErrLength:      "trailer not as long as said",
	ErrTrailerLong: "trailer too long",
	ErrTLVShort:    "TLV cut short",
	ErrTLVPadding:  "TLV padding not zero",
	ErrTLVUnknown:  "unknown TLV that must be understood",
	ErrTLVLength:   "TLV of wrong length",
	ErrArgument:    "argument not as long as said",
	ErrName:        "name too long or with a zero octet",
	ErrTruncated:   "datagram truncated",
	ErrAncillary:   "ancillary data other than descriptors",
	ErrDescriptors: "descriptors where none belong",
	ErrOutstanding: "too many replies outstanding",
	ErrHeld:        "too many messages unread",
}

// Error says what is wrong.
func (f Fault) Error() string {
	if f > 0 && int(f) < NumFaults {
		return "control: " + faultText[f]
	}
	return "control: fault " + strconv.Itoa(int(f))
}

// Unwrap gives the errno with which a fault is answered.
func (f Fault) Unwrap() error {
	switch f {
	case ErrMagic, ErrVersion, ErrClass, ErrType:
		return syscall.EPROTONOSUPPORT
	case ErrTrailerLong, ErrTruncated:
		return syscall.EMSGSIZE
	case ErrTLVUnknown:
		return syscall.EOPNOTSUPP
	case ErrOutstanding, ErrHeld:
		return syscall.ENOBUFS
	}
	return syscall.EBADMSG
}
