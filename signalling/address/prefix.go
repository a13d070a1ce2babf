package address

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxBits is the longest prefix of an AESA.
const MaxBits = 8 * AESASize

// Prefix is the front of an AESA, counted in bits, or of a number, counted in
// digits. The zero value is the prefix of every address. Prefixes compare with
// ==, for bits beyond the length are zero.
type Prefix struct {
	bits   AESA
	digits Number
	length uint8 // of bits
	kind   prefixKind
}

type prefixKind uint8

const (
	prefixAny prefixKind = iota
	prefixBits
	prefixDigits
	prefixNumber // the whole number
)

// BitPrefix gives the first length bits of an AESA.
func BitPrefix(a AESA, length int) (Prefix, error) {
	if length < 0 || length > MaxBits {
		return Prefix{}, fmt.Errorf("address: a prefix of %d bits, not 0 to %d", length, MaxBits)
	}
	clear(a[(length+7)/8:])
	if part := length % 8; part != 0 {
		a[length/8] &= 0xFF << (8 - part)
	}
	return Prefix{bits: a, length: uint8(length), kind: prefixBits}, nil
}

// Network gives the prefix that an AESA shares with its neighbours: all but
// ESI and selector.
func (p NetPrefix) Network() Prefix {
	out := Prefix{length: 8 * PrefixSize, kind: prefixBits}
	copy(out.bits[:], p[:])
	return out
}

// DigitPrefix matches the numbers that begin with these digits.
func DigitPrefix(digits Number) Prefix {
	if digits.IsZero() {
		return Prefix{}
	}
	return Prefix{digits: digits, kind: prefixDigits}
}

// Whole matches one address: a number, or an AESA whatever its selector is.
func Whole(a Address) Prefix {
	if !a.Number.IsZero() {
		return Prefix{digits: a.Number, kind: prefixNumber}
	}
	p, _ := BitPrefix(a.AESA, MaxBits-8)
	return p
}

// ParsePrefix reads a prefix in any of the forms of the package comment. A
// whole AESA gives a prefix of all 160 bits. Octets that an AESA cannot have
// are refused as Parse does, as far as they are there.
func ParsePrefix(text string) (Prefix, error) {
	p, err := parsePrefix(text)
	if err != nil {
		return Prefix{}, fmt.Errorf("%w: %.*q", err, MaxText, text)
	}
	return p, nil
}

func parsePrefix(text string) (Prefix, error) {
	if text == "*" {
		return Prefix{}, nil
	}
	if text == "" || len(text) > MaxText {
		return Prefix{}, fmt.Errorf("%w: %d characters, not 1 to %d", ErrSyntax, len(text), MaxText)
	}
	if digits, ok := strings.CutSuffix(text, "*"); ok {
		n, err := parseNumber(strings.TrimLeft(digits[:1], "+:") + digits[1:])
		return DigitPrefix(n), err
	}
	front, bits, slash := strings.Cut(text, "/")
	if !slash && (front[0] == '+' || front[0] == ':' || looksLikeNumber(front) && !isNetPrefix(front)) {
		a, err := parse(front)
		if err == nil && a.HasAESA() {
			err = fmt.Errorf("%w: a prefix has no sub-address", ErrSyntax)
		}
		return Whole(a), err
	}
	return parseBits(front, bits, slash)
}

// isNetPrefix says whether digits are 13 octets.
func isNetPrefix(text string) bool {
	return len(text)-strings.Count(text, ".") == 2*PrefixSize
}

func parseBits(front, bits string, slash bool) (Prefix, error) {
	octets, err := parseOctets(front)
	if err != nil {
		return Prefix{}, err
	}
	if len(octets) > AESASize {
		return Prefix{}, fmt.Errorf("%w: %d octets, more than %d", ErrSyntax, len(octets), AESASize)
	}
	length := 8 * len(octets)
	switch {
	case slash:
		l, err := strconv.ParseUint(bits, 10, 8)
		if err != nil || int(l) > length {
			return Prefix{}, fmt.Errorf("%w: length is not 0 to %d", ErrSyntax, length)
		}
		length = int(l)
	case len(octets) != PrefixSize && len(octets) != AESASize:
		return Prefix{}, fmt.Errorf("%w: %d octets without a length in bits", ErrSyntax, len(octets))
	}
	var a AESA
	copy(a[:], octets)
	if length >= 8 && a.Format() == 0 {
		return Prefix{}, ErrAFI
	}
	if length >= 8*(1+BCDSize) { // the initial domain identifier is there
		if err := a.Check(); err != nil {
			return Prefix{}, err
		}
	}
	return BitPrefix(a, length)
}

// Contains says whether the address begins with the prefix. Of an address
// with number and AESA the number decides, for it is what the network routes
// by.
func (p Prefix) Contains(a Address) bool {
	switch p.kind {
	case prefixAny:
		return !a.IsZero()
	case prefixBits:
		return a.Number.IsZero() && a.HasAESA() && p.containsBits(a.AESA)
	case prefixNumber:
		return a.Number == p.digits
	}
	return strings.HasPrefix(a.Number.Digits(), p.digits.Digits())
}

func (p Prefix) containsBits(a AESA) bool {
	whole, part := int(p.length)/8, p.length%8
	for i := range whole {
		if a[i] != p.bits[i] {
			return false
		}
	}
	return part == 0 || a[whole]>>(8-part) == p.bits[whole]>>(8-part)
}

// Len gives the length: bits of an AESA, digits of a number, 0 for everything.
// A whole number counts one more than its digits.
func (p Prefix) Len() int {
	switch p.kind {
	case prefixBits:
		return int(p.length)
	case prefixDigits:
		return int(p.digits.length)
	case prefixNumber:
		return int(p.digits.length) + 1
	}
	return 0
}

// String writes the prefix so that ParsePrefix reads it back.
func (p Prefix) String() string {
	switch p.kind {
	case prefixDigits:
		return p.digits.String() + "*"
	case prefixNumber:
		return p.digits.String()
	case prefixBits:
		octets := p.bits[:max(1, (int(p.length)+7)/8)]
		return appendGroups(nil, octets, 0, groupsOf(p.bits[0])) + "/" + strconv.Itoa(int(p.length))
	}
	return "*"
}
