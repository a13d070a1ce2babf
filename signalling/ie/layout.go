package ie

import (
	"errors"
	"fmt"
)

// The language in which the table declares the contents of elements. A layout
// is a list of parts, read and written in order:
//
//	octets(n, bits...)     a big-endian number of n octets, split into fields
//	extended(octet...)     octets with an extension bit: those at the end may be missing
//	tagged(tag...)         parameters led by an identifier octet, in any order
//	layered(layer...)      octets told apart by bits 7 and 6 (low layer information)
//	rest(...)              octets up to the end of the element
//	when(condition, ...)   parts that are there for some values of earlier fields
//	identifiers(...)       type, length, value, repeated (generic identifier transport)

// Faults in the contents of an element. All of them are content errors in the
// sense of Q.2931, 5.6.7.2 and 5.6.8.2.
var (
	errShort     = errors.New("contents end early")
	errLong      = errors.New("octets left over")
	errExtension = errors.New("extension bit is wrong")
	errTag       = errors.New("unknown parameter")
)

// number is what a field of an element may be.
type number interface {
	~uint8 | ~uint16 | ~uint32
}

// Opt is a field that may be absent.
type Opt[N number] struct {
	Value   N
	Present bool
}

// Some is a field that is there.
func Some[N number](v N) Opt[N] { return Opt[N]{v, true} }

// names gives the values of a field their names, as the standards print them.
type names []struct {
	value uint32
	name  string
}

func (n names) find(v uint32) string {
	for i := range n {
		if n[i].value == v {
			return n[i].name
		}
	}
	return ""
}

// field is one field of a struct of Go: how to reach it, and what its values
// mean.
type field struct {
	name   string
	get    func(Value) (v uint32, present bool)
	set    func(Value, uint32)
	values names
	// strict makes any value without a name a content error.
	strict bool
	// low and high bound the value when high is not 0.
	low, high uint32
	// silent fields are shown only when not 0.
	silent bool
}

func num[T any, N number](name string, ref func(*T) *N) field {
	return field{
		name: name,
		get:  func(v Value) (uint32, bool) { return uint32(*ref(any(v).(*T))), true },
		set:  func(v Value, x uint32) { *ref(any(v).(*T)) = N(x) },
	}
}

func opt[T any, N number](name string, ref func(*T) *Opt[N]) field {
	return field{
		name: name,
		get: func(v Value) (uint32, bool) {
			o := ref(any(v).(*T))
			return uint32(o.Value), o.Present
		},
		set: func(v Value, x uint32) { *ref(any(v).(*T)) = Opt[N]{N(x), true} },
	}
}

func flag[T any](name string, ref func(*T) *bool) field {
	return field{
		name: name,
		get: func(v Value) (uint32, bool) {
			if *ref(any(v).(*T)) {
				return 1, true
			}
			return 0, true
		},
		set: func(v Value, x uint32) { *ref(any(v).(*T)) = x != 0 },
	}
}

// called gives values names; of says that no others are allowed.
func (f field) called(n names) field { f.values = n; return f }
func (f field) of(n names) field     { f.values, f.strict = n, true; return f }

// quiet makes a field that does not decide whether its octet is there.
func (f field) quiet() field {
	get := f.get
	f.get = func(v Value) (uint32, bool) {
		x, _ := get(v)
		return x, false
	}
	f.silent = true
	return f
}

// between bounds the value.
func (f field) between(low, high uint32) field { f.low, f.high = low, high; return f }

// check says whether the value may stand in the field.
func (f *field) check(v uint32) error {
	if f.strict && f.values.find(v) == "" || f.high != 0 && (v < f.low || v > f.high) {
		return fmt.Errorf("%s %d is not allowed", f.name, v)
	}
	return nil
}

// bit is a run of bits of a number: width bits, of which the lowest is bit low
// (0 is the least significant). up shifts them within the field, for fields
// that are spread over two octets.
type bit struct {
	field
	low, width, up uint8
	join           bool   // the lower end of a field that began in an octet before
	fixed          uint32 // the value, when there is no field
}

