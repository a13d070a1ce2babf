package dataplane

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Module is the code of a process: what streamtab and qinit are to STREAMS. All of
// it runs to completion on the hub's goroutine and must not block.
type Module struct {
	Name string

	// ReadPut takes messages on their way up, WritePut those on their way down. Each
	// forwards, queues or frees the message, exactly one of them. Nil forwards.
	ReadPut, WritePut func(q *Queue, m Msg)
	// The services run for messages that put has queued. Nil: the side never queues,
	// and flow control looks past it.
	ReadService, WriteService func(q *Queue)
	// Open is called with the read queue before the pair is linked: there the module
	// learns its hub and its number. An error refuses it. Close is called when the pair
	// has left its stream; the hub frees what is still queued.
	Open  func(q *Queue) error
	Close func(q *Queue)
	// Discard undoes the constructor, when the module is not opened or Open refuses it.
	Discard func()
	// Leave and Arrive let a pair move to another hub: Leave on the old one stops timers
	// and the like, or refuses; Arrive on the new one, or after somebody else's refusal
	// on the old one, goes on with q.Hub(). Whoever has no Arrive stays where it is.
	Leave  func() error
	Arrive func(q *Queue)
	// Pair gives the code of another pair of the same process, for a multiplexor that
	// grows by command. Nil: it does not.
	Pair func(arg string) (Module, error)
	// Poller is a driver's side towards its device. Queue.Watch says when it is to be
	// called; a driver that watches nothing is polled every pass.
	Poller Poller
	// Counters gives the counters in a fixed order, on the hub.
	Counters func() []Count
	// Ptr is the module itself, for others of its hub that know what it is: see Queue.Ptr.
	Ptr any
	// Commands are the module's own, for whoever manages it: Key opens a path to it, and
	// Path, which may be nil, is told on the hub when that has been done, under which handle.
	Commands []ModuleCommand
	Key      uint64
	Path     func(handle uint64)
	// HiWat and LoWat are the water marks in octets; 0 takes the defaults.
	HiWat, LoWat int
}

// Poller is a driver's side towards its device, called by the hub.
type Poller interface {
	// Poll takes what waits at the device, at most a batch, and puts it up the
	// stream; it returns how many messages that were.
	Poll() int
	// Send hands what the pass has collected to the device, in one call of the kernel
	// where the device allows. It is called at the end of a pass in which the driver has
	// asked for it (Queue.AskSend), or its descriptor has become ready.
	Send()
}

// Count is one counter of a module under its name. Names are stable: they appear
// in summaries and in what machines read.
type Count struct {
	Name string
	N    uint64
	Ago  int64 // of what a module has dropped last, by this cause: nanoseconds since; 0: it was another, or nobody keeps it
}

// ModuleCommand is a command of a module's own, to read it or to set it.
type ModuleCommand struct {
	Number    uint8  // control.FirstModuleCommand and above
	Name      string // for people: one word
	Direction control.Direction
	Most      int  // octets of argument and of result
	Stops     bool // the fabric stands still meanwhile
	// Blocks says that it may take its time: it runs on the goroutine of whoever asks, off
	// the hubs, whose state it must not touch; and it cannot be asked for by message.
	Blocks bool
	// Run carries it out. Nil: the command is refused.
	Run func(arg []byte) (result []byte, err error)
}

// run checks a command against what its module says of it, and carries it out.
func (c *ModuleCommand) run(arg []byte) ([]byte, error) {
	if c.Run == nil {
		return nil, fmt.Errorf("command %d: %w", c.Number, syscall.EOPNOTSUPP)
	}
	if len(arg) > 0 && c.Direction&control.DirectionIn == 0 || len(arg) > c.Most {
		return nil, fmt.Errorf("command %d with %d octets: %w", c.Number, len(arg), syscall.EINVAL)
	}
	result, err := c.Run(arg)
	if len(result) > c.Most || c.Direction&control.DirectionOut == 0 {
		result = nil
	}
	return result, err
}

