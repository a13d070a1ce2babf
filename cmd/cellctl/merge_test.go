package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// record is a record of a capture with these octets.
func record(octets string) string {
	b := make([]byte, recordHeader)
	binary.NativeEndian.PutUint32(b[recordLength:], uint32(len(octets)))
	return string(b) + octets
}

// Several captures become one: one header, and each record whole.
func TestMerge(t *testing.T) {
	head := strings.Repeat("h", pcapHeader)
	var out bytes.Buffer
	m := &merger{out: &out, done: func() {}}
	m.read(strings.NewReader(head + record("one") + record("") + record("two")[:recordHeader+1]))
	m.read(strings.NewReader(head + record("three")))
	m.read(strings.NewReader(head[1:]))
	if want := head + record("one") + record("") + record("three"); out.String() != want || m.err != nil {
		t.Errorf("%q, %v", out.String(), m.err)
	}
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }

// A writer that fails ends the capture, once, with its error.
func TestMergeFails(t *testing.T) {
	ended := 0
	full := errors.New("disk full")
	m := &merger{out: failing{full}, done: func() { ended++ }}
	for range 2 {
		m.read(strings.NewReader(strings.Repeat("h", pcapHeader) + record("one")))
	}
	if ended != 1 || m.err != full {
		t.Errorf("ended %d times, %v", ended, m.err)
	}
}

// Whatever a FIFO gives, only whole records pass, and they are no longer than they may be.
func FuzzMerge(f *testing.F) {
	head := strings.Repeat("h", pcapHeader)
	f.Add([]byte(head + record("one") + record("two")))
	f.Add([]byte(head + "12345678\xff\xff\xff\xff1234"))
	f.Add([]byte(head[1:]))
	f.Fuzz(func(t *testing.T, in []byte) {
		var out bytes.Buffer
		m := &merger{out: &out, done: func() {}}
		m.read(bytes.NewReader(in))
		if !bytes.HasPrefix(in, out.Bytes()) || out.Len() != 0 && out.Len() < pcapHeader {
			t.Fatalf("%q became %q", in, out.Bytes())
		}
	})
}
