package modules

import (
	"fmt"
	"syscall"

	"github.com/cellhub/cellhub/aal"
)

// Class is a priority among the VCs of a port: a cell of a higher class goes before all of
// lower ones. Real-time traffic stands before the rest, and what has a rate before what has none.
type Class uint8

// The classes, the first served first (TM 4.1, 2.4).
const (
	ClassCBR Class = iota
	ClassRealTimeVBR
	ClassVBR
	ClassUBR // UBR, UBR with a minimum, ABR: they share what is left by weight
	Classes
)

var classNames = [Classes]string{"cbr", "rt-vbr", "nrt-vbr", "ubr"}

func (c Class) String() string { return classNames[c] }

// ClassOf is the class of a service category.
func ClassOf(c aal.Category) Class {
	switch c {
	case aal.CBR:
		return ClassCBR
	case aal.RealTimeVBR:
		return ClassRealTimeVBR
	case aal.VBR:
		return ClassVBR
	}
	return ClassUBR
}

// Capacity is what a port can carry and how much of it may be promised.
type Capacity struct {
	Rate   uint32         // cells a second that leave; 0: nobody knows, and nothing is refused
	Most   uint8          // percent of Rate that may be reserved by all classes together; 0: 100
	Shares [Classes]uint8 // percent of Rate that each class may reserve; 0: as much as Most
}

// MaxPercent is all of a port's rate.
const MaxPercent = 100

// ErrAdmission is wrapped by every refusal of connection admission control.
var ErrAdmission error = &refusal{"not admitted", syscall.EBUSY}

func (c *Capacity) check() error {
	for _, n := range append(c.Shares[:], c.Most) {
		if n > MaxPercent {
			return fmt.Errorf("%d percent of a port's rate: at most %d", n, MaxPercent)
		}
	}
	return nil
}

// admission is the connection admission control of one port, outwards (TM 4.1, 5.2): what has
// been promised, and whether one more promise can be kept. A connection reserves its sustained
// rate: the peak of CBR, the SCR of VBR, the MCR of UBR that has one. UBR reserves nothing.
type admission struct {
	Capacity
	reserved [Classes]uint64 // cells a second
}

// reserves is the rate that a contract takes from others.
func reserves(c *aal.Contract) uint64 {
	switch c.Category {
	case aal.CBR:
		return uint64(c.PCR)
	case aal.RealTimeVBR, aal.VBR:
		return uint64(c.SCR)
	case aal.UBRMCR:
		return uint64(c.MCR)
	}
	return 0
}

// admit reserves what a contract asks for, or says why not.
func (a *admission) admit(c *aal.Contract) error {
	class, rate := ClassOf(c.Category), reserves(c)
	if a.Rate == 0 || rate == 0 {
		a.reserved[class] += rate
		return nil
	}
	if c.PCR > a.Rate {
		return fmt.Errorf("%w: a peak of %d cells/s: the port sends %d", ErrAdmission, c.PCR, a.Rate)
	}
	most := a.share(a.Most)
	total := uint64(0)
	for _, n := range a.reserved {
		total += n
	}
	if total+rate > most {
		return fmt.Errorf("%w: %d cells/s: %d of the %d that may be reserved are left", ErrAdmission, rate, left(most, total), most)
	}
	if share := a.share(a.Shares[class]); a.reserved[class]+rate > share {
		return fmt.Errorf("%w: %d cells/s: %d of the %d that %s may reserve are left", ErrAdmission, rate, left(share, a.reserved[class]), share, class)
	}
	a.reserved[class] += rate
	return nil
}

func left(most, taken uint64) uint64 { return most - min(taken, most) }

// share is so many percent of the rate in cells a second.
func (a *admission) share(percent uint8) uint64 {
	if percent == 0 {
		percent = MaxPercent
	}
	return uint64(a.Rate) * uint64(percent) / MaxPercent
}

// release gives back what admit has reserved.
func (a *admission) release(c *aal.Contract) { a.reserved[ClassOf(c.Category)] -= reserves(c) }
