package nic

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/gopacket/pcapgo"
	"golang.org/x/sys/unix"
)

// Frames come when they are due and not before, all that is due at once in batches; a player that
// is stopped stands still, and its recording with it.
func TestPlayer(t *testing.T) {
	rec := Recording{Size: 2, Octets: []byte("aabbccdd"), At: []time.Duration{0, time.Second, time.Second, time.Hour}}
	p, err := NewPlayer("recording", rec)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	now := 5 * time.Second
	p.now = func() time.Duration { return now }
	take := func(after time.Duration, want string) {
		t.Helper()
		now += after
		bufs := [][]byte{make([]byte, 9), make([]byte, 9), make([]byte, 9)}
		n, err := p.Receive(bufs)
		if got := bytes.Join(bufs[:n], nil); err != nil || string(got) != want {
			t.Errorf("%v: %q, %v, want %q", now, got, err, want)
		}
	}
	take(time.Minute, "") // it has not begun
	p.Play(true)
	take(0, "aa")
	take(time.Second-1, "")
	p.Play(false)
	take(time.Minute, "")
	p.Play(true)
	take(0, "")
	take(1, "bbcc")
	if p.Left() != 1 {
		t.Errorf("%d are left", p.Left())
	}
	if n, err := p.Transmit([][]byte{{1}}); n != 1 || err != nil || p.Counters().TxDown != 1 || p.Counters().RxFrames != 3 {
		t.Error(n, err, p.Counters())
	}
	_ = p.Close()
	if _, err := p.Receive(nil); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
	if _, err := NewPlayer("short", Recording{Size: 2, Octets: []byte("aab"), At: rec.At[:2]}); err == nil {
		t.Error("taken")
	}
}

// What a sink refuses is counted, what is too long never reaches it, and Flush comes by itself.
func TestRecorder(t *testing.T) {
	var got []string
	flushed, closed := 0, 0
	var failed error
	r, err := NewRecorder("file", 3, Sink{
		Record: func(_ time.Time, f []byte) bool { got = append(got, string(f)); return string(f) != "no" },
		Err:    func() error { return failed },
		Flush:  func() { flushed++ }, Close: func() error { closed++; return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.Transmit([][]byte{[]byte("a"), []byte("long"), []byte("no"), []byte("bcd")}); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	if c := r.Counters(); !slices.Equal(got, []string{"a", "no", "bcd"}) || c.TxFrames != 2 || c.TxOctets != 4 || c.TxTooLong != 1 || c.TxNoBuffer != 1 {
		t.Error(got, c)
	}
	failed = ErrGone
	if n, err := r.Transmit([][]byte{[]byte("no")}); n != 1 || err != nil || r.Counters().TxErrors != 1 {
		t.Error(n, err, r.Counters())
	}
	waitFor(t, r, unix.POLLIN)
	if n, err := r.Receive(nil); n != 0 || err != nil || flushed != 1 {
		t.Error(n, err, flushed)
	}
	for range 2 {
		if err := r.Close(); err != nil || closed != 1 {
			t.Error(err, closed)
		}
	}
	if n, err := r.Transmit([][]byte{{1}}); n != 1 || !errors.Is(err, ErrGone) {
		t.Error(n, err)
	}
}

// pcapFile is a capture file, by hand from pcap-savefile(5).
func pcapFile(order binary.AppendByteOrder, magic uint32, records ...string) []byte {
	f := order.AppendUint32(nil, magic)
	f = order.AppendUint16(order.AppendUint16(f, 2), 4)
	f = append(f, make([]byte, 8)...)
	f = order.AppendUint32(order.AppendUint32(f, 65535), 197)
	for i, r := range records {
		f = order.AppendUint32(order.AppendUint32(f, uint32(100+i)), 7)
		f = order.AppendUint32(order.AppendUint32(f, uint32(len(r))), uint32(len(r)))
		f = append(f, r...)
	}
	return f
}

// Files of both byte orders and both units of time are read as pcapgo reads them.
func TestPcapReader(t *testing.T) {
	for name, f := range map[string][]byte{
		"little, nanoseconds":  pcapFile(binary.LittleEndian, pcapMagicNanos, "one", "", "three"),
		"big, nanoseconds":     pcapFile(binary.BigEndian, pcapMagicNanos, "one", "", "three"),
		"little, microseconds": pcapFile(binary.LittleEndian, pcapMagicMicros, "one"),
		"big, microseconds":    pcapFile(binary.BigEndian, pcapMagicMicros, "one"),
	} {
		t.Run(name, func(t *testing.T) {
			p, err := NewPcapReader(bytes.NewReader(f))
			if err != nil {
				t.Fatal(err)
			}
			oracle, err := pcapgo.NewReader(bytes.NewReader(f))
			if err != nil || int(oracle.LinkType()) != p.LinkType()&0xFF {
				t.Fatal(err, oracle.LinkType(), p.LinkType())
			}
			for {
				at, record, whole, err := p.Next()
				want, info, failed := oracle.ReadPacketData()
				if !errors.Is(err, failed) || !bytes.Equal(record, want) {
					t.Fatalf("%q, %v; the oracle reads %q, %v", record, err, want, failed)
				}
				if err != nil {
					return
				}
				if !at.Equal(info.Timestamp) || !whole {
					t.Errorf("at %v, whole %t, want %v", at, whole, info.Timestamp)
				}
			}
		})
	}
}

// FuzzPcapReader: any file ends, by EOF or an error.
func FuzzPcapReader(f *testing.F) {
	f.Add(pcapFile(binary.LittleEndian, pcapMagicNanos, "one", "two"))
	f.Add(pcapFile(binary.BigEndian, pcapMagicMicros, "one")[:40])
	f.Add([]byte("no capture"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := NewPcapReader(bytes.NewReader(text))
		for octets := 0; err == nil; {
			var record []byte
			if _, record, _, err = p.Next(); err == nil {
				if octets += len(record) + pcapRecordHeader; octets > len(text) {
					t.Fatal("more comes out than there is")
				}
			} else if record != nil {
				t.Fatal("a record with an error")
			}
		}
	})
}
