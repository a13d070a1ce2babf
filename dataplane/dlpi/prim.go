package dlpi

import (
	"encoding/binary"
	"errors"
)

// ErrShort refuses a primitive that ends before its words or addresses do.
var ErrShort = errors.New("primitive ends early")

// ErrUnknown refuses a primitive that the interface has not.
var ErrUnknown = errors.New("unknown primitive")

// MaxWords is how many words the longest primitive has.
const MaxWords = 19

// maxAddresses is how many addresses a primitive names by length and offset.
const maxAddresses = 2

// Prim is a primitive. Words[0] is its number; words that are lengths and offsets of addresses
// are Append's to write. Addresses and data are views: of what was decoded, or the sender's.
type Prim struct {
	Words [MaxWords]uint32
	Addr  [maxAddresses][]byte
	Data  []byte
}

// layout is a primitive as its interface declares it.
type layout struct {
	name  string
	words int                  // 0: no such primitive
	at    [maxAddresses][2]int // words of the length and of the offset; 0, 0: no such address
}

// Interface is a service interface: its primitives by number.
type Interface struct{ prims []layout }

func (i *Interface) layout(number uint32) *layout {
	if number >= uint32(len(i.prims)) || i.prims[number].words == 0 {
		return nil
	}
	return &i.prims[number]
}

// Name gives the primitive's name in its standard; empty: the interface has none of the number.
func (i *Interface) Name(number uint32) string {
	if l := i.layout(number); l != nil {
		return l.name
	}
	return ""
}

// Decode reads a primitive. With an error Words[0] is the number, where there is one.
func (i *Interface) Decode(in []byte) (p Prim, err error) {
	if len(in) < 4 {
		return p, ErrShort
	}
	p.Words[0] = binary.BigEndian.Uint32(in)
	l := i.layout(p.Words[0])
	switch {
	case l == nil:
		return p, ErrUnknown
	case len(in) < 4*l.words:
		return p, ErrShort
	}
	for w := range l.words {
		p.Words[w] = binary.BigEndian.Uint32(in[4*w:])
	}
	end := uint64(4 * l.words)
	for a, at := range l.at {
		if at[0] == 0 || p.Words[at[0]] == 0 {
			continue
		}
		from := uint64(p.Words[at[1]])
		to := from + uint64(p.Words[at[0]])
		if from < uint64(4*l.words) || to > uint64(len(in)) {
			return p, ErrShort
		}
		p.Addr[a] = in[from:to]
		end = max(end, to)
	}
	p.Data = in[end:]
	return p, nil
}

// Append writes a primitive, which the interface must have.
func (i *Interface) Append(dst []byte, p *Prim) []byte {
	l := i.layout(p.Words[0])
	words := p.Words
	offset := uint32(4 * l.words)
	for a, at := range l.at {
		if at[0] == 0 {
			continue
		}
		words[at[0]], words[at[1]] = uint32(len(p.Addr[a])), 0
		if n := uint32(len(p.Addr[a])); n > 0 {
			words[at[1]] = offset
			offset += n
		}
	}
	for w := range l.words {
		dst = binary.BigEndian.AppendUint32(dst, words[w])
	}
	for a, at := range l.at {
		if at[0] != 0 {
			dst = append(dst, p.Addr[a]...)
		}
	}
	return append(dst, p.Data...)
}
