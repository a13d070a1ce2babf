// Package address is ATM addresses: what they are in octets, how they are
// written, and how they are compared with prefixes to find a route.
//
// An [Address] is a [Number], an [AESA], or a number with an AESA behind it as
// its sub-address. All types are values, comparable with ==, and their zero
// value is "none".
//
//	AESA, 20 octets (UNI 4.0 signalling, 3.0; ATM Forum Addressing: User Guide)
//
//	      1     2           10                  6          1
//	DCC   39   DCC    │  high-order DSP   │    ESI     │  SEL   BD: group
//	ICD   47   ICD    │  high-order DSP   │    ESI     │  SEL   C5: group
//	E.164 45   8 octets of number │ 4 HO-DSP │  ESI    │  SEL   C3: group
//	local 49   12 octets, free        │        ESI     │  SEL   C7: group
//	      ◀──── NetPrefix, 13 octets ────▶
//
// # How they are written
//
// As linux-atm does it, in text2atm and atm2text:
//
//	47.0005.80FFE1000000F20F2200.0020EA000EE0.00   an AESA: 40 hexadecimal digits
//	358401975443:00000001.0020EA000EE0.00          an AESA of E.164: number, colon, the rest
//	+358401975443  :358401975443  358401975443     a number
//	358401975443+47.0005.80FFE1...                 a number with a sub-address
//
// Dots may stand between any two octets of an AESA and any two digits of a
// number, but not at an end or two in a row. Where this package differs from
// linux-atm:
//
//   - A dot within an octet of an AESA is refused; so is an address whose
//     first octet is none of the eight above, or whose DCC, ICD or number is
//     not in decimal digits.
//   - A number has up to 15 digits (E.164), not 12.
//   - An E.164 group address is written in hexadecimal, for the form with a
//     colon would read back as one that is no group; so is an E.164 address
//     without a number.
//   - Dots in the number before a colon are taken.
//
// # Prefixes
//
//	47.0005.80FF/32     the first 32 bits
//	47.0005.80FFE1000000F20F2200     13 octets, as ILMI registers them
//	+358*               numbers that begin with these digits
//	+358401975443       this number only
//	*                   everything
//
// A [Table] finds the longest prefix of an address, and the next longest.
package address
