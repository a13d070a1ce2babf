package server

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/pcb"
)

// Limits of VCs.
const (
	MaxVCs = 1 << 20 // of all ports

	vcIndex = 1 << 31 // in the index of a VC's id, which so is no connection's
)

// vcKey is a VC's place.
type vcKey struct{ port, vpi, vci uint16 }

func (k vcKey) String() string { return fmt.Sprintf("%d %d/%d", k.port, k.vpi, k.vci) }

// vc is an association.
type vc struct {
	vcKey
	id    control.ConnID
	body  control.ATM // as ADD has it
	pair  dataplane.ProcID
	on    *port
	cross *cross // it is cross-connected, and has no pair
	leaf  uint32 // of which it is the end, in cross
	terms string // what is reserved for it, and kept; empty: nothing
	merge *merge // whole PDUs of several cross-connects leave by it, and cross is the first of them; nil: of one

	watched bool // its OAM is looked after
	relay   relaying

	owner    *conn       // the application's connection that it is; nil: none
	switched bool        // a call's: it goes with the connection
	cookie   []byte      // the manager's note
	signal   *sigChannel // a manager's own; nil: it is none
}

// vcTable finds VCs by place, id and process.
type vcTable struct {
	byKey  map[vcKey]*vc
	byPair map[dataplane.ProcID]*vc
	slots  []vcSlot // by index of the id
	vacant []uint32
}

type vcSlot struct {
	generation uint32
	vc         *vc
}

func newVCTable() vcTable {
	return vcTable{byKey: map[vcKey]*vc{}, byPair: map[dataplane.ProcID]*vc{}}
}

// enter gives a VC its id.
func (t *vcTable) enter(v *vc) {
	i := uint32(len(t.slots))
	if n := len(t.vacant); n > 0 {
		i = t.vacant[n-1]
		t.vacant = t.vacant[:n-1]
	} else {
		t.slots = append(t.slots, vcSlot{})
	}
	t.slots[i].generation++
	t.slots[i].vc = v
	v.id = control.MakeConnID(t.slots[i].generation, i|vcIndex)
	t.byKey[v.vcKey] = v
	if v.pair != 0 {
		t.byPair[v.pair] = v
	}
}

// leave takes a VC out; its id is stale from then on.
func (t *vcTable) leave(v *vc) {
	i := v.id.Index() &^ vcIndex
	t.slots[i].vc = nil
	if t.slots[i].generation < math.MaxUint32 {
		t.vacant = append(t.vacant, i)
	}
	delete(t.byKey, v.vcKey)
	delete(t.byPair, v.pair)
}

// find is the VC that a message names: by conn, or, without, by its place.
func (t *vcTable) find(in *control.Packet) (*vc, error) {
	b := in.ATM()
	if in.Conn == 0 {
		k := vcKey{b.Port, b.VPI, b.VCI}
		if v := t.byKey[k]; v != nil {
			return v, nil
		}
		return nil, fmt.Errorf("no VC %v: %w", k, syscall.ENOENT)
	}
	i, g := in.Conn.Index()&^vcIndex, in.Conn.Generation()
	switch {
	case in.Conn.Index()&vcIndex == 0 || uint64(i) >= uint64(len(t.slots)) || g == 0 || g > t.slots[i].generation:
		return nil, syscall.ENOTCONN
	case g < t.slots[i].generation || t.slots[i].vc == nil:
		return nil, syscall.ESTALE
	}
	return t.slots[i].vc, nil
}

// findVC is the VC that a message names: its own id, its place, or the connection that has it.
// One at a port of another manager's is not this one's to name.
func (s *Server) findVC(c *client, in *control.Packet) (v *vc, err error) {
	if cn := s.conns[in.Conn]; cn == nil {
		v, err = s.vcs.find(in)
	} else if v = cn.vc; v == nil {
		err = fmt.Errorf("connection %v has no VC: %w", in.Conn, syscall.ENOENT)
	}
	if err != nil {
		return nil, err
	}
	return v, c.mayTouch(v.port)
}

// checkVC refuses what no association can be.
func checkVC(b *control.ATM) error {
	switch {
	case b.VCI == wholePath:
		return fmt.Errorf("VC %d/0: %w", b.VPI, syscall.EINVAL)
	case b.AAL != control.AAL0 && b.AAL != control.AAL5:
		return fmt.Errorf("AAL %v: 0 or 5: %w", b.AAL, syscall.EOPNOTSUPP)
	case b.RxMode == control.RxMeta && b.Receiver != 0:
		return fmt.Errorf("receive mode %v is a manager's: %w", b.RxMode, syscall.EINVAL)
	}
	return nil
}

