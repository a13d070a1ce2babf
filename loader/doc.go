// Package loader turns a configuration file into ports, streams and PVCs of the daemon:
//
//	YAML ──Parse──▶ Config ──Plan──▶ Steps ──Apply──▶ control messages ──▶ daemon
//	                            ▲                                            │
//	                            └──────────── Running ◀──────Read────────────┘
//
// Parse is strict: a key that it does not know, a name that does not exist, a number out
// of range are Faults, each with its line and column. Plan compares what a file wants
// with what runs, and gives the steps from one to the other in an order that works;
// what a file does not change, no step touches, and what somebody else has made is left
// alone. Apply sends the steps over a connection with the role ADMIN, like any other
// client, and ties what the daemon refuses to the line that asked for it.
//
// The package knows nothing of modules, devices and users: Rules are how the program says
// what of those there is.
package loader
