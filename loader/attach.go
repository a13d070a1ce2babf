package loader

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Mode is how an XDP program is attached.
type Mode uint8

// The modes.
const (
	Detached Mode = iota
	Native        // in the interface's driver, before the kernel has made a packet of the frame
	Generic       // behind the driver, for those that have no XDP: works the same, and costs more
)

func (m Mode) String() string { return [...]string{"detached", "native XDP", "generic XDP"}[m] }

// attachment is the classifier on an interface.
type attachment struct {
	link link.Link
	mode Mode
}

// Attach attaches the classifier to the interface of that number: in its driver, or behind it where the driver refuses.
func (c *Classifier) Attach(index int) error {
	if c.link != nil {
		return errors.New("classifier: attached already")
	}
	for _, how := range [...]struct {
		mode  Mode
		flags link.XDPAttachFlags
	}{{Native, link.XDPDriverMode}, {Generic, link.XDPGenericMode}} {
		on, err := link.AttachXDP(link.XDPOptions{Program: c.objects.ClassifyXdp, Interface: index, Flags: how.flags})
		switch {
		case err == nil:
			c.link, c.mode = on, how.mode
			return nil
		case errors.Is(err, unix.EBUSY), errors.Is(err, unix.EEXIST):
			return fmt.Errorf("classifier: %w", ErrOtherProgram)
		case errors.Is(err, unix.EPERM):
			return fmt.Errorf("classifier: %w", ErrNeedCapability)
		case how.mode == Generic:
			return fmt.Errorf("classifier: attach: %w", err)
		}
	}
	return nil
}

// Mode is how the classifier is attached.
func (c *Classifier) Mode() Mode { return c.mode }

func (a *attachment) detach() error {
	if a.link == nil {
		return nil
	}
	on := a.link
	*a = attachment{}
	return on.Close()
}
