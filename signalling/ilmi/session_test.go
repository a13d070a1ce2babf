package ilmi

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
)

// A session with ilmid, played again: the machine does the same to the octet,
// and what ilmid sent decodes and encodes to the same octets.
func TestIlmidSession(t *testing.T) {
	file, err := os.ReadFile("testdata/ilmid-session.txt")
	must(t, err)
	cfg := DefaultConfig(NetworkSide)
	cfg.Interface = Interface{System: address.ESI{2, 0, 0, 0, 0, 2}, Identifier: 9, Name: "port9"}
	cfg.FirstRequestID = 100
	m, err := New(cfg)
	must(t, err)
	must(t, m.SetPrefixes(0, []Prefix{hall}))
	var did []string
	received := 0
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		stamp, rest, _ := strings.Cut(line, " ")
		what, argument, _ := strings.Cut(rest, " ")
		ns, err := strconv.ParseInt(stamp, 10, 64)
		must(t, err)
		now := time.Duration(ns)
		switch what {
		case "tx", "says":
			if len(did) == 0 || did[0] != rest {
				t.Fatalf("at %v: did %q\nwant %s", now, did, rest)
			}
			did = did[1:]
			continue
		case "start":
			m.Start(now)
		case "timeout":
			m.HandleTimeout(now)
		case "prefix":
			must(t, m.SetPrefixes(now, []Prefix{annex}))
		case "rx":
			octets, err := hex.DecodeString(argument)
			must(t, err)
			received++
			p, err := Decode(octets)
			must(t, err)
			if back, err := Encode(p); err != nil || !bytes.Equal(back, octets) {
				t.Errorf("%x: %x, %v", octets, back, err)
			}
			must(t, m.Receive(now, octets))
		default:
			t.Fatal(line)
		}
		if len(did) > 0 {
			t.Fatalf("at %v: before, it did %q as well", now, did)
		}
		for _, a := range m.Actions() {
			if a.Kind == Send {
				did = append(did, fmt.Sprintf("tx %x", a.PDU))
			} else {
				did = append(did, fmt.Sprintf("says %v %v%v", a.Kind, a.Prefix, a.Address))
			}
		}
		for i := range did {
			did[i] = strings.TrimSpace(did[i])
		}
	}
	if received < 30 || len(did) > 0 {
		t.Errorf("%d PDUs of ilmid; left %q", received, did)
	}
}
