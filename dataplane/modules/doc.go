// Package modules holds the drivers and modules that streams are made of.
//
// The stream of an ATM tunnel, from the network at the bottom to the host's own
// stack at the top; data goes up by ReadPut and down by WritePut:
//
//	TAP                a TAP or TUN device: frames of the host
//	   |
//	RFC 2684           LLC or VC-multiplexed headers, bridged or routed
//	   |
//	capture            (pushed when asked for) writes the PDUs to a file
//	   |
//	AAL5               CPCS-SDUs and cells; absent in AAL5 SDU mode
//	   |
//	associations       one multiplexor: which stream is (VPI, VCI)'s
//	   |
//	port               a device and a pseudowire encapsulation
//
// Tunnel gives it as the list that it is built from, and Register knows the modules by
// name. The TAP and the port are one driver of frames, each with what is its own; a stream
// head stands in the TAP's place where an application is the host.
//
// An application of another process has a socket in that place, above AAL5, or, for cells, above the
// associations. All its sockets are pairs of one driver, Sockets, over the region that it shares with
// the hub (package region). Two sockets of one host stand on both sides of Local instead.
//
// No module knows another: each takes messages, and what a message holds at each
// joint is part of this page.
//
//	port – associations – AAL5    Data: a run of 52-octet cells of one VC; Conn is its key.
//	                              In AAL5 SDU mode: a CPCS-SDU, Flags as received.
//	                              Up, Ctl of class ATM with ADD in Info: the stream stands on
//	                              the VC in Conn now.
//	AAL5 – RFC 2684               Data: a CPCS-SDU; Info is CPCS-UU; Flags CLP and EFCI.
//	                              On both joints Flags has an ECN field too: of the packet
//	                              inside on the way down, of the datagrams on the way up.
//	RFC 2684 – TAP                Data: an Ethernet frame without FCS, or an IP packet.
//	AAL5 – socket                 as AAL5 – RFC 2684.
//	socket – Local – socket       Data: an SDU. Proto: nothing follows; in order with the data.
//
// # The switch
//
// Cells of a cross-connected VC or VP take no stream and no queue pair. The port that receives
// them finds what becomes of each, and gives them to the port that they leave by:
//
//	frame ─▶ port.cells ─▶ crossConnected ──┬─ all by one port ──▶ accept: the block itself, or into a shared frame
//	                        fetch, oneWay   ├─ by several ───────▶ split: a list for each, copied once
//	                                        ├─ on another hub ───▶ post: one message a port
//	                                        └─ no entry ─────────▶ associations, as ever
//
// A cross is what one port switches: a hash index over entries of 32 octets without pointers
// (relay.go reads it, cross.go and cross_leaf.go change it). Entries name outputs, a process
// and its port, by number: a port that goes takes its own entries along, and those that led to
// it count what they lose, so neither needs a walk.
//
// Where cells leave, a leg is what was promised of a VC: its contract (admission.go says
// whether the port can keep it), its class and weight. Only when the port has less room than
// it is offered do cells wait, in queues of their VC that are lists of indices (cellqueue.go,
// scheduler.go): CBR before rt-VBR before nrt-VBR before UBR, which shares by weight; EFCI,
// CLP 1 and whole PDUs by thresholds; shaped VCs until they conform. police.go judges cells
// where they come in.
//
// A port of AAL5 SDUs has a SAR of its own between its frames and the switch (sdu.go), and a
// trunk a port within, of which the trunk is the device (trunkswitch.go). OAM
// passes, but where a point is configured (oampoint.go); a port that cannot receive sends AIS
// to all whom its VCs lead to (alarm.go); the end of a VC, or VP, answers loopback and returns
// RDI (oamend.go).
//
// All of it is set up by a carrier's own commands, which package control lists.
package modules
