package classifier

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/bpf"
	"github.com/cellhub/cellhub/nic/link"
)

// inNamespace runs a function in a namespace of its own with a veth pair, and gives it the number of an end.
func inNamespace(t *testing.T, f func(index int)) {
	t.Helper()
	needRoot(t)
	ns, err := link.NewNamespace("")
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Delete()
	err = ns.Do(func() error {
		err := errors.Join(link.AddVeth(link.Veth{Name: "va", Peer: "vb"}), link.Up("va"), link.Up("vb"))
		if err != nil {
			return err
		}
		s, err := link.Get("va")
		f(s.Index)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// pinsIn opens pins in a folder that goes with the test.
func pinsIn(t *testing.T, dir, owner string) *Pins {
	t.Helper()
	p, err := OpenPins(dir, owner)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(p.Close(), unix.Unmount(dir, unix.MNT_DETACH)) })
	return p
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// attachedTo is the program on an interface; 0: none.
func attachedTo(t *testing.T, index int) uint32 {
	t.Helper()
	l, err := netlink.LinkByIndex(index)
	if err != nil {
		t.Fatal(err)
	}
	if x := l.Attrs().Xdp; x != nil && x.Attached {
		return x.ProgId
	}
	return 0
}

// What is pinned outlives the classifier, and the next one takes it over: its program takes the place of the one before, numbers,
// connections and their counts stay, what is asked for again is not touched, and the rest goes at Sweep.
func TestAdoption(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bpf")
	inNamespace(t, func(index int) {
		wires := []Wire{{Interface: index, Label: 100}, {Interface: index, Label: 101}}
		keys := make([]Key, 2)
		c, err := New(Config{Connections: 1000, Pins: pinsIn(t, dir, "a/b.c")})
		must(t, err)
		for i, w := range wires {
			n, err := c.Number(w)
			must(t, err)
			keys[i] = Key{n, MakeVC(0, 50)}
			must(t, c.Bind(w, Port{Connections: true, Number: n, Payload: Cells, Paths: true}), c.Connect(keys[i], Connection{Verdict: Relay, Out: n}),
				c.SetOutput(n, Output{Device: index, Frame: 1514, Cells: 520, Payload: Cells, Labels: labelsOf(200)}))
		}
		must(t, c.Attach(index))
		before := attachedTo(t, index)
		key := keys[0].key()
		v := keysValue(t, c, keys[0])
		v.Cells = 77
		must(t, c.objects.Connections.Put(key, v), c.Abandon())
		if now := attachedTo(t, index); before == 0 || now != before {
			t.Errorf("program %d, and now %d", before, now)
		}

		c, err = New(Config{Connections: 5, Pins: pinsIn(t, dir, "a/b.c")})
		must(t, err)
		if now := attachedTo(t, index); now == before || now == 0 || !c.Adopted() || c.Mode(index) != Adopted {
			t.Errorf("program %d, before %d, mode %v", now, before, c.Mode(index))
		}
		if n, err := c.Number(Wire{Interface: index, Label: 999}); err != nil || n == keys[0].Port || n == keys[1].Port {
			t.Errorf("a new port has number %d (%v)", n, err)
		}
		n, err := c.Number(wires[0])
		if err != nil || n != keys[0].Port {
			t.Errorf("number %d, and was %d (%v)", n, keys[0].Port, err)
		}
		must(t, c.Attach(index), c.SetOutput(n, Output{Device: index, Frame: 1514, Cells: 520, Payload: Cells, Labels: labelsOf(200)}),
			c.Connect(keys[0], Connection{Verdict: Relay, Out: n}), c.Bind(wires[0], Port{Connections: true, Number: n, Payload: Cells}))
		if p := portValue(t, c, wires[0]); !p.Paths {
			t.Error("VPs that may still be asked for are looked up no more")
		}
		must(t, c.Sweep())
		if n, err := c.Relayed(keys[0]); n != 77 || err != nil {
			t.Errorf("counted %d (%v), want it to go on", n, err)
		}
		if _, err := c.Relayed(keys[1]); !errors.Is(err, ebpf.ErrKeyNotExist) {
			t.Errorf("nobody's connection: %v", err)
		}
		must(t, c.Close())
		if left, err := os.ReadDir(filepath.Join(dir)); err != nil || len(left) != 2 || attachedTo(t, index) != 0 { // the kernel's own two
			t.Errorf("left: %v (%v), program %d", left, err, attachedTo(t, index))
		}
	})
}

// Maps of another shape are not adopted but removed, with all that is pinned beside them; and so is, by anybody, what
// was left on interfaces that have gone.
func TestPinsOfOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bpf")
	inNamespace(t, func(index int) {
		c, err := New(Config{Pins: pinsIn(t, dir, "x")})
		must(t, err, c.Attach(index))
		must(t, c.objects.Counters.Unpin(), c.objects.Devices.Pin(filepath.Join(c.pins.folder, "counters2")),
			c.Abandon())
		c, err = New(Config{Pins: pinsIn(t, dir, "x")})
		must(t, err)
		if c.Adopted() || attachedTo(t, index) != 0 {
			t.Error("half of a classifier was adopted")
		}
		must(t, c.Attach(index), c.Abandon())
		must(t, link.Delete("va"))
		_ = pinsIn(t, dir, "y")
		if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
			t.Errorf("left: %v (%v)", left, err)
		}
	})
}

func keysValue(t *testing.T, c *Classifier, k Key) (v bpf.ClassifierConnection) {
	t.Helper()
	must(t, c.objects.Connections.Lookup(k.key(), &v))
	return v
}

func portValue(t *testing.T, c *Classifier, w Wire) Port {
	t.Helper()
	var v bpf.ClassifierPort
	must(t, c.objects.Ports.Lookup(w.key(), &v))
	return Port{Paths: v.Flags&bpf.ClassifierFlagFLAG_PATHS != 0}
}
