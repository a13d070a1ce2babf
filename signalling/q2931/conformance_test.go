package q2931

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/signalling/internal/proof"
)

// clauseTest is one test of one clause.
type clauseTest struct {
	clause, name string
	run          func(*testing.T)
}

// page is the conformance page, made of the tests and their results.
const page = "CONFORMANCE.md"

// TestConformance runs the tests clause by clause and compares the page with
// what they say. With -rewrite it writes the page.
func TestConformance(t *testing.T) {
	proofs := slices.Concat(callCells(), partyCells(), procedures())
	slices.SortStableFunc(proofs, func(a, b clauseTest) int { return strings.Compare(sortKey(a.clause), sortKey(b.clause)) })
	var s strings.Builder
	s.WriteString("# Q.2931 and Q.2971: clauses and tests\n\n" +
		"Made by `go test ./signalling/q2931 -run Conformance -rewrite`; the test fails when this page is not current.\n" +
		"Clauses are those of Q.2931 unless another is named. U and N are states of the user and network side, P of a party.\n" +
		"After an arrow: the next state with its timer (= is the same), then messages sent (>) with their causes, and primitives\n" +
		"to call control; or refused, an error to call control and nothing else.\n\n" +
		"| clause | test | result |\n|---|---|---|\n")
	names, passed := map[string]bool{}, map[string]int{}
	for _, p := range proofs {
		if names[p.clause+p.name] {
			t.Errorf("two tests are called %s: %s", p.clause, p.name)
		}
		names[p.clause+p.name] = true
		passed[p.clause]++ // or there is no page
		fmt.Fprintf(&s, "| %s | %s | %s |\n", p.clause, p.name, proof.Verdict(t.Run(p.clause+": "+p.name, p.run)))
	}
	writeChecklist(&s, passed)
	if t.Failed() {
		return
	}
	proof.Page(t, page, s.String())
}

// sortKey sorts 5.6.10 after 5.6.9.
func sortKey(clause string) string {
	var s strings.Builder
	digits := ""
	for _, r := range clause + " " {
		if r >= '0' && r <= '9' {
			digits += string(r)
			continue
		}
		if digits != "" {
			fmt.Fprintf(&s, "%05s", digits)
			digits = ""
		}
		s.WriteRune(r)
	}
	return s.String()
}
