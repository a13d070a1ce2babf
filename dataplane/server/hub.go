package server

import (
	"encoding/binary"
	"fmt"
	"strings"
	"syscall"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
)

// stream is one that OPEN has made, known by its first process.
type stream struct {
	id     dataplane.ProcID
	module string
	arg    string
}

// asked reads the hub's command that a message is.
func asked(in *control.Packet) dataplane.Command {
	b := in.Hub()
	return dataplane.Command{
		Number: in.Type, A: dataplane.ProcID(b.A), B: dataplane.ProcID(b.B), Name: b.Name.String(), Arg: textOf(in),
	}
}

// told writes what a command has made into its answer.
func told(out *control.Packet, a dataplane.Answer) {
	b := out.Hub()
	b.A, b.B = uint32(a.Number), uint32(a.Top)
	out.SetHub(&b)
}

// nameOf is the name that a message gives to the process it makes. One with '#' in it would
// be taken for a number.
func (s *Server) nameOf(in *control.Packet) (string, error) {
	value, _ := control.FindTLV(in.Trailer, control.TLVName)
	name := string(value)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case strings.ContainsAny(name, "#\x00"):
		return "", fmt.Errorf("name %q: no # and no zero octet: %w", name, syscall.EINVAL)
	case name != "" && s.names.find(name) != 0:
		return "", fmt.Errorf("%q: a port or a process is called so: %w", name, syscall.EEXIST)
	}
	return name, nil
}

