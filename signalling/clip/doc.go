// Package clip is Classical IP over ATM (RFC 2225): a TUN device whose packets go by switched
// and permanent VCs to the hosts of a logical IP subnet, with LLC and SNAP (RFC 2684, 5.1).
//
//	the host's IP ⇄ Tunnel ⇄ Host ⇄ client.Conn of each VC ⇄ the hub
//	                          │ ▲
//	                          ▼ │ what to call, release and send
//	                       atmarp.Host                resolution, registration, aging
//
// A host is an application of the hub as any other: it calls its server and its neighbours
// through the signalling daemon, whichever that is, and listens for their calls. A packet is
// looked up in a table that nobody changes while it is read, and written behind eight octets
// of header into the VC's ring; one for a neighbour without a VC waits, with a few others,
// until there is one. A VC that has no room loses the packet, as a router does.
package clip
