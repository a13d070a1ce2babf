package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Module is the name under which the daemon's own socket knows it; it has no key.
const Module = "signalling"

// The daemon's commands, as a module's are: by CMD on a path, or straight to Module.
const (
	CommandCalls      = 128 + iota // in: the number to begin with, in digits; out: JSON, Calls
	CommandInterfaces              // out: JSON, a list of node.Status
	CommandRoutes                  // out: JSON, ports by prefix
	CommandRoute                   // in: a prefix and ports; none removes it. Kept in the store
	CommandCounters                // out: JSON, node.Counters
	CommandClear                   // in: the number of a call, in digits
	CommandTrace                   // out: a line for each message, MORE in all, until the connection ends
)

// callsAtOnce is how many calls one answer lists: they fit in a trailer.
const callsAtOnce = 80

// Calls is an answer to CommandCalls. Next is the number to go on with, 0 at the end.
type Calls struct {
	Calls any
	Next  uint64
}

// Serve answers control connections on a socket of the daemon's own, until l is closed.
// Who may connect, the socket's mode decides.
func (d *Daemon) Serve(l *control.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go d.serve(c)
	}
}

func (d *Daemon) serve(c *control.Conn) {
	defer c.Close()
	for {
		var p control.Packet
		err := c.Recv(&p)
		if fault := control.Fault(0); errors.As(err, &fault) {
			continue
		}
		if err != nil {
			return
		}
		request := p.Header
		answer, follow, err := d.answer(&p, c)
		p.CloseFiles()
		if err != nil {
			answer = control.Packet{}
			answer.Status = control.Status(err)
		}
		answer.Epoch = request.Epoch
		if follow != nil {
			follow(request)
			continue
		}
		if c.Reply(&request, &answer) != nil {
			return
		}
	}
}

// answer is what a message is answered with; follow, if it is not nil, answers itself.
func (d *Daemon) answer(p *control.Packet, c *control.Conn) (a control.Packet, follow func(control.Header), err error) {
	switch {
	case p.Class == control.ClassHub && p.Type == control.HubHello:
		a.SetHub(&control.Hub{A: uint32(syscall.Getpid()), B: control.DefinitionHash})
		return a, nil, nil
	case p.Class == control.ClassMMI && p.Type == control.MMIPath:
		m := p.MMI()
		if name := strings.TrimRight(string(m.Name[:]), "\x00"); name != Module || p.Key != 0 {
			return a, nil, syscall.ENXIO
		}
		a.Key = 1
		a.SetMMI(&m)
		return a, nil, nil
	case p.Class == control.ClassMMI && p.Type == control.MMICmd:
		return d.command(p, c)
	}
	return a, nil, syscall.EOPNOTSUPP
}

func (d *Daemon) command(p *control.Packet, c *control.Conn) (a control.Packet, follow func(control.Header), err error) {
	in, err := p.Argument(p.Trailer)
	if err != nil {
		return a, nil, syscall.EINVAL
	}
	m := p.MMI()
	if m.Command == CommandTrace {
		return a, func(request control.Header) { d.trace(c, request) }, nil
	}
	out, err := d.run(m.Command, string(in))
	if err != nil {
		return a, nil, err
	}
	if len(out) > int(m.ArgLen) && m.Direction&control.DirectionOut != 0 {
		return a, nil, syscall.EMSGSIZE
	}
	a.Flags = control.FlagReply
	a.Trailer, err = a.SetCommand(&control.MMI{Command: m.Command, Direction: m.Direction, NameLen: m.NameLen, Name: m.Name}, out)
	return a, nil, err
}

// run carries out a command between two events of the node.
func (d *Daemon) run(command uint16, in string) (out []byte, err error) {
	done := make(chan struct{})
	var value any
	d.asks <- func() {
		value, err = d.carry(command, in)
		close(done)
	}
	<-done
	if err != nil || value == nil {
		return nil, err
	}
	return json.Marshal(value)
}

func (d *Daemon) carry(command uint16, in string) (any, error) {
	switch command {
	case CommandCalls:
		from, err := strconv.ParseUint("0"+in, 10, 64)
		if err != nil {
			return nil, syscall.EINVAL
		}
		calls, next := d.node.Calls(from, callsAtOnce)
		return Calls{calls, next}, nil
	case CommandInterfaces:
		return d.node.Interfaces(), nil
	case CommandRoutes:
		return d.config.Store.Routes()
	case CommandRoute:
		return nil, d.provision(strings.Fields(in))
	case CommandCounters:
		return d.node.Counters(), nil
	case CommandClear:
		id, err := strconv.ParseUint(in, 10, 64)
		if err != nil {
			return nil, syscall.EINVAL
		}
		if !d.node.Clear(d.now(), id) {
			return nil, syscall.ENOENT
		}
		return nil, nil
	}
	return nil, syscall.EOPNOTSUPP
}

// provision sets a route, and keeps it.
func (d *Daemon) provision(words []string) error {
	if len(words) == 0 {
		return syscall.EINVAL
	}
	var ports []uint16
	for _, w := range words[1:] {
		p, err := strconv.ParseUint(w, 10, 16)
		if err != nil {
			return syscall.EINVAL
		}
		ports = append(ports, uint16(p))
	}
	if err := d.route(words[0], ports); err != nil {
		return errors.Join(syscall.EINVAL, err)
	}
	if err := d.config.Store.SaveRoute(words[0], ports); err != nil {
		return fmt.Errorf("%w: %w", syscall.EIO, err)
	}
	return nil
}
