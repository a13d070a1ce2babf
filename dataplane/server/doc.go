// Package server is the hub's end of the control socket: it takes connections, knows who may
// say what, and carries out what the messages of dataplane/control ask for.
//
//	cellctl, loader, applications, managers
//	        │  one SEQPACKET connection each          dataplane/control
//	        ▼
//	conn.go       reads a message, answers it; what the hub begins waits in an outbox
//	roles.go      who may take which role, and say what in it
//	dispatch.go   by class and type
//	  hub.go        HUB: streams and their processes        ─┐
//	  ports.go      HUB OPEN of ports; ATM PORT…             ├─▶ dataplane.Fabric, by the same numbers
//	  pvc.go        ATM: associations of PVCs               ─┘
//	  list.go       LIST and RESYNC
//	  sock.go       SOCK and PRIM: applications
//
// A connection has one goroutine, which reads a message, carries it out and sends the answer
// before it reads the next: a client that does not read its answers is not listened to. No
// hub ever touches a socket: hubs are asked by dataplane.Fabric, and what they have to tell
// comes by channels that they never wait for.
//
// The package knows no device and no module: an [Opener] reads specifications of ports and
// opens what they stand on.
package server
