package main

import (
	"fmt"
	"strings"
)

// goMessage is the file of the message's records.
func (d *declaration) goMessage() string {
	var l lines
	l.WriteString(generated)
	l.WriteString("import \"encoding/binary\"\n\n")
	d.header.goStruct(&l)
	d.header.goCodec(&l)
	d.header.goCheck(&l)
	d.header.goPrint(&l)
	for _, r := range d.bodies {
		r.goStruct(&l)
		r.goCodec(&l)
		r.goCheck(&l)
		r.goPrint(&l)
	}
	for _, c := range d.classes {
		l.add("// %s gives the body of a message of class %s; of another class, zeros.", c.goName, c.name)
		l.add("func (m *Message) %s() (b %s) {", c.goName, c.body.goName)
		l.add("if m.Class == Class%s { b.decode(&m.body) }\nreturn b\n}\n", c.goName)
		l.add("// Set%s makes the message one of class %s with body b.", c.goName, c.name)
		l.add("func (m *Message) Set%s(b *%s) {", c.goName, c.body.goName)
		l.add("m.Class = Class%s\nb.encode(&m.body)\n}\n", c.goName)
	}
	l.add("func checkBody(class Class, b *[Size - HeaderSize]byte) error {\nswitch class {")
	for _, c := range d.classes {
		l.add("case Class%s:\nreturn check%s(b)", c.goName, c.body.goName)
	}
	l.add("}\nreturn ErrClass\n}\n")
	l.add("func (m *Message) appendBody(b []byte) []byte {\nswitch m.Class {")
	for _, c := range d.classes {
		l.add("case Class%s:\nbody := m.%s()\nreturn body.append(b)", c.goName, c.goName)
	}
	l.add("}\nreturn b\n}")
	return l.String()
}

// goStruct is the Go type of a record.
func (r *record) goStruct(l *lines) {
	l.comment(r.doc)
	l.add("type %s struct {", r.goName)
	for _, f := range r.fields {
		if f.gone || f.kind == zero {
			continue
		}
		l.comment(f.doc)
		l.add("%s %s", f.goFieldName(), f.goFieldType())
	}
	l.add("}\n")
}

// goCodec is encode and decode of a record: one line a field.
func (r *record) goCodec(l *lines) {
	size := r.end - r.begin
	l.add("func (r *%s) encode(b *[%d]byte) {", r.goName, size)
	for _, f := range r.fields {
		at := f.offset - r.begin
		name := "r." + f.goFieldName()
		switch {
		case f.gone && f.name == "magic":
			l.add("binary.BigEndian.PutUint32(b[%d:], Magic)", at)
		case f.gone:
			l.add("b[%d] = Version", at)
		case f.kind == zero:
			l.add("clear(b[%d:%d])", at, at+f.size)
		case f.kind == octets || f.kind == text || f.kind == fill:
			l.add("copy(b[%d:%d], %s[:])", at, at+f.size, name)
		case f.size == 1:
			l.add("b[%d] = uint8(%s)", at, name)
		default:
			l.add("binary.BigEndian.PutUint%d(b[%d:], uint%[1]d(%[3]s))", 8*f.size, at, name)
		}
	}
	l.add("}\n")
	l.add("func (r *%s) decode(b *[%d]byte) {", r.goName, size)
	for _, f := range r.fields {
		at := f.offset - r.begin
		name := "r." + f.goFieldName()
		switch {
		case f.gone || f.kind == zero:
		case f.kind == octets || f.kind == text || f.kind == fill:
			l.add("copy(%s[:], b[%d:%d])", name, at, at+f.size)
		case f.size == 1:
			l.add("%s = %s(b[%d])", name, f.goFieldType(), at)
		default:
			l.add("%s = %s(binary.BigEndian.Uint%d(b[%d:]))", name, f.goFieldType(), 8*f.size, at)
		}
	}
	l.add("}\n")
}

// goCheck is what the octets of a record must hold to.
func (r *record) goCheck(l *lines) {
	l.add("func check%s(b *[%d]byte) error {", r.goName, r.end-r.begin)
	var all []string
	for _, f := range r.fields {
		if f.gone {
			continue // checked before the rest, with errors of their own
		}
		for _, bad := range f.bad(r) {
			err := "ErrValue"
			switch {
			case f.kind == zero || f.kind == text || f.kind == fill:
				err = "ErrReserved"
			case f.set == flags:
				err = "ErrFlags"
			}
			all = append(all, fmt.Sprintf("if %s {\nreturn %s\n}", bad, err))
		}
	}
	l.add("%s\nreturn nil\n}\n", strings.Join(all, "\n"))
}

// bad gives the Go conditions under which a field is wrong.
func (f *field) bad(r *record) (conditions []string) {
	at := f.offset - r.begin
	value := r.goValue(*f)
	switch {
	case f.kind == zero:
		return []string{fmt.Sprintf("!isZero(b[%d:%d])", at, at+f.size)}
	case f.kind == text:
		return []string{fmt.Sprintf("!isText(b[%d:%d])", at, at+f.size)}
	case f.kind == fill:
		for _, g := range r.fields {
			if g.name == f.count {
				return []string{fmt.Sprintf("!isFilled(b[%d:%d], uint64(%s))", at, at+f.size, r.goValue(g))}
			}
		}
		panic("no field " + f.count)
	}
	if f.max > 0 {
		conditions = append(conditions, fmt.Sprintf("%s > %d", value, f.max))
	}
	if f.set != nil {
		conditions = append(conditions, f.set.bad(value))
	}
	return conditions
}

// bad is the Go condition under which a value is none of the set's.
func (s *set) bad(value string) string {
	var all, top uint64
	for _, v := range s.values {
		top = max(top, v.n)
		if s.bits {
			all |= v.n
		} else {
			all |= 1 << v.n
		}
	}
	if s.bits {
		return fmt.Sprintf("%s &^ %#x != 0", value, all)
	}
	return fmt.Sprintf("%s > %d || %#x >> %s & 1 == 0", value, top, all, value)
}

// goValue reads a number of the record from its octets.
func (r *record) goValue(f field) string {
	at := f.offset - r.begin
	if f.size == 1 {
		return fmt.Sprintf("b[%d]", at)
	}
	return fmt.Sprintf("binary.BigEndian.Uint%d(b[%d:])", 8*f.size, at)
}

// goPrint appends the fields that are not zero, by their names in the reference.
func (r *record) goPrint(l *lines) {
	l.add("func (r *%s) append(b []byte) []byte {", r.goName)
	for _, f := range r.fields {
		name := "r." + f.goFieldName()
		switch {
		case f.gone || f.kind == zero || f.name == "class" || f.name == "type":
		case f.kind == octets || f.kind == fill && f.goType == "":
			l.add("b = appendOctets(b, %q, %s[:])", f.name, name)
		case f.goType != "" || f.set != nil:
			l.add("b = appendName(b, %q, %s)", f.name, name)
		case f.kind == signed:
			l.add("b = appendSigned(b, %q, int64(%s))", f.name, name)
		case f.name == "key" || f.name == "sap":
			l.add("b = appendHex(b, %q, %s)", f.name, name)
		default:
			l.add("b = appendNumber(b, %q, uint64(%s))", f.name, name)
		}
	}
	l.add("return b\n}\n")
}
