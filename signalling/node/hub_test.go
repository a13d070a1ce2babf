package node

import (
	"github.com/cellhub/cellhub/dataplane/control"
	"syscall"

	"github.com/cellhub/cellhub/signalling/ie"
)

// drain is the hub: it does what the node wants done.
func (s *station) drain() {
	for _, a := range s.n.Actions() {
		s.do(a)
	}
}

func (s *station) do(a Action) {
	w := s.w
	switch a.Kind {
	case Send, SendManagement:
		s.peers[a.Port].send(s, a.Port, a.Data, a.Kind == SendManagement)
		return
	case Addressed, Unaddressed:
		w.note(s, "%v port %d %v", a.Kind, a.Port, a.Called)
		return
	case SaveSequence:
		s.saved[a.Port] = a.SQ
		return
	}
	w.note(s, "%v conn %d vc %v other %v token %d cause %d", a.Kind, a.Conn, a.VC, a.Other, a.Token, a.Cause)
	switch a.Kind {
	case Add, Cross, Join:
		s.give(a)
	case Delete, Prune:
		s.take(a)
	case Claim:
		s.claim(a)
	case Note:
		if g, ok := s.vcs[a.VC]; ok {
			g.cookie = a.Cookie
			s.vcs[a.VC] = g
		}
	case Incoming:
		s.incoming(a)
	default:
		s.tell(a)
	}
}

// give is ATM ADD and XCONNECT.
func (s *station) give(a Action) {
	w := s.w
	for _, vc := range [...]VC{a.VC, a.Other} {
		if g, taken := s.vcs[vc]; taken && vc.Port != 0 && (a.Kind != Join || vc == a.Other) {
			w.fail("%s: %v is given to %d while %d has it", s.name, vc, a.Token, g.token)
		}
	}
	status := int32(0)
	if w.whim(50) {
		status = -int32(syscall.ENOBUFS)
	} else {
		switch a.Kind {
		case Add:
			k := s.socks[a.Conn]
			if k == nil || k.vc != (VC{}) {
				w.fail("%s: Add to connection %d", s.name, a.Conn)
			}
			k.vc = a.VC
			s.vcs[a.VC] = given{token: a.Token, conn: a.Conn, cookie: a.Cookie}
		case Cross:
			s.vcs[a.VC] = given{token: a.Token, other: a.Other, cookie: a.Cookie}
			s.vcs[a.Other] = given{token: a.Token, other: a.VC}
			if a.OneWay {
				s.vcs[a.VC] = given{token: a.Token, leaves: map[uint32]VC{0: a.Other}, cookie: a.Cookie}
			}
		case Join:
			root, ok := s.vcs[a.VC]
			if !ok || root.leaves == nil || root.leaves[a.Leaf] != (VC{}) {
				w.fail("%s: leaf %d is joined to %v, which has %v", s.name, a.Leaf, a.VC, root)
			}
			root.leaves[a.Leaf] = a.Other
			s.vcs[a.Other] = given{token: a.Token, other: a.VC}
		}
	}
	s.reply(a.Token, status, 0)
}

// take is ATM DEL: of something that the hub may have refused.
func (s *station) take(a Action) {
	root := s.vcs[a.VC]
	if a.Kind == Prune {
		if g, ok := s.vcs[a.Other]; ok && root.leaves != nil && root.leaves[a.Leaf] == a.Other {
			if g.token != a.Token {
				s.w.fail("%s: leaf %d is pruned by %d, made by %d", s.name, a.Leaf, a.Token, g.token)
			}
			delete(root.leaves, a.Leaf)
			delete(s.vcs, a.Other)
		}
		return
	}
	if root.token == a.Token {
		for _, vc := range root.leaves {
			delete(s.vcs, vc)
		}
	}
	for _, vc := range [...]VC{a.VC, a.Other} {
		if g, ok := s.vcs[vc]; ok && g.token == a.Token {
			delete(s.vcs, vc)
		}
	}
	if k := s.socks[a.Conn]; k != nil {
		k.vc = VC{}
	}
}

