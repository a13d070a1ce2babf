// Package loader puts the classifier of package bpf into the kernel: loads it, fills its maps, attaches it to an
// interface, and takes it away again.
//
//	c, err := loader.NewClassifier(sockets)      // loaded; AF_XDP sockets, one for each queue
//	err = c.Bind(loader.Wire{Label: 100}, loader.Hub)
//	err = c.Attach(index)                        // native XDP where the driver has it, else generic
//	…
//	err = c.Close()                              // detached before the sockets are closed
package loader
