package lab

import "math/rand/v2"

// patternPeriod is prime, so that a segment lost, repeated or moved, whatever
// its size, shows as octets that differ.
const patternPeriod = 65521

// patternOctets is the pattern, long enough to cut patternPeriod octets from any
// place of it.
var patternOctets = func() []byte {
	source := rand.NewChaCha8([32]byte{'c', 'e', 'l', 'l', 'h', 'u', 'b'})
	b := make([]byte, patternPeriod, 2*patternPeriod)
	source.Read(b)
	return append(b, b...)
}()

// pattern is n octets, at most patternPeriod, of an endless stream from an
// offset on. The caller does not change them.
func pattern(offset int64, n int) []byte {
	start := int(offset % patternPeriod)
	return patternOctets[start : start+n : start+n]
}
