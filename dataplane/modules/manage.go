package modules

import (
	"encoding/binary"
	"fmt"
	"strings"
	"syscall"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
)

// Commands of modules, for whoever manages them. Text is what a person can read; a switch is
// one octet, 0 or 1; a number is 4 octets, big-endian.

const maxManaged = control.MaxTrailer

// readText is a command that gives text.
func readText(number uint8, name string, text func() string) dataplane.ModuleCommand {
	return dataplane.ModuleCommand{
		Number: number, Name: name, Direction: control.DirectionOut, Most: maxManaged,
		Run: func([]byte) ([]byte, error) { return []byte(text()), nil },
	}
}

// setSwitch is a command that turns something on or off.
func setSwitch(number uint8, name string, set func(on bool) error) dataplane.ModuleCommand {
	return dataplane.ModuleCommand{
		Number: number, Name: name, Direction: control.DirectionIn, Most: 1,
		Run: func(arg []byte) ([]byte, error) {
			if len(arg) != 1 || arg[0] > 1 {
				return nil, fmt.Errorf("%s: one octet, 0 or 1: %w", name, syscall.EINVAL)
			}
			return nil, set(arg[0] == 1)
		},
	}
}

// setNumber is a command that sets a number.
func setNumber(number uint8, name string, set func(uint32) error) dataplane.ModuleCommand {
	return dataplane.ModuleCommand{
		Number: number, Name: name, Direction: control.DirectionIn, Most: 4,
		Run: func(arg []byte) ([]byte, error) {
			if len(arg) != 4 {
				return nil, fmt.Errorf("%s: four octets: %w", name, syscall.EINVAL)
			}
			return nil, set(binary.BigEndian.Uint32(arg))
		},
	}
}

// portList is what a carrier's ports have counted, a line each: the carrier's number of the
// port, the counter, and its value.
func (d *Carrier) portList() string {
	var s strings.Builder
	for _, p := range d.ports {
		if p == nil {
			continue
		}
		for _, n := range d.PortCounts(p.number) {
			fmt.Fprintf(&s, "%d %s %d\n", p.number, n.Name, n.N)
		}
	}
	return s.String()
}
