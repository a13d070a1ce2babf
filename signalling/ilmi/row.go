package ilmi

import (
	"fmt"

	"github.com/cellhub/cellhub/signalling/address"
)

// Prefix is a network prefix as ILMI carries it: 13 octets of an AESA, or a
// whole number in 8 octets of BCD.
type Prefix struct{ octets string }

// NetPrefix gives the prefix of AESAs.
func NetPrefix(p address.NetPrefix) Prefix { return Prefix{string(p[:])} }

// NumberPrefix gives a number, which needs no end system's part.
func NumberPrefix(n address.Number) Prefix {
	bcd := n.BCD()
	return Prefix{string(bcd[:])}
}

// prefixOf checks the octets of a prefix: its first octet and what follows
// must be those of an ATM address that is no group's.
func prefixOf(octets string) (Prefix, error) {
	switch len(octets) {
	case address.PrefixSize:
		a := address.NetPrefix([]byte(octets)).AESA(address.ESI{}, 0)
		if err := a.Check(); err != nil {
			return Prefix{}, err
		}
		if a.IsGroup() {
			return Prefix{}, fmt.Errorf("ilmi: prefix %X is of groups", octets)
		}
		return Prefix{octets}, nil
	case address.BCDSize:
		_, err := address.FromBCD([address.BCDSize]byte([]byte(octets)))
		return Prefix{octets}, err
	}
	return Prefix{}, fmt.Errorf("ilmi: prefix of %d octets, not %d or %d", len(octets), address.PrefixSize, address.BCDSize)
}

// Net gives the 13 octets, if it is a prefix of AESAs.
func (p Prefix) Net() (n address.NetPrefix, ok bool) {
	if len(p.octets) != address.PrefixSize {
		return n, false
	}
	copy(n[:], p.octets)
	return n, true
}

// Number gives the number, if it is one.
func (p Prefix) Number() (address.Number, bool) {
	if len(p.octets) != address.BCDSize {
		return address.Number{}, false
	}
	n, err := address.FromBCD([address.BCDSize]byte([]byte(p.octets)))
	return n, err == nil
}

// String writes the prefix as package address does.
func (p Prefix) String() string {
	if n, ok := p.Net(); ok {
		return n.String()
	}
	n, _ := p.Number()
	return n.String()
}

// Address gives the address of an end system under the prefix. A number is
// the address itself.
func (p Prefix) Address(id Identifier) address.Address {
	if n, ok := p.Net(); ok {
		return address.Address{AESA: n.AESA(id.ESI, id.Selector)}
	}
	n, _ := p.Number()
	return address.Address{Number: n}
}

// Identifier is the end system's part of an address.
type Identifier struct {
	ESI      address.ESI
	Selector byte
}

// Scope is how far the membership of a group is to be known, by its value in
// the MIB: 1 the local network, 15 everywhere.
type Scope int32

// The scopes at both ends; those between are numbered in between.
const (
	ScopeLocal  Scope = 1
	ScopeGlobal Scope = 15
)

// Group is a group address that an end system joins.
type Group struct {
	Address address.AESA
	Scope   Scope
}

// addressOctets writes an address as an index: 20 octets, or 8 of BCD.
func addressOctets(a address.Address) string {
	if a.HasAESA() {
		return string(a.AESA[:])
	}
	bcd := a.Number.BCD()
	return string(bcd[:])
}

// addressOf reads what addressOctets writes.
func addressOf(octets string) (address.Address, error) {
	if len(octets) == address.BCDSize {
		n, err := address.FromBCD([address.BCDSize]byte([]byte(octets)))
		return address.Address{Number: n}, err
	}
	a, err := address.FromOctets([]byte(octets))
	return address.Address{AESA: a}, err
}

// Service is a row of the service registry.
type Service struct {
	ID        OID             // ServiceLECS, ServiceATMARP, ...
	Index     int32           // tells rows of one service apart; from 1
	Address   address.Address // an AESA or a number
	Parameter string          // octets, whose meaning the service says; may be empty
}
