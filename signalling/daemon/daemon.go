package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/node"
)

// MaxInbox is how many messages of the hub wait here; then they wait in the socket.
const MaxInbox = 1024

// attachTimeout bounds what is asked one after the other while the daemon attaches.
const attachTimeout = 5 * time.Second

// Config is what a daemon is.
type Config struct {
	Control    string           // the hub's control socket; "" the default
	Name       string           // its own name, for who asks the hub for its managers
	Interfaces []node.Interface // with signalling, whose ports the hub has
	Routes     map[string][]uint16
	Store      Store
	Log        *slog.Logger
}

// Daemon is a node at a hub.
type Daemon struct {
	config  Config
	conn    *control.Conn
	epoch   uint32
	node    *node.Node
	start   time.Time
	inbox   chan arrival
	asks    chan func()
	ended   chan struct{}     // closed when Run has
	tokens  map[uint32]uint32 // of the node, by the seq of what asks the hub
	tracers []*tracer
	faults  uint64 // messages that could not be made or read
}

// arrival is a message of the hub, or the end of the connection.
type arrival struct {
	p   control.Packet
	err error
}

// New attaches to the hub as the manager of the ports of the configured interfaces, and
// gives the node its interfaces and routes. The error says what is wrong with them, or
// is the hub's: EBUSY, another manager has one of the ports.
func New(c Config) (*Daemon, error) {
	if c.Control == "" {
		c.Control = control.DefaultPath
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	conn, err := control.Dial(c.Control)
	if err != nil {
		return nil, fmt.Errorf("the hub's control socket: %w", err)
	}
	d := &Daemon{config: c, conn: conn, node: node.New(), start: time.Now(),
		inbox: make(chan arrival, MaxInbox), asks: make(chan func()), ended: make(chan struct{}), tokens: map[uint32]uint32{}}
	if err := d.attach(); err != nil {
		conn.Close()
		return nil, err
	}
	return d, nil
}

// Close ends the connection to the hub, which closes what the daemon had switched.
func (d *Daemon) Close() error { return d.conn.Close() }

func (d *Daemon) now() time.Duration { return time.Since(d.start) }

// attach says HELLO, asks for the signalling channels and starts the interfaces.
func (d *Daemon) attach() error {
	if err := d.conn.SetDeadline(time.Now().Add(attachTimeout)); err != nil {
		return err
	}
	if err := d.hello(); err != nil {
		return err
	}
	for i := range d.config.Interfaces {
		if err := d.open(d.config.Interfaces[i]); err != nil {
			return err
		}
	}
	routes, err := d.config.Store.Routes()
	if err != nil {
		return err
	}
	for _, all := range []map[string][]uint16{routes, d.config.Routes} {
		for text, ports := range all {
			if _, err := d.route(text, ports); err != nil {
				return err
			}
		}
	}
	return d.conn.SetDeadline(time.Time{})
}

func (d *Daemon) hello() error {
	var ports []uint16
	for _, i := range d.config.Interfaces {
		ports = append(ports, i.Port)
	}
	name, err := control.MakeName(d.config.Name)
	if err != nil {
		return err
	}
	p := control.Packet{}
	p.Type = control.HubHello
	p.SetHub(&control.Hub{A: uint32(control.RoleManager), B: control.DefinitionHash, Name: name})
	if p.Trailer, err = control.AppendPorts(nil, ports); err != nil {
		return err
	}
	if err := d.conn.Call(&p); err != nil {
		return fmt.Errorf("attaching as manager: %w", err)
	}
	p.CloseFiles()
	d.epoch = p.Epoch
	return nil
}

// open asks the hub for an interface's channels 0/5 and 0/16, and starts its machines.
func (d *Daemon) open(i node.Interface) error {
	vcis := []uint16{SignallingVCI}
	if i.Management != nil {
		vcis = append(vcis, ManagementVCI)
	}
	for _, vci := range vcis {
		p := control.Packet{}
		p.Type, p.Epoch = control.ATMAdd, d.epoch
		p.SetATM(&control.ATM{Port: i.Port, VCI: vci, AAL: control.AAL5})
		if err := d.conn.Call(&p); err != nil {
			return fmt.Errorf("VC 0/%d of port %d: %w", vci, i.Port, err)
		}
	}
	sq, err := d.config.Store.Sequence(i.Port)
	if err != nil {
		return err
	}
	i.Link.LastSQ = sq
	return d.node.AddInterface(d.now(), i)
}

// route gives the node a route, and tells what the prefix is in the one spelling in which
// it is kept.
func (d *Daemon) route(text string, ports []uint16) (string, error) {
	prefix, err := address.ParsePrefix(text)
	if err != nil {
		return "", fmt.Errorf("route %q: %w", text, err)
	}
	d.node.SetRoute(prefix, ports...)
	return prefix.String(), nil
}

// Run serves until ctx is done, or the hub has gone: then the error is io.EOF or of the
// socket.
func (d *Daemon) Run(ctx context.Context) error {
	defer close(d.ended)
	defer d.endTraces()
	go d.read(d.ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if err := d.act(); err != nil {
			return err
		}
		if at, ok := d.node.Deadline(); ok {
			timer.Reset(max(0, at-d.now()))
		} else {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			d.node.Tick(d.now())
		case ask := <-d.asks:
			ask()
		case a := <-d.inbox:
			if a.err != nil {
				return a.err
			}
			d.take(&a.p)
		}
	}
}

// read hands what the hub sends to Run. What is malformed is counted by the connection.
func (d *Daemon) read(done <-chan struct{}) {
	for {
		var a arrival
		a.err = d.conn.Recv(&a.p)
		if fault := control.Fault(0); errors.As(a.err, &fault) {
			continue
		}
		select {
		case d.inbox <- a:
		case <-done:
			return
		}
		if a.err != nil {
			return
		}
	}
}

// take gives the node what the hub has sent.
func (d *Daemon) take(p *control.Packet) {
	p.CloseFiles()
	switch {
	case p.Flags&control.FlagReply != 0:
		if token, asked := d.tokens[p.Seq]; asked {
			delete(d.tokens, p.Seq)
			d.node.Step(d.now(), &node.Event{Kind: node.Reply, Token: token, Status: min(p.Status, 0), Conn: p.Conn})
		}
	case p.Class == control.ClassSig && p.Type == control.SigRX:
		s := p.Sig()
		if s.Kind == control.SigKindILMI {
			d.node.ReceiveManagement(d.now(), s.Port, p.Trailer)
		} else {
			d.node.Receive(d.now(), s.Port, p.Trailer)
		}
	case p.Class == control.ClassSock:
		d.sock(p)
	case p.Class == control.ClassATM && (p.Type == control.ATMPortUp || p.Type == control.ATMPortDown):
		kind := node.Up
		if p.Type == control.ATMPortDown {
			kind = node.Down
		}
		d.node.Step(d.now(), &node.Event{Kind: kind, Port: p.ATM().Port})
	}
}

func (d *Daemon) sock(p *control.Packet) {
	e, err := fromSock(p)
	d.config.Log.Debug("from the hub", "message", p.String())
	if p.Flags&control.FlagNoReply == 0 {
		answer := control.Packet{}
		answer.Status = control.Status(err)
		answer.Epoch = d.epoch
		if d.conn.Reply(&p.Header, &answer) != nil {
			return // the reader sees the connection's end
		}
	}
	if err != nil {
		d.faults++
		d.config.Log.Warn("message of an application", "conn", p.Conn, "err", err)
		return
	}
	d.node.Step(d.now(), &e)
}

// act does what the node wants done.
func (d *Daemon) act() error {
	for _, a := range d.node.Actions() {
		switch a.Kind {
		case node.SaveSequence:
			if err := d.config.Store.SaveSequence(a.Port, a.SQ); err != nil {
				return fmt.Errorf("store: %w", err)
			}
			continue
		case node.Addressed, node.Unaddressed:
			d.config.Log.Info("address", "port", a.Port, "address", a.Called.String(), "registered", a.Kind == node.Addressed)
			continue
		}
		if err := d.ask(&a); err != nil {
			return err
		}
	}
	return nil
}

// ask sends what an action asks the hub for.
func (d *Daemon) ask(a *node.Action) error {
	p, is, err := toPacket(a)
	if err != nil || !is {
		d.faults++
		d.config.Log.Error("message to the hub", "action", a.Kind.String(), "err", err)
		return nil
	}
	p.Epoch = d.epoch
	if p.Class != control.ClassSig {
		d.config.Log.Debug("to the hub", "message", p.String())
	}
	if err := d.conn.Send(&p); err != nil {
		if a.Token != 0 && errors.Is(err, control.ErrOutstanding) { // the node counts it as refused, in its time
			return nil
		}
		return err
	}
	if a.Token != 0 && p.Flags&control.FlagNoReply == 0 {
		d.tokens[p.Seq] = a.Token
	}
	return nil
}
