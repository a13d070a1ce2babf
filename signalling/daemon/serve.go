package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/clip"
)

// DefaultSocket is where the daemon's own socket is unless told.
const DefaultSocket = "/run/cellhub/signalling"

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
	CommandTrace                   // in: TraceFull, TraceLinks or nothing; out: a text for each message, MORE in all, until the connection ends
	CommandRestart                 // in: the number of a port, in digits
	CommandHosts                   // out: JSON, a list of clip.View
	CommandNeighbours              // in: a host's name, and the IP address to begin with; out: JSON, Neighbours
	CommandNeighbour               // in: a host's name, an IP address, and an ATM address; without it the entry goes. Kept in the store
)

// TraceFull is the argument with which CommandTrace gives messages in full: a line for each
// element and each of its fields.
const TraceFull = "full"

// TraceLinks is the argument with which it gives PDUs of SSCOP and ILMI: the port, 1 if it was
// sent and 0 if it came, and the VCI, 16 bits each, and the PDU.
const TraceLinks = "links"

// callsAtOnce is how many calls one answer lists, if they fit in a trailer.
const callsAtOnce = 80

// Calls is an answer to CommandCalls. Next is the number to go on with, 0 at the end.
type Calls struct {
	Calls any
	Next  uint64
}

// neighboursAtOnce is how many neighbours one answer lists.
const neighboursAtOnce = 150

// Neighbours is an answer to CommandNeighbours. Next is the IP address to go on with, "" at the
// end.
type Neighbours struct {
	Neighbours []clip.Entry
	Next       string
}

// Desk is the daemon's own socket: it is there also while no daemon is attached to a hub.
type Desk struct {
	mu sync.Mutex
	d  *Daemon
}

// NewDesk makes a desk without a daemon behind it.
func NewDesk() *Desk { return new(Desk) }

// Use puts a daemon behind the desk, or none.
func (k *Desk) Use(d *Daemon) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.d = d
}

// daemon is the one behind the desk. ENOTCONN: there is none, for there is no hub.
func (k *Desk) daemon() (*Daemon, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.d == nil {
		return nil, syscall.ENOTCONN
	}
	return k.d, nil
}

// breath is how long to wait when no connection can be taken: descriptors have run out.
const breath = 100 * time.Millisecond

// Serve answers control connections, until l is closed. Who may connect, the socket's mode
// decides.
func (k *Desk) Serve(l *control.Listener) {
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(breath)
			continue
		}
		go k.serve(c)
	}
}

func (k *Desk) serve(c *control.Conn) {
	defer c.Close()
	traces := false
	defer func() {
		if d, err := k.daemon(); err == nil && traces {
			_ = d.do(func() { d.untrace(c) }) // or it has ended, and forgotten all
		}
	}()
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
		answer, err := k.answer(&p, c)
		p.CloseFiles()
		switch {
		case errors.Is(err, errFollows):
			traces = true
			continue
		case err != nil:
			answer = control.Packet{}
			answer.Status = control.Status(err)
		}
		answer.Epoch = request.Epoch
		if c.Reply(&request, &answer) != nil {
			return
		}
	}
}

// errFollows: the answers come as there is something to tell.
var errFollows = errors.New("answers follow")

// answer is what a message is answered with.
func (k *Desk) answer(p *control.Packet, c *control.Conn) (a control.Packet, err error) {
	switch {
	case p.Class == control.ClassHub && p.Type == control.HubHello:
		a.SetHub(&control.Hub{A: uint32(syscall.Getpid()), B: control.DefinitionHash})
		return a, nil
	case p.Class == control.ClassMMI && p.Type == control.MMIPath:
		m := p.MMI()
		if m.Name.String() != Module || p.Key != 0 {
			return a, syscall.ENXIO
		}
		a.Key = 1
		a.SetMMI(&m)
		return a, nil
	case p.Class == control.ClassMMI && p.Type == control.MMICmd:
		d, err := k.daemon()
		if err != nil {
			return a, err
		}
		return d.command(p, c)
	}
	return a, syscall.EOPNOTSUPP
}

func (d *Daemon) command(p *control.Packet, c *control.Conn) (a control.Packet, err error) {
	in, err := p.Argument(p.Trailer)
	if err != nil {
		return a, syscall.EINVAL
	}
	m := p.MMI()
	if m.Command == CommandTrace {
		if err := d.do(func() { d.trace(c, p.Header, string(in)) }); err != nil {
			return a, err
		}
		return a, errFollows
	}
	out, err := d.run(m.Command, string(in))
	switch {
	case err != nil:
		return a, err
	case m.Direction&control.DirectionOut == 0:
		out = nil
	case m.Direction == control.DirectionOut && len(out) > int(m.ArgLen):
		return a, syscall.EMSGSIZE
	}
	a.Flags = control.FlagReply
	a.Trailer, err = a.SetCommand(&control.MMI{Command: m.Command, Direction: m.Direction, NameLen: m.NameLen, Name: m.Name}, out)
	return a, err
}

// run carries out a command between two events of the node.
func (d *Daemon) run(command uint16, in string) (out []byte, err error) {
	var value any
	switch command {
	case CommandHosts, CommandNeighbours, CommandNeighbour:
		value, err = d.onHosts(command, strings.Fields(in))
	default:
		if failed := d.do(func() { value, err = d.carry(command, in) }); failed != nil {
			err = failed
		}
	}
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
		return d.calls(from)
	case CommandInterfaces:
		return d.node.Interfaces(), nil
	case CommandRoutes:
		return d.config.Store.Routes()
	case CommandRoute:
		return nil, d.provision(strings.Fields(in))
	case CommandCounters:
		return d.node.Counters(), nil
	case CommandRestart:
		port, err := strconv.ParseUint(in, 10, 16)
		if err != nil {
			return nil, syscall.EINVAL
		}
		is, err := d.node.Restart(d.now(), uint16(port))
		switch {
		case !is:
			return nil, syscall.ENODEV
		case err != nil:
			return nil, fmt.Errorf("%w: %w", syscall.EBUSY, err)
		}
		return nil, nil
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

// calls are as many as fit in an answer: at least one does.
func (d *Daemon) calls(from uint64) (any, error) {
	for most := callsAtOnce; ; most = max(most/4, 1) {
		calls, next := d.node.Calls(from, most)
		text, err := json.Marshal(Calls{calls, next})
		if err != nil || len(text) <= control.MaxTrailer || most == 1 {
			return json.RawMessage(text), err
		}
	}
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
	prefix, err := d.route(words[0], ports)
	if err != nil {
		return errors.Join(syscall.EINVAL, err)
	}
	if err := d.config.Store.SaveRoute(prefix, ports); err != nil {
		return fmt.Errorf("%w: %w", syscall.EIO, err)
	}
	return nil
}
