package address

import (
	"errors"
	"fmt"
	"strings"
)

// Address is what a call is made to: a number, an AESA, or a number with an
// AESA as its sub-address.
type Address struct {
	Number Number
	AESA   AESA
}

// ErrSyntax is wrapped by what Parse says of text that is no address.
var ErrSyntax = errors.New("address: cannot be read")

// MaxText is how long the text of an address may be, dots included.
const MaxText = 100

// IsZero says whether it is none.
func (a Address) IsZero() bool { return a == Address{} }

// HasAESA says whether there is an AESA, alone or behind a number.
func (a Address) HasAESA() bool { return a.AESA != AESA{} }

// Parse reads an address in any of the forms of the package comment. What has
// 40 hexadecimal digits is an AESA, what has up to 15 decimal digits a number.
// The error wraps ErrSyntax, ErrNumber, ErrAFI or ErrIDI.
func Parse(text string) (Address, error) {
	a, err := parse(text)
	if err != nil {
		return Address{}, fmt.Errorf("%w: %.*q", err, MaxText, text)
	}
	return a, nil
}

func parse(text string) (a Address, err error) {
	if text == "" || len(text) > MaxText {
		return a, fmt.Errorf("%w: %d characters, not 1 to %d", ErrSyntax, len(text), MaxText)
	}
	body := strings.TrimLeft(text[:1], "+:") + text[1:]
	number, aesa, both := strings.Cut(body, "+")
	switch {
	case both:
		if a.Number, err = parseNumber(number); err == nil {
			a.AESA, err = parseAESA(aesa)
		}
	case len(body) < len(text) || looksLikeNumber(body):
		a.Number, err = parseNumber(body)
	default:
		a.AESA, err = parseAESA(body)
	}
	return a, err
}

// looksLikeNumber says whether text is of digits and dots, and too few of
// them for an AESA.
func looksLikeNumber(text string) bool {
	digits := 0
	for i := range len(text) {
		switch {
		case isDigit(text[i]):
			digits++
		case text[i] != '.':
			return false
		}
	}
	return digits < 2*AESASize
}

// parseNumber reads digits with dots between them.
func parseNumber(text string) (Number, error) {
	digits, err := undot(text, 1)
	if err != nil {
		return Number{}, err
	}
	return NewNumber(digits)
}

// undot takes the dots out of text, which may stand after each unit of so many
// characters.
func undot(text string, unit int) (string, error) {
	out := make([]byte, 0, len(text))
	afterDot := true
	for i := range len(text) {
		if text[i] != '.' {
			out = append(out, text[i])
			afterDot = false
			continue
		}
		switch {
		case afterDot:
			return "", fmt.Errorf("%w: two dots in a row, or one in front", ErrSyntax)
		case len(out)%unit != 0:
			return "", fmt.Errorf("%w: a dot within an octet", ErrSyntax)
		}
		afterDot = true
	}
	if afterDot {
		return "", fmt.Errorf("%w: nothing, or nothing behind the last dot", ErrSyntax)
	}
	return string(out), nil
}

// parseAESA reads 40 hexadecimal digits, or number, colon and 22 of them.
func parseAESA(text string) (a AESA, err error) {
	octets, err := parseOctets(text)
	if err != nil {
		return a, err
	}
	if len(octets) != AESASize {
		return a, fmt.Errorf("%w: %d octets, not %d", ErrSyntax, len(octets), AESASize)
	}
	return FromOctets(octets)
}

// parseOctets reads the front of an AESA, or all of it.
func parseOctets(text string) ([]byte, error) {
	number, rest, colon := strings.Cut(text, ":")
	if !colon {
		return parseHex(text)
	}
	n, err := parseNumber(number)
	if err != nil {
		return nil, err
	}
	if n.digits[0] == '0' {
		return nil, fmt.Errorf("%w: begins with 0", ErrNumber)
	}
	bcd := n.BCD()
	octets := append([]byte{AFIE164}, bcd[:]...)
	if rest == "" {
		return octets, nil
	}
	high, err := parseHex(rest)
	return append(octets, high...), err
}

func parseHex(text string) ([]byte, error) {
	digits, err := undot(text, 2)
	if err != nil {
		return nil, err
	}
	if len(digits)%2 != 0 || len(digits) > 2*AESASize {
		return nil, fmt.Errorf("%w: %d hexadecimal digits", ErrSyntax, len(digits))
	}
	out := make([]byte, len(digits)/2)
	for i := range digits {
		d, ok := hexDigit(digits[i])
		if !ok {
			return nil, fmt.Errorf("%w: %q is not a hexadecimal digit", ErrSyntax, digits[i])
		}
		out[i/2] = out[i/2]<<4 | d
	}
	return out, nil
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case isDigit(c):
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
