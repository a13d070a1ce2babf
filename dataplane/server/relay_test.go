package server_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/dataplane/server"
)

// notes is a relay that carries nothing and notes what it was told.
type notes struct {
	mu      sync.Mutex
	bound   map[string]string // from, to
	refuses map[string]bool
	cells   uint64 // of each connection
}

func newNotes() *notes { return &notes{bound: map[string]string{}, refuses: map[string]bool{}} }

func endName(e server.RelayEnd) string { return fmt.Sprintf("%v %d/%d", e.Port, e.VPI, e.VCI) }

func (n *notes) Bind(from, to server.RelayEnd, _ bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.refuses[endName(from)] {
		return errors.New("not this one")
	}
	n.bound[endName(from)] = endName(to)
	return nil
}

func (n *notes) Unbind(from server.RelayEnd) uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, is := n.bound[endName(from)]; !is {
		panic("unbound twice")
	}
	delete(n.bound, endName(from))
	return n.cells
}

func (n *notes) Relayed(server.RelayEnd) uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cells
}

func (n *notes) Counts(server.PortSpec) []dataplane.Count {
	return []dataplane.Count{{Name: "rx_cells", N: 1000}, {Name: "relayed_rx_frames", N: 7}}
}

func (n *notes) Forget(server.PortSpec) {}

// has wants exactly these bound: "FROM>TO", with a port by its label.
func (n *notes) has(t *testing.T, what string, want ...string) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	var got []string
	for _, from := range slices.Sorted(maps.Keys(n.bound)) {
		got = append(got, from+">"+n.bound[from])
	}
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("%s: bound %q, want %q", what, got, want)
	}
}

// relayRig is a switch with ports 1, 2 and 3, which are called by their labels 101, 102 and 103.
type relayRig struct {
	*controltest.Client
	*notes
	r *rig
}

func newSwitchRig(t *testing.T) *relayRig {
	n := newNotes()
	r := newRelayRig(t, 1, n)
	c := r.dial(control.RoleAdmin)
	for i := range 3 {
		c.Must(c.Hub(control.HubOpen, 0, uint32(i+1), "port", fmt.Sprintf("p%d wire:w%d-a,%d", i+1, i, 101+i), ""))
	}
	return &relayRig{c, n, r}
}

// cross joins VC 0/vci of a port with that of another; words are the text.
func (r *relayRig) cross(from, to uint16, vci uint16, words string) *control.Packet {
	p := r.ATM(control.ATMXConnect, control.ATM{Port: from, VCI: vci})
	p.Trailer, _ = (&control.SecondEnd{Port: to, VCI: vci}).Append(nil)
	if strings.HasPrefix(words, "one-way") {
		b := p.ATM()
		b.Direction = control.DirectionIn
		p.SetATM(&b)
		words = strings.TrimPrefix(words, "one-way")
	}
	if words != "" {
		p.Trailer, _ = control.AppendTLV(p.Trailer, control.TLVText, []byte(words))
	}
	return p
}

func (r *relayRig) drop(port, vci uint16) {
	r.Must(r.ATM(control.ATMDel, control.ATM{Port: port, VCI: vci}))
}

// why says why the hub relays a VC.
func (r *relayRig) why(port, vci uint16) string {
	text, _ := control.FindTLV(r.Must(r.ATM(control.ATMStats, control.ATM{Port: port, VCI: vci})).Trailer, control.TLVText)
	return string(text)
}

// Cells of a port are relayed as long as all of them can be, and leave by one other port; or where that was insisted on.
func TestRelayKeepsOrder(t *testing.T) {
	r := newSwitchRig(t)
	both := func(a, b, vci int) []string {
		return []string{fmt.Sprintf("%d 0/%d>%d 0/%d", a, vci, b, vci), fmt.Sprintf("%d 0/%d>%d 0/%d", b, vci, a, vci)}
	}
	r.Must(r.cross(1, 2, 40, ""))
	r.has(t, "one", both(101, 102, 40)...)
	r.Must(r.cross(2, 1, 41, ""))
	r.has(t, "two", append(both(101, 102, 40), both(101, 102, 41)...)...)
	r.Must(r.cross(1, 3, 42, ""))
	r.has(t, "two ways out of port 1", "102 0/40>101 0/40", "102 0/41>101 0/41", "103 0/42>101 0/42")
	if why := r.why(1, 42); !strings.Contains(why, "another port") {
		t.Errorf("why: %q", why)
	}
	r.Must(r.cross(3, 1, 43, "relay=on"))
	r.has(t, "one insists", "102 0/40>101 0/40", "102 0/41>101 0/41", "103 0/42>101 0/42", "101 0/43>103 0/43", "103 0/43>101 0/43")
	r.drop(3, 43)
	r.drop(3, 42)
	r.has(t, "one way out again", append(both(101, 102, 40), both(101, 102, 41)...)...)
	r.Must(r.ATM(control.ATMAdd, control.ATM{Port: 2, VCI: 50}))
	r.has(t, "a PVC on port 2", "101 0/40>102 0/40", "101 0/41>102 0/41")
	r.drop(2, 50)
	r.Must(r.cross(1, 2, 44, "relay=off"))
	r.has(t, "one is the hub's")
	if why := r.why(1, 44); why != "relay=off" {
		t.Errorf("why: %q", why)
	}
	r.drop(1, 44)
	r.drop(1, 41)
	r.has(t, "and gone", both(101, 102, 40)...)
	r.Must(r.Hub(control.HubClose, 0, 2, "port", "", ""))
	r.has(t, "the port closed")
}