// addVC is ATM ADD.
func (s *Server) addVC(c *client, in, out *control.Packet) error {
	b := in.ATM()
	if err := checkVC(&b); err != nil {
		return err
	}
	switch {
	case in.Conn != 0:
		return s.addSwitched(c, in, out)
	case c.role == control.RoleManager && b.Receiver == 0:
		return s.addChannel(c, in, out)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.port(uint32(b.Port))
	if err != nil {
		return err
	}
	v := &vc{vcKey: vcKey{b.Port, b.VPI, b.VCI}, body: b, on: p}
	if err := s.vacant(v.vcKey, p); err != nil {
		return err
	}
	if err := s.bundle(func() error { return s.enterVC(v) }); err != nil {
		return err
	}
	s.note(c, "VC added", "vc", v, "receiver", b.Receiver)
	out.Conn = v.id
	out.SetATM(&v.body)
	return nil
}

// ways are the words for VCs of one way.
var ways = map[control.Direction]string{control.DirectionIn: " in", control.DirectionOut: " out"}

// enterVC makes the association of a VC and joins its receiver to it.
func (s *Server) enterVC(v *vc) error {
	p, b := v.on, &v.body
	if b.Direction == control.DirectionNone {
		b.Direction = control.DirectionBoth
	}
	bottom, err := s.bottom(dataplane.ProcID(b.Receiver))
	if err != nil {
		return err
	}
	if failed := s.changes.On(p.carrier.id, func() {
		if err = p.holds(int(b.MaxSDU)); err == nil {
			err = p.carrier.AddVC(p.index, b.VPI, b.VCI)
		}
	}); failed != nil {
		err = failed
	}
	if err != nil {
		return invalid(err)
	}
	a, err := s.changes.Do(dataplane.Command{
		Number: control.HubPair, A: p.carrier.assoc, Arg: fmt.Sprintf("vc 0.%d %d/%d%s", p.index, b.VPI, b.VCI, ways[b.Direction]),
	})
	v.pair = a.Number
	if err == nil && !v.switched {
		err = s.promise(v, pvcTerms(b))
	}
	if err == nil {
		err = s.changes.SetMarks(v.pair, b.Hiwat, b.Lowat)
	}
	if err == nil && bottom != 0 {
		err = s.receive(v, bottom)
	}
	if err != nil {
		s.releaseVC(v)
		return errnoOf(err)
	}
	s.vcs.enter(v)
	p.vcs[v] = struct{}{}
	s.enterRelay(v)
	if bottom != 0 {
		s.started(v)
	}
	s.raiseVC(v, control.EventVCAdded)
	if !p.carries() {
		s.passCarrier(v, false)
	}
	return nil
}

// bottom is the lowest process of a receiver's stream, which must stand on no VC yet.
func (s *Server) bottom(receiver dataplane.ProcID) (dataplane.ProcID, error) {
	if receiver == 0 {
		return 0, nil
	}
	all, err := s.changes.Stream(receiver)
	if err != nil {
		return 0, errnoOf(err)
	}
	if err := s.ours(all[0].ID); err != nil {
		return 0, err
	}
	return all[0].ID, nil
}

// receive joins a stream to a VC, and tells it which one that is.
func (s *Server) receive(v *vc, bottom dataplane.ProcID) error {
	_, err := s.changes.Do(dataplane.Command{Number: control.HubLink, A: v.pair, B: bottom})
	if err == nil {
		_, err = s.changes.Do(dataplane.Command{Number: announceVC, A: v.pair})
	}
	return err
}

// announceVC is the command by which the multiplexor's pair tells its stream the VC.
const announceVC = control.FirstModuleCommand

// announce tells the stream of a process the VC that it stands on, if it does: a module may
// be new in it. s.mu is held.
func (s *Server) announce(id dataplane.ProcID) {
	all, err := s.fabric.Stream(id)
	if err != nil || s.vcs.byPair[all[0].ID] == nil || len(all) < 2 {
		return
	}
	if _, err := s.fabric.Do(dataplane.Command{Number: announceVC, A: all[0].ID}); err != nil {
		s.log.Error("VC", "process", all[0].ID, "error", err)
	}
}

// promise reserves at its port what the contract of a PVC asks for, in the place of what was
// reserved before, and has its pair keep to it. On an error all is as before.
func (s *Server) promise(v *vc, terms string) (err error) {
	if terms == v.terms {
		return nil
	}
	before := v.terms
	if before != "" {
		if err := v.tell(s, control.CarrierRelease, ""); err != nil {
			return err
		}
		v.terms = ""
	}
	again := func(terms string) error {
		if terms == "" {
			return s.keepTo(v, "")
		}
		if err := v.tell(s, control.CarrierAdmit, " %s", terms); err != nil {
			return err
		}
		v.terms = terms
		return s.keepTo(v, terms)
	}
	if err = again(terms); err != nil && before != "" {
		s.ended(v, again(before)) // it was so a moment ago
	}
	return err
}

// keepTo has the pair of a VC hold back what does not conform; empty terms: nothing.
func (s *Server) keepTo(v *vc, terms string) error {
	if carries, isSpec := v.on.spec.(cellSpec); terms != "" && isSpec && !carries.CarriesCells() {
		terms = "sdus " + terms
	}
	_, err := s.changes.Do(dataplane.Command{Number: shapeVC, A: v.pair, Arg: terms})
	return err
}

// shapeVC is the command by which the multiplexor's pair learns the contract of its VC.
const shapeVC = announceVC + 2

// releaseVC undoes what enterVC has done; the stream above stays.
func (s *Server) releaseVC(v *vc) {
	var errs []error
	if v.terms != "" {
		errs = append(errs, v.tell(s, control.CarrierRelease, ""))
		v.terms = ""
	}
	if v.pair != 0 {
		_, err := s.changes.Do(dataplane.Command{Number: control.HubClose, A: v.pair})
		errs = append(errs, err)
	}
	errs = append(errs, s.changes.On(v.on.carrier.id, func() { v.on.carrier.RemoveVC(v.on.index, v.vpi, v.vci) }))
	if err := errors.Join(errs...); err != nil {
		s.log.Error("VC", "vc", v, "error", err)
	}
}

// removeVC ends an association; a connection that it is carries nothing more. s.mu is held.
func (s *Server) removeVC(v *vc) {
	_ = s.bundle(func() error { s.dropVC(v); return nil }) // it logs what fails
}

func (s *Server) dropVC(v *vc) {
	if v.cross != nil {
		s.removeCross(v)
		return
	}
	if cn := v.owner; cn != nil {
		v.owner, cn.vc = nil, nil
		s.tellUser(cn, control.SockClosed, -int32(syscall.ENETDOWN), 0, nil)
		if v.switched { // as if its user had let go: the manager ends the call, and releases it
			_ = s.step(cn, pcb.Close, nil) // refused: it ends already
		}
	}
	if v.signal != nil {
		s.leaveChannel(v.signal)
	}
	s.releaseVC(v)
	s.vcs.leave(v)
	delete(v.on.vcs, v)
	s.leaveRelay(v)
	s.raiseVC(v, control.EventVCGone)
}

// delVC is ATM DEL.
func (s *Server) delVC(c *client, in, _ *control.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cn := s.conns[in.Conn]; cn != nil && cn.vc == nil && cn.pcb.VC { // it has gone with its port
		return s.delSwitched(c, cn)
	}
	v, err := s.findVC(c, in)
	if err != nil {
		return err
	}
	if v.owner != nil {
		return s.delSwitched(c, v.owner)
	}
	s.removeVC(v)
	s.note(c, "VC deleted", "vc", v)
	return nil
}

// queryVC is ATM QUERY.
func (s *Server) queryVC(c *client, in, out *control.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.findVC(c, in)
	if err != nil {
		return err
	}
	s.tellVC(v, out)
	return nil
}

// modifyVC is ATM MODIFY: another contract and other marks. What stands on the VC and what
// it gets stay, and all of it where the port has no room for the contract.
func (s *Server) modifyVC(c *client, in, out *control.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.findVC(c, in)
	if err != nil {
		return err
	}
	if cookie, noted := control.FindTLV(in.Trailer, control.TLVCookie); noted && c.role == control.RoleManager {
		v.cookie = slices.Clone(cookie)
		s.tellVC(v, out)
		out.Type = control.ATMModify
		return nil
	}
	b, is := in.ATM(), &v.body
	if b.Direction == control.DirectionNone {
		b.Direction = is.Direction
	}
	if b.AAL != is.AAL || b.RxMode != is.RxMode || b.MaxSDU != is.MaxSDU || b.Direction != is.Direction && v.pair != 0 {
		return fmt.Errorf("VC %v: AAL, receive mode, direction and longest SDU stay as they were added: %w", v, syscall.EINVAL)
	}
	if v.pair != 0 && !v.switched {
		if err := s.promise(v, pvcTerms(&b)); err != nil {
			return errnoOf(err)
		}
	}
	if err := s.setMarks(v, b.Hiwat, b.Lowat); err != nil {
		return err
	}
	is.Service, is.MBS = b.Service, b.MBS
	is.PCRForward, is.PCRBackward, is.SCRForward, is.SCRBackward = b.PCRForward, b.PCRBackward, b.SCRForward, b.SCRBackward
	s.note(c, "VC modified", "vc", v)
	s.tellVC(v, out)
	out.Type = control.ATMModify
	return nil
}

// flowVC is ATM FLOW: MODIFY of the marks alone.
func (s *Server) flowVC(c *client, in, out *control.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.findVC(c, in)
	if err != nil {
		return err
	}
	b := in.ATM()
	if err := s.setMarks(v, b.Hiwat, b.Lowat); err != nil {
		return err
	}
	s.note(c, "VC's marks set", "vc", v)
	s.tellVC(v, out)
	out.Type = control.ATMFlow
	return nil
}

// setMarks sets the marks of a VC's queue; a cross-connected one has none here.
func (s *Server) setMarks(v *vc, hi, lo uint32) error {
	if v.pair != 0 {
		if err := s.fabric.SetMarks(v.pair, hi, lo); err != nil {
			return errnoOf(err)
		}
	}
	v.body.Hiwat, v.body.Lowat = hi, lo
	return nil
}

// tellVC describes a VC; receiver is the process at the bottom of its stream as it is now.
func (s *Server) tellVC(v *vc, out *control.Packet) {
	then := s.vcThen(v)
	if v.cross == nil {
		then.body.Receiver = uint32(s.fabric.Above([]dataplane.ProcID{v.pair})[0])
	}
	p := then.message()
	out.Type, out.Conn, out.Trailer = p.Type, p.Conn, append(out.Trailer, p.Trailer...)
	out.SetATM(&then.body)
}

// statVC is ATM STATS: the counters of the whole stream of a VC, from the multiplexor up,
// named MODULE.COUNTER.
func (s *Server) statVC(c *client, in, out *control.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.findVC(c, in)
	if err != nil {
		return err
	}
	if v.cross != nil {
		counts, err := s.crossCounts(v)
		if err != nil {
			return errnoOf(err)
		}
		s.tellVC(v, out)
		out.Type = control.ATMStats
		if out.Trailer, err = control.AppendTLV(nil, control.TLVText, []byte(s.whyNotRelayed(v))); err != nil {
			return err
		}
		if out.Trailer, err = appendCounts(out.Trailer, "", counts); err == nil {
			var last lastLoss
			last.look("", counts)
			out.Trailer, err = last.append(out.Trailer)
		}
		return err
	}
	all, err := s.fabric.Stream(v.pair)
	if err != nil {
		return errnoOf(err)
	}
	ids := make([]dataplane.ProcID, 0, len(all))
	for _, p := range all {
		ids = append(ids, p.ID)
	}
	counts, err := s.fabric.Counters(ids...)
	if err != nil {
		return errnoOf(err)
	}
	s.tellVC(v, out)
	out.Type = control.ATMStats
	all[0].Module = "vc"
	var last lastLoss
	for i, n := range counts {
		if out.Trailer, err = appendCounts(out.Trailer, all[i].Module+".", n); err != nil {
			return err
		}
		last.look(all[i].Module+".", n)
	}
	if of, err := s.crossCounts(v); err == nil { // what the port counts of it: its OAM where that is not the stream's
		if out.Trailer, err = appendCounts(out.Trailer, "port.", of); err != nil {
			return err
		}
	}
	out.Trailer, err = last.append(out.Trailer)
	return err
}

// lastLoss is the youngest of what the modules of a VC have dropped.
type lastLoss struct {
	name string
	ago  int64 // nanoseconds; 0: nothing was dropped
}

// look goes through the counters of one module.
func (l *lastLoss) look(of string, counts []dataplane.Count) {
	for _, n := range counts {
		if n.Ago > 0 && (l.ago == 0 || n.Ago < l.ago) {
			l.name, l.ago = of+n.Name, n.Ago
		}
	}
}

// append adds TLV LOSS, if there is something to tell.
func (l *lastLoss) append(trailer []byte) ([]byte, error) {
	if l.ago == 0 {
		return trailer, nil
	}
	return control.AppendLoss(trailer, l.name, uint64(time.Now().UnixNano()-l.ago))
}
