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

// takePart plays one side of a recorded dialogue: the machine gets what the
// other side sent, call control asks for what this side sent and the machine
// does not send by itself, and each message must come out octet for octet.
func takePart(t *testing.T, list []recording, side Side, version Version, mine func(string) bool) {
	t.Helper()
	b := newBench(t, side, version)
	requests := map[Type]Kind{
		Setup: SetupRequest, CallProceeding: ProceedingRequest, Connect: SetupResponse, ConnectAck: SetupCompleteRequest,
		Release: ReleaseRequest, ReleaseComplete: ReleaseResponse, Restart: RestartRequest, RestartAck: RestartResponse,
		StatusEnquiry: EnquiryRequest,
	}
	var out [][]byte
	collect := func() {
		for _, e := range b.m.Ready() {
			if e.Kind == DataRequest {
				out = append(out, e.Data)
			}
		}
	}
	for _, r := range list {
		m, err := Decode(r.octets)
		if err != nil {
			t.Fatal(err)
		}
		if !mine(r.who) {
			b.must(&Event{Kind: DataIndication, Data: r.octets})
			collect()
			continue
		}
		if len(out) == 0 {
			b.call = CallOf(m.Reference.Value, !m.Reference.Flag)
			b.m.last = m.Reference.Value - 1
			b.do(requests[m.Type], m.Elements...)
			collect()
		}
		if len(out) == 0 || !bytes.Equal(out[0], r.octets) {
			t.Fatalf("%s: %s\n% x, and we\n% x", r.group, r.name, r.octets, out)
		}
		out = out[1:]
	}
	if len(out) != 0 {
		t.Errorf("%s: we say more: % x", list[0].group, out)
	}
	left := 0
	if list[len(list)-1].name == "CONNECT ACK" { // it was recorded no further
		left = 1
	}
	if b.m.Len() != left {
		t.Errorf("%s: %d calls are left", list[0].group, b.m.Len())
	}
}

// We in the place of each side of each recorded dialogue with linux-atm.
func TestRecordedDialogues(t *testing.T) {
	groups := map[string][]recording{}
	for _, r := range recordings(t) {
		groups[r.group] = append(groups[r.group], r)
	}
	for group, list := range groups {
		version := UNI31
		switch {
		case strings.Contains(group, "UNI 3.0"):
			version = UNI30
		case strings.Contains(group, "UNI 4.0"):
			version = UNI40
		}
		t.Run(strings.Fields(group)[0]+" user", func(t *testing.T) {
			takePart(t, list, User, version, func(who string) bool { return strings.Contains(who, "user") })
		})
		t.Run(strings.Fields(group)[0]+" network", func(t *testing.T) {
			takePart(t, list, Network, version, func(who string) bool { return strings.Contains(who, "network") })
		})
	}
}
