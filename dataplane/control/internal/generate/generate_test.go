package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const controlDir = "../.."

// What is committed is what the declaration gives.
func TestCurrent(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(controlDir, pageFile))
	if err != nil {
		t.Fatal(err)
	}
	files, err := protocol.render(page)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(controlDir, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not current: go generate ./dataplane/control (%v)", name, err)
		}
	}
}

// The hash changes with what is on the wire, and with nothing else.
func TestHash(t *testing.T) {
	before := protocol.hash()
	for name, change := range map[string]func() (undo func()){
		"field's name": func() func() {
			header.fields[3].name = "kind"
			return func() { header.fields[3].name = "type" }
		},
		"field's limit": func() func() {
			atm.fields[1].max = 255
			return func() { atm.fields[1].max = 4095 }
		},
		"type's name": func() func() {
			classes[3].types[0].name = "SEND"
			return func() { classes[3].types[0].name = "TX" }
		},
		"value": func() func() {
			events.values[0].n = 4096
			return func() { events.values[0].n = 1 }
		},
		"TLV's length": func() func() {
			tlvs[4].limit = 255
			return func() { tlvs[4].limit = 256 }
		},
	} {
		undo := change()
		if protocol.hash() == before {
			t.Errorf("%s: the hash stays", name)
		}
		undo()
		if protocol.hash() != before {
			t.Fatalf("%s: not undone", name)
		}
	}
	doc := atm.fields[0].doc
	atm.fields[0].doc = "other words"
	if protocol.hash() != before {
		t.Error("the hash changes with the prose")
	}
	atm.fields[0].doc = doc
}

// A declaration with a hole, an overlap, a wrong end or a gap in its numbers is refused.
func TestCheck(t *testing.T) {
	for name, r := range map[string]*record{
		"hole":    {end: 4, fields: []field{{offset: 0, size: 1}, {offset: 2, size: 2}}},
		"overlap": {end: 4, fields: []field{{offset: 0, size: 2}, {offset: 1, size: 3}}},
		"short":   {end: 4, fields: []field{{offset: 0, size: 2}}},
		"long":    {end: 4, fields: []field{{offset: 0, size: 8}}},
	} {
		d := protocol
		d.bodies = append(d.bodies[:len(d.bodies):len(d.bodies)], r)
		if d.check() == nil {
			t.Errorf("%s is not seen", name)
		}
	}
	d := protocol
	d.classes = []*class{{n: 0, types: []typ{{n: 2}}}}
	if d.check() == nil {
		t.Error("type 1 is missing and not seen")
	}
	d.classes = []*class{{n: 1}}
	if d.check() == nil {
		t.Error("class 0 is missing and not seen")
	}
}

// A page that lacks a table, has one twice, or does not end one is refused.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(controlDir, pageFile))
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	table := "<!-- table hash -->\n<!-- end -->"
	for name, p := range map[string]string{
		"empty":     "",
		"twice":     page + table,
		"unknown":   page + strings.Replace(table, "hash", "cash", 1),
		"not ended": strings.TrimSuffix(page[:strings.LastIndex(page, "<!-- end -->")], "\n"),
	} {
		if _, err := protocol.markdown(p); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
