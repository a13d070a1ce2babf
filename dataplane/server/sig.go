package server

import (
	"fmt"
	"strconv"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
)

// signalling is the channels whose cells or SDUs go to managers, by SIG, and come from them.
// They meet the hub at one line: who reads it hands what comes to the manager's outbox.
type signalling struct {
	line     *dataplane.Line // nil: nobody has asked for a channel yet
	channels map[dataplane.ProcID]*sigChannel
	byVC     map[vcKey]*sigChannel
	late     uint64 // what came for a channel that had gone
}

// sigChannel is a VC of a manager's own.
type sigChannel struct {
	manager *client
	vc      *vc
	kind    control.SigKind
	top     dataplane.ProcID // the module "signal"
	aal5    dataplane.ProcID // 0: none
	shed    uint64           // what its manager was too slow for
}

// sigKind is what a VC of signalling carries: by its VCI (I.361, 2.2.2; af-ilmi-0065), or,
// where the manager wants the cells, meta-signalling.
func sigKind(b *control.ATM) (control.SigKind, error) {
	switch {
	case b.RxMode == control.RxMeta:
		return control.SigKindMeta, nil
	case b.AAL == control.AAL5 && b.VCI == 5:
		return control.SigKindSAAL, nil
	case b.AAL == control.AAL5 && b.VCI == 16:
		return control.SigKindILMI, nil
	}
	return 0, fmt.Errorf("VC %d/%d by AAL %v: a manager's own are VCI 5 and 16 by AAL5, and RX_META: %w", b.VPI, b.VCI, b.AAL, syscall.EINVAL)
}

// addChannel is ATM ADD by a manager, of a VC that is neither a connection's nor a stream's:
// what comes on it the manager gets as SIG RX.
func (s *Server) addChannel(c *client, in, out *control.Packet) error {
	b := in.ATM()
	kind, err := sigKind(&b)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.port(uint32(b.Port))
	if err != nil {
		return err
	}
	if !c.serves(b.Port) {
		return fmt.Errorf("port %d is not this manager's: %w", b.Port, syscall.EPERM)
	}
	v := &vc{vcKey: vcKey{b.Port, b.VPI, b.VCI}, body: b, on: p}
	if err := s.vacant(v.vcKey, p); err != nil {
		return err
	}
	if err := s.openLine(); err != nil {
		return err
	}
	if err := s.enterVC(v); err != nil {
		return err
	}
	v.signal = &sigChannel{manager: c, vc: v, kind: kind}
	if err := s.enterChannel(v.signal); err != nil {
		s.removeVC(v)
		return err
	}
	out.Conn = v.id
	out.SetATM(&v.body)
	return nil
}

// enterChannel makes the stream of a channel.
func (s *Server) enterChannel(ch *sigChannel) error {
	lower := ch.vc.pair
	carries, isSpec := ch.vc.on.spec.(cellSpec)
	cells := !isSpec || carries.CarriesCells()
	switch {
	case ch.kind == control.SigKindMeta && !cells:
		return fmt.Errorf("port %d carries no cells: %w", ch.vc.port, syscall.EPROTONOSUPPORT)
	case ch.kind != control.SigKindMeta && cells:
		ids, err := s.changes.Build(0, dataplane.Part{Name: "aal5"})
		if err != nil {
			return errnoOf(err)
		}
		ch.aal5 = ids[0]
		if err := s.join(lower, ch.aal5); err != nil {
			return err
		}
		lower = ch.aal5
	}
	ids, err := s.changes.Build(0, dataplane.Part{Name: "signal", Arg: strconv.FormatUint(uint64(s.sig.line.ID()), 10)})
	if err != nil {
		return errnoOf(err)
	}
	ch.top = ids[0]
	s.sig.channels[ch.top], s.sig.byVC[ch.vc.vcKey] = ch, ch
	if err := s.join(lower, ch.top); err != nil {
		return err
	}
	if _, err := s.changes.Do(dataplane.Command{Number: announceVC, A: ch.vc.pair}); err != nil {
		return errnoOf(err)
	}
	return nil
}

