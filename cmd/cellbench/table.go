package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A table is text in rows; the first row names the columns, the first column the
// rows.
type table struct {
	title string
	rows  [][]string
}

// widths are those of the widest cell of each column.
func (t table) widths() []int {
	var w []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(w) {
				w = append(w, 0)
			}
			w[i] = max(w[i], utf8.RuneCountInString(cell))
		}
	}
	return w
}

// padded fills a cell with spaces: names on the right, figures on the left.
func padded(cell string, width, column int) string {
	space := strings.Repeat(" ", width-utf8.RuneCountInString(cell))
	if column == 0 {
		return cell + space
	}
	return space + cell
}

// text writes the table for a terminal.
func (t table) text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", t.title)
	widths := t.widths()
	for _, row := range t.rows {
		for i, cell := range row {
			b.WriteString("  " + padded(cell, widths[i], i))
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// markdown writes the table for a document.
func (t table) markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s\n\n", t.title)
	widths := t.widths()
	for n, row := range t.rows {
		for i, cell := range row {
			b.WriteString("| " + padded(cell, widths[i], i) + " ")
		}
		b.WriteString("|\n")
		if n == 0 {
			b.WriteString("|---" + strings.Repeat("|--:", len(row)-1) + "|\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
