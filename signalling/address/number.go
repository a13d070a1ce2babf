package address

import (
	"errors"
	"fmt"
)

// MaxDigits is how long an international number may be (E.164, 6).
const MaxDigits = 15

// ErrNumber is wrapped by what is said of a number that is none.
var ErrNumber = errors.New("address: not an E.164 number")

// Number is an international E.164 number of 1 to 15 digits. The zero value is
// none.
type Number struct {
	digits [MaxDigits]byte // ASCII, then zeros
	length uint8
}

// NewNumber takes decimal digits and nothing else. The error wraps ErrNumber.
func NewNumber(digits string) (n Number, err error) {
	if len(digits) == 0 || len(digits) > MaxDigits {
		return n, fmt.Errorf("%w: %d digits, not 1 to %d", ErrNumber, len(digits), MaxDigits)
	}
	for i := range len(digits) {
		if !isDigit(digits[i]) {
			return Number{}, fmt.Errorf("%w: %q is not a digit", ErrNumber, digits[i])
		}
		n.digits[i] = digits[i]
	}
	n.length = uint8(len(digits))
	return n, nil
}

// FromBCD reads what [Number.BCD] writes. Zeros in front are no part of the
// number.
func FromBCD(bcd [BCDSize]byte) (Number, error) {
	var digits [MaxDigits]byte
	first := MaxDigits
	for i := range digits {
		d := nibble(bcd[:], i)
		if d > 9 {
			return Number{}, fmt.Errorf("%w: %X in BCD", ErrNumber, bcd[:])
		}
		digits[i] = '0' + d
		if d != 0 && first == MaxDigits {
			first = i
		}
	}
	if nibble(bcd[:], MaxDigits) != 0xF {
		return Number{}, fmt.Errorf("%w: %X does not end in F", ErrNumber, bcd[:])
	}
	return NewNumber(string(digits[first:]))
}

// BCD gives the 15 digits, with zeros in front, and F, as they stand in an
// AESA and in ILMI.
func (n Number) BCD() (bcd [BCDSize]byte) {
	pad := MaxDigits - int(n.length)
	for i := range int(n.length) {
		at := pad + i
		bcd[at/2] |= (n.digits[i] - '0') << (4 * (1 - at%2))
	}
	bcd[BCDSize-1] |= 0xF
	return bcd
}

// Digits gives the digits alone: "" for none.
func (n Number) Digits() string { return string(n.digits[:n.length]) }

// IsZero says whether it is none.
func (n Number) IsZero() bool { return n.length == 0 }

// String gives the digits behind a plus, or "" for none.
func (n Number) String() string {
	if n.IsZero() {
		return ""
	}
	return "+" + n.Digits()
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
