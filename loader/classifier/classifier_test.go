package classifier

import (
	"bytes"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/bpf"
)

var (
	frames = flag.Int("frames", 200_000, "random and mutated frames for the classifier")
	seed   = flag.Uint64("seed", rand.Uint64(), "of random tests")
)

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to load programs")
	}
}

// load loads a classifier with a socket on queue 0, which is the queue of a test run.
func load(t testing.TB, config Config) *Classifier {
	t.Helper()
	needRoot(t)
	fd, err := unix.Socket(unix.AF_XDP, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	config.Sockets = []int{fd}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(c.Close(), unix.Close(fd)) })
	return c
}

// actions are the kernel's of include/uapi/linux/bpf.h, by verdict.
var actions = map[Verdict]uint32{Pass: 2, Drop: 1, Hub: 4, Relay: 4}

// run has the kernel run the classifier on a frame, and compares with the model.
func run(t testing.TB, c *Classifier, m *model, f []byte) {
	t.Helper()
	verdict, how, want := m.judge(f)
	m.want[how]++
	out := make([]byte, len(f)+256)
	opts := &ebpf.RunOptions{Data: f, DataOut: out, Repeat: 1}
	action, err := c.objects.ClassifyXdp.Run(opts)
	if err != nil {
		t.Fatalf("%x: %v", f, err)
	}
	if action != actions[verdict] {
		t.Fatalf("seed %d: the kernel says %d, the model %d (%s): %x", *seed, action, verdict, how, f)
	}
	if want == nil {
		want = f
	}
	if !bytes.Equal(opts.DataOut, want) {
		t.Fatalf("seed %d (%s): of %x\nthe kernel made  %x\nand the model    %x", *seed, how, f, opts.DataOut, want)
	}
}

// names are the model's, of the counters.
func (n *Counts) byName() map[counted]uint64 {
	return map[counted]uint64{
		"other": n.Other, "fragment": n.Fragment, "no wire": n.NoWire, "pass": n.Pass, "drop": n.Drop, "no hub": n.NoHub, "relay": n.Relay,
		"no device": n.NoDevice, "hub": n.Hub, "mixed": n.Mixed, "strange": n.Strange, "checksum": n.Checksum, "unresolved": n.Unresolved,
		"too long": n.TooLong, "no head": n.NoHead,
	}
}

func checkCounts(t testing.TB, c *Classifier, m *model) {
	t.Helper()
	got, err := c.Counts()
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range got.byName() {
		if n != m.want[name] {
			t.Errorf("%s: counted %d, want %d", name, n, m.want[name])
		}
	}
	for k := range m.connections {
		if n, err := c.Relayed(k); err != nil || n != m.relayed[k] {
			t.Errorf("%v: relayed %d (%v), want %d", k, n, err, m.relayed[k])
		}
	}
	for number, want := range m.traffic {
		if n, err := c.Traffic(number); err != nil || n != *want {
			t.Errorf("port %d: %+v (%v), want %+v", number, n, err, *want)
		}
	}
}

