package loader

import "github.com/cellhub/cellhub/dataplane/control"

// Running is what a daemon has at the time of reading.
type Running struct {
	Ports   []RunningPort
	Streams []RunningStream
	PVCs    []RunningPVC
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
}

// RunningPVC is a permanent VC. Its Port and Receiver are the daemon's numbers.
type RunningPVC struct{ control.ATM }

// holds tells whether a process is one of the stream's.
func (s *RunningStream) holds(process uint32) bool {
	for _, p := range s.Parts {
		if p.Number == process {
			return true
		}
	}
	return false
}
