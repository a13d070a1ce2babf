package server

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/pcb"
	"github.com/cellhub/cellhub/dataplane/region"
)

// Limits.
const (
	MaxClients = 1 << 14 // connections at a time
)

// clientNumbers is where the numbers of clients begin: behind those of the last hub that a
// fabric may have, which a server's fabric has not.
const clientNumbers = MaxHubs << 26

// MaxHubs is how many hubs the fabric of a server may have.
const MaxHubs = 63

// Config is what a server is made of.
type Config struct {
	Fabric *dataplane.Fabric // required; somebody runs it
	Opener Opener            // of ports; nil: there are none
	Relay  Relay             // of cross-connects, beside the hub; nil: there is none
	Access Access
	Log    *slog.Logger // nil: nothing is logged

	// Sockets makes the hub's end of an application's region; broken is told, on the hub, of
	// channels whose rings make no sense. Nil: applications have primitives alone.
	Sockets func(r *region.Region, broken func(number uint32)) (Sockets, error)
	// RegionOctets is the size of an application's first region; 0: region.DefaultOctets.
	RegionOctets int
	// Limits are what each user may have; zero: DefaultLimits.
	Limits Limits
	// Grace is how long connections are held when their manager has gone; 0: not at all.
	Grace time.Duration
	// Patience is in the place of AnswerPatience; 0: that.
	Patience time.Duration
	// Connections is the most of all users together; 0: pcb.MaxConnections.
	Connections int
}

// Server is the hub's end of the control socket. Its methods are for any goroutine.
type Server struct {
	fabric *dataplane.Fabric
	opener Opener
	access Access
	log    *slog.Logger
	epoch  uint32

	mu      sync.Mutex // guards what follows, and is held while topology changes
	changes dataplane.Changes
	bundled bool // changes are those of a bundle
	closed  bool
	clients map[uint32]*client
	leaving map[uint32]bool // numbers whose connections end yet
	last    uint32          // client's number, as given last
	handle  uint64          // of a path, as given last
	names   names
	streams map[dataplane.ProcID]*stream // by the process that OPEN made
	ports   ports
	vcs     vcTable
	events  events
	refused [control.NumFaults]uint64 // of clients that have gone

	relay     Relay            // nil: there is none
	unrelayed map[*vc]struct{} // that it has refused
	unsettled []func()         // what it is to be told when a bundle has been

	sockets      func(*region.Region, func(uint32)) (Sockets, error)
	regionOctets int
	limits       Limits
	begun        time.Time
	patience     time.Duration
	grace        time.Duration
	held         []*cross // in the order in which their grace ends
	table        *pcb.Table
	conns        map[control.ConnID]*conn
	listening    map[address]*conn
	managers     []*client
	users        map[uint32]*usage
	brokenRings  uint64
	stepping     int        // depth of steps of the machine
	exchanges    []crossing // what the exchange has to do when it has come to rest
	graceTimer   *time.Timer

	sig   signalling
	prims map[dataplane.ProcID]*primStream // by their top
	saps  map[dataplane.ProcID]*sapUse     // by their pair

	newsMu sync.Mutex // guards news; taken with s.mu, or alone
	news   []news
	deaf   bool // none is taken any more

	done chan struct{} // closed when the server is
	wait sync.WaitGroup
}

