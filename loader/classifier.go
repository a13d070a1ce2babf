package loader

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
)

// Classifier is a loaded classifier. One goroutine at a time uses it.
type Classifier struct {
	objects bpf.ClassifierObjects
	attachment
}

// NewClassifier loads the classifier and gives it AF_XDP sockets, one for each receive queue in order. They stay the
// caller's, to be closed after the classifier.
func NewClassifier(sockets []int) (*Classifier, error) {
	if len(sockets) > MaxSockets {
		return nil, fmt.Errorf("classifier: %d queues, at most %d", len(sockets), MaxSockets)
	}
	c := &Classifier{}
	if err := bpf.LoadClassifierObjects(&c.objects, nil); err != nil {
		return nil, fmt.Errorf("classifier: %w", whyNotLoaded(err))
	}
	for queue, fd := range sockets {
		if err := c.objects.Sockets.Put(uint32(queue), uint32(fd)); err != nil {
			return nil, errors.Join(fmt.Errorf("classifier: socket of queue %d: %w", queue, err), c.Close())
		}
	}
	return c, nil
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

func isFull(err error) bool { return errors.Is(err, unix.E2BIG) || errors.Is(err, unix.ENOSPC) }

// Close detaches the classifier and lets go of it. A second Close does nothing, nor does one of nil.
func (c *Classifier) Close() error {
	if c == nil {
		return nil
	}
	return errors.Join(c.detach(), c.objects.Close())
}
