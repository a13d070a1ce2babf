package nic

import "fmt"

// GSO says whether a device takes super-frames from the kernel and gives it such: many frames of one flow in one
// call. What leaves and what the caller sees are the same octets with it and without.
type GSO int

// The choices, as --gso has them.
const (
	GSOAuto GSO = iota // the kinds that a self-test has shown to work, at start, through the device itself
	GSOOn              // all kinds that the kernel takes, untested
	GSOOff             // none
)

var gsoNames = [...]string{GSOAuto: "auto", GSOOn: "on", GSOOff: "off"}

// ParseGSO reads auto, on or off.
func ParseGSO(text string) (GSO, error) {
	for g, name := range gsoNames {
		if name == text {
			return GSO(g), nil
		}
	}
	return 0, fmt.Errorf("%q: auto, on or off", text)
}

func (g GSO) String() string { return gsoNames[g] }

// Set and Type make a GSO the value of a flag.

// Set is ParseGSO.
func (g *GSO) Set(text string) (err error) {
	*g, err = ParseGSO(text)
	return err
}

// Type is the value's name in a manual.
func (g *GSO) Type() string { return "auto|on|off" }

// Degrader is a device with super-frames, which may give up some while it runs: the kernel has refused one whose frames
// it then took one by one.
type Degrader interface {
	// Degraded says what was given up since the device was opened, and why, in one line; empty: nothing. It is for
	// the device's own goroutine.
	Degraded() string
}
