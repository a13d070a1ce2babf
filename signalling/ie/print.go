package ie

import (
	"fmt"
	"strings"
)

// Field is a field of an element, for people to read.
type Field struct {
	Name    string
	Number  uint32
	Octets  []byte // instead of Number
	Meaning string // what the value is called; empty when it has no name
}

// Text is the value alone.
func (f Field) Text() string {
	switch {
	case f.Octets != nil && f.Meaning != "":
		return f.Meaning
	case f.Octets != nil:
		return fmt.Sprintf("%x", f.Octets)
	case f.Meaning != "":
		return fmt.Sprintf("%s (%d)", f.Meaning, f.Number)
	}
	return fmt.Sprint(f.Number)
}

// Fields are the fields that are there, in the order of the contents. Contents
// that are not understood are one field.
func (e *Element) Fields() []Field {
	var fields []Field
	if e.Value == nil {
		if len(e.Content) == 0 {
			return nil
		}
		return append(fields, Field{Name: "contents", Octets: e.Content})
	}
	if d := table[e.Value.ID()]; d != nil {
		d.layout.visit(e.Value, func(f Field) { fields = append(fields, f) })
	}
	return fields
}

// Name is the element's name, its codeset too when that is not 0.
func (e *Element) Name() string {
	if e.Codeset != 0 {
		return fmt.Sprintf("element 0x%02x of codeset %d", uint8(e.ID), e.Codeset)
	}
	return e.ID.String()
}

// String is the element in one line.
func (e Element) String() string {
	var s strings.Builder
	s.WriteString(e.Name())
	separator := ": "
	for _, f := range e.Fields() {
		fmt.Fprintf(&s, "%s%s %s", separator, f.Name, f.Text())
		separator = ", "
	}
	if e.Err != nil {
		fmt.Fprintf(&s, " [%v]", e.Err)
	}
	return s.String()
}

// Instruction is the instruction field in words.
func (e *Element) Instruction() string {
	if !e.Flag {
		return fmt.Sprintf("%v coding", e.Coding)
	}
	return fmt.Sprintf("%v coding, %v", e.Coding, e.Action)
}
