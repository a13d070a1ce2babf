package address

import (
	"errors"
	"fmt"
)

// Sizes, in octets.
const (
	AESASize   = 20 // an ATM end system address
	PrefixSize = 13 // what the network gives of it
	ESISize    = 6  // what the end system gives of it
	BCDSize    = 8  // a number in BCD
)

// Authority and format identifiers, the first octet of an AESA.
const (
	AFIDCC        = 0x39
	AFIICD        = 0x47
	AFIE164       = 0x45
	AFILocal      = 0x49
	AFIDCCGroup   = 0xBD
	AFIICDGroup   = 0xC5
	AFIE164Group  = 0xC3
	AFILocalGroup = 0xC7
)

// Format says how the part after the first octet is to be read.
type Format uint8

// The formats; the zero value is of no known one.
const (
	DCC   Format = iota + 1 // ISO data country code
	ICD                     // international code designator
	E164                    // a number
	Local                   // anything, unique within a network
)

// String gives the format's name.
func (f Format) String() string {
	switch f {
	case DCC:
		return "DCC"
	case ICD:
		return "ICD"
	case E164:
		return "E.164"
	case Local:
		return "local"
	}
	return "unknown"
}

// ESI is an end system identifier: the address of an interface, as IEEE 802
// has it.
type ESI [ESISize]byte

// String gives 12 hexadecimal digits.
func (e ESI) String() string { return fmt.Sprintf("%X", e[:]) }

// NetPrefix is the part of an AESA that the network assigns.
type NetPrefix [PrefixSize]byte

// AESA joins the prefix with an end system's part.
func (p NetPrefix) AESA(esi ESI, selector byte) (a AESA) {
	copy(a[:], p[:])
	copy(a[PrefixSize:], esi[:])
	a[AESASize-1] = selector
	return a
}

// String gives the octets as they stand in an AESA.
func (p NetPrefix) String() string {
	return appendGroups(nil, p[:], 0, groupsOf(p[0]))
}

// AESA is an ATM end system address. All zeros is none.
type AESA [AESASize]byte

// What is wrong with an AESA.
var (
	ErrAFI = errors.New("address: first octet is that of no ATM address")
	ErrIDI = errors.New("address: country, designator or number is not in decimal digits")
)

// FromOctets takes the 20 octets of an AESA and checks them as [AESA.Check]
// does.
func FromOctets(octets []byte) (a AESA, err error) {
	if len(octets) != AESASize {
		return a, fmt.Errorf("address: %d octets, not %d", len(octets), AESASize)
	}
	copy(a[:], octets)
	if err := a.Check(); err != nil {
		return AESA{}, err
	}
	return a, nil
}

// E164AESA makes an AESA of a number: number, 4 octets of high-order DSP, ESI
// and selector.
func E164AESA(n Number, high [4]byte, esi ESI, selector byte) (a AESA) {
	a[0] = AFIE164
	bcd := n.BCD()
	copy(a[1:], bcd[:])
	copy(a[1+BCDSize:], high[:])
	copy(a[PrefixSize:], esi[:])
	a[AESASize-1] = selector
	return a
}

// Format gives the format that the first octet says.
func (a AESA) Format() Format {
	switch a[0] {
	case AFIDCC, AFIDCCGroup:
		return DCC
	case AFIICD, AFIICDGroup:
		return ICD
	case AFIE164, AFIE164Group:
		return E164
	case AFILocal, AFILocalGroup:
		return Local
	}
	return 0
}

// IsGroup says whether it is a group's address: any member may answer, or all.
func (a AESA) IsGroup() bool { return a[0] >= 0x80 && a.Format() != 0 }

// groupAFI pairs first octets of end systems and of groups.
var groupAFI = [...][2]byte{
	{AFIDCC, AFIDCCGroup}, {AFIICD, AFIICDGroup}, {AFIE164, AFIE164Group}, {AFILocal, AFILocalGroup},
}

// Group gives the group address that differs in the first octet only. A group
// address, and one of no known format, stays as it is.
func (a AESA) Group() AESA {
	for _, p := range groupAFI {
		if a[0] == p[0] {
			a[0] = p[1]
		}
	}
	return a
}

// Individual undoes Group.
func (a AESA) Individual() AESA {
	for _, p := range groupAFI {
		if a[0] == p[1] {
			a[0] = p[0]
		}
	}
	return a
}

// Prefix gives the network's part.
func (a AESA) Prefix() NetPrefix { return NetPrefix(a[:PrefixSize]) }

// ESI gives the end system's identifier.
func (a AESA) ESI() ESI { return ESI(a[PrefixSize : AESASize-1]) }

// Selector gives the last octet, which tells apart what runs on one end
// system; the network does not route by it.
func (a AESA) Selector() byte { return a[AESASize-1] }

// Number gives the number in an E.164 address, or the zero Number when there
// is none in it.
func (a AESA) Number() Number {
	if a.Format() != E164 {
		return Number{}
	}
	n, err := FromBCD([BCDSize]byte(a[1:]))
	if err != nil {
		return Number{}
	}
	return n
}

// Check says whether the first octet is known, and whether the initial domain
// identifier is decimal: three digits and F (DCC), four (ICD), fifteen and F
// (E.164). The error is ErrAFI or ErrIDI.
func (a AESA) Check() error {
	digits, padded := 0, true
	switch a.Format() {
	case DCC:
		digits = 3
	case ICD:
		digits, padded = 4, false
	case E164:
		digits = MaxDigits
	case Local:
		return nil
	default:
		return ErrAFI
	}
	for i := range digits {
		if nibble(a[1:], i) > 9 {
			return ErrIDI
		}
	}
	if padded && nibble(a[1:], digits) != 0xF {
		return ErrIDI
	}
	return nil
}

// nibble gives half octet i of p, the more significant one first.
func nibble(p []byte, i int) byte {
	return p[i/2] >> (4 * (1 - i%2)) & 0xF
}
