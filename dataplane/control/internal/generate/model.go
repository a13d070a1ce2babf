// Command generate writes, from the one declaration of the control message in this
// folder, what dataplane/control is made of: the Go codec, the C header, and the tables
// of the reference page. `go generate ./dataplane/control` runs it.
package main

import (
	"fmt"
	"hash/fnv"
	"strings"
)

// kind says how a field's octets are read.
type kind int

const (
	number kind = iota // unsigned, big-endian, 1, 2, 4 or 8 octets
	signed             // two's complement, 4 octets
	octets             // as they are
	text               // a name: nothing but zeros after its first zero
	fill               // octets of which another field counts the used ones; the rest is zero
	zero               // reserved
)

// field is one field of a record. The offset is stated, not computed, so that a
// declaration which leaves a hole or overlaps is refused.
type field struct {
	offset int
	name   string // as in C and in the reference
	kind   kind
	size   int
	doc    string
	gone   bool   // written and checked by the codec, not a field of the Go struct
	goName string // when it is not the name, capitalised
	goType string // when it is not the plain type of its kind and size
	set    *set   // the values it may have
	max    uint64 // the largest value it may have; 0: any
	count  string // of fill: the field that counts
}

// set is a list of named values.
type set struct {
	goType string // the Go type; its constants begin with it, or with prefix
	goBase string
	prefix string
	c      string // prefix of the C constants
	bits   bool   // values are bits and may be joined
	doc    string
	values []value
}

// value is a named value of a set.
type value struct {
	n      uint64
	name   string
	doc    string
	goName string // when it is not the name, capitalised
}

// class is a message class: its body and its types.
type class struct {
	n       uint64
	name    string
	goName  string
	body    *record
	trailer string // "tlv" or "octets"
	doc     string
	types   []typ
}

// typ is a message type of a class.
type typ struct {
	n      uint64
	name   string
	from   sender // who may send it
	doc    string
	goName string
	fds    int // descriptors that its reply may bring, or, where the hub alone begins it, itself
}

// sender is a set of parties, by bit.
type sender uint

const (
	fromHub sender = 1 << iota // bit 0; role n has bit n
	fromManager
	fromAdmin
	fromApplication
	fromPath
	fromObserver
	fromClient = fromManager | fromAdmin | fromApplication | fromPath | fromObserver
	fromAny    = fromHub | fromClient
)

// record is a sequence of fields that begins at an offset and ends at another.
type record struct {
	goName string
	c      string
	begin  int
	end    int
	doc    string
	fields []field
}

// tlv is a trailer element type.
type tlv struct {
	n        uint64
	name     string
	goName   string
	layout   *record // nil: octets
	multiple int     // of octets: the length is a multiple of it
	limit    int     // of octets: the largest length; 0: what fits a trailer
	doc      string
}

// check tells whether each field begins where the one before ends.
func (r *record) check() error {
	at := r.begin
	for _, f := range r.fields {
		if f.offset != at {
			return fmt.Errorf("%s.%s is at %d, the field before it ends at %d", r.c, f.name, f.offset, at)
		}
		at += f.size
	}
	if at != r.end {
		return fmt.Errorf("%s ends at %d, not %d", r.c, at, r.end)
	}
	return nil
}

// definition is the declaration without its prose, in a form that changes when, and
// only when, two programs built from it would no longer understand each other.
func (d *declaration) definition() string {
	var b strings.Builder
	fmt.Fprintf(&b, "magic %08x version %d size %d trailer %d\n", d.magic, d.version, d.size, d.trailer)
	records := func(r *record) {
		fmt.Fprintf(&b, "record %s\n", r.c)
		for _, f := range r.fields {
			fmt.Fprintf(&b, "%d %s %d %d", f.offset, f.name, f.kind, f.size)
			if f.set != nil {
				fmt.Fprintf(&b, " %s", f.set.c)
			}
			fmt.Fprintf(&b, " %d %s\n", f.max, f.count)
		}
	}
	records(d.header)
	for _, r := range d.bodies {
		records(r)
	}
	for _, c := range d.classes {
		fmt.Fprintf(&b, "class %d %s %s %s\n", c.n, c.name, c.body.c, c.trailer)
		for _, t := range c.types {
			fmt.Fprintf(&b, "type %d %s %d\n", t.n, t.name, t.fds)
		}
	}
	for _, s := range d.sets {
		fmt.Fprintf(&b, "set %s\n", s.c)
		for _, v := range s.values {
			fmt.Fprintf(&b, "%d %s\n", v.n, v.name)
		}
	}
	for _, t := range d.tlvs {
		fmt.Fprintf(&b, "tlv %04x %s %d %d\n", t.n, t.name, t.multiple, t.limit)
		if t.layout != nil {
			records(t.layout)
		}
	}
	return b.String()
}

// hash is the definition in 32 bits, never 0: HELLO compares it. FNV-1a, for
// accidents only.
func (d *declaration) hash() uint32 {
	h := fnv.New32a()
	h.Write([]byte(d.definition()))
	return max(h.Sum32(), 1)
}

// capital gives a name of the reference as a Go name: "port_up" is PortUp.
func capital(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(strings.ToLower(name), "_") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String()
}

// cName is the field's name in C: a keyword of C or C++ gets an underscore.
func (f *field) cName() string {
	if f.name == "class" || f.name == "inline" {
		return f.name + "_"
	}
	return f.name
}

func (f *field) goFieldName() string {
	if f.goName != "" {
		return f.goName
	}
	return capital(f.name)
}

// goFieldType is the Go type of the field.
func (f *field) goFieldType() string {
	switch {
	case f.goType != "":
		return f.goType
	case f.set != nil:
		return f.set.goType
	case f.kind == signed:
		return "int32"
	case f.kind == number:
		return fmt.Sprintf("uint%d", 8*f.size)
	}
	return fmt.Sprintf("[%d]byte", f.size)
}

// goValueName is the Go constant of a value.
func (s *set) goValueName(v value) string {
	name := v.goName
	if name == "" {
		name = capital(v.name)
	}
	if s.prefix != "" {
		return s.prefix + name
	}
	return s.goType + name
}

// goTypeName is the Go constant of a message type.
func (c *class) goTypeName(t typ) string {
	if t.goName != "" {
		return c.goName + t.goName
	}
	return c.goName + capital(t.name)
}
