package address

import (
	"strings"
	"testing"

	"github.com/cellhub/cellhub/signalling/internal/proof"
)

// clauses are the tests, by what they hold the package to.
var clauses = []proof.Clause{
	{"UNI 4.0 signalling, 3.0", "formats DCC, ICD, E.164, local; groups", "TestFormats", TestFormats},
	{"UNI 4.0 signalling, 3.0", "prefix, ESI, selector", "TestParts", TestParts},
	{"UNI 4.0 signalling, 3.0; E.164, 6", "number of 15 digits in BCD", "TestBCD", TestBCD},
	{"UNI 4.0 signalling, 3.0", "what is no address", "TestRefused", TestRefused},
	{"UNI 4.0 signalling, 3.0; PNNI 1.0", "prefixes in bits", "TestPrefixBits", TestPrefixBits},
	{"E.164", "prefixes in digits", "TestPrefixDigits", TestPrefixDigits},
	{"own", "what is no prefix", "TestPrefixRefused", TestPrefixRefused},
	{"own", "longest prefix first, against a search through all", "TestTable", TestTable},
	{"linux-atm, text2atm", "what its library reads and refuses", "TestReadsAsLinuxATM", TestReadsAsLinuxATM},
	{"linux-atm, atm2text", "what its library writes", "TestWritesAsLinuxATM", TestWritesAsLinuxATM},
	{"linux-atm, hosts.atm", "names, case, order, comments", "TestHosts", TestHosts},
	{"linux-atm, hosts.atm", "lines that are wrong", "TestHostsRefused", TestHostsRefused},
	{"own", "addresses read back as written", "TestReadsBack", TestReadsBack},
	{"own", "prefixes read back as written", "TestPrefixReadsBack", TestPrefixReadsBack},
}

const pageHead = `# Conformance of signalling/address

Made by the tests: ` + "`go test ./signalling/address -run ConformancePage -rewrite`" + ` runs every line below and writes what came
of it; a test fails when this page is not what it would write.

The texts of the ATM Forum and of E.164 were not at hand: their formats are given from memory, and those of linux-atm are
checked against what its library (libatm1 2.5.1) answered, kept in signalling/address/testdata/linux-atm.txt. Where the
package differs from that library, ` + "`go doc ./signalling/address`" + ` says so and the list in linuxatm_test.go holds each case.
Parsing of addresses, prefixes and tables of hosts is fuzzed (FuzzParse, FuzzParsePrefix, FuzzReadHosts).

| clause | what | test | result |
|---|---|---|---|
`

// The page is what the tests say.
func TestConformancePage(t *testing.T) {
	var page strings.Builder
	page.WriteString(pageHead)
	proof.Clauses(t, &page, clauses)
	proof.Page(t, "../CONFORMANCE-address.md", page.String())
}
