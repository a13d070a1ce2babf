package main

import (
	"bytes"
	"context"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func page(t *testing.T) string {
	t.Helper()
	var out, stderr bytes.Buffer
	if code := run(context.Background(), []string{"--help"}, &out, &stderr); code != exitOK || stderr.Len() > 0 {
		t.Fatalf("%d: %s", code, stderr.String())
	}
	return out.String()
}

// The manual names every flag and every key of a configuration, fits a terminal, and its
// example is one.
func TestManual(t *testing.T) {
	text := page(t)
	for _, word := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "CONFIGURATION", "SIGNALS", "PRIVILEGES", "DESCRIPTORS", "fd=NAME", "LISTEN_FDNAMES", "ENVIRONMENT", "EXIT STATUS", "EXAMPLES",
		"--config", "--check", "--control", "--hubs", "--grace", "--relay", "--bpffs", "--sandbox", "--log", "--help", "--version", "SIGHUP", "CELLHUB_CONTROL", "NOTIFY_SOCKET"} {
		if !strings.Contains(text, word) {
			t.Errorf("the manual says nothing of %s", word)
		}
	}
	for _, wrong := range []string{"x: 1", "control: {x: 1}", "access: {x: 1}", "access: {admin: {x: 1}}", "ports: {a: {x: 1}}", "streams: {a: {x: 1}}", "pvcs: [{x: 1}]", "xconnects: [{x: 1}]", "pvcs: [{pcr: {x: 1}}]",
		"sockets: {x: 1}", "sockets: {user: {x: 1}}", "blocks: {x: 1}"} {
		file := write(t, filepath.Join(t.TempDir(), "x.yaml"), wrong)
		_, fault := check(file)
		_, keys, ok := strings.Cut(fault, "it takes ")
		keys, _, _ = strings.Cut(keys, "\n")
		if !ok {
			t.Fatalf("%s: %s", wrong, fault)
		}
		for key := range strings.SplitSeq(keys, ", ") {
			if !regexp.MustCompile(`\b` + key + `(:|,| or)|or ` + key).MatchString(text) {
				t.Errorf("the manual says nothing of the key %s", key)
			}
		}
	}
	for name := range moduleRules() {
		if !strings.Contains(text, "\n            "+name) {
			t.Errorf("the manual says nothing of the module %s", name)
		}
	}
	for line := range strings.Lines(text) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
			t.Errorf("a line of %d columns does not fit a terminal: %s", n, line)
		}
	}
	_, example, _ := strings.Cut(text, "A subscriber behind a DSLAM:\n")
	example, _, _ = strings.Cut(example, "SEE ALSO")
	if code, fault := check(write(t, filepath.Join(t.TempDir(), "x.yaml"), example)); code != exitOK {
		t.Errorf("the example: %s", fault)
	}
}