func at(low, width uint8, f field) bit { return bit{field: f, low: low, width: width} }

func all(width uint8, f field) bit { return at(0, width, f) }

func constant(low, width uint8, v uint32) bit { return bit{low: low, width: width, fixed: v} }

func (b bit) shifted(up uint8) bit { b.up = up; return b }
func (b bit) joined() bit          { b.join = true; return b }

func (b *bit) mask() uint32 { return uint32(1<<b.width - 1) }

// word is a number of size octets that bits share.
type word struct {
	size int
	bits []bit
}

func octets(size int, bits ...bit) *word { return &word{size, bits} }

func octet(bits ...bit) *word { return octets(1, bits...) }

// present says whether a field of the word has been given.
func (w *word) present(v Value) bool {
	for i := range w.bits {
		if w.bits[i].get != nil {
			if _, ok := w.bits[i].get(v); ok {
				return true
			}
		}
	}
	return false
}

func (w *word) take(v Value, x uint32) error {
	for i := range w.bits {
		b := &w.bits[i]
		y := x >> b.low & b.mask()
		if b.get == nil {
			if y != b.fixed {
				return fmt.Errorf("octet 0x%02x is not allowed", x)
			}
			continue
		}
		if b.up != 0 {
			y <<= b.up
		} else if b.join {
			old, _ := b.get(v)
			y |= old
		}
		if err := b.check(y); err != nil {
			return err
		}
		b.set(v, y)
	}
	return nil
}

func (w *word) give(v Value) (uint32, error) {
	var x uint32
	for i := range w.bits {
		b := &w.bits[i]
		y := b.fixed
		if b.get != nil {
			y, _ = b.get(v)
			if err := b.check(y); err != nil {
				return 0, err
			}
			if y>>b.up > b.mask() && !b.join {
				return 0, fmt.Errorf("%s %d does not fit in %d bits", b.name, y, b.width)
			}
			y >>= b.up
		}
		x |= y & b.mask() << b.low
	}
	return x, nil
}

func (w *word) decode(v Value, r *reader) error {
	x, ok := r.number(w.size)
	if !ok {
		return errShort
	}
	return w.take(v, x)
}

func (w *word) encode(v Value, to []byte) ([]byte, error) {
	x, err := w.give(v)
	return appendNumber(to, w.size, x), err
}

func (w *word) visit(v Value, see func(Field)) {
	for i := range w.bits {
		b := &w.bits[i]
		// A field in two places is shown at the last.
		if b.get == nil || b.up != 0 {
			continue
		}
		if x, ok := b.get(v); ok || b.silent && x != 0 {
			see(Field{Name: b.name, Number: x, Meaning: b.values.find(x)})
		}
	}
}

// part is a piece of a layout.
type part interface {
	decode(Value, *reader) error
	encode(Value, []byte) ([]byte, error)
	visit(Value, func(Field))
}

// reader takes octets from the contents of one element.
type reader struct{ b []byte }

func (r *reader) number(size int) (uint32, bool) {
	if len(r.b) < size {
		return 0, false
	}
	var x uint32
	for _, o := range r.b[:size] {
		x = x<<8 | uint32(o)
	}
	r.b = r.b[size:]
	return x, true
}

func appendNumber(to []byte, size int, x uint32) []byte {
	for i := size - 1; i >= 0; i-- {
		to = append(to, byte(x>>(8*i)))
	}
	return to
}

// layout is a list of parts, itself a part.
type layout []part

func (l layout) decode(v Value, r *reader) error {
	for _, p := range l {
		if err := p.decode(v, r); err != nil {
			return err
		}
	}
	return nil
}

func (l layout) encode(v Value, to []byte) (_ []byte, err error) {
	for _, p := range l {
		if to, err = p.encode(v, to); err != nil {
			return to, err
		}
	}
	return to, nil
}

func (l layout) visit(v Value, see func(Field)) {
	for _, p := range l {
		p.visit(v, see)
	}
}
