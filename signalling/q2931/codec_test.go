package q2931

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/cellhub/cellhub/signalling/ie"
	"github.com/cellhub/cellhub/signalling/internal/proof"
)

// random is a random element of the kind, as it comes back from the wire. It
// changes field after field and keeps what can be encoded.
func random(r *rand.Rand, id ie.ID) ie.Element {
	v := ie.Make(id)
	var good ie.Element
	for tries := 0; tries < 40 || good.Value == nil && tries < 10000; tries++ {
		fields := leaves(reflect.ValueOf(v).Elem(), nil)
		old := reflect.ValueOf(v).Elem().Interface()
		if len(fields) > 0 {
			scramble(r, fields[r.IntN(len(fields))])
		}
		b, err := ie.Append(nil, ie.New(v))
		if err != nil {
			if good.Value != nil {
				reflect.ValueOf(v).Elem().Set(reflect.ValueOf(old))
			}
			continue
		}
		back := ie.Decode(b)
		if len(back) == 1 && back[0].Err == nil {
			good = back[0]
		}
	}
	return good
}

// leaves are the fields of a struct, those of structs within it too.
func leaves(v reflect.Value, to []reflect.Value) []reflect.Value {
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() == reflect.Struct {
			to = leaves(f, to)
		} else {
			to = append(to, f)
		}
	}
	return to
}

func scramble(r *rand.Rand, f reflect.Value) {
	switch f.Kind() {
	case reflect.Bool:
		f.SetBool(r.IntN(3) > 0)
	case reflect.Slice:
		if f.Type().Elem().Kind() == reflect.Uint8 {
			b := make([]byte, r.IntN(21))
			for i := range b {
				b[i] = '0' + byte(r.IntN(10))
			}
			f.SetBytes(b)
		}
	default:
		f.SetUint(uint64(r.Uint32()) >> r.IntN(32) & (1<<f.Type().Bits() - 1))
	}
}

// everyMessage makes messages of all types in all versions and directions,
// with all their elements, then with random ones.
func everyMessage(r *rand.Rand) (list []Message) {
	for _, kind := range Types() {
		d := descriptions[kind]
		for _, v := range []Version{UNI30, UNI31, UNI40} {
			for _, to := range []Direction{ToNetwork, ToUser} {
				for round := range 4 {
					m := Message{Type: kind, Reference: Reference{r.Uint32N(MaxReference + 1), r.IntN(2) == 0},
						Flag: r.IntN(2) == 0, Action: MessageAction(r.IntN(3))}
					for _, u := range d.uses {
						if d.in != 0 && !u.allowed(v, to) || round > 0 && !u.mandatory(v, to) && r.IntN(3) > 0 {
							continue
						}
						for range 1 + r.IntN(u.most) {
							e := random(r, u.id)
							if c, ok := e.Value.(*ie.Cause); ok {
								fit(c)
							}
							e.Flag, e.Action = r.IntN(3) == 0, ie.Action(r.IntN(8))
							m.Elements = append(m.Elements, e)
						}
					}
					list = append(list, m)
				}
			}
		}
	}
	return list
}

// fit gives diagnostics the size that their cause has.
func fit(c *ie.Cause) {
	size := map[uint8]int{
		ie.CauseTimerExpired: 3, ie.CauseVCDoesNotExist: 4,
		ie.CauseNumberChanged: 0, // an element, which tshark takes apart; see TestDiagnostics of ie
	}
	n, ok := size[c.Value]
	switch {
	case !ok:
	case len(c.Diagnostics) < n || n == 0:
		c.Diagnostics = nil
	default:
		c.Diagnostics = c.Diagnostics[:n]
	}
}

// Every message with every element, in all versions: back from the wire as it
// was, and field by field what tshark reads.
func TestEveryMessage(t *testing.T) {
	r := proof.Seeded(t)
	list := everyMessage(r)
	octets := make([][]byte, len(list))
	for i := range list {
		b, err := list[i].Append(nil)
		if err != nil {
			t.Fatalf("%v: %v", list[i].Type, err)
		}
		octets[i] = b
		m, err := Decode(b)
		if err != nil || m.Type != list[i].Type || m.Reference != list[i].Reference ||
			m.Flag != list[i].Flag || m.Action != list[i].Action || len(m.Elements) != len(list[i].Elements) {
			t.Fatalf("%v: %+v: %v", list[i].Type, m, err)
		}
		for j := range m.Elements {
			if !reflect.DeepEqual(m.Elements[j].Value, list[i].Elements[j].Value) {
				t.Fatalf("%v became %v", list[i].Elements[j], m.Elements[j])
			}
		}
		if again, err := m.Append(nil); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("% x, again % x: %v", b, again, err)
		}
	}
	for i, said := range dissect(t, octets) {
		agree(t, &list[i], octets[i], said)
	}
}

// Q.2931, 5.6.1 to 5.6.3 and 5.6.5: what is no message, and what is cut.
func TestNoMessage(t *testing.T) {
	whole := []byte{9, 3, 0, 0, 1, 0x75, 0x80, 0, 0}
	for n := range whole {
		if _, err := Decode(whole[:n]); err == nil {
			t.Errorf("%d octets are a message", n)
		}
	}
	for _, c := range []struct {
		name  string
		at    int
		octet byte
		want  error
	}{
		{"5.6.1 protocol discriminator", 0, 8, ErrDiscriminator},
		{"5.6.3.1 call reference of 2 octets", 1, 2, ErrReference},
		{"5.6.3.1 bits 8 to 5 of octet 2", 1, 0x13, ErrReference},
	} {
		b := bytes.Clone(whole)
		b[c.at] = c.octet
		if _, err := Decode(b); err != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	long := append(bytes.Clone(whole), 1, 2, 3)
	if m, err := Decode(long); err != nil || m.Short || len(m.Elements) != 0 {
		t.Errorf("5.6.5 octets beyond the length: %+v, %v", m, err)
	}
	cut := bytes.Clone(whole)
	cut[8] = 5
	if m, err := Decode(cut); err != nil || !m.Short {
		t.Errorf("5.6.5 octets missing: %+v, %v", m, err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, r := range recordings(f) {
		f.Add(r.octets)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decode(b)
		if err != nil {
			return
		}
		_, _ = m.String(), m.Text()
		b, err = m.Append(nil)
		if err != nil {
			return
		}
		if again, err := Decode(b); err != nil || again.Type != m.Type || len(again.Elements) > len(m.Elements) {
			t.Fatalf("%v, again %v: %v", m.String(), again.String(), err)
		}
	})
}
