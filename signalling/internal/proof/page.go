// Package proof is what the tests of signalling's machines share: the pages that say what
// was tested, tshark's decode of what was sent, and simulated time from a printed seed.
package proof

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the conformance page")

// Clause is a test, with what it holds the package to.
type Clause = struct {
	Clause, What, Name string
	Test               func(*testing.T)
}

// Verdict is the result of a test on a page.
func Verdict(passed bool) string {
	if passed {
		return "pass"
	}
	return "FAIL"
}

// Clauses runs tests and adds a row of a page for each.
func Clauses(t *testing.T, page *strings.Builder, clauses []Clause) {
	for _, c := range clauses {
		fmt.Fprintf(page, "| %s | %s | %s | %s |\n", c.Clause, c.What, c.Name, Verdict(t.Run(c.Name, c.Test)))
	}
}

// Page compares the file of a page with what the tests say, and with -rewrite writes it.
func Page(t *testing.T, name, page string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(name, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, err := os.ReadFile(name); err != nil || string(have) != page {
		t.Errorf("%s is not current: run this test with -rewrite (%v)", name, err)
	}
}
