package sscf

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/signalling/internal/proof"
)

const pageHead = `# Conformance of signalling/sscf to Q.2130

Made by the tests: ` + "`go test ./signalling/sscf -run ConformancePage -rewrite`" + ` (or ` + "`make generate`" + `) runs every line
below and writes what came of it; a test fails when this page is not what it would write.

The text of Q.2130 was not at hand: states and primitives are from memory, checked against the cells of FreeBSD's
libunimsg (ngatm), and no clauses are given.

| what | test | result |
|---|---|---|
`

// The page is what the tests say.
func TestConformancePage(t *testing.T) {
	var page strings.Builder
	page.WriteString(pageHead)
	for _, c := range []struct {
		what, name string
		test       func(*testing.T)
	}{
		{"4,096 octets", "TestMaxData", TestMaxData},
		{"established anew: by BGN, RS, ER, from both ends", "TestReestablish", TestReestablish},
		{"messages once and in order, or the user is told; both agree", "TestSimulation", TestSimulation},
	} {
		fmt.Fprintf(&page, "| %s | %s | %s |\n", c.what, c.name, proof.Verdict(t.Run(c.name, c.test)))
	}
	page.WriteString("\nEach signal in each state follows, with the state of SSCF and the number of SSCOP's after it. PDUs are in brackets,\nprimitives without AAL-; \"never\" " +
		"is a primitive that SSCOP does not give in that state, \"short\" a PDU of one octet.\n")
	state := ""
	for _, e := range readStates(t) {
		if e.state != state {
			state = e.state
			fmt.Fprintf(&page, "\n## %s\n\n| signal | by | effects | next | result |\n|---|---|---|---|---|\n", state)
		}
		effects, results := e.run(t)
		ok := effects == e.effects && results == e.results
		if !ok {
			t.Errorf("%s, %s", e.state, e.stimulus)
		}
		fmt.Fprintf(&page, "| %s | %s | %s | %s | %s |\n", e.stimulus, e.cause, e.effects, e.results, proof.Verdict(ok))
	}
	proof.Page(t, "../CONFORMANCE-sscf.md", page.String())
}
