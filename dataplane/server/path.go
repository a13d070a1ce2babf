package server

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
)

// MaxPaths is how many paths one client may have open.
const MaxPaths = 1024

// path is a client's way to a module, by its handle.
type path struct {
	name string
	id   dataplane.ProcID
}

// process finds a module by the name that it was given, or as MODULE#NUMBER. s.mu is held.
func (s *Server) process(name string) (dataplane.ProcID, error) {
	if id := s.names.find(name); id != 0 {
		return id, nil
	}
	module, id, ok := numbered(name)
	if !ok {
		return 0, syscall.ENXIO
	}
	all, err := s.fabric.Stream(id)
	if err != nil || !slices.ContainsFunc(all, func(p dataplane.Process) bool { return p.ID == id && p.Module == module }) {
		return 0, syscall.ENXIO
	}
	return id, nil
}

// openPath is MMI PATH.
func (s *Server) openPath(c *client, in, out *control.Packet) error {
	b := in.MMI()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(c.paths) == MaxPaths {
		return syscall.ENOSPC
	}
	id, err := s.process(b.ModuleName())
	if err != nil {
		return err
	}
	if err := s.fabric.Path(id, in.Key, s.handle+1); err != nil {
		return syscall.ENXIO // whatever it is: a wrong name and a wrong key look alike
	}
	s.handle++
	if c.paths == nil {
		c.paths = map[uint64]path{}
	}
	c.paths[s.handle] = path{b.ModuleName(), id}
	out.Key = s.handle
	return nil
}

// closePath is MMI UNPATH. Its module is not told.
func (s *Server) closePath(c *client, in, _ *control.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := c.paths[in.Key]; !ok {
		return syscall.ENXIO
	}
	delete(c.paths, in.Key)
	return nil
}

// command is MMI CMD: the hub's own, or the module's, which may take its time.
func (s *Server) command(c *client, in, out *control.Packet) error {
	arg, err := in.Argument(in.Trailer)
	if err != nil {
		return err
	}
	s.mu.Lock()
	p, ok := c.paths[in.Key]
	s.mu.Unlock()
	if !ok {
		return syscall.ENXIO
	}
	b := in.MMI()
	var result []byte
	if b.Command < control.FirstModuleCommand {
		result, err = s.hubCommand(p, &b)
	} else {
		var a dataplane.Answer
		a, err = s.fabric.Do(dataplane.Command{Number: control.Type(b.Command), A: p.id, Arg: string(arg), Direction: b.Direction})
		if result = a.Data; err != nil {
			err = errnoOf(err)
		}
	}
	switch {
	case err != nil:
		return err
	case b.Direction&control.DirectionOut == 0:
		result = nil
	case len(result) > int(b.ArgLen):
		return fmt.Errorf("%d octets, and %d may come back: %w", len(result), b.ArgLen, syscall.EMSGSIZE)
	}
	out.Flags |= control.FlagReply // which says which way the argument goes
	out.Trailer, err = out.SetCommand(&b, result)
	return err
}

// hubCommand is one that every module has.
func (s *Server) hubCommand(p path, b *control.MMI) ([]byte, error) {
	if b.Direction != control.DirectionOut {
		return nil, fmt.Errorf("command %d is OUT: %w", b.Command, syscall.EINVAL)
	}
	all, err := s.fabric.Stream(p.id)
	if err != nil {
		return nil, errnoOf(err)
	}
	i := slices.IndexFunc(all, func(o dataplane.Process) bool { return o.ID == p.id })
	var text strings.Builder
	switch control.HubCommand(b.Command) {
	case control.CommandModule:
		fmt.Fprintf(&text, "%s#%d", all[i].Module, p.id)
	case control.CommandCounters:
		counts, err := s.fabric.Counters(p.id)
		if err != nil {
			return nil, errnoOf(err)
		}
		for _, n := range counts[0] {
			fmt.Fprintf(&text, "%s %d\n", n.Name, n.N)
		}
	case control.CommandCommands:
		commands, err := s.fabric.Commands(p.id)
		if err != nil {
			return nil, errnoOf(err)
		}
		for _, c := range commands {
			fmt.Fprintf(&text, "%d %v %d %s\n", c.Number, c.Direction, c.Most, c.Name)
		}
	default:
		return nil, fmt.Errorf("command %d: %w", b.Command, syscall.EOPNOTSUPP)
	}
	return []byte(text.String()), nil
}

// tellPaths describes the paths of all clients, each as MMI PATH. s.mu is held.
func (s *Server) tellPaths() (all []*control.Packet, err error) {
	for _, c := range s.clientsInOrder() {
		for _, handle := range slices.Sorted(maps.Keys(c.paths)) {
			out, b := new(control.Packet), control.MMI{}
			if err := b.SetModuleName(c.paths[handle].name); err != nil {
				return nil, err
			}
			out.Type, out.Src = control.MMIPath, c.id
			out.SetMMI(&b)
			all = append(all, out)
		}
	}
	return all, nil
}
