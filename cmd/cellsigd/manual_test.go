package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The manual is what --help says, names every flag and key, fits a terminal, and its
// example is a configuration.
func TestManual(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"--help"}, &out, &errs); code != exitOK || out.String() != manual {
		t.Errorf("--help: %d, %d octets, %s", code, out.Len(), errs.String())
	}
	for _, word := range []string{"--config", "--check", "--control", "--socket", "--store", "--log", "--help", "--version",
		"name:", "interfaces:", "port:", "side:", "version:", "capacity:", "vpis:", "vcis:", "ilmi:", "prefixes:", "esis:", "routes:",
		"ip:", "tun:", "address:", "atm:", "servers:", "pvcs:", "arp:", "idle:"} {
		if !strings.Contains(manual, word) {
			t.Errorf("the manual says nothing of %s", word)
		}
	}
	for line := range strings.Lines(manual) {
		if len(line) > 81 {
			t.Errorf("a line that fits no terminal: %s", line)
		}
	}
	for _, title := range []string{"A switch between two hosts:\n", "A host of a logical IP subnet:\n"} {
		_, example, _ := strings.Cut(manual, title)
		if end := regexp.MustCompile(`(?m)^ {0,4}\S`).FindStringIndex(example); end != nil { // what comes next
			example = example[:end[0]]
		}
		name := filepath.Join(t.TempDir(), "x.yaml")
		if err := os.WriteFile(name, []byte(example), 0o600); err != nil {
			t.Fatal(err)
		}
		if code := run(t.Context(), []string{"--config", name, "--check"}, &out, &errs); code != exitOK {
			t.Errorf("%s: %d, %s", title, code, errs.String())
		}
	}
}
