package q2931

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// recording is a message of testdata/atmsigd.hex.
type recording struct {
	group, who, name string
	octets           []byte
}

func recordings(t testing.TB) []recording {
	t.Helper()
	file, err := os.Open("testdata/atmsigd.hex")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var list []recording
	group := ""
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "## "):
			group = strings.TrimPrefix(line, "## ")
		case strings.HasPrefix(line, "= "):
			who, name, _ := strings.Cut(line[2:], ": ")
			list = append(list, recording{group: group, who: who, name: name})
		case line == "" || line[0] == '#':
		default:
			b, err := hex.DecodeString(strings.ReplaceAll(line, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			last := &list[len(list)-1]
			last.octets = append(last.octets, b...)
		}
	}
	if len(list) == 0 {
		t.Fatal("no recordings")
	}
	return list
}

// What linux-atm sent decodes without fault, is what the recording says, and
// is written again octet for octet.
func TestRecorded(t *testing.T) {
	long := map[string]string{"CONNECT ACK": "CONNECT ACKNOWLEDGE", "RESTART ACK": "RESTART ACKNOWLEDGE", "STATUS ENQ": "STATUS ENQUIRY"}
	for _, r := range recordings(t) {
		m, err := Decode(r.octets)
		if err != nil {
			t.Fatalf("%s: %s: %v", r.group, r.name, err)
		}
		want := r.name
		if long[want] != "" {
			want = long[want]
		}
		if m.Type.String() != want || m.Short {
			t.Errorf("%s: %s decoded as %v", r.group, r.name, m.Type)
		}
		for _, e := range m.Elements {
			if e.Err != nil {
				t.Errorf("%s: %s: %v", r.group, r.name, e)
			}
		}
		again, err := m.Append(nil)
		if err != nil || !bytes.Equal(again, r.octets) {
			t.Errorf("%s: %s\n% x, again\n% x: %v", r.group, r.name, r.octets, again, err)
		}
	}
}

// The recordings as tshark reads them.
func TestRecordedOracle(t *testing.T) {
	list := recordings(t)
	octets := make([][]byte, len(list))
	for i := range list {
		octets[i] = list[i].octets
	}
	for i, said := range dissect(t, octets) {
		m, _ := Decode(octets[i])
		agree(t, &m, octets[i], said)
	}
}

func TestText(t *testing.T) {
	for _, r := range recordings(t) {
		if r.name != "SETUP" || !strings.HasPrefix(r.group, "uni30") {
			continue
		}
		m, _ := Decode(r.octets)
		const line = "SETUP call 1/0 to 47000580ffe1000000f20f22000020ea00999900 from 47000580ffe1000000f20f22000020ea000ee000"
		if got := m.String(); got != line {
			t.Errorf("%s\nwant %s", got, line)
		}
		want, err := os.ReadFile("testdata/setup.txt")
		if got := m.Text(); err != nil || got != string(want) {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}
