package main

// goTLVs is the file of the typed trailer elements.
func (d *declaration) goTLVs() string {
	var l lines
	l.WriteString(generated)
	l.WriteString("import \"encoding/binary\"\n\n")
	for _, t := range d.tlvs {
		if t.layout == nil {
			continue
		}
		r := t.layout
		r.goStruct(&l)
		r.goCodec(&l)
		r.goCheck(&l)
		l.add("// Parse%s reads the value of a TLV %s. ErrTLVLength: it has not %d octets.", r.goName, t.name, r.end)
		l.add("// ErrReserved, ErrValue: an octet of it is wrong.")
		l.add("func Parse%s(value []byte) (v %s, err error) {", r.goName, r.goName)
		l.add("if len(value) != %d { return v, ErrTLVLength }", r.end)
		l.add("b := (*[%d]byte)(value)", r.end)
		l.add("if err := check%s(b); err != nil { return v, err }", r.goName)
		l.add("v.decode(b)\nreturn v, nil\n}\n")
		l.add("// Append appends the TLV %s to a trailer. ErrTrailerLong: it does not fit.", t.name)
		l.add("func (r *%s) Append(trailer []byte) ([]byte, error) {", r.goName)
		l.add("var b [%d]byte\nr.encode(&b)\nreturn AppendTLV(trailer, TLV%s, b[:])\n}\n", r.end, t.goName)
	}
	l.add("// checkLayout checks the value of a TLV whose length is right already.")
	l.add("func checkLayout(t TLVType, value []byte) error {\nswitch t {")
	for _, t := range d.tlvs {
		if t.layout != nil {
			l.add("case TLV%s:\nreturn check%s((*[%d]byte)(value))", t.goName, t.layout.goName, t.layout.end)
		}
	}
	l.add("}\nreturn nil\n}")
	return l.String()
}