// What needs the hub is the hub's, also when it comes to need it later; and what the relay refuses, until it is tried
// again.
func TestRelayLeavesToTheHub(t *testing.T) {
	r := newSwitchRig(t)
	for _, x := range []struct{ words, why string }{
		{"police", "policed"}, {"shape", "shaped"}, {"frames", "queues"}, {"weight=3", "queues"},
	} {
		p := r.cross(1, 2, 40, x.words)
		b := p.ATM()
		b.PCRForward, b.PCRBackward = 1000, 1000
		p.SetATM(&b)
		r.Must(p)
		r.has(t, x.words)
		if why := r.why(1, 40); !strings.Contains(why, x.why) {
			t.Errorf("%s: because %q", x.words, why)
		}
		r.drop(1, 40)
	}
	r.Must(r.cross(1, 2, 40, "one-way"))
	r.has(t, "one way", "101 0/40>102 0/40")
	leaf := r.ATM(control.ATMAddLeaf, control.ATM{Port: 1, VCI: 40})
	leaf.Trailer, _ = (&control.SecondEnd{Port: 3, VCI: 40}).Append(nil)
	leaf.Trailer, _ = (&control.Leaf{ID: 9}).Append(leaf.Trailer)
	r.Must(leaf)
	r.has(t, "a leaf more")
	r.drop(3, 40)
	r.has(t, "and gone", "101 0/40>102 0/40")
	say := func(words string) *control.Packet {
		p := r.ATM(control.ATMOAM, control.ATM{Port: 1, VCI: 40})
		p.Trailer, _ = control.AppendTLV(nil, control.TLVText, []byte(words))
		return p
	}
	r.Must(say("segment"))
	r.has(t, "OAM")
	r.Must(say("off"))
	r.has(t, "no OAM", "101 0/40>102 0/40")
	for _, port := range []uint16{1, 2} {
		r.Must(r.ATM(control.ATMPortDown, control.ATM{Port: port}))
		r.has(t, "a port is down")
		r.Must(r.ATM(control.ATMPortUp, control.ATM{Port: port}))
		r.has(t, "and up", "101 0/40>102 0/40")
	}
	r.mu.Lock()
	r.refuses["101 0/41"] = true
	r.mu.Unlock()
	r.Must(r.cross(1, 2, 41, "one-way"))
	r.has(t, "one is refused, and mixes the port")
	if why := r.why(1, 41); why != "not this one" {
		t.Errorf("why: %q", why)
	}
	r.mu.Lock()
	delete(r.refuses, "101 0/41")
	r.mu.Unlock()
	r.r.server.ReviewRelays()
	r.has(t, "tried again", "101 0/40>102 0/40", "101 0/41>102 0/41")
	if errno := r.Errno(r.cross(1, 2, 42, "relay=perhaps")); errno == nil {
		t.Error("a wish that is none was taken")
	}
}

// What was relayed is among the counters of the VC and the port, also after it was given back.
func TestRelayCounts(t *testing.T) {
	r := newSwitchRig(t)
	r.mu.Lock()
	r.cells = 500
	r.mu.Unlock()
	r.Must(r.cross(1, 2, 40, ""))
	stats := func() map[string]uint64 {
		return r.Counters(r.Must(r.ATM(control.ATMStats, control.ATM{Port: 1, VCI: 40})))
	}
	if n := stats(); n["rx_cells"] != 500 || n["relayed_cells"] != 500 || n["relayed"] != 1 {
		t.Errorf("%v", n)
	}
	r.Must(r.ATM(control.ATMAdd, control.ATM{Port: 1, VCI: 50}))
	r.drop(1, 50)
	if n := stats(); n["rx_cells"] != 1000 || n["relayed"] != 1 {
		t.Errorf("bound a second time: %v", n)
	}
	if n := r.Counters(r.Must(r.ATM(control.ATMPortStat, control.ATM{Port: 1}))); n["rx_cells"] != 1000 || n["relayed_rx_frames"] != 7 {
		t.Errorf("port: %v", n)
	}
}
