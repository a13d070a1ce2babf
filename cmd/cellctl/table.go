package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// table is what a person reads: columns under their heads, numbers to the right. A row
// may have notes, lines of their own under it.
type table struct {
	heads []string // one that begins with ">" is of a column of numbers
	rows  []row
	none  string // what is said in place of an empty table
}

type row struct {
	cells []string
	notes []string
}

// add adds a row of values; an empty text is shown as "-".
func (t *table) add(values ...any) *row {
	r := row{cells: make([]string, len(values))}
	for i, v := range values {
		if r.cells[i] = fmt.Sprint(v); r.cells[i] == "" {
			r.cells[i] = "-"
		}
	}
	t.rows = append(t.rows, r)
	return &t.rows[len(t.rows)-1]
}

// note adds a line under the row.
func (r *row) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

const columnGap = "  "

// write prints the table.
func (t *table) write(w io.Writer) error {
	if len(t.rows) == 0 {
		_, err := fmt.Fprintln(w, t.none)
		return err
	}
	heads := make([]string, len(t.heads))
	right := make([]bool, len(t.heads))
	widths := make([]int, len(t.heads))
	for i, h := range t.heads {
		heads[i], right[i] = strings.CutPrefix(h, ">")
		widths[i] = utf8.RuneCountInString(heads[i])
	}
	for _, r := range t.rows {
		for i, c := range r.cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	var s strings.Builder
	writeRow(&s, heads, widths, right)
	for _, r := range t.rows {
		writeRow(&s, r.cells, widths, right)
		for _, n := range r.notes {
			s.WriteString("    " + n + "\n")
		}
	}
	_, err := io.WriteString(w, s.String())
	return err
}

func writeRow(s *strings.Builder, cells []string, widths []int, right []bool) {
	var line strings.Builder
	for i, c := range cells {
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
		if i > 0 {
			line.WriteString(columnGap)
		}
		if right[i] {
			line.WriteString(pad + c)
		} else {
			line.WriteString(c + pad)
		}
	}
	s.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}
