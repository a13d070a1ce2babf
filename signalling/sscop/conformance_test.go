package sscop

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/signalling/internal/proof"
)

// clauses are the tests beside the state table, by clause of Q.2110 (07/94).
var clauses = []proof.Clause{
	{"6.1", "parameter BR of AA-ESTABLISH", "TestBufferRelease", TestBufferRelease},
	{"7.2.2", "formats of the fifteen PDUs", "TestFormats", TestFormats},
	{"7.2.4", "invalid PDUs", "TestInvalidPDUs", TestInvalidPDUs},
	{"7.2.4, 7.7", "k and j, code U; a list of any length", "TestLimits", TestLimits},
	{"7.4", "VT(SQ) before each first BGN, RS, ER", "TestConnectionSequence", TestConnectionSequence},
	{"7.4", "VR(SQ), and N(SQ) over a restart", "TestRestart", TestRestart},
	{"7.4", "numbers modulo 2^24", "TestWrap", TestWrap},
	{"7.5", "N(MR) of BGN, BGAK, RS, RSAK, ER, ERAK", "TestCreditOfTheFirstPDU", TestCreditOfTheFirstPDU},
	{"7.6", "active, transient and idle phase", "TestPhases", TestPhases},
	{"7.6", "Timer_NO-RESPONSE", "TestNoResponse", TestNoResponse},
	{"7.6", "Timer_CC and MaxCC", "TestTimerCC", TestTimerCC},
	{"7.6", "VT(CC) of each procedure", "TestTimerCCAnew", TestTimerCCAnew},
	{"7.7", "MaxPD", "TestMaxPD", TestMaxPD},
	{"7.7", "parameters' ranges", "TestConfig", TestConfig},
	{"7.8", "credit; codes W and X", "TestCredit", TestCredit},
	{"7.8", "credit in the idle phase", "TestCreditInIdlePhase", TestCreditInIdlePhase},
	{"7.8", "credit by the user", "TestHoldCredit", TestHoldCredit},
	{"8.1", "lower layer busy", "TestBusy", TestBusy},
	{"8.2, p. 31, 37", "BGREJ again", "TestBGREJRepeated", TestBGREJRepeated},
	{"8.2, p. 34 to 36", "user-to-user data of BGAK", "TestNoOldUserData", TestNoOldUserData},
	{"8.2, p. 36", "both ends begin", "TestEstablishCollision", TestEstablishCollision},
	{"8.2, p. 37, 61", "BGAK again", "TestBGAKRepeated", TestBGAKRepeated},
	{"8.2, p. 49, 54, 67", "recovery, Clear-buffers no", "TestRecoverKeeping", TestRecoverKeeping},
	{"8.2, p. 49, 54, 67", "recovery, Clear-buffers yes", "TestRecoverClearing", TestRecoverClearing},
	{"8.2, p. 51", "both ends recover", "TestRecoverCollision", TestRecoverCollision},
	{"8.2, p. 56, 61", "recovery by the peer", "TestRecoverKeepingIncoming", TestRecoverKeepingIncoming},
	{"8.2, p. 60, 62, 75", "resynchronization and buffers", "TestResyncForgets", TestResyncForgets},
	{"8.2, p. 61, 62", "BGN, RS, ER again in data transfer", "TestRepeatedInReady", TestRepeatedInReady},
	{"8.2, p. 64", "retransmissions first", "TestRetransmissionFirst", TestRetransmissionFirst},
	{"8.2, p. 66", "SD: order, gaps, window; code Q", "TestReceiveSD", TestReceiveSD},
	{"8.2, p. 67, 68", "POLL: STAT, MaxSTAT; code Q", "TestAnswerPOLL", TestAnswerPOLL},
	{"8.2, p. 69", "USTAT; codes T and V", "TestTakeUSTAT", TestTakeUSTAT},
	{"8.2, p. 70 to 72", "STAT; codes R, S and V", "TestTakeSTAT", TestTakeSTAT},
	{"8.2, p. 70", "STAT to an older POLL", "TestOldSTAT", TestOldSTAT},
	{"8.2, p. 70", "selective acknowledgement", "TestSelectiveAcknowledgement", TestSelectiveAcknowledgement},
	{"8.2, p. 76", "retrieval", "TestRetrieve", TestRetrieve},
	{"Q.2130, 7", "parameters at the UNI", "TestDefaultConfig", TestDefaultConfig},
	{"ATM Forum 97-0216", "any BGN in Idle", "TestAcceptAnyBGN", TestAcceptAnyBGN},
}

