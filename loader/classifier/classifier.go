package classifier

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/bpf"
)

// Refusals.
var (
	// ErrNeedCapability: the kernel lets only some load programs.
	ErrNeedCapability = errors.New("permission denied: needs CAP_BPF and CAP_NET_ADMIN")
	// ErrOtherProgram: an interface has one XDP program.
	ErrOtherProgram = errors.New("another XDP program is on the interface")
	// ErrFull says that a map of the classifier has no room.
	ErrFull = errors.New("the classifier's map is full")
)

// Limits of the classifier's maps.
const (
	MaxWires       = 1 << 16 // bound at a time
	MaxSockets     = 64      // of an interface: one for each queue
	MaxDevices     = 256     // interfaces that relayed frames leave by
	MaxRelayPorts  = 1 << 12 // ports with connections of their own
	MaxConnections = 1 << 20 // with a verdict of their own, at most; DefaultConnections unless told

	DefaultConnections = 1 << 16
)

// Config says what a classifier is to hold; the zero value is one without sockets and pins.
type Config struct {
	Sockets     []int // of AF_XDP, one for each receive queue in order; they stay the caller's, to be closed after the classifier
	Connections int   // with a verdict of their own, at most; 0: DefaultConnections. What has been adopted has its own limit
	Pins        *Pins // where it is pinned, so that it outlives the process; nil: nowhere
}

// Classifier is a loaded classifier on any number of interfaces. One goroutine at a time uses it.
type Classifier struct {
	objects bpf.ClassifierObjects
	on      map[int]*attachment // by interface
	pins    *Pins
	adopted *adopted // what was there before, and has not been asked for yet; nil: nothing
	numbers numbers
}

// New loads the classifier. Where an earlier one is pinned its maps go on to be used, and it stays on its
// interfaces, replaced by this one without losing a frame: see Sweep.
func New(config Config) (*Classifier, error) {
	if len(config.Sockets) > MaxSockets {
		return nil, fmt.Errorf("classifier: %d queues, at most %d", len(config.Sockets), MaxSockets)
	}
	if config.Connections < 0 || config.Connections > MaxConnections {
		return nil, fmt.Errorf("classifier: %d connections: 0 to %d", config.Connections, MaxConnections)
	}
	c := &Classifier{on: map[int]*attachment{}, pins: config.Pins, numbers: numbers{used: map[uint32]bool{}}}
	if err := c.load(config); err != nil {
		return nil, fmt.Errorf("classifier: %w", whyNotLoaded(err))
	}
	for queue, fd := range config.Sockets {
		if err := c.objects.Sockets.Put(uint32(queue), uint32(fd)); err != nil {
			return nil, errors.Join(fmt.Errorf("classifier: socket of queue %d: %w", queue, err), c.Close())
		}
	}
	if err := c.adopt(); err != nil {
		return nil, errors.Join(fmt.Errorf("classifier: what is pinned in %s: %w", c.pins, err), c.Close())
	}
	return c, nil
}

// load loads the program, with the maps that are pinned where they fit it; others are removed.
func (c *Classifier) load(config Config) error {
	spec, err := bpf.LoadClassifier()
	if err != nil {
		return err
	}
	if config.Connections != 0 {
		spec.Maps[bpf.ClassifierMapConnections].MaxEntries = uint32(config.Connections)
	}
	pinned, err := c.pins.maps(spec)
	if err != nil {
		return err
	}
	defer func() {
		for _, m := range pinned {
			_ = m.Close() // the collection has its own descriptors
		}
	}()
	if pinned != nil {
		c.adopted = &adopted{}
	}
	return spec.LoadAndAssign(&c.objects, &ebpf.CollectionOptions{MapReplacements: pinned})
}

// whyNotLoaded makes one line of the kernel's refusal: what the verifier says is many.
func whyNotLoaded(err error) error {
	var verifier *ebpf.VerifierError
	switch {
	case errors.As(err, &verifier) && len(verifier.Log) > 0: // which says EACCES too
		return fmt.Errorf("the kernel refuses it: %v", verifier) // its last line
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return ErrNeedCapability
	}
	return err
}

// noRoom makes one error of what kernels say about a full map.
func noRoom(err error, limit int) error {
	if errors.Is(err, unix.E2BIG) || errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("%w: %d entries", ErrFull, limit)
	}
	return err
}

// Instructions is how many the kernel's verifier has looked at to accept the classifier, of a million at most, and how
// many it has; 0 where the kernel does not tell.
func (c *Classifier) Instructions() (verified uint32, size int) {
	info, err := c.objects.ClassifyXdp.Info()
	if err != nil {
		return 0, 0
	}
	verified, _ = info.VerifiedInstructions()
	if n, err := info.Instructions(); err == nil {
		size = len(n)
	}
	return verified, size
}

// Close detaches the classifier, removes its pins and lets go of it. A second Close does nothing, nor does one of nil.
func (c *Classifier) Close() error {
	if c == nil {
		return nil
	}
	var err error
	for index := range c.on {
		err = errors.Join(err, c.Detach(index))
	}
	return errors.Join(err, c.pins.remove(), c.objects.Close())
}

// Abandon lets go of the classifier and leaves what is pinned at work, for the next one to adopt. Without pins it is Close.
func (c *Classifier) Abandon() error {
	if c == nil || !c.pins.made() {
		return c.Close()
	}
	var err error
	for _, a := range c.on {
		err = errors.Join(err, a.link.Close())
	}
	return errors.Join(err, c.objects.Close())
}
