package server

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
)

// cross is a cross-connect: VC a and the VCs that its cells become. Of both ways there is one
// other end, and its cells become those of a; of one way there may be leaves.
type cross struct {
	a       *vc
	ends    map[uint32]*vc // by leaf; 0 is that of XCONNECT
	bothWay bool
	merge   bool   // it goes to a VC that others go to as well
	text    string // of XCONNECT
	relay   RelayWish
	queued  error         // why its cells need the hub's queues; nil: they don't
	manager *client       // whose call it carries; nil: an administrator's, which stays, or held
	until   time.Duration // until when it is held; 0: it is not
}

// firstLeaf is the end that XCONNECT names.
const firstLeaf = 0

// wholePath is the VCI that stands for all of a VPI in a cross-connect: no VC has it.
const wholePath = 0

// connection names a VC, or a path, as the commands of carriers do.
func (v *vc) connection() string {
	if v.vci == wholePath {
		return fmt.Sprintf("%d %d/*", v.on.index, v.vpi)
	}
	return fmt.Sprintf("%d %d/%d", v.on.index, v.vpi, v.vci)
}

// tell sends a command to the carrier of the VC.
func (v *vc) tell(s *Server, number control.Type, format string, args ...any) error {
	_, err := s.changes.Do(dataplane.Command{Number: number, A: v.on.carrier.id, Arg: v.connection() + fmt.Sprintf(format, args...)})
	if err != nil {
		return fmt.Errorf("VC %v: %w", v, err)
	}
	return nil
}

// way tells how cells become those of v: the end of a Connect or AddLeaf.
func (v *vc) way() string { return fmt.Sprintf(" %d %s", v.on.carrier.id, v.connection()) }

// xconnect is ATM XCONNECT. Direction IN is cells that come from the VC alone, the root of
// leaves; else both ways. VCI 0 at both ends is the whole path. The contract is the body's; the
// words police and shape in TLV TEXT say that it is enforced where cells come in, and kept
// where they leave.
func (s *Server) xconnect(c *client, in, out *control.Packet) error {
	b := in.ATM()
	far, err := secondEnd(in)
	if err != nil {
		return err
	}
	terms, err := readTerms(&b, textOf(in))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x := &cross{ends: map[uint32]*vc{}, bothWay: b.Direction != control.DirectionIn, text: textOf(in), relay: terms.relay, queued: terms.queued()}
	if c.role == control.RoleManager {
		if !c.serves(b.Port) || !c.serves(far.port) {
			return fmt.Errorf("ports %d and %d are not both this manager's: %w", b.Port, far.port, syscall.EPERM)
		}
		x.manager = c
	}
	cookie, noted := control.FindTLV(in.Trailer, control.TLVCookie)
	if claimed, err := s.claim(c, vcKey{b.Port, b.VPI, b.VCI}, far); claimed != nil || err != nil {
		if err == nil {
			if noted {
				claimed.a.cookie = slices.Clone(cookie)
			}
			out.Conn = claimed.a.id
			out.SetATM(&claimed.a.body)
		}
		return err
	}
	if x.merge = terms.merge; x.merge && x.bothWay {
		return fmt.Errorf("merge: one way, and nothing comes back by a merged VC: %w", syscall.EINVAL)
	}
	if x.a, err = s.newEnd(x, vcKey{b.Port, b.VPI, b.VCI}, b); err != nil {
		return err
	}
	end, err := s.farEnd(x, far, b, terms)
	if err != nil {
		return err
	}
	if x.a.vcKey == end.vcKey {
		return fmt.Errorf("%v with itself: %w", x.a, syscall.EINVAL)
	}
	x.ends[firstLeaf], x.a.cookie = end, slices.Clone(cookie)
	if err := s.bundle(func() error { return s.makeCross(x, terms) }); err != nil {
		return invalid(err)
	}
	s.note(c, "cross-connected", "vc", x.a, "with", end, "both", x.bothWay)
	out.Conn = x.a.id
	x.a.body.Direction = control.DirectionIn
	if x.bothWay {
		x.a.body.Direction = control.DirectionBoth
	}
	out.SetATM(&x.a.body)
	return nil
}

func secondEnd(in *control.Packet) (vcKey, error) {
	value, ok := control.FindTLV(in.Trailer, control.TLVSecondEnd)
	if !ok {
		return vcKey{}, fmt.Errorf("no SECOND_END: %w", syscall.EINVAL)
	}
	e, err := control.ParseSecondEnd(value)
	return vcKey{e.Port, e.VPI, e.VCI}, err
}

