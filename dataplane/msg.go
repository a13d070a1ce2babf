package dataplane

import (
	"unsafe"

	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
)

// Type says what a message is. The kinds and their order of precedence are those
// of SVR4 STREAMS: a type with the high bit set is a high-priority message, which
// goes to the front of a queue and passes full ones.
type Type uint8

// Ordinary messages: subject to bands and water marks.
const (
	Data  Type = 0x01 // user data; M_DATA
	Proto Type = 0x02 // control with data, in order with it; M_PROTO
	Ctl   Type = 0x03 // control from one module to the next, or to a number; M_CTL
	Ioctl Type = 0x04 // request for a module below, acknowledged; M_IOCTL
)

// High-priority messages.
const (
	PCProto Type = 0x81 // as Proto, ahead of all data; M_PCPROTO
	IocAck  Type = 0x82 // the request succeeded; M_IOCACK
	IocNak  Type = 0x83 // the request failed; Info holds the errno; M_IOCNAK
	CopyIn  Type = 0x84 // the module wants more of the argument; M_COPYIN
	CopyOut Type = 0x85 // the module hands part of the result over; M_COPYOUT
	IocData Type = 0x86 // answer to CopyIn and CopyOut; M_IOCDATA
	Flush   Type = 0x87 // Info holds FlushRead, FlushWrite; M_FLUSH
	Hangup  Type = 0x88 // the driver has gone; M_HANGUP
	Error   Type = 0x89 // the stream is unusable; Info holds the errno; M_ERROR
)

// HighPriority reports whether messages of the type pass full queues.
func (t Type) HighPriority() bool { return t&0x80 != 0 }

// Info bits of a Flush message.
const (
	FlushRead  uint32 = 1 << iota // flush the read queues
	FlushWrite                    // flush the write queues
	FlushBand                     // only the message's band
)

// Flags travel with a message of any type.
const (
	FlagCLP  uint8 = 1 << iota // cell loss priority: shed first
	FlagEFCI                   // congestion was met on the way

	ECNShift = 2 // two bits more: the ECN field of IP, of data that is or was in a packet
)

// Msg is a message: 32 octets, a value without Go pointers, so that it can lie in
// rings and shared memory. Its data, if any, is the block it names; whoever holds
// the message owns that block and passes it on, queues it or frees it.
type Msg struct {
	Type  Type
	Class control.Class // of a control message, as the control protocol numbers them
	Band  uint8         // priority band of an ordinary message
	Flags uint8
	Src   ProcID
	Dst   ProcID
	Block block.ID // first block; 0 for none
	Conn  uint64   // connection or association, by its owner's numbering
	Len   uint32   // octets of data in the message's blocks
	Info  uint32   // by type: errno, flush bits, CPCS-UU …
}

const msgBytes = 32

// The size is part of the design: two messages to a cache line.
var _ [msgBytes]byte = [unsafe.Sizeof(Msg{})]byte{}
