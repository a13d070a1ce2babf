package ilmi

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// ask gives a PDU to an end and gives its answer.
func (w *world) ask(e *end, p PDU) PDU {
	w.t.Helper()
	octets, err := Encode(p)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := e.Receive(w.now, octets); err != nil {
		w.t.Fatal(err)
	}
	for _, a := range e.Actions() {
		if a.Kind == Send {
			answer, err := Decode(a.PDU)
			if err != nil {
				w.t.Fatal(err)
			}
			if answer.Type == GetResponse {
				return answer
			}
		}
	}
	w.t.Fatalf("no answer to %+v", p)
	return PDU{}
}

func null(names ...OID) (out []Binding) {
	for _, n := range names {
		out = append(out, Binding{n, Value{Kind: Null}})
	}
	return out
}

// walk gives all that an end has, in the order of GETNEXT.
func (w *world) walk(e *end) (out []Binding) {
	w.t.Helper()
	at := OID{1, 3}
	for range 2000 {
		a := w.ask(e, PDU{Type: GetNextRequest, Bindings: null(at)})
		if a.ErrorStatus == NoSuchName && a.ErrorIndex == 1 {
			return out
		}
		if a.ErrorStatus != NoError || a.Bindings[0].Name.Compare(at) <= 0 {
			w.t.Fatalf("after %v: %+v", at, a)
		}
		out = append(out, a.Bindings[0])
		at = a.Bindings[0].Name
	}
	w.t.Fatal("no end")
	return nil
}

func mibText(b []Binding) string {
	var out strings.Builder
	for _, o := range b {
		out.WriteString(strings.Replace(o.Name.String(), oidForum.String(), "F", 1) + " " + o.Value.String() + "\n")
	}
	return out.String()
}

const systemText = `1.3.6.1.2.1.1.1.0 63656C6C687562
1.3.6.1.2.1.1.2.0 0.0
1.3.6.1.2.1.1.3.0 100
1.3.6.1.2.1.1.4.0 
1.3.6.1.2.1.1.5.0 
1.3.6.1.2.1.1.6.0 
1.3.6.1.2.1.1.7.0 0
`

