package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/node"
)

// maxTurn is how many messages of the hub are taken at once: others want their turn.
const maxTurn = 1024

// attachTimeout bounds what is asked one after the other while the daemon attaches.
const attachTimeout = 5 * time.Second

// Config is what a daemon is.
type Config struct {
	Control    string           // the hub's control socket; "" the default
	Name       string           // its own name, for who asks the hub for its managers
	Interfaces []node.Interface // with signalling, whose ports the hub has
	Routes     map[string][]uint16
	Hosts      Hosts // of Classical IP; nil: none
	// Graceful takes over the established calls of a daemon before this one that the hub has
	// held; else they end, as all others.
	Graceful bool
	Store    Store
	Log      *slog.Logger
}

// Daemon is a node at a hub.
type Daemon struct {
	config Config
	conn   *control.Conn
	epoch  uint32
	start  time.Time
	debug  bool // messages are logged

	mu      sync.Mutex // guards what follows, when Run has begun
	ended   bool       // Run has
	failed  error      // why it has to
	node    *node.Node
	timer   *time.Timer
	due     time.Duration     // when it goes off
	tokens  map[uint32]uint32 // of the node, by the seq of what asks the hub
	tracers []*tracer
	faults  uint64           // messages that could not be made or read
	early   []control.Packet // came while the daemon attached
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
	d := newDaemon(c, conn)
	if err := d.attach(); err != nil {
		conn.Close()
		return nil, err
	}
	return d, nil
}

func newDaemon(c Config, conn *control.Conn) *Daemon {
	d := &Daemon{config: c, conn: conn, node: node.New(), start: time.Now(), due: never, tokens: map[uint32]uint32{}}
	d.debug = c.Log != nil && c.Log.Enabled(context.Background(), slog.LevelDebug)
	d.timer = time.AfterFunc(never, d.tick) // turn says when
	return d
}

// Close ends the connection to the hub, which closes what the daemon had switched.
func (d *Daemon) Close() error { return d.conn.Close() }

func (d *Daemon) now() time.Duration { return time.Since(d.start) }

// Run serves until ctx is done, or the hub has gone: then the error is io.EOF or of the
// socket.
func (d *Daemon) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { d.conn.Close() })
	defer stop()
	d.mu.Lock()
	for i := range d.early {
		d.take(&d.early[i])
	}
	d.early = nil
	err := d.turn()
	d.mu.Unlock()
	if err == nil {
		err = d.read()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timer.Stop()
	d.ended = true
	d.endTraces()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case d.failed != nil:
		return d.failed
	}
	return err
}

// read gives the node what the hub sends: all that has come in one turn. What is malformed
// is counted by the connection.
func (d *Daemon) read() error {
	for {
		var p control.Packet
		err := d.conn.Recv(&p)
		d.mu.Lock()
		for n := 0; err == nil || isFault(err); n++ {
			if err == nil {
				d.take(&p)
			}
			if n == maxTurn {
				break
			}
			p = control.Packet{}
			err = d.conn.TryRecv(&p)
		}
		if errors.Is(err, syscall.EAGAIN) || isFault(err) {
			err = nil
		}
		err = errors.Join(err, d.turn())
		d.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

func isFault(err error) bool {
	var fault control.Fault
	return errors.As(err, &fault)
}

// tick is the timer's: it may come early, when what it was set for has been called off.
func (d *Daemon) tick() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return
	}
	d.due = never
	d.node.Tick(d.now())
	d.end(d.turn())
}

// do runs fn between two events of the node. ENOTCONN: the daemon has ended.
func (d *Daemon) do(fn func()) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return syscall.ENOTCONN
	}
	fn()
	d.end(d.turn())
	return nil
}

// end has Run return when something has failed.
func (d *Daemon) end(err error) {
	if err != nil && d.failed == nil {
		d.failed = err
		d.conn.Close()
	}
}

// never is when a timer that does not run is due.
const never = time.Duration(math.MaxInt64)

// turn does what the node wants done, and sets the timer. d.mu is held.
func (d *Daemon) turn() error {
	if err := d.act(); err != nil {
		return err
	}
	if at, ok := d.node.Deadline(); ok && at < d.due {
		d.due = at
		d.timer.Reset(max(0, at-d.now()))
	}
	return nil
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
			d.tracedLink(s.Port, false, ManagementVCI, p.Trailer)
			d.node.ReceiveManagement(d.now(), s.Port, p.Trailer)
		} else {
			d.tracedLink(s.Port, false, SignallingVCI, p.Trailer)
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
	if d.debug {
		d.config.Log.Debug("from the hub", "message", p.String())
	}
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
		if err := d.perform(&a); err != nil {
			return err
		}
	}
	return nil
}

// perform does one thing.
func (d *Daemon) perform(a *node.Action) error {
	switch a.Kind {
	case node.SaveSequence:
		if err := d.config.Store.SaveSequence(a.Port, a.SQ); err != nil {
			return fmt.Errorf("store: %w", err)
		}
		return nil
	case node.Addressed, node.Unaddressed:
		d.config.Log.Info("address", "port", a.Port, "address", a.Called.String(), "registered", a.Kind == node.Addressed)
		return nil
	}
	return d.ask(a)
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
	if p.Class == control.ClassSig {
		d.tracedLink(a.Port, true, p.Sig().VCI, a.Data)
	} else if d.debug {
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