// open is HUB OPEN: of a port, or of a process that is the first of its stream.
func (s *Server) open(c *client, in, out *control.Packet) error {
	cmd := asked(in)
	if cmd.Name == portModule {
		return s.openPort(c, in, out)
	}
	name, err := s.nameOf(in)
	if err != nil {
		return err
	}
	a, err := s.fabric.Do(cmd) // the constructor may take its time
	if err != nil {
		return errnoOf(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if name != "" && s.names.find(name) != 0 { // somebody was faster
		_, _ = s.fabric.Do(dataplane.Command{Number: control.HubClose, A: a.Number})
		return syscall.EEXIST
	}
	s.streams[a.Number] = &stream{id: a.Number, module: cmd.Name, arg: cmd.Arg}
	s.names.give(name, a.Number)
	s.names.made(a.Number, cmd)
	s.note(c, "stream opened", "process", a.Number, "module", cmd.Name, "name", name)
	told(out, a)
	return nil
}

// close is HUB CLOSE: of a port, a stream, or a process of one.
func (s *Server) close(c *client, in, _ *control.Packet) error {
	cmd := asked(in)
	if cmd.Name == portModule {
		return s.closePort(c, in)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ours(cmd.A); err != nil {
		return err
	}
	gone := []dataplane.ProcID{cmd.A}
	if s.streams[cmd.A] != nil {
		gone = gone[:0]
		all, err := s.fabric.Stream(cmd.A)
		if err != nil {
			return errnoOf(err)
		}
		for _, p := range all {
			if s.ours(p.ID) == nil {
				gone = append(gone, p.ID)
			}
		}
	}
	for _, id := range gone {
		if _, err := s.fabric.Do(dataplane.Command{Number: control.HubClose, A: id}); err != nil {
			return errnoOf(err)
		}
		delete(s.streams, id)
		s.names.forget(id)
	}
	s.abandonSAPs()
	s.note(c, "closed", "process", cmd.A)
	return nil
}

// push is HUB PUSH: under a process, towards the network. The hub's own command puts a module
// above the one that it names, which must have somebody above.
func (s *Server) push(c *client, in, out *control.Packet) error {
	cmd := asked(in)
	name, err := s.nameOf(in)
	if err != nil {
		return err
	}
	all, err := s.fabric.Stream(cmd.A)
	if err != nil {
		return errnoOf(err)
	}
	at, place := all[0], 0
	for place = range all {
		if at = all[place]; at.ID == cmd.A {
			break
		}
	}
	var a dataplane.Answer
	if place > 0 {
		cmd.A = all[place-1].ID
		a, err = s.fabric.Do(cmd)
	} else {
		a, err = s.pushLowest(cmd, at)
	}
	if err != nil {
		return errnoOf(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names.give(name, a.Number)
	s.names.made(a.Number, cmd)
	s.announce(a.Number)
	s.note(c, "pushed", "process", a.Number, "module", cmd.Name, "under", at.ID)
	told(out, a)
	return nil
}

// pushLowest opens a module and links it under the lowest process of a stream.
func (s *Server) pushLowest(cmd dataplane.Command, at dataplane.Process) (dataplane.Answer, error) {
	cmd.Number, cmd.B = control.HubOpen, s.fabric.Hub(at.Hub).Number()
	a, err := s.fabric.Do(cmd)
	if err != nil {
		return a, err
	}
	if _, err = s.fabric.Do(dataplane.Command{Number: control.HubLink, A: a.Top, B: at.ID}); err != nil {
		_, _ = s.fabric.Do(dataplane.Command{Number: control.HubClose, A: a.Number})
		return a, err
	}
	all, err := s.fabric.Stream(at.ID)
	if err == nil {
		a.Top = all[len(all)-1].ID
	}
	return a, err
}

// pop is HUB POP.
func (s *Server) pop(c *client, in, out *control.Packet) error {
	id := dataplane.ProcID(in.Hub().A)
	s.mu.Lock()
	first := s.streams[id] != nil
	s.mu.Unlock()
	if first {
		return fmt.Errorf("process %d is what its stream was opened with: %w", id, syscall.EBUSY)
	}
	if err := s.change(c, in, out); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names.forget(id)
	return nil
}

// replace is HUB REPLACE. Another module may stand on the same VC, of which it is told.
func (s *Server) replace(c *client, in, out *control.Packet) error {
	if err := s.change(c, in, out); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := dataplane.ProcID(in.Hub().A)
	cmd := asked(in)
	s.names.made(id, cmd)
	if first := s.streams[id]; first != nil {
		first.module, first.arg = cmd.Name, cmd.Arg
	}
	s.announce(id)
	return nil
}

// link is HUB LINK. What stood on no VC may do so now.
func (s *Server) link(c *client, in, out *control.Packet) error {
	if err := s.change(c, in, out); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.announce(dataplane.ProcID(in.Hub().A))
	return nil
}

// move is HUB MOVE. What ports stand on may move like everything else.
func (s *Server) move(c *client, in, out *control.Packet) error {
	a, err := s.fabric.Do(asked(in))
	if err != nil {
		return errnoOf(err)
	}
	s.note(c, "moved", "process", in.Hub().A, "to", in.Hub().B)
	told(out, a)
	return nil
}

// flush is HUB FLUSH. It changes nothing of the topology, so that the streams of VCs and of applications
// may be flushed, too; the status is how many messages were freed.
func (s *Server) flush(c *client, in, out *control.Packet) error {
	cmd := asked(in)
	if cmd.B > dataplane.ProcID(dataplane.FlushRead|dataplane.FlushWrite) {
		return fmt.Errorf("sides %d: 1 is up, 2 is down: %w", cmd.B, syscall.EINVAL)
	}
	a, err := s.fabric.Do(cmd)
	if err != nil {
		return errnoOf(err)
	}
	freed := binary.BigEndian.Uint32(a.Data)
	s.note(c, "flushed", "process", cmd.A, "messages", freed)
	out.Status = int32(freed)
	return nil
}

// change is a command that the hub has by the same number and fields.
func (s *Server) change(c *client, in, out *control.Packet) error {
	cmd := asked(in)
	s.mu.Lock()
	err := s.ours(cmd.A)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	a, err := s.fabric.Do(cmd)
	if err != nil {
		return errnoOf(err)
	}
	s.note(c, "changed", "command", control.TypeName(control.ClassHub, cmd.Number), "process", cmd.A)
	told(out, a)
	return nil
}

// ours refuses a process that belongs to a port or a VC, whose own messages change it. s.mu
// is held.
func (s *Server) ours(id dataplane.ProcID) error {
	for _, c := range s.ports.carriers {
		if id == c.id || id == c.assoc {
			return fmt.Errorf("process %d is a port's: %w", id, syscall.EBUSY)
		}
	}
	if v := s.vcs.byPair[id]; v != nil {
		return fmt.Errorf("process %d is VC %v's: %w", id, v, syscall.EBUSY)
	}
	return s.clientUses(id)
}

// errnoOf gives the hub's refusal the errno that the hub itself would answer with.
func errnoOf(err error) error { return fmt.Errorf("%w: %w", err, dataplane.Errno(err)) }
