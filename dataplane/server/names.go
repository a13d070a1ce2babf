package server

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cellhub/cellhub/dataplane"
)

// names is what processes were called when they were made. A port's name stands for its
// carrier.
type names struct {
	process map[string]dataplane.ProcID
	given   map[dataplane.ProcID]string // of those that are no port's
	parts   map[dataplane.ProcID]string // what those of streams were made of: MODULE ARGUMENT
}

func newNames() names {
	return names{map[string]dataplane.ProcID{}, map[dataplane.ProcID]string{}, map[dataplane.ProcID]string{}}
}

func (n *names) find(name string) dataplane.ProcID { return n.process[name] }

func (n *names) set(name string, id dataplane.ProcID) { n.process[name] = id }

// give names a process for as long as it lives.
func (n *names) give(name string, id dataplane.ProcID) {
	if name != "" {
		n.process[name], n.given[id] = id, name
	}
}

func (n *names) drop(name string) { delete(n.process, name) }

// made keeps what a process was made of.
func (n *names) made(id dataplane.ProcID, c dataplane.Command) {
	n.parts[id] = strings.TrimSpace(c.Name + " " + c.Arg)
}

// forget takes the name and the part of a process that has gone.
func (n *names) forget(id dataplane.ProcID) {
	delete(n.parts, id)
	if name, ok := n.given[id]; ok {
		delete(n.given, id)
		delete(n.process, name)
	}
}

// of is what a process is called: the name that it was given, or MODULE#NUMBER.
func (n *names) of(p dataplane.Process) string {
	if name := n.given[p.ID]; name != "" {
		return name
	}
	return fmt.Sprintf("%s#%d", p.Module, p.ID)
}

// numbered reads the number of a name MODULE#NUMBER.
func numbered(name string) (module string, id dataplane.ProcID, ok bool) {
	module, number, ok := strings.Cut(name, "#")
	n, err := strconv.ParseUint(number, 10, 32)
	return module, dataplane.ProcID(n), ok && err == nil && strconv.FormatUint(n, 10) == number
}
