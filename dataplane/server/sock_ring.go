package server

import (
	"fmt"
	"slices"
	"strconv"
	"syscall"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/region"
)

// channel is a connection's place in its application's region, and its processes.
type channel struct {
	share  *share // of its application's regions, the one that it is in
	place  region.Place
	socket dataplane.ProcID // 0: detached
	aal5   dataplane.ProcID // 0: none
}

// maxSDU is the largest SDU of a connection that says nothing: AAL5's.
const maxSDU = 65535

// openChannel makes a connection's rings, and its socket on nothing yet.
func (s *Server) openChannel(cn *conn, kind region.Kind) (err error) {
	a := cn.client.app
	if a == nil {
		return syscall.ENXIO // it has no regions, or has gone
	}
	most := int(cn.body.MaxSDU)
	if most == 0 {
		most = maxSDU
	}
	shape, err := region.ShapeFor(most)
	if err != nil {
		return err
	}
	if cn.body.AAL == control.AAL0 {
		if most < cellOctets { // a hub that fills it would not come to an end
			return fmt.Errorf("runs of cells of %d octets: a cell has %d: %w", most, cellOctets, syscall.EINVAL)
		}
		kind |= region.Cells
	}
	shape.Kind = kind
	sh, side, place, err := s.alloc(a, shape)
	if err != nil {
		return err
	}
	sh.sockets.Expect(side)
	made, err := s.changes.Do(dataplane.Command{Number: control.HubPair, A: sh.driver, Arg: strconv.FormatUint(uint64(place.Number), 10)})
	if err != nil {
		sh.sockets.Forget(place.Number)
		sh.region.Free(place.Number)
		return errnoOf(err)
	}
	sh.channels[place.Number] = cn
	cn.channel = &channel{share: sh, place: place, socket: made.Number}
	return nil
}

// attach puts a connection's socket on the pair of a VC, with AAL5 between them where SDUs have
// to be made of cells.
func (s *Server) attach(cn *conn, v *vc) (err error) {
	carries, isSpec := v.on.spec.(cellSpec)
	cells := !isSpec || carries.CarriesCells()
	switch {
	case cn.body.AAL != control.AAL0 && cn.body.AAL != control.AAL5:
		return fmt.Errorf("AAL %v: 0 or 5: %w", cn.body.AAL, syscall.EPROTONOSUPPORT)
	case cn.body.AAL == control.AAL0 && !cells:
		return fmt.Errorf("port %d carries no cells: %w", v.port, syscall.EPROTONOSUPPORT)
	}
	if err := s.openChannel(cn, 0); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			s.closeChannel(cn)
		}
	}()
	lower := v.pair
	if cells && cn.body.AAL == control.AAL5 {
		ids, err := s.changes.Build(0, dataplane.Part{Name: "aal5"})
		if err != nil {
			return errnoOf(err)
		}
		cn.channel.aal5 = ids[0]
		if err := s.join(lower, ids[0]); err != nil {
			return err
		}
		lower = ids[0]
	}
	if err := s.join(lower, cn.channel.socket); err != nil {
		return err
	}
	if _, err := s.changes.Do(dataplane.Command{Number: announceVC, A: v.pair}); err != nil {
		return errnoOf(err)
	}
	v.owner, cn.vc = cn, v
	s.started(v)
	return nil
}

// cellSpec is a port that says whether it carries cells; others do.
type cellSpec interface{ CarriesCells() bool }

func (s *Server) join(below, above dataplane.ProcID) error {
	if _, err := s.changes.Do(dataplane.Command{Number: control.HubLink, A: below, B: above}); err != nil {
		return errnoOf(err)
	}
	return nil
}

// unbind takes a connection off its VC, once what the application has sent so far has gone down.
// Its rings stay, to be read; of a call within the host the whole way does, for what is on it.
func (s *Server) unbind(cn *conn) {
	ch := cn.channel
	if ch != nil && ch.socket != 0 {
		if err := s.changes.On(ch.socket, func() { ch.share.sockets.Drain(ch.place.Number) }); err != nil {
			s.log.Error("drain", "connection", cn.id, "error", err)
		}
	}
	if ch != nil && ch.aal5 != 0 {
		s.mustClose(ch.aal5)
		ch.aal5 = 0
	}
	v := cn.vc
	if v == nil {
		return
	}
	cn.vc, v.owner = nil, nil
	switch {
	case v.switched:
		s.removeVC(v)
	case ch != nil && ch.socket != 0: // raw: it stood on the VC itself
		_, _ = s.changes.Do(dataplane.Command{Number: control.HubUnlink, A: v.pair}) // refused: AAL5 was between them
	}
}

// closeChannel is the end of a connection's rings.
func (s *Server) closeChannel(cn *conn) {
	s.unbind(cn)
	ch := cn.channel
	if ch != nil && ch.socket != 0 {
		s.mustClose(ch.socket)
		ch.socket = 0
	}
	s.leavePassage(cn)
	if ch != nil {
		cn.channel = nil
		delete(ch.share.channels, ch.place.Number)
		ch.share.region.Free(ch.place.Number)
	}
}

// has tells whether a process is the connection's.
func (cn *conn) has(id dataplane.ProcID) bool {
	ch, way := cn.channel, cn.crossing
	return ch != nil && (id == ch.socket || id == ch.aal5) || way != nil && slices.Contains(way.ends, id)
}

// has tells whether a process is what the application's regions are made of.
func (a *application) has(id dataplane.ProcID) bool {
	return slices.ContainsFunc(a.shares, func(sh *share) bool { return sh.driver == id })
}

// ring is TLV RING of a connection.
func (ch *channel) ring(trailer []byte) []byte {
	r := control.Ring{Region: uint32(ch.share.number), Size: ch.place.Size, Offset: ch.place.Offset}
	t, err := r.Append(trailer)
	if err != nil {
		return trailer
	}
	return t
}
