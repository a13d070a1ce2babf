package loader

import "github.com/cellhub/cellhub/dataplane/control"

// Running is what a daemon has at the time of reading.
type Running struct {
	Hubs    []uint32 // their numbers, as processes
	Ports   []RunningPort
	Streams []RunningStream
	PVCs    []RunningPVC
	Crosses []RunningCross
}

// RunningPort is an open port.
type RunningPort struct {
	Name, Spec string
	Number     uint16
}

// RunningStream is an open stream, under the name that it was opened with.
type RunningStream struct {
	Name  string
	Parts []RunningPart // from top to bottom
}

// RunningPart is a process of a stream.
type RunningPart struct {
	Number uint32
	Name   string // of its module
	Arg    string // that it was made with
	Hub    int    // that it stands on, counted from 1
}

// RunningCross is a cross-connect, as XCONNECT had it. Its ports are the daemon's numbers.
type RunningCross struct {
	control.ATM
	Far  control.SecondEnd
	Text string
}

// RunningPVC is a permanent VC. Its Port and Receiver are the daemon's numbers.
type RunningPVC struct{ control.ATM }

// Names is what configurations have had, and nothing of how it was: enough to know what is
// theirs when it is wanted no longer. The zero value is none.
type Names struct{ of map[string]bool }

// Add adds what a configuration has.
func (n *Names) Add(c *Config) {
	if n.of == nil {
		n.of = map[string]bool{}
	}
	for i := range c.Ports {
		n.of["port "+c.Ports[i].Name] = true
	}
	for i := range c.Streams {
		n.of["stream "+c.Streams[i].Name] = true
	}
	for i := range c.PVCs {
		n.of["pvc "+c.PVCs[i].String()] = true
	}
	for i := range c.Crosses {
		n.of["cross "+c.Crosses[i].String()] = true
	}
}

func (n Names) has(name string) bool { return n.of[name] }