// The MIB of the network side, object by object: system, physical port, ATM
// layer, addresses, services, registration (af-ilmi-0065, ATM-FORUM-MIB).
func TestMIBNetwork(t *testing.T) {
	w := registered(t)
	network := w.ends[1]
	network.cfg.Interface.IP = netip.MustParseAddr("192.0.2.1")
	must(t, network.SetServices([]Service{{ServiceLECS, 1, hall.Address(other), "p"}}))
	got := mibText(w.walk(network))
	want := systemText + `F.2.1.1.1.1.0 0
F.2.1.1.1.3.0 1.3.6.1.4.1.353.1.2.1
F.2.1.1.1.4.0 1.3.6.1.4.1.353.1.3.1
F.2.1.1.1.5.0 2
F.2.1.1.1.6.0 0.0
F.2.1.1.1.7.0 706F72742039
F.2.1.1.1.8.0 9
F.2.1.2.0 C0000201
F.2.1.4.0 020000000002
F.2.2.1.1.1.0 0
F.2.2.1.1.2.0 255
F.2.2.1.1.3.0 65536
F.2.2.1.1.4.0 0
F.2.2.1.1.5.0 0
F.2.2.1.1.6.0 8
F.2.2.1.1.7.0 16
F.2.2.1.1.8.0 2
F.2.2.1.1.9.0 4
F.2.2.1.1.10.0 2
F.2.2.1.1.11.0 2
F.2.2.1.1.12.0 1
F.2.2.1.1.13.0 255
F.2.2.1.1.14.0 255
F.2.2.1.1.15.0 32
F.2.6.1.1.3.0.20.71.0.5.128.255.225.0.0.0.242.15.34.0.0.32.234.0.14.224.0 1
F.2.6.1.1.4.0.20.71.0.5.128.255.225.0.0.0.242.15.34.0.0.32.234.0.14.224.0 15
F.2.8.1.1.3.0.10.1.3.6.1.4.1.353.1.5.1.1 47000580FFE1000000F20F22000020EA000EE107
F.2.8.1.1.5.0.10.1.3.6.1.4.1.353.1.5.1.1 70
F.2.11.1.1.1.0 0
F.2.11.1.1.2.0 1
`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// The user side has the table of prefixes instead.
func TestMIBUser(t *testing.T) {
	w := registered(t)
	got := mibText(w.walk(w.ends[0]))
	if !strings.Contains(got, "F.2.7.1.1.3.0.13.71.0.5.128.255.225.0.0.0.242.15.34.0 1\nF.2.11") || strings.Contains(got, "F.2.6.") ||
		strings.Contains(got, "F.2.8.") || !strings.Contains(got, "F.2.2.1.1.10.0 1\n") || strings.Contains(got, "F.2.1.2.0") {
		t.Error(got)
	}
}

// GET: all values or none; the first that is wrong is named, and the bindings
// come back as they were (RFC 1157, 4.1.2).
func TestGet(t *testing.T) {
	w := registered(t)
	a := w.ask(w.ends[0], PDU{Type: GetRequest, RequestID: -5, Bindings: null(oidSysUpTime, oidMySystem)})
	if a.RequestID != -5 || a.ErrorStatus != NoError || a.ErrorIndex != 0 || a.Bindings[0].Value.Number != 100 || a.Bindings[1].Value.Octets != "\x02\x00\x00\x00\x00\x01" {
		t.Errorf("%+v", a)
	}
	for _, missing := range []OID{oidUNI, oidLayer, layerColumn(16), layerColumn(1)[:len(oidLayer)+1], layerColumn(1).with(0), oidLayer.with(1, 1)} {
		a = w.ask(w.ends[0], PDU{Type: GetRequest, RequestID: 6, Bindings: append(null(oidSysUpTime), Binding{missing, integer(0)})})
		if a.ErrorStatus != NoSuchName || a.ErrorIndex != 2 || a.Bindings[0].Value.Kind != Null || a.Bindings[1].Value.Kind != Integer {
			t.Errorf("%v: %+v", missing, a)
		}
	}
}

// An answer that would not fit is tooBig (RFC 1157, 4.1.2; 484 octets).
func TestTooBig(t *testing.T) {
	w := registered(t)
	w.ends[0].cfg.System.Description = strings.Repeat("x", MaxName)
	var names []OID
	for range 8 {
		names = append(names, oidSysDescr)
	}
	a := w.ask(w.ends[0], PDU{Type: GetRequest, RequestID: 6, Bindings: null(names...)})
	if a.ErrorStatus != TooBig || a.ErrorIndex != 0 || len(a.Bindings) != 8 || a.Bindings[0].Value.Kind != Null {
		t.Errorf("%+v", a)
	}
}

// SET on the user side: prefixes (9; RFC 1157, 4.1.5).
func TestSetPrefix(t *testing.T) {
	w := registered(t)
	user := w.ends[0]
	set := func(name OID, v Value) PDU {
		return w.ask(user, PDU{Type: SetRequest, RequestID: 8, Bindings: []Binding{{name, v}}})
	}
	row := func(octets string) OID { return oidPrefixStatus.with(rowIndex(octets)...) }
	for _, tt := range []struct {
		name string
		oid  OID
		v    Value
		want Status
	}{
		{"valid", row(annex.octets), integer(statusValid), NoError},
		{"valid again", row(annex.octets), integer(statusValid), NoError},
		{"invalid", row(annex.octets), integer(statusInvalid), NoError},
		{"invalid again", row(annex.octets), integer(statusInvalid), NoError},
		{"neither", row(annex.octets), integer(3), BadValue},
		{"no integer", row(annex.octets), octetString("\x01"), BadValue},
		{"12 octets", row(annex.octets[1:]), integer(statusValid), BadValue},
		{"a group's", row("\xC5" + annex.octets[1:]), integer(statusValid), BadValue},
		{"of no format", row("\x37" + annex.octets[1:]), integer(statusValid), BadValue},
		{"not in decimal", row("\x47\xAB" + annex.octets[2:]), integer(statusValid), BadValue},
		{"another port", oidPrefixStatus.with(append([]uint32{1}, rowIndex(annex.octets)[1:]...)...), integer(statusValid), NoSuchName},
		{"wrong length", row(annex.octets).with(1), integer(statusValid), NoSuchName},
		{"no octet", row(annex.octets[:12]).with(256), integer(statusValid), NoSuchName},
		{"the column", oidPrefixStatus, integer(statusValid), NoSuchName},
		{"read only", oidSysDescr, octetString("x"), NoSuchName},
		{"the network's table", oidAddressStatus.with(rowIndex(addressOctets(hall.Address(host)))...), integer(statusValid), NoSuchName},
	} {
		a := set(tt.oid, tt.v)
		index := int32(0)
		if tt.want != NoError {
			index = 1
		}
		if a.ErrorStatus != tt.want || a.ErrorIndex != index || len(a.Bindings) != 1 || a.Bindings[0].Name.Compare(tt.oid) != 0 {
			t.Errorf("%s: %+v", tt.name, a)
		}
	}
	for i := range MaxPrefixes {
		want := NoError
		if i == MaxPrefixes-1 { // hall is there
			want = GenErr
		}
		if a := set(row("\x49"+strings.Repeat(string(rune('a'+i)), 12)), integer(statusValid)); a.ErrorStatus != want {
			t.Errorf("prefix %d: %v", i, a.ErrorStatus)
		}
	}
}

// SET on the network side: addresses under our prefixes, and groups; all of a
// SET is done or nothing.
func TestSetAddress(t *testing.T) {
	w := registered(t)
	network := w.ends[1]
	status := func(octets string, n int) Binding {
		return Binding{oidAddressStatus.with(rowIndex(octets)...), integer(n)}
	}
	scope := func(octets string, n int) Binding {
		return Binding{oidAddressScope.with(rowIndex(octets)...), integer(n)}
	}
	here, elsewhere := addressOctets(hall.Address(other)), addressOctets(annex.Address(other))
	group := hall.Address(host).AESA.Group()
	for _, tt := range []struct {
		name  string
		set   []Binding
		want  Status
		index int32
	}{
		{"under our prefix", []Binding{status(here, 1)}, NoError, 0},
		{"its scope", []Binding{scope(here, 8)}, NoError, 0},
		{"a wrong scope", []Binding{scope(here, 16)}, BadValue, 1},
		{"under none", []Binding{status(elsewhere, 1)}, BadValue, 1},
		{"good and bad", []Binding{status(addressOctets(hall.Address(Identifier{})), 1), status(elsewhere, 1)}, BadValue, 2},
		{"scope of none", []Binding{scope(elsewhere, 3)}, NoSuchName, 1},
		{"scope with its row", []Binding{status(string(group[:]), 1), scope(string(group[:]), 3)}, NoError, 0},
		{"19 octets", []Binding{status(here[1:], 1)}, BadValue, 1},
		{"gone", []Binding{status(here, 2)}, NoError, 0},
		{"a number that is not ours", []Binding{status("\x00\x00\x00\x00\x00\x00\x00\x1F", 1)}, BadValue, 1},
		{"the user's table", []Binding{{oidPrefixStatus.with(rowIndex(hall.octets)...), integer(1)}}, NoSuchName, 1},
	} {
		if a := w.ask(network, PDU{Type: SetRequest, RequestID: 8, Bindings: tt.set}); a.ErrorStatus != tt.want || a.ErrorIndex != tt.index {
			t.Errorf("%s: %+v", tt.name, a)
		}
	}
	if n := len(network.theirs); n != 2 { // host, and the group
		t.Errorf("%d rows", n)
	}
}

// A table that is full takes no more rows, and still lets go.
func TestFullTable(t *testing.T) {
	w := registered(t)
	network := w.ends[1]
	set := func(i, n int) Status {
		octets := addressOctets(hall.Address(Identifier{Selector: byte(i), ESI: [6]byte{byte(i >> 8)}}))
		return w.ask(network, PDU{Type: SetRequest, Bindings: []Binding{{oidAddressStatus.with(rowIndex(octets)...), integer(n)}}}).ErrorStatus
	}
	for i := range MaxRows - 1 { // and host
		if s := set(i, statusValid); s != NoError {
			t.Fatalf("row %d: %v", i, s)
		}
	}
	if s := set(MaxRows, statusValid); s != GenErr {
		t.Error(s)
	}
	if s := set(0, statusValid); s != NoError {
		t.Errorf("a row that is there: %v", s)
	}
	if set(0, statusInvalid) != NoError || set(MaxRows, statusValid) != NoError {
		t.Error("no room after one has gone")
	}
}

// ilmid of linux-atm: what it sent is answered, INTEGER 0 in the place of NULL
// and all, and it is known to be there.
func TestAnswersIlmid(t *testing.T) {
	for _, side := range []Side{UserSide, NetworkSide} {
		cfg := DefaultConfig(side)
		cfg.Interface.Name, cfg.Interface.Identifier = "atm0", 7
		e := newEnd(t, cfg)
		w := &world{t: t, ends: [2]*end{e}}
		e.Start(0)
		for i, octets := range recording(t) {
			w.now = time.Duration(i) * time.Second
			p, _ := Decode(octets)
			if p.Type == Trap {
				must(t, e.Receive(w.now, octets))
				continue
			}
			a := w.ask(e, p)
			if a.RequestID != p.RequestID || a.ErrorStatus != NoError || a.Bindings[0].Value.Number != 7 || a.Bindings[1].Value.Octets != "atm0" ||
				a.Bindings[2].Value.Octets != "\x00\x00\x00\x00\x00\x00" || a.Bindings[3].Value.Kind != TimeTicks {
				t.Errorf("%v: %+v", side, a)
			}
		}
		if c := e.Counters(); c.Received[Trap] != 4 || c.Received[GetRequest] != 4 || c.Sent[GetResponse] != 4 {
			t.Errorf("%+v", c)
		}
	}
}