// newEnd makes a VC of a cross-connect, which nobody may have.
func (s *Server) newEnd(x *cross, k vcKey, body control.ATM) (*vc, error) {
	p, err := s.port(uint32(k.port))
	if err != nil {
		return nil, err
	}
	if err := s.vacant(k, p); err != nil {
		return nil, err
	}
	body.Port, body.VPI, body.VCI, body.Receiver = k.port, k.vpi, k.vci, 0
	return &vc{vcKey: k, body: body, on: p, cross: x}, nil
}

// farEnd is newEnd for where cells leave: a VC that others merge into may be there.
func (s *Server) farEnd(x *cross, k vcKey, body control.ATM, t terms) (*vc, error) {
	if !x.merge {
		return s.newEnd(x, k, body)
	}
	if v := s.vcs.byKey[k]; v != nil && v.merge != nil {
		return v, v.merge.agrees(v, t)
	}
	v, err := s.newEnd(x, k, body)
	if err == nil {
		v.merge = &merge{shape: t.shape, contract: t.forward, inputs: map[*cross]struct{}{}}
	}
	return v, err
}

// vacant refuses a VC that there is, and one of a VPI that is switched: a VPI is switched or
// terminated, never both.
func (s *Server) vacant(k vcKey, p *port) error {
	switch {
	case s.vcs.byKey[k] != nil:
		return fmt.Errorf("VC %v is there already: %w", k, syscall.EEXIST)
	case s.vcs.byKey[vcKey{k.port, k.vpi, wholePath}] != nil:
		return fmt.Errorf("VC %v: its VPI is switched as a whole: %w", k, syscall.EEXIST)
	case len(s.vcs.byKey) >= MaxVCs:
		return fmt.Errorf("more than %d VCs: %w", MaxVCs, syscall.ENOSPC)
	case k.vci != wholePath:
		return nil
	}
	for v := range p.vcs {
		if v.vpi == k.vpi {
			return fmt.Errorf("VC %v is there: VPI %d cannot be switched as a whole: %w", v, k.vpi, syscall.EEXIST)
		}
	}
	return nil
}

// undo is what takes back what has been done, the last first.
type undo []func() error

func (u *undo) add(fn func() error) { *u = append(*u, fn) }

func (u undo) run() {
	for _, fn := range slices.Backward(u) {
		_ = fn() // it has been done, and nobody else has changed it
	}
}

// makeCross reserves where cells leave, and then connects where they come in; all of it or
// nothing.
func (s *Server) makeCross(x *cross, t terms) (err error) {
	var done undo
	defer func() {
		if err != nil {
			done.run()
		}
	}()
	end := x.ends[firstLeaf]
	if end.merge != nil && len(end.merge.inputs) > 0 {
		return s.joinMerge(x, end, t)
	}
	for _, v := range []*vc{x.a, end} {
		if err := s.carry(v); err != nil {
			return err
		}
		done.add(func() error { s.uncarry(v); return nil })
	}
	type way struct {
		from, to *vc
		contract string
	}
	ways := []way{{x.a, end, t.forward}}
	if x.bothWay {
		ways = append(ways, way{end, x.a, t.backward})
	}
	for _, w := range ways {
		if err := w.to.tell(s, control.CarrierReserve, "%s %s", t.shape, w.contract); err != nil {
			return err
		}
		done.add(func() error { return w.to.tell(s, control.CarrierRelease, "") })
	}
	for _, w := range ways {
		if err := w.from.tell(s, control.CarrierConnect, "%s%s", w.to.way(), t.merging()); err != nil {
			return err
		}
		done.add(func() error { return w.from.tell(s, control.CarrierDisconnect, "") })
		if t.police {
			if err := w.from.tell(s, control.CarrierPolice, " %s", w.contract); err != nil {
				return err
			}
		}
	}
	s.enterCross(x.a)
	s.enterCross(end)
	s.enterRelay(x.a)
	s.enterRelay(end)
	if end.merge != nil {
		end.merge.inputs[x] = struct{}{}
	}
	return nil
}

// carry and uncarry tell the port of a VC that it carries it.
func (s *Server) carry(v *vc) (err error) {
	if failed := s.changes.On(v.on.carrier.id, func() {
		if err = v.on.holds(int(v.body.MaxSDU)); err == nil {
			err = v.on.carrier.AddVC(v.on.index, v.vpi, v.vci)
		}
	}); failed != nil {
		return failed
	}
	return err
}

func (s *Server) uncarry(v *vc) {
	if err := s.changes.On(v.on.carrier.id, func() { v.on.carrier.RemoveVC(v.on.index, v.vpi, v.vci) }); err != nil {
		s.log.Error("VC", "vc", v, "error", err)
	}
}