const pageHead = `# Conformance of signalling/sscop to Q.2110

Made by the tests: ` + "`go test ./signalling/sscop -run ConformancePage -rewrite`" + ` (or ` + "`make generate`" + `) runs every
line below and writes what came of it; a test fails when this page is not what it would write.

Where the citations come from: the text of Q.2110 (07/94) was not at hand. Clauses 6 to 8 and Annex A are cited by its
table of contents, and details below that from memory; pages of the SDL (8.2, Figure 20) are those that the comments of
FreeBSD's libunimsg (ngatm) give for the same cells. Pages of PDUs that are ignored in states 2, 7 and 8, which it does
not comment, are inferred from their neighbours. Where this machine departs from Q.2110, ` + "`go doc ./signalling/sscop`" + ` says so.

Beside this page: every PDU is compared with tshark field by field (TestAgainstTshark), recordings of linux-atm's
atmsigd decode and encode to the same octets (TestRecordings), two machines are simulated over a bad link from 10,000
seeds (TestSimulation), and the decoder and whole machines are fuzzed (FuzzDecode, FuzzMachine).
`

const pageForum = `
## The ATM Forum's test suite as a checklist

af-test-0067 (SSCOP, UNI 3.1) groups its cases by state, S1 to S10, and in each by valid (V), inopportune (IO) and
invalid (I) behaviour of the peer. The groups are named from memory, and identifiers of single cases are not given: the
document was not at hand. The lines of a state below are its V and IO cases; invalid PDUs are handled before any state is
looked at (TestInvalidPDUs, TestLimits).

| group | state | V and IO: lines | I | result |
|---|---|---|---|---|
`

// The page is what the tests say.
func TestConformancePage(t *testing.T) {
	var page strings.Builder
	page.WriteString(pageHead)
	writeClauses(t, &page)
	writeStates(t, &page)
	proof.Page(t, "../CONFORMANCE-sscop.md", page.String())
}

func writeClauses(t *testing.T, page *strings.Builder) {
	page.WriteString("\n## By clause\n\n| clause | what | test | result |\n|---|---|---|---|\n")
	proof.Clauses(t, page, clauses)
}

// writeStates writes the state table, and the checklist before it.
func writeStates(t *testing.T, page *strings.Builder) {
	var tables strings.Builder
	var lines, failed [numStates]int
	total := 0
	for _, e := range readStates(t) {
		if e.stimulus == stimuli[0].name {
			fmt.Fprintf(&tables, "\n### State %d, %v\n\n| signal | p. | effects | state, timers | result |\n|---|---|---|---|---|\n", e.state, e.state)
		}
		ok := e.run(t) == e.want()
		if !ok {
			failed[e.state]++
			t.Errorf("state %d, %s", e.state, e.stimulus)
		}
		total++
		lines[e.state]++
		if e.effects == "-" {
			fmt.Fprintf(&tables, "| %s | | refused, or cannot be | | %s |\n", e.stimulus, proof.Verdict(ok))
			continue
		}
		fmt.Fprintf(&tables, "| %s | %d | %s | %s | %s |\n", e.stimulus, e.page, e.effects, e.result, proof.Verdict(ok))
	}
	page.WriteString(pageForum)
	for s := Idle; s <= Ready; s++ {
		fmt.Fprintf(page, "| S%d | %v | %d | any state | %s |\n", s, s, lines[s], proof.Verdict(failed[s] == 0))
	}
	fmt.Fprintf(page, "\n## By state: %d lines\n\n", total)
	page.WriteString("PDUs are in brackets; MAA-ERROR is \"error\"; \"SQ\" is the N(SQ) that the caller is told to keep; timers that run are " +
		"named by their first letters\n(CC, POLL, KEEP-ALIVE, NO-RESPONSE, IDLE). \"again\" is a PDU with the N(SQ) that came last, \"MaxCC\" the expiry after the last\nrepetition. " +
		"How each state was reached is in signalling/sscop/testdata/states.txt.\n")
	page.WriteString(tables.String())
}
