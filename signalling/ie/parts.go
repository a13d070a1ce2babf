package ie

// step is an octet of an extended group, and what decides whether it can be
// there.
type step struct {
	*word
	when func(Value) bool
}

// extension is bit 8: 0 means that another octet of the group follows.
const extension = 0x80

// group is octets n, n.a, n.b … (Q.2931, 4.5.1): bit 8 of each but the last
// is 0. Octets at the end are there when a field of theirs is.
type group []step

func extended(words ...*word) group {
	g := make(group, len(words))
	for i, w := range words {
		g[i].word = w
	}
	return g
}

// and adds octets for those values where the condition holds.
func (g group) and(when func(Value) bool, words ...*word) group {
	for _, w := range words {
		g = append(g, step{w, when})
	}
	return g
}

func (s *step) possible(v Value) bool { return s.when == nil || s.when(v) }

func (g group) decode(v Value, r *reader) error {
	more := true
	for i := range g {
		s := &g[i]
		if !s.possible(v) {
			continue
		}
		if !more {
			return nil
		}
		x, ok := r.number(1)
		if !ok {
			return errShort
		}
		more = x&extension == 0
		if err := s.take(v, x&^extension); err != nil {
			return err
		}
	}
	if more {
		return errExtension
	}
	return nil
}

func (g group) encode(v Value, to []byte) ([]byte, error) {
	last := g.last(v)
	for i := 0; i <= last; i++ {
		if !g[i].possible(v) {
			continue
		}
		x, err := g[i].give(v)
		if err != nil {
			return to, err
		}
		if i == last {
			x |= extension
		}
		to = append(to, byte(x))
	}
	return to, nil
}

// last is the last octet that must be written.
func (g group) last(v Value) int {
	for i := len(g) - 1; i > 0; i-- {
		if g[i].possible(v) && g[i].present(v) {
			return i
		}
	}
	return 0
}

func (g group) visit(v Value, see func(Field)) {
	for i := range g {
		if g[i].possible(v) {
			g[i].word.visit(v, see)
		}
	}
}

// tag is a parameter: an identifier octet, then a number. A tag without a
// number is a flag, there or not.
type tag struct {
	id byte
	*word
	mark *field
}

func param(id byte, size int, bits ...bit) tag { return tag{id: id, word: octets(size, bits...)} }

func mark(id byte, f field) tag { return tag{id: id, mark: &f} }

// tags are parameters in any order; they are written in the table's. When one
// comes twice the first counts, as with elements (Q.2931, 5.6.6.2).
type tags []tag

func tagged(t ...tag) tags { return t }

func (t tags) decode(v Value, r *reader) error {
	var seen uint32
next:
	for len(r.b) > 0 {
		id := r.b[0]
		r.b = r.b[1:]
		for i := range t {
			if t[i].id != id {
				continue
			}
			first := seen&(1<<i) == 0
			seen |= 1 << i
			if err := t[i].one(v, r, first); err != nil {
				return err
			}
			continue next
		}
		return errTag
	}
	return nil
}

func (t *tag) one(v Value, r *reader, first bool) error {
	if t.mark != nil {
		t.mark.set(v, 1)
		return nil
	}
	x, ok := r.number(t.size)
	if !ok {
		return errShort
	}
	if !first {
		return nil
	}
	return t.take(v, x)
}

func (t tags) encode(v Value, to []byte) (_ []byte, err error) {
	for i := range t {
		if !t[i].there(v) {
			continue
		}
		to = append(to, t[i].id)
		if t[i].mark != nil {
			continue
		}
		if to, err = t[i].word.encode(v, to); err != nil {
			return to, err
		}
	}
	return to, nil
}

func (t *tag) there(v Value) bool {
	if t.mark != nil {
		x, _ := t.mark.get(v)
		return x != 0
	}
	return t.present(v)
}

func (t tags) visit(v Value, see func(Field)) {
	for i := range t {
		switch {
		case !t[i].there(v):
		case t[i].mark != nil:
			see(Field{Name: t[i].mark.name, Number: 1})
		default:
			t[i].word.visit(v, see)
		}
	}
}

// layer is a group whose first octet has the layer's number in bits 7 and 6,
// and what may follow the group.
type layer struct {
	id   uint32
	have func(Value) bool
	part
}

const layerShift, layerMask = 5, 3

// layers are the layers of low layer information, each at most once. UNI 4.0
// makes their order free; they are written in the table's.
type layers []layer

func (l layers) decode(v Value, r *reader) error {
	var seen uint8
	for len(r.b) > 0 {
		id := uint32(r.b[0] >> layerShift & layerMask)
		i := l.index(id)
		if i < 0 || seen&(1<<i) != 0 {
			return errTag
		}
		seen |= 1 << i
		if err := l[i].decode(v, r); err != nil {
			return err
		}
	}
	return nil
}

func (l layers) index(id uint32) int {
	for i := range l {
		if l[i].id == id {
			return i
		}
	}
	return -1
}

func (l layers) encode(v Value, to []byte) (_ []byte, err error) {
	for i := range l {
		if !l[i].have(v) {
			continue
		}
		if to, err = l[i].part.encode(v, to); err != nil {
			return to, err
		}
	}
	return to, nil
}

func (l layers) visit(v Value, see func(Field)) {
	for i := range l {
		if l[i].have(v) {
			l[i].part.visit(v, see)
		}
	}
}

// remainder is the octets up to the end of the element.
type remainder struct {
	name     string
	ref      func(Value) *[]byte
	min, max int
	text     func(Value) string
	// valid says whether an octet may be there.
	valid func(v Value, o byte) bool
}

func rest[T any](name string, least, most int, ref func(*T) *[]byte) *remainder {
	return &remainder{
		name: name, min: least, max: most,
		ref: func(v Value) *[]byte { return ref(any(v).(*T)) },
	}
}

func (p *remainder) shown(text func(Value) string) *remainder { p.text = text; return p }

func (p *remainder) each(valid func(Value, byte) bool) *remainder { p.valid = valid; return p }

func (p *remainder) check(v Value, b []byte) error {
	if len(b) < p.min {
		return errShort
	}
	if len(b) > p.max {
		return errLong
	}
	if p.valid != nil {
		for _, o := range b {
			if !p.valid(v, o) {
				return errTag
			}
		}
	}
	return nil
}

func (p *remainder) decode(v Value, r *reader) error {
	if err := p.check(v, r.b); err != nil {
		return err
	}
	if len(r.b) > 0 {
		*p.ref(v) = append([]byte(nil), r.b...)
	}
	r.b = nil
	return nil
}

func (p *remainder) encode(v Value, to []byte) ([]byte, error) {
	b := *p.ref(v)
	return append(to, b...), p.check(v, b)
}

func (p *remainder) visit(v Value, see func(Field)) {
	b := *p.ref(v)
	if len(b) == 0 {
		return
	}
	f := Field{Name: p.name, Octets: b}
	if p.text != nil {
		f.Meaning = p.text(v)
	}
	see(f)
}

// condition is parts that are there for some values of what came before.
type condition struct {
	when func(Value) bool
	layout
}

func when(holds func(Value) bool, parts ...part) *condition {
	return &condition{holds, parts}
}

func (c *condition) decode(v Value, r *reader) error {
	if !c.when(v) {
		return nil
	}
	return c.layout.decode(v, r)
}

func (c *condition) encode(v Value, to []byte) ([]byte, error) {
	if !c.when(v) {
		return to, nil
	}
	return c.layout.encode(v, to)
}

func (c *condition) visit(v Value, see func(Field)) {
	if c.when(v) {
		c.layout.visit(v, see)
	}
}
