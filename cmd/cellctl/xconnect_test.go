package main

import (
	"bytes"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane/control"
)

// What a dump says of a cross-connected VC, as it is read and shown.
func TestXConnectTable(t *testing.T) {
	dump := func(b control.ATM, end control.SecondEnd, leaf *uint32, words string) *control.Packet {
		p := new(control.Packet)
		p.Type = control.ATMQuery
		p.SetATM(&b)
		p.Trailer, _ = end.Append(nil)
		if leaf != nil {
			p.Trailer, _ = (&control.Leaf{ID: *leaf}).Append(p.Trailer)
		}
		if words != "" {
			p.Trailer, _ = control.AppendTLV(p.Trailer, control.TLVText, []byte(words))
		}
		return p
	}
	zero, seven := uint32(0), uint32(7)
	var all []xconnectView
	for _, p := range []*control.Packet{
		dump(control.ATM{VCI: 100, Direction: control.DirectionBoth, Service: control.ServiceCBR}, control.SecondEnd{VPI: 3, VCI: 200}, nil, "police shape"),
		dump(control.ATM{VPI: 3, VCI: 200, Direction: control.DirectionBoth, Service: control.ServiceCBR}, control.SecondEnd{VCI: 100}, &zero, ""),
		dump(control.ATM{VPI: 2, Direction: control.DirectionOut}, control.SecondEnd{VPI: 9}, &seven, ""),
	} {
		v, ok := crossOf(p)
		if !ok {
			t.Fatal("not cross-connected")
		}
		v.Port, v.OtherEnd = "p", "q "+pathText(v.other.VPI, v.other.VCI)
		v.Counters = []counter{{"rx_cells", 9}, {"tx_queued", 4}, {"tx_drop_full", 2}}
		v.Drops = drops(v.Counters)
		all = append(all, v)
	}
	var b bytes.Buffer
	if err := crossTable(all).write(&b); err != nil {
		t.Fatal(err)
	}
	want := `PORT  VC     WAY   OTHER END  LEAF  SERVICE  CELLS IN  QUEUED  OPTIONS
p     0/100  both  q 3/200    -     cbr             9       4  police shape
    lost 2 to be sent: more waited than a connection may keep: it sends more than the port carries (tx_drop_full)
p     3/200  both  q 0/100    -     cbr             9       4  -
    lost 2 to be sent: more waited than a connection may keep: it sends more than the port carries (tx_drop_full)
p     2/*    from  q 9/*      7     ubr             9       4  -
    lost 2 to be sent: more waited than a connection may keep: it sends more than the port carries (tx_drop_full)
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	if _, ok := crossOf(&control.Packet{}); ok {
		t.Error("a PVC is taken for cross-connected")
	}
}

func TestParseEnd(t *testing.T) {
	for text, want := range map[string]aal.VC{"0/100": {VCI: 100}, "12/*": {VPI: 12}, "4095/65535": {VPI: 4095, VCI: 65535}} {
		if vc, err := parseEnd(text); err != nil || vc != want {
			t.Errorf("%s: %v, %v", text, vc, err)
		}
	}
	for _, text := range []string{"", "*/*", "1/0", "5000/*", "1/*/", "x"} {
		if vc, err := parseEnd(text); err == nil {
			t.Errorf("%q: %v", text, vc)
		}
	}
}
