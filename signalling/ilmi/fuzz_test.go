package ilmi

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

// What can be read is written so that it reads back the same, in the same or
// fewer octets.
func FuzzDecode(f *testing.F) {
	for _, octets := range recording(f) {
		f.Add(octets)
	}
	for _, p := range []PDU{
		{Type: SetRequest, RequestID: -1, Bindings: []Binding{{oidPrefixStatus.with(rowIndex(hall.octets)...), integer(statusValid)}}},
		{Type: GetResponse, ErrorStatus: NoSuchName, ErrorIndex: 1, Bindings: null(oidSysUpTime)},
		{Type: Trap, Trap: TrapHeader{Enterprise: oidForum, Generic: 6, Specific: 1, TimeStamp: 1<<32 - 1}},
	} {
		octets, err := Encode(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(octets)
	}
	f.Add([]byte{0x30, 0x80, 0, 0})
	f.Fuzz(func(t *testing.T, octets []byte) {
		p, err := Decode(octets)
		if err != nil {
			return
		}
		out, err := Encode(p)
		if err != nil {
			t.Fatalf("%x: %+v: %v", octets, p, err)
		}
		back, err := Decode(out)
		if err != nil || !reflect.DeepEqual(back, p) || len(out) > len(octets) {
			t.Fatalf("%x: %+v\n%x: %+v, %v", octets, p, out, back, err)
		}
	})
}

// Whole machines, by sequences of events: two ends, time, PDUs that are
// dropped, spoilt or made up. Nothing panics, PDUs can be read and are of 484
// octets at most, a machine that is not stopped always waits for something,
// and what it says agrees (see end.take).
func FuzzMachine(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	f.Add(bytes.Repeat([]byte{0, 1, 6, 7, 8}, 20))
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz"))
	f.Fuzz(func(t *testing.T, script []byte) {
		w := newWorld(t)
		var air [2][][]byte // to the user, to the network
		for n, b := range script {
			i := int(b>>4) & 1
			e := w.ends[i]
			switch b & 0xF {
			case 0:
				e.Start(w.now)
			case 1:
				e.Stop(w.now)
			case 2:
				_ = w.ends[0].SetIdentifiers(w.now, []Identifier{{Selector: b >> 5}}[:b>>7])
			case 3:
				_ = w.ends[1].SetPrefixes(w.now, []Prefix{hall, annex}[b>>7:])
			case 4:
				_ = w.ends[0].Discover(w.now, ServiceATMARP)
			case 5, 6:
				w.now += time.Duration(b>>5) * 700 * time.Millisecond
				e.HandleTimeout(w.now)
			case 7: // lost
				if len(air[i]) > 0 {
					air[i] = air[i][1:]
				}
			case 8: // spoilt
				if len(air[i]) > 0 && len(script) > n+2 {
					octets := bytes.Clone(air[i][0])
					octets[int(script[n+1])%len(octets)] = script[n+2]
					_ = e.Receive(w.now, octets)
				}
			case 9: // made up
				_ = e.Receive(w.now, script[n:])
			default:
				if len(air[i]) > 0 {
					_ = e.Receive(w.now, air[i][0])
					air[i] = air[i][1:]
				}
			}
			for j, e := range w.ends {
				air[1-j] = append(air[1-j], e.take(t)...)
				if _, running := e.Timeout(); running != (e.State() != Stopped) {
					t.Fatalf("%v, timer %v", e.State(), running)
				}
			}
		}
	})
}