// New makes a server over a fabric. The fabric is the server's to change from then on.
func New(c Config) (*Server, error) {
	if c.Fabric == nil || c.Fabric.Hubs() > MaxHubs {
		return nil, errors.New("server: a fabric of 1 to 63 hubs")
	}
	s := &Server{
		fabric: c.Fabric, changes: c.Fabric.Alone(), opener: c.Opener, relay: c.Relay, unrelayed: map[*vc]struct{}{}, access: c.Access, log: c.Log,
		clients: map[uint32]*client{}, leaving: map[uint32]bool{}, streams: map[dataplane.ProcID]*stream{},
		prims: map[dataplane.ProcID]*primStream{}, saps: map[dataplane.ProcID]*sapUse{}, names: newNames(), ports: newPorts(), vcs: newVCTable(), events: newEvents(), done: make(chan struct{}),
	}
	if err := s.makeTable(c); err != nil {
		return nil, err
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for s.epoch == 0 { // 0 is that of HELLO
		var b [4]byte
		_, _ = rand.Read(b[:])
		s.epoch = binary.BigEndian.Uint32(b[:])
	}
	return s, nil
}

// makeTable makes what connections stand in.
func (s *Server) makeTable(c Config) (err error) {
	s.sockets, s.regionOctets, s.limits, s.begun, s.grace = c.Sockets, c.RegionOctets, c.Limits, time.Now(), c.Grace
	if s.patience = c.Patience; s.patience == 0 {
		s.patience = AnswerPatience
	}
	if s.regionOctets == 0 {
		s.regionOctets = region.DefaultOctets
	}
	if s.limits == (Limits{}) {
		s.limits = DefaultLimits
	}
	if s.limits.Clients == 0 {
		s.limits.Clients = DefaultLimits.Clients
	}
	if c.Connections == 0 {
		c.Connections = pcb.MaxConnections
	}
	s.conns, s.listening, s.users = map[control.ConnID]*conn{}, map[address]*conn{}, map[uint32]*usage{}
	s.table, err = pcb.NewTable(c.Connections, c.Grace)
	return err
}

// Epoch is this server's incarnation: every message but HELLO repeats it.
func (s *Server) Epoch() uint32 { return s.epoch }

// Serve takes connections until the listener is closed, and then gives nil.
func (s *Server) Serve(l *control.Listener) error {
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case errors.Is(err, syscall.ECONNABORTED):
			continue // it has gone before it was taken
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.ENOBUFS):
			s.log.Warn("cannot take a connection", "error", err)
			if !s.breathe() {
				return nil
			}
			continue
		case err != nil:
			return err
		}
		s.take(conn)
	}
}

// take begins a connection; one too many is closed.
func (s *Server) take(conn *control.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.usageOf(conn.Peer().Uid)
	if s.closed || len(s.clients) == MaxClients || u.clients >= s.limits.Clients {
		s.forgetUsage(conn.Peer().Uid)
		s.log.Warn("connection refused", "clients", len(s.clients), "uid", conn.Peer().Uid)
		_ = conn.Close()
		return
	}
	for {
		s.last = (s.last + 1) % MaxClients
		if n := clientNumbers + s.last; s.clients[n] == nil && !s.leaving[n] {
			break
		}
	}
	c := newClient(s, conn, clientNumbers+s.last)
	s.clients[c.id] = c
	u.clients++
	s.wait.Go(c.run)
}

// leave is the end of a connection.
func (s *Server) leave(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, c.id)
	s.leaving[c.id] = true
	c.out.hasAnswered()
	for f, n := range c.conn.Stats().Faults {
		s.refused[f] += n
	}
	s.silence(c)
	s.goodbye(c)
	delete(s.leaving, c.id)
	c.discard()
	s.usageOf(c.conn.Peer().Uid).clients--
	s.forgetUsage(c.conn.Peer().Uid)
}

// Close ends all connections and waits for what they are doing. The fabric and its streams
// stay as they are.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		close(s.done)
	}
	s.closed = true
	for _, c := range s.clients {
		_ = c.conn.Close()
	}
	s.newsMu.Lock()
	s.deaf = true
	s.newsMu.Unlock()
	s.mu.Unlock()
	s.wait.Wait()
}

// Refused counts the messages that could not be read, by fault, of all connections.
func (s *Server) Refused() (n [control.NumFaults]uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = s.refused
	for _, c := range s.clients {
		for f, more := range c.conn.Stats().Faults {
			n[f] += more
		}
	}
	return n
}

// note logs what a client has changed.
func (s *Server) note(c *client, what string, args ...any) {
	if s.log.Enabled(context.Background(), slog.LevelInfo) {
		s.log.With("client", c.name, "uid", c.conn.Peer().Uid).Info(what, args...)
	}
}
