package modules

import "encoding/binary"

// Label stacks: RFC 3032.
const (
	LabelBytes     = 4
	FirstLabel     = 16        // 0 to 15 are reserved
	MaxLabel       = 1<<20 - 1 // 20 bits
	MaxTC          = 7         // traffic class, RFC 5462
	DefaultTTL     = 255
	MaxOuterLabels = 3 // put before a pseudowire's own label
	MaxLabelDepth  = 8 // labels of a received stack, the pseudowire's own included

	EtherTypeMPLS = 0x8847

	labelShift    = 12
	tcShift       = 9
	bottomOfStack = 1 << 8
	routerAlert   = 1 // RFC 3032; before a pseudowire's label it marks VCCV, RFC 5085 5.2
)

// appendLabel appends one entry of a label stack.
func appendLabel(p []byte, label uint32, tc, ttl uint8, bottom bool) []byte {
	entry := label<<labelShift | uint32(tc)<<tcShift | uint32(ttl)
	if bottom {
		entry |= bottomOfStack
	}
	return binary.BigEndian.AppendUint32(p, entry)
}

// stack is what a received label stack says: the label at its bottom, which is the
// pseudowire's, and how long it is. The labels above are the network's own way to us
// (an explicit null among them) and are popped unread.
type stack struct {
	label  uint32
	octets int
	alert  bool // a router alert stood above: VCCV, not traffic
}

// readStack reads the stack that p begins with; false when it goes on beyond p, or
// beyond MaxLabelDepth.
func readStack(p []byte) (s stack, ok bool) {
	for s.octets < min(len(p)-LabelBytes+1, MaxLabelDepth*LabelBytes) {
		entry := binary.BigEndian.Uint32(p[s.octets:])
		s.octets += LabelBytes
		s.label = entry >> labelShift
		if entry&bottomOfStack != 0 {
			return s, true
		}
		s.alert = s.alert || s.label == routerAlert
	}
	return s, false
}