func (s *Server) enterCross(v *vc) {
	s.vcs.enter(v)
	s.raiseVC(v, control.EventVCAdded)
	v.on.vcs[v] = struct{}{}
	s.started(v)
}

// started tells the carrier of a VC that it has a receiver.
func (s *Server) started(v *vc) {
	c, ok := v.on.carrier.Carrier.(Starter)
	if !ok {
		return
	}
	if err := s.changes.On(v.on.carrier.id, func() { c.Started(v.on.index) }); err != nil {
		s.log.Error("VC", "vc", v, "error", err)
	}
}

// removeCross ends a cross-connect, whichever of its VCs goes; of several leaves, one that goes
// goes alone. s.mu is held.
func (s *Server) removeCross(v *vc) {
	x := v.cross
	if x.merge {
		s.removeMerged(v)
		return
	}
	if v != x.a && !x.bothWay && len(x.ends) > 1 {
		for leaf, end := range x.ends {
			if end == v {
				s.removeLeaf(x, leaf)
			}
		}
		return
	}
	s.leaveRelay(x.a)
	for _, end := range x.ends {
		s.leaveRelay(end)
	}
	s.ended(x.a, x.a.tell(s, control.CarrierDisconnect, ""))
	if x.bothWay {
		end := x.ends[firstLeaf]
		s.ended(end, end.tell(s, control.CarrierDisconnect, ""))
		s.ended(x.a, x.a.tell(s, control.CarrierRelease, ""))
	}
	for _, end := range x.ends {
		s.ended(end, end.tell(s, control.CarrierRelease, ""))
		s.leaveCross(end)
	}
	s.leaveCross(x.a)
}

// ended logs what should not be: a cross-connect that could not be taken apart.
func (s *Server) ended(v *vc, err error) {
	if err != nil {
		s.log.Error("cross-connect", "vc", v, "error", err)
	}
}

func (s *Server) leaveCross(v *vc) {
	s.uncarry(v)
	s.vcs.leave(v)
	s.raiseVC(v, control.EventVCGone)
	delete(v.on.vcs, v)
}

// addLeaf is ATM ADDLEAF.
func (s *Server) addLeaf(c *client, in, _ *control.Packet) error {
	leaf, err := leafOf(in)
	if err != nil {
		return err
	}
	far, err := secondEnd(in)
	if err != nil {
		return err
	}
	b := in.ATM()
	terms, err := readTerms(&b, textOf(in))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.root(c, in)
	if err == nil {
		err = c.mayTouch(far.port)
	}
	if err != nil {
		return err
	}
	if x.ends[leaf] != nil {
		return fmt.Errorf("leaf %d is there already: %w", leaf, syscall.EEXIST)
	}
	end, err := s.newEnd(x, far, x.a.body)
	if err != nil {
		return err
	}
	if err := s.bundle(func() error { return s.joinLeaf(x, end, leaf, terms) }); err != nil {
		return invalid(err)
	}
	x.ends[leaf], end.leaf = end, leaf
	s.review(x.a)
	s.note(c, "leaf added", "vc", x.a, "leaf", leaf, "at", end)
	return nil
}

func (s *Server) joinLeaf(x *cross, end *vc, leaf uint32, t terms) error {
	if err := s.carry(end); err != nil {
		return err
	}
	err := end.tell(s, control.CarrierReserve, "%s %s", t.shape, t.forward)
	if err == nil {
		if err = x.a.tell(s, control.CarrierAddLeaf, " %d%s", leaf, end.way()); err == nil {
			s.enterCross(end)
			s.enterRelay(end)
			return nil
		}
		s.ended(end, end.tell(s, control.CarrierRelease, ""))
	}
	s.uncarry(end)
	return err
}

// delLeaf is ATM DELLEAF.
func (s *Server) delLeaf(c *client, in, _ *control.Packet) error {
	leaf, err := leafOf(in)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.root(c, in)
	switch {
	case err != nil:
		return err
	case x.ends[leaf] == nil:
		return fmt.Errorf("no leaf %d: %w", leaf, syscall.ENOENT)
	}
	_ = s.bundle(func() error { s.removeLeaf(x, leaf); return nil }) // it logs what fails
	s.note(c, "leaf deleted", "vc", x.a, "leaf", leaf)
	return nil
}

func (s *Server) removeLeaf(x *cross, leaf uint32) {
	end := x.ends[leaf]
	s.ended(x.a, x.a.tell(s, control.CarrierDropLeaf, " %d", leaf))
	s.ended(end, end.tell(s, control.CarrierRelease, ""))
	s.leaveRelay(end)
	s.leaveCross(end)
	delete(x.ends, leaf)
	s.review(x.a)
}

