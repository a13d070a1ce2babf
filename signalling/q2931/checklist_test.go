package q2931

import (
	"fmt"
	"strings"
)

// checklist is the ATM Forum's test suites' groups, and the clauses that their cases are about.
var checklist = []struct{ group, clauses string }{
	{"General, outgoing", "5.1"},
	{"General, incoming", "5.2"},
	{"General, clearing", "5.4"},
	{"Restart", "5.5"},
	{"Error, protocol discriminator", "5.6.1"},
	{"Error, short message", "5.6.2"},
	{"Error, call reference", "5.6.3.1 5.6.3.2"},
	{"Error, message type or sequence", "5 5.6.4"},
	{"Error, message length", "5.6.5"},
	{"Error, information elements in general", "4.5.4 4.5.19 5.6.6.1 5.6.6.2 5.6.6.3"},
	{"Error, mandatory information elements", "5.6.7.1 5.6.7.2"},
	{"Error, other information elements", "5.6.8.1 5.6.8.2 5.6.8.3"},
	{"Signalling AAL reset and failure", "5.6.9 5.6.10"},
	{"Status enquiry and status", "5.6.11 5.6.12"},
	{"Instruction indicators", "5.7.1 5.7.2"},
}

// writeChecklist writes the suites' groups, with how many lines of the table are about each;
// passed is by clause.
func writeChecklist(s *strings.Builder, passed map[string]int) {
	s.WriteString("\n## The ATM Forum's test suites as a checklist\n\n" +
		"af-test-0090 (UNI 3.1, network side) and its like test what Q.2931 has in 5.1 to 5.6 in groups. The documents were not at\n" +
		"hand: the groups have the names that a vendor's description of its suites prints (Telcordia, ATM UNI 3.1 and 4.0 signalling\n" +
		"conformance), and beyond those the headings of the clauses. Identifiers of single cases are not given.\n\n" +
		"| group | clauses | lines above, all passed |\n|---|---|---|\n")
	for _, g := range checklist {
		n := 0
		for clause, lines := range passed {
			for _, want := range strings.Fields(g.clauses) {
				first, _, _ := strings.Cut(clause, " ") // 5.6.3.2 d
				if first == want || strings.Count(want, ".") == 1 && strings.HasPrefix(first, want+".") {
					n += lines
				}
			}
		}
		fmt.Fprintf(s, "| %s | %s | %d |\n", g.group, strings.ReplaceAll(g.clauses, " ", ", "), n)
	}
}