// leaveChannel closes the stream of a channel; its VC is the caller's to remove.
func (s *Server) leaveChannel(ch *sigChannel) {
	delete(s.sig.channels, ch.top)
	delete(s.sig.byVC, ch.vc.vcKey)
	for _, id := range []dataplane.ProcID{ch.top, ch.aal5} {
		if id != 0 {
			s.mustClose(id)
		}
	}
}

// closeManaged takes away what was a manager's when it has gone: its channels, and, when there
// is no grace, the cross-connects of its calls.
func (s *Server) closeManaged(c *client) {
	for _, v := range s.vcs.byKey {
		switch {
		case v.signal != nil && v.signal.manager == c:
			s.removeVC(v)
		case v.cross != nil && v.cross.manager == c && v.cross.a == v && s.vcs.byKey[v.vcKey] == v && !s.hold(v.cross):
			s.removeVC(v)
		}
	}
}

// openLine makes the line to the hub, once.
func (s *Server) openLine() (err error) {
	if s.sig.line != nil {
		return nil
	}
	if s.sig.line, err = s.fabric.Hub(0).NewLine(); err != nil {
		return errnoOf(err)
	}
	s.sig.channels, s.sig.byVC = map[dataplane.ProcID]*sigChannel{}, map[vcKey]*sigChannel{}
	s.wait.Go(s.readLine)
	return nil
}

// readLine hands what comes by the line to the managers.
func (s *Server) readLine() {
	for {
		select {
		case <-s.done:
			return
		case <-s.sig.line.Ready():
		}
		for {
			m, data, ok := s.sig.line.Receive()
			if !ok {
				break
			}
			if m.Class == control.ClassEvt {
				s.queueChanged(m.Src, control.EventMask(m.Info))
				continue
			}
			if m.Class == control.ClassPrim {
				s.primSays(m, data)
				continue
			}
			s.received(m.Src, data)
		}
	}
}

// received is what a channel has received: an SDU, or cells.
func (s *Server) received(from dataplane.ProcID, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.sig.channels[from]
	if ch == nil {
		s.sig.late++
		return
	}
	b := control.Sig{Port: ch.vc.port, VPI: ch.vc.vpi, VCI: ch.vc.vci, Kind: ch.kind, NS: uint64(time.Now().UnixNano())}
	if ch.kind != control.SigKindMeta {
		ch.send(&b, data)
		return
	}
	for ; len(data) >= cellOctets; data = data[cellOctets:] {
		b.Header = data[3] & 0xF
		copy(b.Payload[:], data[4:])
		ch.send(&b, nil)
	}
}

// cellOctets is a cell without its HEC.
const cellOctets = 52

// send is SIG RX; the manager gets none that it has no room for.
func (ch *sigChannel) send(b *control.Sig, sdu []byte) {
	p := &control.Packet{Trailer: sdu}
	p.Type, p.Flags = control.SigRX, control.FlagNoReply
	p.SetSig(b)
	if !ch.manager.post(p) {
		ch.shed++
	}
}

// sigTX is SIG TX.
func (s *Server) sigTX(c *client, in, out *control.Packet) error {
	b := in.Sig()
	data := in.Trailer
	out.Trailer = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.sig.byVC[vcKey{b.Port, b.VPI, b.VCI}]
	switch {
	case ch == nil || ch.manager != c:
		return fmt.Errorf("VC %d %d/%d is no channel of this manager's: %w", b.Port, b.VPI, b.VCI, syscall.ENOENT)
	case ch.kind != b.Kind:
		return fmt.Errorf("kind %v on a channel of %v: %w", b.Kind, ch.kind, syscall.EINVAL)
	case ch.kind == control.SigKindMeta:
		header := uint32(b.VPI)<<20 | uint32(b.VCI)<<4 | uint32(b.Header&0xF)
		data = append([]byte{byte(header >> 24), byte(header >> 16), byte(header >> 8), byte(header)}, b.Payload[:]...)
	}
	if !s.sig.line.Send(dataplane.Msg{Type: dataplane.Data, Dst: ch.top}, data) {
		return syscall.ENOBUFS
	}
	return nil
}
