package meta

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the conformance page")

const conformancePage = "../CONFORMANCE-meta.md"

// clauses are the tests beside the state tables, by clause of Q.2120 (02/95).
var clauses = []struct {
	clause, what, name string
	test               func(*testing.T)
}{
	{"7.1 to 7.6, 9.2", "octets of the six messages", "TestFormats", TestFormats},
	{"8.4", "references", "TestReferences", TestReferences},
	{"8.5, 8.7", "broadcast channels", "TestBroadcastChannels", TestBroadcastChannels},
	{"8.5, 8.8, 8.10, 11", "configuration", "TestConfig", TestConfig},
	{"8.11", "CRC", "TestCRC", TestCRC},
	{"10.2", "focused message prevention", "TestFocusedMessages", TestFocusedMessages},
	{"10.3", "examination of parameters", "TestExamination", TestExamination},
	{"10.3", "messages of the wrong side", "TestDropped", TestDropped},
	{"10.4", "repetition of ASSIGN REQUEST", "TestRequestRepeated", TestRequestRepeated},
	{"10.4", "late ASSIGNED", "TestLateAnswer", TestLateAnswer},
	{"10.4", "DENIED and its causes", "TestDenied", TestDenied},
	{"10.5, 10.6", "check of all, removal", "TestAudit", TestAudit},
	{"10.6", "restart of the network", "TestNetworkStart", TestNetworkStart},
	{"own", "messages read back as written", "TestRoundTrip", TestRoundTrip},
}

const pageHead = `# Conformance of signalling/meta to Q.2120

Made by the tests: ` + "`go test ./signalling/meta -run ConformancePage -rewrite`" + ` runs every line below and writes what came of
it; a test fails when this page is not what it would write.

**The text of Q.2120 (02/95) was not at hand**, only its table of contents: clauses are cited by that. The layout of messages, all code
points, and timers are not verified against it; ` + "`go doc ./signalling/meta`" + ` says which part is from where. No other
implementation, dissector or recording is known to compare with: tshark has no dissector for meta-signalling.

Beside this page: users and a network are simulated from seeds over a link that loses and spoils, with restarts
(TestSimulation), and the decoder and whole machines are fuzzed (FuzzDecode, FuzzMachine).

## By clause

| clause | what | test | result |
|---|---|---|---|
`

// The page is what the tests say.
func TestConformancePage(t *testing.T) {
	var page strings.Builder
	page.WriteString(pageHead)
	for _, c := range clauses {
		fmt.Fprintf(&page, "| %s | %s | %s | %s |\n", c.clause, c.what, c.name, verdict(t.Run(c.name, c.test)))
	}
	page.WriteString("\n## States of the user side (10.2 to 10.6)\n\nMessages are in brackets; timers that run stand behind the state.\n")
	for s := range numUserStates {
		for i, e := range userEvents {
			writeCell(t, &page, i, userCells, runUser(t, s, e.name, e.do))
		}
	}
	page.WriteString("\n## States of a channel at the network (10.4 to 10.6)\n")
	for s := range numChannelStates {
		for i, e := range networkEvents {
			writeCell(t, &page, i, networkCells, runNetwork(t, s, e.name, e.do))
		}
	}
	if *rewrite {
		if err := os.WriteFile(conformancePage, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(conformancePage)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != page.String() {
		t.Errorf("%s is not current: run this test with -rewrite", conformancePage)
	}
}

func verdict(ok bool) string {
	if ok {
		return "pass"
	}
	return "FAIL"
}

// writeCell writes a line of a state table, and before the first of a state
// its head.
func writeCell(t *testing.T, page *strings.Builder, i int, cells []cell, got cell) {
	if i == 0 {
		fmt.Fprintf(page, "\n### %s\n\n| event | effects | state, timers | result |\n|---|---|---|---|\n", got.state)
	}
	err := compare(cells, got)
	if err != nil {
		t.Error(err)
	}
	fmt.Fprintf(page, "| %s | %s | %s | %s |\n", got.event, got.does, got.then, verdict(err == nil))
}