func (s *station) reply(token uint32, status int32, conn control.ConnID) {
	if s.slow {
		return
	}
	n := s.n
	s.w.after(s.w.some(2e6), func() {
		if s.n != n { // who asked has ended meanwhile
			return
		}
		s.w.note(s, "reply %d status %d conn %d", token, status, conn)
		s.n.Step(s.w.now, &Event{Kind: Reply, Token: token, Status: status, Conn: conn})
		s.drain()
	})
}

// incoming is INCOMING: answered at once by a new connection, or a refusal; the
// application decides later.
func (s *station) incoming(a Action) {
	l := s.socks[a.Conn]
	if l == nil || !l.listener || l.closing || s.w.whim(30) {
		s.reply(a.Token, -int32(syscall.ECONNREFUSED), 0)
		return
	}
	s.last++
	k := &sock{id: s.last, incoming: true}
	s.socks[k.id] = k
	s.reply(a.Token, 0, k.id)
	if s.slow { // the node will never know it
		delete(s.socks, k.id)
		return
	}
	s.w.after(3e6+s.w.some(20e6), func() { s.decide(k) })
}

// decide is the called application.
func (s *station) decide(k *sock) {
	if k.over || k.closing {
		return
	}
	what := s.w.r.IntN(10)
	if s.w.polite {
		what = 9
	}
	switch what {
	case 0:
		k.closing = true
		s.event(Event{Kind: Reject, Conn: k.id, Cause: []uint8{0, ie.CauseBusy, ie.CauseNoResource}[s.w.r.IntN(3)]})
	case 1:
		s.close(k)
	case 2, 3:
		s.event(Event{Kind: Alert, Conn: k.id})
		s.w.after(s.w.some(100e6), func() {
			if !k.over && !k.closing {
				s.event(Event{Kind: Accept, Conn: k.id})
			}
		})
	default:
		s.event(Event{Kind: Accept, Conn: k.id})
	}
}

// tell is a SOCK message for an application.
func (s *station) tell(a Action) {
	w, k := s.w, s.socks[a.Conn]
	if k == nil {
		w.fail("%s: %v for connection %d, which is not there", s.name, a.Kind, a.Conn)
	}
	if a.OfLeaf {
		s.tellLeaf(k, a)
		return
	}
	switch a.Kind {
	case Okay:
		if !k.listener && k.vc == (VC{}) {
			w.fail("%s: Okay for connection %d before its VC", s.name, a.Conn)
		}
		if k.over || k.up {
			w.fail("%s: Okay for connection %d, which is up %v, over %v", s.name, a.Conn, k.up, k.over)
		}
		k.up = true
		if k.leaves != nil {
			k.leaves[0] = true
		}
	case Failed, Closed:
		if k.over {
			w.fail("%s: connection %d ends twice", s.name, a.Conn)
		}
		k.over, k.cause = true, a.Cause
		w.after(w.some(10e6), func() { s.close(k) })
	case Released:
		if !k.closing {
			w.fail("%s: connection %d released, which was not closed", s.name, a.Conn)
		}
		if k.vc != (VC{}) {
			w.fail("%s: connection %d released with %v", s.name, a.Conn, k.vc)
		}
		delete(s.socks, a.Conn)
	}
}

func (s *station) event(e Event) {
	s.w.note(s, "%v conn %d", e.Kind, e.Conn)
	s.n.Step(s.w.now, &e)
	s.drain()
}

func (s *station) close(k *sock) {
	if k.closing {
		return
	}
	k.closing = true
	s.event(Event{Kind: Close, Conn: k.id})
}

func (s *station) listen() *sock {
	s.last++
	k := &sock{id: s.last, listener: true}
	s.socks[k.id] = k
	s.event(Event{Kind: Listen, Conn: k.id, Called: s.addr})
	return k
}

func (s *station) call(to *station, edit func(*Event)) *sock {
	s.last++
	k := &sock{id: s.last}
	s.socks[k.id] = k
	e := Event{Kind: Connect, Conn: k.id, Called: to.addr, Calling: s.addr}
	if edit != nil {
		edit(&e)
	}
	s.event(e)
	return k
}
