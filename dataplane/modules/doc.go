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
package modules
