package ie

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/cellhub/cellhub/signalling/internal/proof"
)

// random is a random value of the element, every field from what its
// declaration allows.
func random(r *rand.Rand, id ID) Value {
	v := Make(id)
	for _, p := range table[id].layout {
		fill(r, p, v)
	}
	return v
}

func fill(r *rand.Rand, p part, v Value) {
	switch p := p.(type) {
	case *word:
		fillWord(r, p, v)
	case layout:
		for _, q := range p {
			fill(r, q, v)
		}
	case *condition:
		if p.when(v) {
			fill(r, p.layout, v)
		}
	case group:
		for i := range p {
			if i > 0 && p[i].possible(v) && r.IntN(3) == 0 {
				return // octets at the end are missing
			}
			if p[i].possible(v) {
				fillWord(r, p[i].word, v)
			}
		}
	case tags:
		for i := range p {
			switch {
			case r.IntN(2) == 0:
			case p[i].mark != nil:
				p[i].mark.set(v, 1)
			default:
				fillWord(r, p[i].word, v)
			}
		}
	case layers:
		for i := range p {
			if r.IntN(3) > 0 {
				fill(r, p[i].part, v)
			}
		}
	case *remainder:
		b := make([]byte, p.min+r.IntN(p.max-p.min+1))
		for i := range b {
			if b[i] = byte(r.Uint32()); p.valid != nil && !p.valid(v, b[i]) {
				b[i] &= 0x7f
			}
		}
		if len(b) > 0 {
			*p.ref(v) = b
		}
	case identifiers:
		for range r.IntN(3) {
			i := Identifier{Type: uint8(r.Uint32())}
			for range r.IntN(maxIdentifier + 1) {
				i.Value = append(i.Value, byte(r.Uint32()))
			}
			v.(*GenericIdentifier).Identifiers = append(v.(*GenericIdentifier).Identifiers, i)
		}
	}
}

func fillWord(r *rand.Rand, w *word, v Value) {
	for i := range w.bits {
		b := &w.bits[i]
		if b.get == nil || b.join {
			continue
		}
		x := r.Uint32() & b.mask()
		if b.up != 0 {
			x = r.Uint32() & (b.mask()<<b.up | 1)
		}
		if b.name == "initial protocol identifier" && r.IntN(2) == 0 {
			x = uint32(IPISNAP)
		}
		if b.high != 0 {
			x = b.field.low + x%(b.field.high-b.field.low+1)
		}
		if b.strict {
			x = b.values[r.IntN(len(b.values))].value
		}
		b.set(v, x)
	}
}

// same compares values; a missing list is an empty one.
func same(a, b Value) bool {
	x, _ := table[a.ID()].layout.encode(a, nil)
	y, _ := table[b.ID()].layout.encode(b, nil)
	return bytes.Equal(x, y) && reflect.TypeOf(a) == reflect.TypeOf(b)
}

// Every element, with random contents: what is written is read back, field by
// field, and written the same again.
func TestIdentity(t *testing.T) {
	r := proof.Seeded(t)
	for _, id := range IDs() {
		for range 300 {
			v := random(r, id)
			e := New(v)
			e.Flag, e.Action = r.IntN(2) == 0, Action(r.IntN(8))
			b, err := Append(nil, e)
			if err != nil {
				t.Fatalf("%v: %v of %+v", id, err, v)
			}
			back := Decode(b)
			if len(back) != 1 || back[0].Err != nil {
				t.Fatalf("%v: % x: %+v", id, b, back)
			}
			got := back[0]
			if !reflect.DeepEqual(fieldsOf(v), fieldsOf(got.Value)) || !same(v, got.Value) {
				t.Fatalf("%v: % x\n%+v\n%+v", id, b, v, got.Value)
			}
			if got.Flag != e.Flag || got.Action != e.Action || got.Coding != e.Coding {
				t.Fatalf("%v: instruction field: %+v, %+v", id, e, got)
			}
			again, err := Append(nil, got)
			if err != nil || !bytes.Equal(b, again) {
				t.Fatalf("%v: % x, again % x: %v", id, b, again, err)
			}
			got.Value = nil // passed on as it came
			if again, _ = Append(nil, got); !bytes.Equal(b, again) {
				t.Fatalf("%v: % x, passed on % x", id, b, again)
			}
		}
	}
}

func fieldsOf(v Value) []Field {
	e := New(v)
	return e.Fields()
}
