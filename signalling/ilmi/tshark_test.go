package ilmi

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/signalling/internal/proof"
)

// Fields of tshark, in the order of fieldsOf.
var tsharkFields = []string{"version", "community", "data", "request_id", "error_status", "error_index", "enterprise", "agent_addr",
	"generic_trap", "specific_trap", "time_stamp", "name", "value.int", "value.octets", "value.oid", "value.ipv4", "value.counter",
	"value.g32", "value.timeticks", "value.opaque"}

// tshark decodes PDUs and gives the fields of each.
func tshark(t *testing.T, pdus [][]byte) []string {
	t.Helper()
	var fields []string
	for _, f := range tsharkFields {
		fields = append(fields, "snmp."+f)
	}
	return proof.Fields(t, proof.ChannelILMI, pdus, nil, fields...)
}

// fieldsOf gives a PDU as tshark's fields.
func fieldsOf(p PDU) string {
	f := map[string][]string{"version": {"0"}, "community": {Community}, "data": {fmt.Sprint(uint8(p.Type))}}
	if p.Type == Trap {
		h := p.Trap
		f["enterprise"] = []string{h.Enterprise.String()}
		f["agent_addr"] = []string{fmt.Sprintf("%d.%d.%d.%d", h.Agent[0], h.Agent[1], h.Agent[2], h.Agent[3])}
		f["generic_trap"], f["specific_trap"] = []string{fmt.Sprint(h.Generic)}, []string{fmt.Sprint(h.Specific)}
		f["time_stamp"] = []string{fmt.Sprint(h.TimeStamp)}
	} else {
		f["request_id"], f["error_index"] = []string{fmt.Sprint(p.RequestID)}, []string{fmt.Sprint(p.ErrorIndex)}
		f["error_status"] = []string{fmt.Sprint(int32(p.ErrorStatus))}
	}
	for _, b := range p.Bindings {
		f["name"] = append(f["name"], b.Name.String())
		v := b.Value
		add := func(field, text string) { f["value."+field] = append(f["value."+field], text) }
		switch v.Kind {
		case Integer:
			add("int", fmt.Sprint(v.Number))
		case OctetString:
			add("octets", octetsOf(v))
		case ObjectIdentifier:
			add("oid", v.OID.String())
		case IPAddress:
			add("ipv4", fmt.Sprintf("%d.%d.%d.%d", v.Octets[0], v.Octets[1], v.Octets[2], v.Octets[3]))
		case Counter:
			add("counter", fmt.Sprint(v.Number))
		case Gauge:
			add("g32", fmt.Sprint(v.Number))
		case TimeTicks:
			add("timeticks", fmt.Sprint(v.Number))
		case Opaque:
			add("opaque", octetsOf(v))
		}
	}
	out := make([]string, len(tsharkFields))
	for i, name := range tsharkFields {
		out[i] = strings.Join(f[name], ",")
	}
	return strings.Join(out, "|")
}

// octetsOf writes octets, and none as tshark does.
func octetsOf(v Value) string {
	if v.Octets == "" {
		return "<MISSING>"
	}
	return fmt.Sprintf("%x", v.Octets)
}

// Random PDUs, as tshark reads them, field by field.
func TestAgainstTshark(t *testing.T) {
	rng := proof.Seeded(t)
	var pdus [][]byte
	var want []string
	for len(pdus) < 1000 {
		p := randomPDU(rng)
		octets, err := Encode(p)
		if err != nil {
			continue
		}
		pdus, want = append(pdus, octets), append(want, fieldsOf(p))
	}
	for i, got := range tshark(t, pdus) {
		if got != want[i] {
			t.Fatalf("PDU %d, %x:\ntshark %s\nwant   %s", i, pdus[i], got, want[i])
		}
	}
	t.Logf("%d PDUs agree", len(pdus))
}

// The recording of ilmid, too.
func TestRecordingAgainstTshark(t *testing.T) {
	pdus := recording(t)
	for i, got := range tshark(t, pdus) {
		if p, err := Decode(pdus[i]); err != nil || got != fieldsOf(p) {
			t.Errorf("PDU %d: tshark %s\ndecoded %s, %v", i, got, fieldsOf(p), err)
		}
	}
}
