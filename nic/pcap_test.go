package nic

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var pcapTime = time.Date(2026, 7, 1, 12, 0, 0, 123456789, time.UTC)

// TestPcapOctets compares a whole file with the format, https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html.
func TestPcapOctets(t *testing.T) {
	var file bytes.Buffer
	p, err := NewPcap(&file, 197, 5)
	if err != nil {
		t.Fatal(err)
	}
	for _, parts := range [][][]byte{{{1, 2}, {}, {3}}, {{1, 2, 3}, {4, 5, 6, 7}, {8}}, {}} {
		if err := p.Write(pcapTime, parts...); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	var want []byte
	word := func(values ...uint32) {
		for _, v := range values {
			want = binary.NativeEndian.AppendUint32(want, v)
		}
	}
	word(0xa1b23c4d)
	want = binary.NativeEndian.AppendUint16(binary.NativeEndian.AppendUint16(want, 2), 4)
	word(0, 0, 5, 197)
	seconds := uint32(pcapTime.Unix())
	word(seconds, 123456789, 3, 3)
	want = append(want, 1, 2, 3)
	word(seconds, 123456789, 5, 8)
	want = append(want, 1, 2, 3, 4, 5)
	word(seconds, 123456789, 0, 0)
	if !bytes.Equal(file.Bytes(), want) {
		t.Errorf("file is\n% x\nwant\n% x", file.Bytes(), want)
	}
	if p.Records() != 3 {
		t.Errorf("Records = %d, want 3", p.Records())
	}
}

// full refuses what is written to it after the first octets.
type full struct{ room int }

func (f *full) Write(octets []byte) (int, error) {
	if f.room -= len(octets); f.room < 0 {
		return 0, io.ErrShortWrite
	}
	return len(octets), nil
}

func TestTracerWritesBothWays(t *testing.T) {
	for _, lends := range []bool{false, true} {
		name := filepath.Join(t.TempDir(), "trace.pcap")
		file, err := CreatePcap(name, LinkTypeEthernet, 1<<16)
		if err != nil {
			t.Fatal(err)
		}
		a, b := wirePair(t, WireConfig{Depth: 2, Lends: lends})
		tracer := NewTracer(a, file, func() time.Time { return pcapTime })
		frames := [][]byte{etherFrame(60, 1), etherFrame(61, 2), etherFrame(62, 3)}
		if n, err := tracer.Transmit(frames); n != 2 || err != nil { // the third finds no room, and is not traced
			t.Fatalf("Transmit = %d, %v", n, err)
		}
		transmitAll(t, b, frames[2:])
		equalFrames(t, receiveN(t, tracer, 1), frames[2:])
		if err := errors.Join(tracer.Close(), file.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := tracer.Transmit(frames); !errors.Is(err, ErrGone) || file.Records() != 3 || tracer.TraceErrors() != 0 {
			t.Errorf("lends=%v: %v, %d records, %d errors, want ErrGone, 3 and 0", lends, err, file.Records(), tracer.TraceErrors())
		}
		checkTshark(t, name, "60,0x88b5 61,0x88b5 62,0x88b5")
	}
}

// checkTshark has another program read the file.
func checkTshark(t *testing.T, name, want string) {
	t.Helper()
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Log("tshark is not installed, so only the octets are checked")
		return
	}
	out, err := exec.Command(tshark, "-r", name, "-T", "fields", "-E", "separator=,", "-e", "frame.len", "-e", "eth.type").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(strings.Fields(string(out)), " "); got != want {
		t.Errorf("tshark reads %q, want %q", got, want)
	}
}

func TestTracerCountsFailedWrites(t *testing.T) {
	file, err := NewPcap(&full{room: pcapBuffer}, LinkTypeEthernet, 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	a, b := wirePair(t, WireConfig{Depth: 1024})
	tracer := NewTracer(a, file, time.Now)
	frames := buffers(400, 1500)
	if n, err := tracer.Transmit(frames); n != 400 || err != nil {
		t.Errorf("Transmit with a full disk = %d, %v", n, err)
	}
	receiveN(t, b, 400)
	if got := tracer.TraceErrors(); got == 0 || got+file.Records() != 400 {
		t.Errorf("%d errors and %d records, want 400 together", got, file.Records())
	}
	if file.Close() == nil {
		t.Error("Close forgot the error")
	}
}

func TestTracerAllocatesNothing(t *testing.T) {
	file, err := NewPcap(io.Discard, LinkTypeEthernet, 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	a, b := wirePair(t, WireConfig{})
	tracer := NewTracer(b, file, time.Now)
	frames, bufs, room, head := buffers(64, 1500), make([][]byte, 64), buffers(64, 2048), []byte{1}
	noAllocation(t, func() {
		_, _ = a.Transmit(frames)
		copy(bufs, room)
		_, _ = tracer.Receive(bufs)
		_ = file.Write(pcapTime, head, frames[0])
	})
}
