package server

import (
	"encoding/binary"
	"fmt"
	"slices"
	"syscall"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
)

// MaxSAPs is how many SAPs one stream may have.
const MaxSAPs = 64

// sapUse is a stream on a driver of Ethernet, by the pair that it stands on there.
type sapUse struct {
	driver dataplane.ProcID
	pair   dataplane.ProcID
	saps   []uint64
}

// takeSAPs is the command by which the pair of such a driver learns what its stream is handed.
const takeSAPs = control.FirstModuleCommand

// sapStream finds the driver that a message names by dst, the lowest process of its receiver's stream, and
// how that stands on a driver; nil: not yet. s.mu is held.
func (s *Server) sapStream(c *client, in *control.Packet) (driver, bottom dataplane.ProcID, u *sapUse, err error) {
	driver = dataplane.ProcID(in.Dst)
	if c.role != control.RoleAdmin {
		return 0, 0, nil, fmt.Errorf("drivers of Ethernet are no manager's ports: %w", syscall.EPERM)
	}
	if on := s.streams[driver]; on == nil || on.module != etherModule {
		return 0, 0, nil, fmt.Errorf("dst %d is no driver of Ethernet: cellctl stream open ether NAME: %w", driver, syscall.ENXIO)
	}
	all, err := s.fabric.Stream(dataplane.ProcID(in.ATM().Receiver))
	if err != nil {
		return 0, 0, nil, errnoOf(err)
	}
	return driver, all[0].ID, s.saps[all[0].ID], nil
}

// bindSAP is ATM BINDSAP: frames of a SAP, as an Ethernet driver receives them, go to the receiver's stream,
// and what that sends goes out there.
func (s *Server) bindSAP(c *client, in, _ *control.Packet) (err error) {
	sap := in.ATM().SAP
	s.mu.Lock()
	defer s.mu.Unlock()
	driver, bottom, u, err := s.sapStream(c, in)
	switch {
	case err != nil:
		return err
	case u == nil:
		if u, err = s.standOn(driver, bottom); err != nil {
			return err
		}
	case u.driver != driver:
		return fmt.Errorf("its stream stands on process %d: %w", u.driver, syscall.EBUSY)
	case slices.Contains(u.saps, sap):
		return syscall.EEXIST
	case len(u.saps) == MaxSAPs:
		return fmt.Errorf("more than %d SAPs of one stream: %w", MaxSAPs, syscall.ENOSPC)
	}
	if err := s.setSAPs(u, append(slices.Clone(u.saps), sap)); err != nil {
		s.leaveSAPs(u)
		return err
	}
	s.note(c, "SAP bound", "sap", fmt.Sprintf("%#x", sap), "driver", driver, "receiver", in.ATM().Receiver)
	return nil
}

// standOn puts a stream on a pair of a driver.
func (s *Server) standOn(driver, bottom dataplane.ProcID) (*sapUse, error) {
	if err := s.ours(bottom); err != nil {
		return nil, err
	}
	a, err := s.fabric.Do(dataplane.Command{Number: control.HubPair, A: driver})
	if err != nil {
		return nil, errnoOf(err)
	}
	if err := s.join(a.Number, bottom); err != nil {
		s.mustClose(a.Number)
		return nil, err
	}
	u := &sapUse{driver: driver, pair: a.Number}
	s.saps[u.pair] = u
	return u, nil
}

// setSAPs tells the driver what a stream is handed.
func (s *Server) setSAPs(u *sapUse, saps []uint64) error {
	var list []byte
	for _, sap := range saps {
		list = binary.BigEndian.AppendUint64(list, sap)
	}
	if _, err := s.fabric.Do(dataplane.Command{Number: takeSAPs, A: u.pair, Arg: string(list)}); err != nil {
		return errnoOf(err)
	}
	u.saps = saps
	return nil
}

// leaveSAPs takes a stream that is handed nothing off its driver.
func (s *Server) leaveSAPs(u *sapUse) {
	if len(u.saps) == 0 {
		delete(s.saps, u.pair)
		s.mustClose(u.pair)
	}
}

// unbindSAP is ATM UNBINDSAP. With its last SAP the stream leaves the driver.
func (s *Server) unbindSAP(c *client, in, _ *control.Packet) error {
	sap := in.ATM().SAP
	s.mu.Lock()
	defer s.mu.Unlock()
	driver, _, u, err := s.sapStream(c, in)
	if err != nil {
		return err
	}
	if u == nil || u.driver != driver || !slices.Contains(u.saps, sap) {
		return fmt.Errorf("SAP %#x of that stream: %w", sap, syscall.ENOENT)
	}
	if err := s.setSAPs(u, slices.DeleteFunc(slices.Clone(u.saps), func(o uint64) bool { return o == sap })); err != nil {
		return err
	}
	s.leaveSAPs(u)
	s.note(c, "SAP unbound", "sap", fmt.Sprintf("%#x", sap), "driver", driver)
	return nil
}

// abandonSAPs ends what streams that have been closed were handed. s.mu is held.
func (s *Server) abandonSAPs() {
	for _, u := range s.saps {
		if all, err := s.fabric.Stream(u.pair); err != nil || len(all) < 2 {
			u.saps = nil
			s.leaveSAPs(u)
		}
	}
}

// listSAPs lists them: a is the lowest process of the stream, b the driver, and TEXT the SAP.
func (s *Server) listSAPs() (entries []entry, err error) {
	for _, u := range s.saps {
		all, err := s.fabric.Stream(u.pair)
		if err != nil {
			return nil, errnoOf(err)
		}
		for _, sap := range u.saps {
			e := entry{a: uint32(all[len(all)-1].ID), b: uint32(u.driver), name: s.names.of(all[len(all)-1])}
			if e.trailer, err = control.AppendTLV(nil, control.TLVText, fmt.Appendf(nil, "%d", sap)); err != nil {
				return nil, err
			}
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return slices.Compare(a.trailer, b.trailer) })
	return entries, nil
}
