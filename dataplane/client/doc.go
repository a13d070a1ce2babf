// Package client is sockets for ATM: connections over permanent VCs and switched ones as net.Conn and
// net.Listener, in any program on a host where cellhubd runs.
//
//	hub, err := client.Open("")                                      // cellhubd, at its usual place
//	conn, err := hub.Dial(ctx, "pvc://dslam/0/100", nil)             // a permanent VC of port dslam
//	conn, err := hub.Dial(ctx, "svc://47000580ffe1…aa00?sap=7", nil) // a call
//	l, err := hub.Listen(ctx, "svc://47000580ffe1…aa00", nil)        // calls
//	n, err := conn.Write(sdu)                                        // one SDU
//	n, err := conn.Read(buf)                                         // one SDU, never parts of two
//
// # How it works
//
//	Conn.Write ─▶ ring in shared memory ─▶ hub ─▶ AAL5 ─▶ port            no system call
//	Conn.Read  ◀─ ring in shared memory ◀─ hub ◀─ AAL5 ◀─ port            while the other side is awake
//	Dial, Listen, Close …  ─▶ control socket ─▶ hub ─▶ signalling manager
//
// The hub makes regions for the process (package region), one, and another when that is full; each
// connection has a channel of one. Control
// messages go over one SEQPACKET socket (package control). One goroutine hears of data, one of messages:
// so a program may have 100,000 connections, and those that are silent cost nothing.
//
// Who waits arms a flag in shared memory, and is told through the region's doorbell and, if the process
// sleeps, by its pipe. With Config.Spin it looks for a while before it sleeps.
//
// # What is as elsewhere, and what is not
//
// A Conn keeps SDU boundaries: a Read with too small a buffer takes nothing and says io.ErrShortBuffer.
// Deadlines are those of net.Conn. A network sheds what is too much for it or for the reader: a PVC has no
// flow control from end to end, but Write waits while the hub has no room. A call within the host loses
// nothing but what Close did not wait for, and makes no cell.
//
// ATM releases connections as a whole: CloseWrite is for calls within the host, elsewhere it says
// errors.ErrUnsupported. Close waits a little for what was written to leave.
//
// When cellhubd goes, every connection ends. When the signalling manager goes, calls end with
// syscall.EUNATCH, at once or when their grace is over, and permanent VCs carry on.
//
// Refusals are *Refused: an errno for errors.Is, the network's cause, and words.
package client
