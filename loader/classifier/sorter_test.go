package classifier

import (
	"bytes"
	"encoding/binary"
	"os"
	"runtime"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/nic"
)

// cable puts the test into a network namespace of its own with a veth, and gives its ends' numbers. The namespace ends with
// the thread.
func cable(t testing.TB) (near, far int) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a network namespace")
	}
	runtime.LockOSThread()
	must(t, unix.Unshare(unix.CLONE_NEWNET))
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = "near", 9600
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "far", PeerMTU: 9600}))
	var at [2]int
	for i, name := range [...]string{"near", "far"} {
		l, err := netlink.LinkByName(name)
		must(t, err)
		must(t, netlink.LinkSetUp(l))
		at[i] = l.Attrs().Index
	}
	return at[0], at[1]
}

func sockets(t testing.TB, index int, divert func(int) (nic.Diversion, error)) nic.Device {
	t.Helper()
	d, err := nic.OpenPacket(nic.PacketConfig{Index: index, EtherType: 0x8847, GSO: nic.GSOOff, Divert: divert})
	must(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func sorting(label uint32, from [6]byte) func(int) (nic.Diversion, error) {
	return func(index int) (nic.Diversion, error) { return Sort(index, label, from) }
}

// labelled is a frame with labels, outermost first.
func labelled(from [6]byte, octets int, labels ...uint32) []byte {
	f := append([]byte{0x01, 0, 0x5E, 0x90, 0, 0}, from[:]...)
	f = binary.BigEndian.AppendUint16(f, 0x8847)
	for i, l := range labels {
		if l = l<<12 | 64; i == len(labels)-1 {
			l |= 1 << 8
		}
		f = binary.BigEndian.AppendUint32(f, l)
	}
	for len(f) < octets {
		f = append(f, byte(len(f)))
	}
	return f
}

// Each frame is shown to the one socket whose it is, with the octets it was sent with; to no socket that has not asked for it, and
// nothing is lost.
func TestSorter(t *testing.T) {
	near, far := cable(t)
	one, two := [6]byte{2, 0, 0, 0, 0, 1}, [6]byte{2, 0, 0, 0, 0, 2}
	plain := sockets(t, far, nil)
	anybody := sockets(t, far, sorting(100, [6]byte{}))
	onlyOne := sockets(t, far, sorting(101, one))
	out := sockets(t, near, nil)
	tagged := func(tci uint16) []byte {
		f := labelled(one, 60, 100)
		return append(append(append([]byte{}, f[:12]...), 0x81, 0, byte(tci>>8), byte(tci)), f[12:]...)
	}
	for _, c := range []struct {
		name  string
		frame []byte
		to    nic.Device // nil: nobody sees it as ours
		got   []byte     // nil: the frame
	}{
		{"a label of anybody's", labelled(two, 60, 100), anybody, nil},
		{"below others", labelled(one, 200, 16, 1<<20-1, 0, 100), anybody, nil},
		{"below seven", labelled(one, 200, 16, 17, 18, 19, 20, 21, 22, 100), anybody, nil},
		{"below eight, which is too deep", labelled(one, 200, 16, 17, 18, 19, 20, 21, 22, 23, 100), plain, nil},
		{"above others", labelled(one, 60, 100, 16), plain, nil},
		{"from the sender asked for", labelled(one, 1500, 101), onlyOne, nil},
		{"from another", labelled(two, 1500, 101), plain, nil},
		{"a label of nobody", labelled(one, 60, 102), plain, nil},
		{"long", labelled(one, 9000, 100), anybody, nil},
		{"no more than the label", labelled(one, 18, 100), anybody, nil},
		{"less than a label", labelled(one, 16, 100)[:16], plain, nil},
		{"without bottom", labelled(one, 60)[:14], plain, nil},
		{"of a VLAN", tagged(7), nil, nil},
		{"with a priority", tagged(5 << 13), anybody, labelled(one, 60, 100)},
	} {
		if c.got == nil {
			c.got = c.frame
		}
		n, err := out.Transmit([][]byte{c.frame})
		if err != nil || n != 1 {
			t.Fatalf("%s: %d sent, %v", c.name, n, err)
		}
		for name, d := range map[string]nic.Device{"plain": plain, "of label 100": anybody, "of label 101": onlyOne} {
			var bufs [4][]byte
			n, err := d.Receive(bufs[:])
			must(t, err)
			switch {
			case d != c.to && n != 0:
				t.Errorf("%s: the socket %s has it", c.name, name)
			case d == c.to && (n != 1 || !bytes.Equal(bufs[0], c.got)):
				t.Errorf("%s: the socket %s has %d frames, %x, want %x", c.name, name, n, bufs[0], c.got)
			}
			d.Release()
		}
	}
}

// All that ask on an interface have one sorter, as long as there is one of them; who has asked for a label last has it.
func TestSorterShared(t *testing.T) {
	_, far := cable(t)
	programs := func() int {
		t.Helper()
		there, err := link.QueryPrograms(link.QueryOptions{Target: far, Attach: ebpf.AttachTCXIngress})
		must(t, err)
		return len(there.Programs)
	}
	sort := func(label uint32) *Sorted {
		t.Helper()
		s, err := Sort(far, label, [6]byte{})
		must(t, err)
		return s
	}
	first, second, again := sort(100), sort(101), sort(100)
	if n := programs(); n != 1 {
		t.Fatalf("%d programs", n)
	}
	must(t, first.Close())
	must(t, first.Close())
	if n := programs(); n != 1 {
		t.Fatalf("%d programs when the first has gone", n)
	}
	for _, s := range []*Sorted{again, second} {
		owner := s.owner
		if err := second.owners.Lookup(s.key, &owner); err != nil || owner != s.owner {
			t.Errorf("label %d: %v, %v", s.key.Label, owner, err)
		}
	}
	must(t, second.Close())
	must(t, again.Close())
	if n := programs(); n != 0 {
		t.Errorf("%d programs when all have gone", n)
	}
}
