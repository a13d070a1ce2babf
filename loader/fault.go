package loader

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Position is a place in a file; the first line and the first column are 1. The zero
// value is no place.
type Position struct{ Line, Column int }

// Fault is one thing that is wrong with a configuration, and where.
type Fault struct {
	File string
	At   Position
	Text string
	Err  error // what the daemon has refused; nil: the file alone is wrong
}

// Error gives FILE:LINE:COLUMN: TEXT, or, of a configuration that was no file, TEXT.
func (f *Fault) Error() string {
	where := f.File
	if where == "" {
		return f.Text
	}
	if f.At.Line > 0 {
		where = fmt.Sprintf("%s:%d:%d", where, f.At.Line, f.At.Column)
	}
	return where + ": " + f.Text
}

// Unwrap gives what the daemon has refused.
func (f *Fault) Unwrap() error { return f.Err }

// Faults is all that is wrong with a configuration, in the order of the file.
type Faults []*Fault

// Error gives a line for each.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, one := range f {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives each.
func (f Faults) Unwrap() []error {
	each := make([]error, len(f))
	for i, one := range f {
		each[i] = one
	}
	return each
}

// err gives the faults in order, or nil.
func (f Faults) err() error {
	if len(f) == 0 {
		return nil
	}
	slices.SortStableFunc(f, func(a, b *Fault) int {
		return cmp.Or(cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
	return f
}
