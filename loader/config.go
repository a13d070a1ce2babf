package loader

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Limits of a configuration.
const (
	MaxFile    = 1 << 24 // octets of a file
	MaxName    = 31      // octets of the name of a port or a stream
	MaxHubs    = 63
	MaxModules = 32   // of a stream, its top not counted
	maxText    = 4096 // octets of a specification or a module with its argument
	maxVPI     = 4095
	maxPort    = 65535
)

// Config is what a configuration file says, checked. Its lists are in the order of the
// file.
type Config struct {
	Control Control
	Access  []Access // at most one a role
	Hubs    int      // 0: the daemon's choice
	Sockets Sockets
	Blocks  Blocks
	Relay   Relay
	// Captures are the folders that captures may be written to, besides those of the daemon's choice.
	Captures []string

	QoS     []QoS
	Ports   []Port
	Streams []Stream
	PVCs    []PVC
	Crosses []Cross
}

// Control is where the daemon listens.
type Control struct {
	Path  string      // of the socket; empty: the daemon's choice
	Mode  fs.FileMode // of the socket; 0: the daemon's choice
	Group string      // of the socket; empty: the daemon's own
	At    Position
}

// Access says who may declare a role.
type Access struct {
	Role   control.Role
	Users  []string // names or numbers
	Groups []string
	At     Position
}

// Port is a pseudowire or another link that VCs belong to.
type Port struct {
	Name   string
	Spec   string // in the grammar of ports
	Number uint16 // by which VCs name it; 0: the lowest free one
	At     Position
}

// Stream is what stands on a VC: a driver or a stream head, and the modules below it.
type Stream struct {
	Name    string
	Top     Part
	Modules []Part // from top to bottom
	Hub     int    // that it stands on, counted from 1; 0: wherever it stands
	At      Position
}

// Part is a module by its name and its argument.
type Part struct {
	Name, Arg string
	At        Position
}

// String gives the part as a file has it.
func (p Part) String() string { return strings.TrimSpace(p.Name + " " + p.Arg) }

// PVC is a permanent VC.
type PVC struct {
	Port   string // name of its port
	Stream string // name of the stream on it; empty: an application may bind it
	// ATM is its contract. Port and Receiver are numbers that the daemon gives, and 0 here.
	control.ATM
	At Position
}

// VC gives "VPI/VCI".
func (p *PVC) VC() string { return vcText(p.VPI, p.VCI) }

// String names the PVC: "PORT VPI/VCI".
func (p *PVC) String() string { return p.Port + " " + p.VC() }

func vcText(vpi, vci uint16) string { return fmt.Sprintf("%d/%d", vpi, vci) }

// Rules are what the program that reads a file knows and this package does not. A nil
// rule takes anything.
type Rules struct {
	Spec    func(text string) (Spec, error) // reads a port's specification
	Modules map[string]Module               // those that a stream may consist of, by name
	User    func(name string) error         // whether there is such a user
	Group   func(name string) error         // whether there is such a group
	QoS     []string                        // the tables that are there without a file
}

// Spec is what is known of a port.
type Spec struct {
	Key    string                                 // of two ports with one key each would take the other's cells
	SDUs   bool                                   // it carries AAL5 SDUs, and no cells
	QoS    string                                 // the table that it names; empty: none
	Refuse func(vpi, vci uint16, path bool) error // why it does not carry a VC, or a whole VP; nil: it carries any
}

// Module is what is known of a module.
type Module struct {
	SDUs  bool                    // what it takes and gives are SDUs or frames, no cells
	Cells bool                    // it makes cells of SDUs and the other way
	Top   bool                    // it is the top of a stream, and nothing else
	VC    bool                    // its argument begins with VPI/VCI: the stream's, unless written
	Check func(arg string) error  // what is wrong with an argument; nil: any
	Kind  func(arg string) string // what it carries, which all of a stream must agree on; nil: anything
}
