package node

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/address"
)

// restart is a node that is killed and another that takes over: the hub holds what is
// established, and lets go of the rest, and later of what the new one has not claimed.
func (s *station) restart() {
	w := s.w
	w.note(s, "restart")
	for _, id := range slices.Sorted(maps.Keys(s.socks)) {
		if k := s.socks[id]; !k.up || k.listener || k.over || k.closing {
			s.abandon(k)
		}
	}
	for vc, g := range s.vcs { // tokens were the old one's
		g.token = 0
		s.vcs[vc] = g
	}
	s.n = New()
	for _, i := range s.ifs {
		i.Link.LastSQ = s.saved[i.Port]
		if err := s.n.AddInterface(w.now, i); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(s.routes), func(a, b address.Prefix) int { return cmp.Compare(a.String(), b.String()) }) {
		s.n.SetRoute(p, s.routes[p]...)
	}
	s.n.Restore(w.now, s.held())
	s.claimed = map[uint32]bool{}
	s.drain()
	for _, id := range slices.Sorted(maps.Keys(s.socks)) { // DONE
		k := s.socks[id]
		if !s.claimed[s.vcs[k.vc].token] {
			s.abandon(k)
		}
		maps.DeleteFunc(k.leaves, func(_ uint32, takesPart bool) bool { return !takesPart }) // FAIL
	}
	for vc, g := range s.vcs {
		if !s.claimed[g.token] {
			delete(s.vcs, vc)
		}
	}
}

// abandon is the hub's end of a connection whose manager has gone.
func (s *station) abandon(k *sock) {
	delete(s.socks, k.id)
	delete(s.vcs, k.vc)
	k.over = true
}

// held is what RESYNC tells.
func (s *station) held() (all []Held) {
	byVC := func(a, b VC) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.VPI, b.VPI), cmp.Compare(a.VCI, b.VCI))
	}
	for _, vc := range slices.SortedFunc(maps.Keys(s.vcs), byVC) {
		g := s.vcs[vc]
		h := Held{Conn: g.conn, VC: vc, Other: g.other, Cookie: g.cookie}
		for _, leaf := range slices.Sorted(maps.Keys(g.leaves)) {
			h.Other = g.leaves[leaf]
		}
		if root := s.vcs[g.other]; root.leaves != nil {
			h.Root = g.other
			for leaf, at := range root.leaves {
				if at == vc {
					h.Leaf = leaf
				}
			}
		}
		all = append(all, h)
	}
	return all
}

// claim is the hub's answer to Claim: it may hold the thing no longer.
func (s *station) claim(a Action) {
	g, ok := s.vcs[a.VC]
	if !ok || g.conn != a.Conn || s.w.whim(30) {
		s.reply(a.Token, -2, 0)
		return
	}
	s.claimed[a.Token] = true
	retoken := func(vc VC) {
		g := s.vcs[vc]
		g.token = a.Token
		s.vcs[vc] = g
	}
	retoken(a.VC)
	for _, leaf := range g.leaves {
		retoken(leaf)
	}
	if g.conn == 0 && g.leaves == nil {
		retoken(g.other)
	}
	s.reply(a.Token, 0, 0)
}

// TestRestore: nodes that are killed and started again keep the calls that were established, of
// both kinds, and can do with them afterwards all that their predecessors could.
func TestRestore(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(t, seed+1)
		w.polite = true
		a, hosts := star(w)
		for _, h := range hosts {
			h.listen()
		}
		w.run(5 * time.Second)
		k, one := a.root(hosts[0]), a.call(hosts[1], nil)
		w.run(2 * time.Second)
		a.add(k, 1, hosts[1])
		a.add(k, 2, hosts[2])
		w.run(2 * time.Second)
		for _, i := range w.r.Perm(len(w.nodes))[:1+w.r.IntN(len(w.nodes))] {
			w.nodes[i].restart()
			w.run(w.some(3 * time.Second))
		}
		w.run(10 * time.Second)
		w.settled()
		if !one.up || one.over || k.over || len(k.leaves) != 3 {
			w.fail("the calls: one up %v, over %v; many: over %v, leaves %v", one.up, one.over, k.over, k.leaves)
		}
		a.drop(k, 1)
		w.run(2 * time.Second)
		w.settled()
		if len(k.leaves) != 2 {
			w.fail("leaves %v", k.leaves)
		}
		for _, h := range w.nodes {
			h.closeAll()
		}
		w.run(60 * time.Second)
		w.empty()
	}
}

// A note reads as it was written, and fits.
func TestNote(t *testing.T) {
	number, err := address.NewNumber("358401975443123")
	if err != nil {
		t.Fatal(err)
	}
	full := address.Address{AESA: address.AESA{0x47, 19: 1}, Number: number}
	k := note{kind: callNote, multi: true, in: legNote{VC{1, 2, 300}, 7}, out: legNote{VC{65535, 4095, 65535}, 1<<31 | 5}, called: full, calling: full,
		contract: Contract{control.ServiceCBR, 1, 2, 3, 1<<32 - 1}}
	for range MaxNoted + 5 {
		k.parties = append(k.parties, partyNote{uint32(len(k.parties)), uint16(len(k.parties) + 1)})
	}
	b := k.append(nil)
	got, err := parseNote(b)
	if err != nil || len(b) > MaxCookie || len(got.parties) != MaxNoted || got.parties[29] != k.parties[29] ||
		got.in != k.in || got.out != k.out || got.called != full || got.calling != full || got.contract != k.contract || !got.multi {
		t.Errorf("%d octets: %+v, %v", len(b), got, err)
	}
	for i := range b {
		if _, err := parseNote(b[:i]); err == nil {
			t.Errorf("%d octets of a note are one", i)
		}
	}
}

// FuzzNote: what parses is written as it was.
func FuzzNote(f *testing.F) {
	f.Add((&note{kind: callNote}).append(nil))
	f.Add((&note{kind: branchNote, multi: true, parties: []partyNote{{1, 2}}}).append(nil))
	f.Add([]byte{cookieVersion, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := parseNote(b)
		if err != nil || len(b) > MaxCookie || len(k.parties) > MaxNoted {
			return
		}
		if again := k.append(nil); !bytes.Equal(again, b) {
			t.Errorf("%x, was %x", again, b)
		}
	})
}
