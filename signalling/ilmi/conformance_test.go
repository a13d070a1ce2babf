package ilmi

import (
	"strings"
	"testing"

	"github.com/cellhub/cellhub/signalling/internal/proof"
)

// clauses are the tests, by what they hold the package to.
var clauses = []proof.Clause{
	{"7; RFC 1157, 4", "PDUs, BER in any length, what is none", "TestInvalid", TestInvalid},
	{"7", "484 octets; what cannot be written", "TestEncodeRefuses", TestEncodeRefuses},
	{"7", "ilmid's PDUs decode and encode to the same octets", "TestRecording", TestRecording},
	{"7; RFC 1157, 4.1.2", "ilmid is answered", "TestAnswersIlmid", TestAnswersIlmid},
	{"8, 9", "a session with ilmid, to the octet", "TestIlmidSession", TestIlmidSession},
	{"RFC 1157, 4.1.2, 4.1.3", "GET and GETNEXT; noSuchName", "TestGet", TestGet},
	{"RFC 1157, 4.1.2", "tooBig", "TestTooBig", TestTooBig},
	{"MIB", "all objects of the network side, in order", "TestMIBNetwork", TestMIBNetwork},
	{"MIB", "all objects of the user side, in order", "TestMIBUser", TestMIBUser},
	{"8", "what the peer can do; common UNI version", "TestConfiguration", TestConfiguration},
	{"8", "peers that lack objects", "TestOldPeer", TestOldPeer},
	{"8", "atmfAddressRegistrationAdminStatus", "TestNoRegistration", TestNoRegistration},
	{"8.3", "S: coldStart and a question until the peer answers", "TestLinkFailing", TestLinkFailing},
	{"8.3", "T and K: the peer is lost", "TestKeepAlive", TestKeepAlive},
	{"8.3", "fewer than K losses", "TestLostPoll", TestLostPoll},
	{"8.3", "repetition of requests", "TestRepeatedSet", TestRepeatedSet},
	{"8.3", "coldStart of the peer", "TestColdStart", TestColdStart},
	{"8.3.2", "sysUpTime went back", "TestClockWentBack", TestClockWentBack},
	{"8.3.2", "sysUpTime: drift, wrap, late answers", "TestWentBack", TestWentBack},
	{"8.3.2", "another system or port", "TestAttachmentMoved", TestAttachmentMoved},
	{"9", "prefix and address", "TestRegistration", TestRegistration},
	{"9", "prefixes change", "TestPrefixChange", TestPrefixChange},
	{"9", "identifiers change", "TestIdentifierChange", TestIdentifierChange},
	{"9", "a number as prefix, 8 octets", "TestNumberPrefix", TestNumberPrefix},
	{"9", "groups, atmfAddressOrgScope", "TestGroups", TestGroups},
	{"9", "the network says a prefix again", "TestPrefixAgain", TestPrefixAgain},
	{"9", "the peer refuses", "TestRefusedRow", TestRefusedRow},
	{"9; RFC 1157, 4.1.5", "SET of prefixes: badValue, noSuchName, genErr", "TestSetPrefix", TestSetPrefix},
	{"9; RFC 1157, 4.1.5", "SET of addresses: all or nothing", "TestSetAddress", TestSetAddress},
	{"own", "a table that is full", "TestFullTable", TestFullTable},
	{"own", "rows are read again", "TestVerify", TestVerify},
	{"service registry; RFC 2601", "services are found", "TestDiscover", TestDiscover},
	{"service registry", "without parameters", "TestDiscoverWithoutParameters", TestDiscoverWithoutParameters},
	{"own", "limits, sides", "TestLimits", TestLimits},
	{"own", "configuration", "TestConfig", TestConfig},
	{"own", "what is dropped is counted", "TestDrops", TestDrops},
}

const pageHead = `# Conformance of signalling/ilmi to af-ilmi-0065 (ILMI 4.0)

Made by the tests: ` + "`go test ./signalling/ilmi -run ConformancePage -rewrite`" + ` runs every line below and writes what came of
it; a test fails when this page is not what it would write.

Where the citations come from: the text of af-ilmi-0065 was not at hand. Its MIB was (ATM-FORUM-MIB, ATM-FORUM-ADDR-REG and
ATM-FORUM-SRVC-REG, as network management programs carry them), and so was RFC 1157. The names of the states and 8.3.2 are
those that linux-atm's ilmid cites; other numbers of sections, S = 1 s, T = 5 s, K = 4, and the service identifiers of RFC 2601
to 2603 are from memory. What is done beyond the standard, and what is not there, ` + "`go doc ./signalling/ilmi`" + ` says.

Beside this page: PDUs are compared with tshark field by field (TestAgainstTshark, TestRecordingAgainstTshark), a user and a
network are simulated from seeds over a link that loses, delays and is cut, and with restarts (TestSimulation), and the
decoder and whole machines are fuzzed (FuzzDecode, FuzzMachine).

| clause | what | test | result |
|---|---|---|---|
`

// The page is what the tests say.
func TestConformancePage(t *testing.T) {
	var page strings.Builder
	page.WriteString(pageHead)
	proof.Clauses(t, &page, clauses)
	proof.Page(t, "../CONFORMANCE-ilmi.md", page.String())
}
