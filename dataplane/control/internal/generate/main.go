package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// run writes every file that is generated into dir, the folder of package control.
func run(dir string) error {
	page, err := os.ReadFile(filepath.Join(dir, pageFile))
	if err != nil {
		return err
	}
	files, err := protocol.render(page)
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

const pageFile = "PROTOCOL.md"

// render gives the text of every generated file, by name. page is the reference page,
// whose prose is kept.
func (d *declaration) render(page []byte) (map[string][]byte, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	files := map[string][]byte{"cellhub.h": []byte(d.cHeader())}
	for name, text := range map[string]string{
		"numbers_gen.go": d.goNumbers(),
		"message_gen.go": d.goMessage(),
		"tlv_gen.go":     d.goTLVs(),
	} {
		out, err := formatGo(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files[name] = out
	}
	out, err := d.markdown(string(page))
	if err != nil {
		return nil, err
	}
	files[pageFile] = []byte(out)
	return files, nil
}

// check tells whether the declaration is whole: records without holes, types numbered
// from 1 without gaps, which is how the decoder checks them.
func (d *declaration) check() error {
	records := append([]*record{d.header}, d.bodies...)
	for _, t := range d.tlvs {
		if t.layout != nil {
			records = append(records, t.layout)
		}
	}
	for _, r := range records {
		if err := r.check(); err != nil {
			return err
		}
	}
	for i, c := range d.classes {
		if c.n != uint64(i) {
			return fmt.Errorf("class %s has number %d, not %d", c.name, c.n, i)
		}
		for i, t := range c.types {
			if t.n != uint64(i+1) {
				return fmt.Errorf("%s %s has number %d, not %d", c.name, t.name, t.n, i+1)
			}
		}
	}
	return nil
}
