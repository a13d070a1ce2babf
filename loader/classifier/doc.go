// Package classifier puts the classifier of package bpf into the kernel: loads it, fills its maps, attaches it to
// interfaces, pins it so that it outlives the process, takes over what an earlier process has left, and takes it away.
//
//	c, err := classifier.New(classifier.Config{Sockets: sockets}) // AF_XDP sockets, one for each queue
//	err = c.Bind(classifier.Wire{Interface: index, Label: 100}, classifier.Port{Verdict: classifier.Hub})
//	err = c.Attach(index)                                         // native XDP where the driver has it, else generic
//	…
//	err = c.Close()                                               // detached before the sockets are closed
//
// A connection that is relayed has three entries: the wire that its cells come by (Bind), its own (Connect), and the way
// out (SetOutput), which all connections that leave by a port share. Each is complete before the one that leads to it is
// made, and goes after it.
package classifier
