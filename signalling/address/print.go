package address

import "fmt"

// Octets between the dots, by format.
var (
	groupsOfISO   = []int{1, 2, 10, 6, 1}
	groupsOfE164  = []int{1, 8, 4, 6, 1}
	groupsOfLocal = []int{1, 12, 6, 1}
	groupsOfOther = []int{AESASize}
)

func groupsOf(afi byte) []int {
	switch (AESA{afi}).Format() {
	case DCC, ICD:
		return groupsOfISO
	case E164:
		return groupsOfE164
	case Local:
		return groupsOfLocal
	}
	return groupsOfOther
}

// String writes the address so that Parse reads it back: a lone number
// behind a plus. "" is none.
func (a Address) String() string {
	switch {
	case !a.HasAESA():
		return a.Number.String()
	case a.Number.IsZero():
		return a.AESA.String()
	}
	return a.Number.Digits() + "+" + a.AESA.String()
}

// MarshalText gives String, for JSON.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText gives. The error is Parse's.
func (a *Address) UnmarshalText(text []byte) (err error) {
	*a = Address{}
	if len(text) > 0 {
		*a, err = Parse(string(text))
	}
	return err
}

// String writes the address with dots, as linux-atm prints it; see the package
// comment. "" is none.
func (a AESA) String() string {
	if a == (AESA{}) {
		return ""
	}
	if n := a.Number(); !n.IsZero() && !a.IsGroup() {
		return appendGroups([]byte(n.Digits()+":"), a[1+BCDSize:], 0, groupsOfE164[2:])
	}
	return appendGroups(nil, a[:], 0, groupsOf(a[0]))
}

// Hex writes the 40 hexadecimal digits without dots.
func (a AESA) Hex() string { return fmt.Sprintf("%X", a[:]) }

// appendGroups writes octets with a dot after each group, and forgets the
// groups that they do not reach.
func appendGroups(out, octets []byte, left int, groups []int) string {
	for i, b := range octets {
		if left == 0 {
			left, groups = groups[0], groups[1:]
			if i > 0 {
				out = append(out, '.')
			}
		}
		left--
		out = fmt.Appendf(out, "%02X", b)
	}
	return string(out)
}
