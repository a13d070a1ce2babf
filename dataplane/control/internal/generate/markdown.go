package main

import (
	"fmt"
	"strings"
)

// markdown puts the tables of the declaration into the page, each between a line
// "<!-- table NAME -->" and the next "<!-- end -->". The prose between is kept.
func (d *declaration) markdown(page string) (string, error) {
	tables := map[string]string{
		"header": d.header.table(), "classes": d.classTable(), "tlvs": d.tlvTable(),
		"hash": fmt.Sprintf("The hash of this definition is `0x%08x`.\n", d.hash()),
	}
	for _, r := range d.bodies {
		tables[r.c] = r.table()
	}
	for _, c := range d.classes {
		tables["types "+c.name] = c.typeTable()
	}
	for _, s := range d.sets {
		tables["set "+s.c] = s.table()
	}
	for _, t := range d.tlvs {
		if t.layout != nil {
			tables["tlv "+t.name] = t.layout.table()
		}
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(page, "<!-- table ")
		out.WriteString(before)
		if !found {
			break
		}
		name, rest, ok := strings.Cut(rest, " -->\n")
		_, after, ended := strings.Cut(rest, "<!-- end -->")
		table, known := tables[name]
		if !ok || !ended || !known {
			return "", fmt.Errorf("%s: table %q is unknown, repeated or not ended", pageFile, name)
		}
		delete(tables, name)
		fmt.Fprintf(&out, "<!-- table %s -->\n%s<!-- end -->", name, table)
		page = after
	}
	for name := range tables {
		return "", fmt.Errorf("%s has no table %q", pageFile, name)
	}
	return out.String(), nil
}

func (f *field) typeName() string {
	switch f.kind {
	case signed:
		return "i32"
	case number:
		return fmt.Sprintf("u%d", 8*f.size)
	}
	return fmt.Sprintf("u8[%d]", f.size)
}

func (r *record) table() string {
	var l lines
	l.add("| offset | field | type | meaning |\n|---|---|---|---|")
	for _, f := range r.fields {
		doc := f.doc
		if f.kind == zero {
			doc = "reserved: zero"
		}
		if f.max > 0 {
			doc += fmt.Sprintf(" (at most %d)", f.max)
		}
		if f.set != nil {
			doc += fmt.Sprintf(" (`%s_…`)", f.set.c)
		}
		l.add("| %d | `%s` | %s | %s |", f.offset, f.name, f.typeName(), doc)
	}
	return l.String()
}

func (d *declaration) classTable() string {
	var l lines
	l.add("| class | | body | trailer | is |\n|---|---|---|---|---|")
	for _, c := range d.classes {
		l.add("| %d | %s | `%s` | %s | %s |", c.n, c.name, c.body.c, map[string]string{"tlv": "TLVs", "octets": "octets"}[c.trailer], c.doc)
	}
	return l.String()
}

func (c *class) typeTable() string {
	var l lines
	l.add("| type | | sent by | is |\n|---|---|---|---|")
	for _, t := range c.types {
		l.add("| %d | %s | %s | %s |", t.n, t.name, t.from.names(), t.doc)
	}
	return l.String()
}

// names lists the parties of a sender set.
func (s sender) names() string {
	switch s {
	case fromAny:
		return "anyone"
	case fromClient:
		return "every client"
	}
	var names []string
	if s&fromHub != 0 {
		names = append(names, "hub")
	}
	for _, role := range roles.values {
		if s>>role.n&1 != 0 {
			names = append(names, role.name)
		}
	}
	return strings.Join(names, ", ")
}

func (s *set) table() string {
	var l lines
	l.add("| `%s_…` | | |\n|---|---|---|", s.c)
	for _, v := range s.values {
		l.add("| %d | %s | %s |", v.n, v.name, v.doc)
	}
	return l.String()
}

func (d *declaration) tlvTable() string {
	var l lines
	l.add("| type | | octets | is |\n|---|---|---|---|")
	for _, t := range d.tlvs {
		length := "any"
		switch {
		case t.layout != nil:
			length = fmt.Sprint(t.layout.end)
		case t.limit > 0:
			length = fmt.Sprintf("up to %d", t.limit)
		case t.multiple > 1:
			length = fmt.Sprintf("a multiple of %d", t.multiple)
		}
		l.add("| 0x%04X | %s | %s | %s |", t.n, t.name, length, t.doc)
	}
	return l.String()
}