// teach gives the classifier all that the model knows.
func teach(t testing.TB, c *Classifier, m *model) {
	t.Helper()
	var err error
	for w, p := range m.wires {
		err = errors.Join(err, c.Bind(w, p))
	}
	for k, to := range m.connections {
		err = errors.Join(err, c.Connect(k, to))
	}
	for n, o := range m.outputs {
		err = errors.Join(err, c.SetOutput(n, o))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The kernel and the model agree about every frame, what of it leaves, and how many there were of each kind.
func TestClassifierAgreesWithModel(t *testing.T) {
	c := load(t, Config{})
	r := maker{rand.New(rand.NewPCG(*seed, 1))}
	m := newWorld()
	teach(t, c, m)
	wires := []Wire{{Interface: testInterface, Label: 203}}
	for w := range m.wires {
		wires = append(wires, w)
	}
	for range *frames {
		run(t, c, m, r.mutate(r.frame(wires, m.wires)))
	}
	for _, how := range []counted{
		"other", "fragment", "no wire", "pass", "drop", "relay", "hub", "mixed", "strange", "checksum", "unresolved", "too long",
	} {
		if m.want[how] < uint64(*frames)/500 {
			t.Errorf("only %d frames of %q: the test is too easy", m.want[how], how)
		}
	}
	t.Log(m.want)
	checkCounts(t, c, m)
}

// What is bound holds from the next frame on, and what is unbound too; a socket that has gone is a counted drop, and with
// a packet socket the hub's frames pass.
func TestClassifierFollowsItsMaps(t *testing.T) {
	c := load(t, Config{})
	f := append(make([]byte, 12), 0x88, 0x47, 0, 6, 0x41, 255) // label 100
	m := newModel()
	w := Wire{Interface: testInterface, Label: 100}
	for _, v := range []Verdict{Hub, Drop, Pass, Hub} {
		m.wires[w] = Port{Verdict: v}
		teach(t, c, m)
		run(t, c, m, f)
	}
	for range 2 {
		if err := c.Unbind(w); err != nil {
			t.Error(err)
		}
	}
	delete(m.wires, w)
	run(t, c, m, f)
	checkCounts(t, c, m)
	for packet, want := range map[bool]Verdict{false: Drop, true: Pass} {
		if err := errors.Join(c.Bind(w, Port{Verdict: Hub, Packet: packet})); err != nil {
			t.Fatal(err)
		}
		_ = c.objects.Sockets.Delete(uint32(0))
		if action, err := c.objects.ClassifyXdp.Run(&ebpf.RunOptions{Data: f}); err != nil || action != actions[want] {
			t.Errorf("without a socket, packet %t: action %d, %v", packet, action, err)
		}
	}
	if got, _ := c.Counts(); got.NoHub != 1 || got.Hub != m.want["hub"]+1 {
		t.Errorf("%+v", got)
	}
}

// A full map refuses cleanly, and takes again what there is room for.
func TestClassifierIsFull(t *testing.T) {
	c := load(t, Config{Connections: 100})
	wire := func(i int) Wire { return Wire{Interface: 1, Label: uint32(16 + i)} }
	for i := range MaxWires {
		if err := c.Bind(wire(i), Port{Verdict: Hub}); err != nil {
			t.Fatalf("wire %d: %v", i, err)
		}
	}
	if err := c.Bind(wire(MaxWires), Port{Verdict: Hub}); !errors.Is(err, ErrFull) {
		t.Errorf("one wire more: %v, want ErrFull", err)
	}
	if err := errors.Join(c.Unbind(wire(0)), c.Bind(wire(MaxWires), Port{Verdict: Hub})); err != nil {
		t.Error(err)
	}
	for i := range uint16(100) {
		if err := c.Connect(Key{1, MakeVC(0, i)}, Connection{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Connect(Key{1, MakeVC(1, 1)}, Connection{}); !errors.Is(err, ErrFull) {
		t.Errorf("one connection more: %v, want ErrFull", err)
	}
	for range MaxRelayPorts {
		if _, err := c.Number(Wire{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Number(Wire{}); !errors.Is(err, ErrFull) {
		t.Errorf("one port more: %v, want ErrFull", err)
	}
	if err := c.Release(77); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Number(Wire{}); n != 77 || err != nil {
		t.Errorf("number %d, %v: want the one given back", n, err)
	}
	var err error
	for i := range MaxDevices + 1 {
		err = c.SetOutput(uint32(i), Output{Device: 1, Labels: make([]byte, i%5*4)})
		if err != nil {
			break
		}
	}
	if err != nil { // there is one interface here
		t.Error(err)
	}
	if err := c.SetOutput(1, Output{Device: 1, Labels: make([]byte, 80)}); err == nil {
		t.Error("headers longer than the map has room for were taken")
	}
}

// The limits that this package states are those of the object.
func TestLimitsAreTheObjects(t *testing.T) {
	spec, err := bpf.LoadClassifier()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]uint32{}
	for name, m := range spec.Maps {
		got[name] = m.MaxEntries
	}
	if want := map[string]uint32{
		bpf.ClassifierMapPorts: MaxWires, bpf.ClassifierMapSockets: MaxSockets, bpf.ClassifierMapConnections: DefaultConnections,
		bpf.ClassifierMapOutputs: MaxRelayPorts, bpf.ClassifierMapSequences: MaxRelayPorts, bpf.ClassifierMapTraffic: MaxRelayPorts,
		bpf.ClassifierMapDevices: MaxDevices, bpf.ClassifierMapCounters: uint32(bpf.ClassifierCounterCOUNTERS),
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("the object has room for %v, want %v", got, want)
	}
	if _, err := New(Config{Sockets: make([]int, MaxSockets+1)}); err == nil {
		t.Error("more sockets than queues")
	}
	if _, err := New(Config{Connections: MaxConnections + 1}); err == nil {
		t.Error("more connections than any map has")
	}
}

// The verifier looks at a small part of what it may, however many connections there are to be: they are no part of the
// program.
func TestVerifier(t *testing.T) {
	few, size := load(t, Config{Connections: 100}).Instructions()
	many, _ := load(t, Config{Connections: MaxConnections}).Instructions()
	t.Logf("%d instructions, %d looked at", size, few)
	const most = 1_000_000 // BPF_COMPLEXITY_LIMIT_INSNS
	if few != many || few > most/10 {
		t.Errorf("looked at %d instructions for 100 connections, and %d for %d", few, many, MaxConnections)
	}
}
