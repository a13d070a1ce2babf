package classifier

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

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
	Adopted       // as an earlier process has attached it
)

func (m Mode) String() string {
	return [...]string{"detached", "native XDP", "generic XDP", "XDP, adopted"}[m]
}

// attachment is the classifier on an interface.
type attachment struct {
	link   link.Link
	mode   Mode
	wanted bool // Attach has been called since it was adopted
}

// Attach attaches the classifier to the interface of that number: in its driver, or behind it where the driver refuses.
// Again it does nothing.
func (c *Classifier) Attach(index int) error {
	if a := c.on[index]; a != nil {
		a.wanted = true
		return nil
	}
	for _, how := range [...]struct {
		mode  Mode
		flags link.XDPAttachFlags
	}{{Native, link.XDPDriverMode}, {Generic, link.XDPGenericMode}} {
		on, err := link.AttachXDP(link.XDPOptions{Program: c.objects.ClassifyXdp, Interface: index, Flags: how.flags})
		switch {
		case err == nil:
			return c.attached(index, &attachment{on, how.mode, true})
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

// attached pins a link, when there are pins.
func (c *Classifier) attached(index int, a *attachment) error {
	if err := c.pins.add(c, index, a.link); err != nil {
		return errors.Join(fmt.Errorf("classifier: %w", err), a.link.Close())
	}
	c.on[index] = a
	return nil
}

// Detach takes the classifier off an interface; where it is not, it does nothing.
func (c *Classifier) Detach(index int) error {
	a := c.on[index]
	if a == nil {
		return nil
	}
	delete(c.on, index)
	var err error
	if c.pins.made() {
		if err = a.link.Unpin(); errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	}
	if err = errors.Join(err, a.link.Close()); len(c.on) == 0 {
		err = errors.Join(err, c.pins.remove()) // the maps alone are of use to nobody
	}
	return err
}

// Interfaces are those that the classifier is on.
func (c *Classifier) Interfaces() []int { return slices.Sorted(maps.Keys(c.on)) }

// Mode is how the classifier is attached to an interface.
func (c *Classifier) Mode(index int) Mode {
	if a := c.on[index]; a != nil {
		return a.mode
	}
	return Detached
}