func leafOf(in *control.Packet) (uint32, error) {
	value, ok := control.FindTLV(in.Trailer, control.TLVLeaf)
	if !ok {
		return 0, fmt.Errorf("no LEAF: %w", syscall.EINVAL)
	}
	l, err := control.ParseLeaf(value)
	return l.ID, err
}

// root is the cross-connect of one way whose first VC a message names.
func (s *Server) root(c *client, in *control.Packet) (*cross, error) {
	v, err := s.findVC(c, in)
	switch {
	case err != nil:
		return nil, err
	case v.cross == nil || v.cross.a != v || v.cross.bothWay || v.cross.merge:
		return nil, fmt.Errorf("VC %v is no root of leaves: %w", v, syscall.EINVAL)
	}
	return v.cross, nil
}

// oam is ATM OAM and LOOPBACK: of a VC whose cells come in, and go on.
func (s *Server) oam(c *client, in *control.Packet, command control.Type) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.findVC(c, in)
	if b := in.ATM(); err != nil && in.Conn == 0 && b.VCI == wholePath && command == control.CarrierOAM { // a path that ends here
		p, failed := s.port(uint32(b.Port))
		if failed != nil {
			return failed
		}
		v, err = &vc{vcKey: vcKey{b.Port, b.VPI, b.VCI}, on: p}, nil
	} else if err == nil && v.cross != nil && v != v.cross.a && !v.cross.bothWay {
		err = fmt.Errorf("VC %v: no cells of it are cross-connected: %w", v, syscall.EOPNOTSUPP)
	}
	if err != nil {
		return err
	}
	words := textOf(in)
	if err := s.tellOAM(v, command, words); err != nil {
		return err
	}
	if command == control.CarrierOAM && v.cross != nil {
		v.watched = words != "off"
		s.review(v)
	}
	s.note(c, "OAM", "vc", v, "words", words)
	return nil
}

// tellOAM has whoever looks after the OAM of a VC do something: the module aal5 of the stream on it, else its carrier.
func (s *Server) tellOAM(v *vc, command control.Type, words string) error {
	if v.cross == nil && v.pair != 0 {
		all, err := s.changes.Stream(v.pair)
		if err != nil {
			return errnoOf(err)
		}
		for _, p := range all {
			if p.Module != "aal5" {
				continue
			}
			number := control.EndOAM
			if command == control.CarrierPing {
				number = control.EndPing
			}
			_, err := s.changes.Do(dataplane.Command{Number: number, A: p.ID, Arg: words})
			return err
		}
	}
	return v.tell(s, command, " %s", words)
}

// crossCounts is what a cross-connect has counted of the cells that came from a VC.
func (s *Server) crossCounts(v *vc) (counts []dataplane.Count, err error) {
	a, err := s.fabric.Do(dataplane.Command{Number: control.CarrierCounts, A: v.on.carrier.id, Arg: v.connection()})
	for line := range strings.Lines(string(a.Data)) {
		var n dataplane.Count
		if read, err := fmt.Sscan(line, &n.Name, &n.N, &n.Ago); read < 2 { // how long ago it rose is of losses alone
			return nil, err
		}
		counts = append(counts, n)
	}
	return s.relayCounts(v, counts), err
}

// tellCross describes a cross-connected VC. SECOND_END is where its cells go, of a root the first
// of its leaves, and of an end where they come from; an end has its LEAF, 0 that of XCONNECT, and
// the VC that XCONNECT had first the words of TEXT, or none.
func (s *Server) tellCross(v *vc, out *control.Packet) {
	b, x := v.body, v.cross
	other := x.a
	b.Direction = control.DirectionOut
	if v == x.a {
		b.Direction = control.DirectionIn
		if leaves := slices.Sorted(maps.Keys(x.ends)); len(leaves) > 0 {
			other = x.ends[leaves[0]]
		}
	}
	if x.bothWay {
		b.Direction = control.DirectionBoth
	}
	out.SetATM(&b)
	t, err := (&control.SecondEnd{Port: other.port, VPI: other.vpi, VCI: other.vci}).Append(nil)
	switch {
	case err != nil:
	case v != x.a:
		t, err = (&control.Leaf{ID: v.leaf}).Append(t)
	default:
		t, err = control.AppendTLV(t, control.TLVText, []byte(x.text))
	}
	if err == nil && len(v.cookie) > 0 {
		t, err = control.AppendTLV(t, control.TLVCookie, v.cookie)
	}
	if err != nil {
		s.log.Error("cross-connect", "vc", v, "error", err)
		return
	}
	out.Trailer = t
}
