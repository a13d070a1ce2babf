package sscop

// Numbers of SDs and POLLs have 24 bits and wrap (Q.2110, 7.4). They are
// compared by their distance from a base: VT(A) and VT(PA) for the
// transmitter, VR(R) for the receiver.
const (
	seqBits = 24
	seqMask = 1<<seqBits - 1
)

// distance is how far b lies after a, modulo 2^24.
func distance(a, b uint32) uint32 { return (b - a) & seqMask }

// next is the number after a.
func next(a uint32) uint32 { return (a + 1) & seqMask }

// before says that a comes before b when both are within 2^23 of each other,
// for numbers that share no base.
func before(a, b uint32) bool {
	d := distance(a, b)
	return d != 0 && d < 1<<(seqBits-1)
}
