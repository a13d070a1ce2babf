package loader

import (
	"encoding/binary"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/bpf"
)

var (
	frames = flag.Int("frames", 100_000, "random and mutated frames for the classifier")
	seed   = flag.Uint64("seed", rand.Uint64(), "of random tests")
)

// load loads a classifier with a socket on queue 0, which is the queue of a test run.
func load(t testing.TB) *Classifier {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to load programs")
	}
	fd, err := unix.Socket(unix.AF_XDP, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClassifier([]int{fd})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(c.Close(), unix.Close(fd)) })
	return c
}

// actions are the kernel's of include/uapi/linux/bpf.h, by verdict.
var actions = map[Verdict]uint32{Pass: 2, Drop: 1, Hub: 4}

// run has the kernel run the classifier on a frame, and compares with the model.
func run(t testing.TB, c *Classifier, m model, f []byte, want map[counted]uint64) {
	t.Helper()
	verdict, how := m.judge(f)
	want[how]++
	action, err := c.objects.ClassifyXdp.Run(&ebpf.RunOptions{Data: f, Repeat: 1})
	if err != nil {
		t.Fatalf("%x: %v", f, err)
	}
	if action != actions[verdict] {
		t.Fatalf("seed %d: the kernel says %d, the model %d (%s): %x", *seed, action, verdict, how, f)
	}
}

func checkCounts(t testing.TB, c *Classifier, want map[counted]uint64) {
	t.Helper()
	got, err := c.Counts()
	if err != nil {
		t.Fatal(err)
	}
	if sum := (Counts{Other: want["other"], NoWire: want["no wire"], Pass: want["pass"], Hub: want["hub"], Drop: want["drop"]}); got != sum {
		t.Errorf("counted %+v, want %+v", got, sum)
	}
}

func bindAll(t testing.TB, c *Classifier, m model) {
	t.Helper()
	for w, v := range m {
		if err := c.Bind(w, v); err != nil {
			t.Fatal(err)
		}
	}
}

// maker makes frames, most of which a classifier can read a part of.
type maker struct{ *rand.Rand }

func (r maker) frame(wires []Wire) []byte {
	f := make([]byte, 12, 200)
	for range r.pick(5, 3, 2, 1) {
		f = binary.BigEndian.AppendUint16(f, [...]uint16{0x8100, 0x88A8}[r.IntN(2)])
		vlan := uint16(r.IntN(4))
		f = binary.BigEndian.AppendUint16(f, uint16(r.IntN(8))<<13|vlan)
	}
	f = binary.BigEndian.AppendUint16(f, [...]uint16{0x8847, 0x8848, 0x0800}[r.pick(20, 1, 1)])
	for depth := r.pick(20, 5, 3, 2, 1, 1, 1, 2, 2); depth > 0; depth-- {
		f = binary.BigEndian.AppendUint32(f, uint32(r.IntN(1<<20))<<12|255)
	}
	f = binary.BigEndian.AppendUint32(f, wires[r.IntN(len(wires))].Label<<12|1<<8|255)
	for range r.IntN(60) {
		f = append(f, byte(r.Uint32()))
	}
	return f
}

// pick gives i as often as its weight says.
func (r maker) pick(weights ...int) int {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	at := r.IntN(sum)
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return 0
}

// mutate flips some bits, and often cuts the frame short.
func (r maker) mutate(f []byte) []byte {
	for range r.pick(6, 3, 2, 1) {
		f[r.IntN(len(f))] ^= 1 << r.IntN(8)
	}
	if r.IntN(4) == 0 {
		f = f[:r.IntN(len(f)+1)]
	}
	const shortest = 14 // that the kernel runs a program on
	return append(f, make([]byte, max(shortest-len(f), 0))...)
}

// The kernel and the model agree about every frame, and about how many there were of each kind.
func TestClassifierAgreesWithModel(t *testing.T) {
	c := load(t)
	r := maker{rand.New(rand.NewPCG(*seed, 1))}
	m := model{
		{100, 0}: Hub, {100, 1}: Drop, {101, 0}: Drop, {101, 2}: Hub, {102, 0}: Pass, {0xFFFFF, 3}: Hub, {16, 0}: Hub,
	}
	bindAll(t, c, m)
	wires := []Wire{{Label: 103}}
	for w := range m {
		wires = append(wires, w)
	}
	want := map[counted]uint64{}
	for range *frames {
		run(t, c, m, r.mutate(r.frame(wires)), want)
	}
	for _, how := range []counted{"other", "no wire", "pass", "hub", "drop"} {
		if want[how] < uint64(*frames)/200 {
			t.Errorf("only %d frames of %q: the test is too easy", want[how], how)
		}
	}
	checkCounts(t, c, want)
}

// What is bound holds from the next frame on, and what is unbound too; a socket that has gone is a counted drop.
func TestClassifierFollowsItsMaps(t *testing.T) {
	c := load(t)
	want := map[counted]uint64{}
	f := append(make([]byte, 12), 0x88, 0x47, 0, 6, 0x41, 255) // label 100
	m := model{}
	for _, v := range []Verdict{Hub, Drop, Pass, Hub} {
		m[Wire{Label: 100}] = v
		bindAll(t, c, m)
		run(t, c, m, f, want)
	}
	for range 2 {
		if err := c.Unbind(Wire{Label: 100}); err != nil {
			t.Error(err)
		}
	}
	run(t, c, model{}, f, want)
	checkCounts(t, c, want)
	bindAll(t, c, m)
	if err := c.objects.Sockets.Delete(uint32(0)); err != nil {
		t.Fatal(err)
	}
	action, err := c.objects.ClassifyXdp.Run(&ebpf.RunOptions{Data: f})
	if got, _ := c.Counts(); err != nil || action != actions[Drop] || got.NoHub != 1 {
		t.Errorf("without its socket: action %d, %+v, %v", action, got, err)
	}
}

// A full map refuses cleanly, and takes again what there is room for.
func TestClassifierIsFull(t *testing.T) {
	c := load(t)
	for i := range MaxWires {
		if err := c.Bind(Wire{Label: uint32(16 + i)}, Hub); err != nil {
			t.Fatalf("wire %d: %v", i, err)
		}
	}
	if err := c.Bind(Wire{Label: 1 << 19}, Hub); !errors.Is(err, ErrFull) {
		t.Errorf("one more: %v, want ErrFull", err)
	}
	if err := errors.Join(c.Unbind(Wire{Label: 16}), c.Bind(Wire{Label: 1 << 19}, Hub)); err != nil {
		t.Error(err)
	}
}

// The limits that this package states are those of the object.
func TestLimitsAreTheObjects(t *testing.T) {
	spec, err := bpf.LoadClassifier()
	if err != nil {
		t.Fatal(err)
	}
	if n := spec.Maps[bpf.ClassifierMapPorts].MaxEntries; n != MaxWires {
		t.Errorf("the object has room for %d wires", n)
	}
	if n := spec.Maps[bpf.ClassifierMapSockets].MaxEntries; n != MaxSockets {
		t.Errorf("the object has room for %d sockets", n)
	}
	if _, err := NewClassifier(make([]int, MaxSockets+1)); err == nil {
		t.Error("more sockets than queues")
	}
}