// code is what a pair keeps of its module: puts and services are its queues', the poller its driver's.
type code struct {
	Name     string
	Close    func(q *Queue)
	Leave    func() error
	Arrive   func(q *Queue)
	Pair     func(arg string) (Module, error)
	Counters func() []Count
	extra    *extra // never nil
}

// extra is what few modules have.
type extra struct {
	commands []ModuleCommand
	ptr      any
	key      uint64
	path     func(handle uint64)
}

var noExtra extra

func (m *Module) code() code {
	c := code{Name: m.Name, Close: m.Close, Leave: m.Leave, Arrive: m.Arrive, Pair: m.Pair, Counters: m.Counters, extra: &noExtra}
	if len(m.Commands) > 0 || m.Ptr != nil || m.Key != 0 || m.Path != nil {
		c.extra = &extra{m.Commands, m.Ptr, m.Key, m.Path}
	}
	return c
}

func (m *code) command(number control.Type) (*ModuleCommand, error) {
	i := slices.IndexFunc(m.extra.commands, func(c ModuleCommand) bool { return control.Type(c.Number) == number })
	if i < 0 {
		return nil, fmt.Errorf("%w: %s has no command %d: %w", ErrHub, m.Name, number, syscall.EINVAL)
	}
	return &m.extra.commands[i], nil
}

// Constructor makes a module of a text argument. It runs off the hubs and may take its
// time: it opens devices and files. What it has opened is closed by Discard or Close.
type Constructor func(arg string) (Module, error)

// Limits of a registry.
const (
	MaxModuleName = 32
	MaxRegistered = 256
)

// Registry finds constructors by name. It is filled before the fabric is used.
type Registry struct {
	constructors map[string]Constructor
	autopush     map[string][]Part
}

// Part is a module of a stream by its name and argument. In a list that says how a stream
// is built, an empty name stands for another pair of the process before it.
type Part struct {
	Name, Arg string
	Module    *Module // made already: no constructor is asked
}

// Names gives what is registered, in order.
func (r *Registry) Names() []string { return slices.Sorted(maps.Keys(r.constructors)) }

// ErrUnknown refuses a name that is not registered.
var ErrUnknown = errors.New("no such module")

// Add registers a module; one that was registered under the name before gives way.
func (r *Registry) Add(name string, c Constructor) error {
	switch {
	case name == "" || len(name) > MaxModuleName:
		return fmt.Errorf("%w: module name %q: 1 to %d octets", ErrHub, name, MaxModuleName)
	case len(r.constructors) == MaxRegistered:
		return fmt.Errorf("%w: more than %d modules", ErrHub, MaxRegistered)
	}
	if r.constructors == nil {
		r.constructors = map[string]Constructor{}
	}
	r.constructors[name] = c
	return nil
}

// Autopush has modules pushed, the first one lowest, on every process that is opened of
// name. They stand above it, under whatever is linked there.
func (r *Registry) Autopush(name string, above ...Part) {
	if r.autopush == nil {
		r.autopush = map[string][]Part{}
	}
	r.autopush[name] = above
}

// Check makes a module and discards it: what is wrong with an argument. It is for modules
// that open nothing.
func (r *Registry) Check(name, arg string) error {
	m, err := r.construct(Part{Name: name, Arg: arg})
	if err == nil {
		m.discard()
	}
	return err
}

// construct makes a module by name.
func (r *Registry) construct(p Part) (Module, error) {
	if p.Module != nil {
		return *p.Module, nil
	}
	c := r.constructors[p.Name]
	if c == nil {
		return Module{}, fmt.Errorf("%w: %q: %w", ErrHub, p.Name, ErrUnknown)
	}
	return c(p.Arg)
}

func (m *Module) discard() {
	if m.Discard != nil {
		m.Discard()
	}
}
