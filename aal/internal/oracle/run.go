package oracle

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Records is how many random inputs of a kind the tools judge.
const Records = 10000

var seed = flag.Uint64("seed", 0, "seed of the random tests; 0 takes a new one")

// Seeded gives the random numbers of a test and prints their seed, which the
// flag -seed brings back.
func Seeded(t testing.TB) *rand.Rand {
	t.Helper()
	s := *seed
	if s == 0 {
		s = uint64(rand.Uint32()) + 1
	}
	t.Logf("replay with -seed %d", s)
	return rand.New(rand.NewPCG(s, 0))
}

// Octets gives n random octets.
func Octets(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// Fields gives tshark's values of the named fields for each record; several
// values of one field are joined by commas.
func (c *Capture) Fields(t testing.TB, options []string, names ...string) [][]string {
	t.Helper()
	args := append([]string{"-T", "fields", "-E", "separator=;"}, options...)
	for _, name := range names {
		args = append(args, "-e", name)
	}
	var rows [][]string
	for line := range strings.Lines(c.tshark(t, args...)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), ";"))
	}
	return rows
}

// Details gives the labelled lines of tshark's decode of each record, those
// of the named protocols with their fields: what it says of a checksum is
// there only. Bits drawn before a label are cut off.
func (c *Capture) Details(t testing.TB, protocols string, options ...string) []map[string]string {
	t.Helper()
	var rows []map[string]string
	for line := range strings.Lines(c.tshark(t, append([]string{"-O", protocols}, options...)...)) {
		if strings.HasPrefix(line, "Frame ") {
			rows = append(rows, map[string]string{})
		}
		if len(rows) == 0 {
			continue
		}
		line = strings.TrimSpace(line)
		if bits, rest, ok := strings.Cut(line, " = "); ok && strings.Trim(bits, ".01 ") == "" {
			line = rest
		}
		label, value, _ := strings.Cut(line, ": ")
		rows[len(rows)-1][label] = value
	}
	return rows
}

func (c *Capture) tshark(t testing.TB, options ...string) string {
	t.Helper()
	return c.run(t, "tshark", options...)
}

// Tcpdump gives the lines that tcpdump prints for each record, without their
// time.
func (c *Capture) Tcpdump(t testing.TB, options ...string) [][]string {
	t.Helper()
	var records [][]string
	for line := range strings.Lines(c.run(t, "tcpdump", append([]string{"-t"}, options...)...)) {
		line = strings.TrimRight(line, " \n")
		if strings.HasPrefix(line, "\t") && len(records) > 0 {
			last := &records[len(records)-1]
			*last = append(*last, strings.TrimSpace(line))
			continue
		}
		records = append(records, []string{line})
	}
	return records
}

// run runs a tool over the capture and gives its output, or skips the test.
func (c *Capture) run(t testing.TB, tool string, options ...string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Skip(tool + " is not installed")
	}
	file := filepath.Join(t.TempDir(), c.name)
	if err := os.WriteFile(file, c.b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"-n", "-r", file}, options...)...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %v: %v\n%s", tool, options, err, stderr.String())
	}
	return out.String()
}
