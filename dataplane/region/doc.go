// Package region is the memory that a client process and the hub share: data of
// connections moves through it, and never through the control socket.
//
//	application                  region                     hub
//	  Channel.Send.Put ──▶ descriptors and octets, tx ──▶ Channel.Receive.Get
//	  Region.Tell      ──▶ doorbell: channel 7        ──▶ Region.Heard
//	  Region.Flush     ──▶ (eventfd, if it sleeps)    ──▶ epoll
//	  Channel.Receive  ◀── descriptors and octets, rx ◀── Channel.Send
//	  Region.Heard     ◀── doorbell: channel 7        ◀── Region.Tell
//	  read             ◀── (pipe, if it sleeps)       ◀── Region.Flush
//
// One region serves many connections of a process, and when it is full the hub makes another, with
// doorbells of its own. Each connection has a channel: a ring of descriptors and an area of octets
// for each direction. Two doorbell rings name the channels
// that the other side has to look at, so that neither ever looks at all of them.
//
// # Trust
//
// The hub makes the region as a memfd that can neither shrink nor grow (a smaller file would
// kill whoever touches what is missing) and passes it. The client writes to it whatever it
// likes, at any moment. So each side keeps its indices in memory of its own and only publishes
// them; an index of the other's is checked before it is believed (package ring); a descriptor
// is read once, and the copy checked; octets are copied, and the copy read. Who has broken a
// ring is told by Broken, and its user ends the connection.
//
// The hub wakes the client by a pipe of which the client has the read end alone; the client
// wakes the hub by an eventfd that the hub watches edge-triggered and never reads. With one
// eventfd both ways a client could make it block, and stop the hub.
//
// # Layout
//
// For whoever writes a client in another language. All numbers are in the machine's order:
// the region never leaves it. What is not named is zero.
//
//	octet    of the region
//	    0    u32 magic "CHRG" 0x43485247, u32 version 1
//	    8    u64 octets of the region
//	   16    u32 entries of each doorbell ring, a power of two
//	   20    u32 offset of the tx doorbell ring: client to hub
//	   24    u32 offset of the rx doorbell ring: hub to client
//	  128    u32 1: the hub sleeps, or is about to
//	  256    u32 1: the client sleeps, or is about to
//
//	octet    of a channel: TLV RING of SOCK OKAY says where it is
//	    0    u32 magic "CHCH" 0x43484348
//	    4    u32 number of the channel, as doorbells name it
//	    8    u32 entries of the tx ring, u32 of the rx ring, powers of two
//	   16    u32 octets of the tx area, u32 of the rx area
//	   24    u32 offset of the tx ring from here, u32 of the rx ring
//	   32    u32 offset of the tx area from here, u32 of the rx area
//	   40    u32 largest SDU, octets
//	   44    u32 kind: 1 runs of 52-octet cells and no SDUs, 2 to another socket of this host
//	  128    u32 1: the hub wants to be told of data in tx
//	  132    u32 1: the hub wants to be told of room in rx
//	  256    u32 1: the client wants to be told of data in rx
//	  260    u32 1: the client wants to be told of room in tx
//
//	octet    of a ring
//	    0    u64 entries that the producer has published since the beginning
//	  128    u64 entries that the consumer has released since the beginning
//	  256    the entries: u32 channel numbers in a doorbell ring, in others descriptors
//
//	octet    of a descriptor
//	    0    u32 offset of the SDU in the area, u32 octets
//	    8    u32 flags: 1 CLP, 2 EFCI; 4 the end, with no octets: of channels of kind 2
//	   12    u32 CPCS-UU
//	   16    u64 rx: when it was received, nanoseconds since 1970, UTC; tx: 0
//	   24    u64 0
//
// The entry of index i lies at i modulo the number of entries. A producer writes its octets
// to the area wherever it finds room, in one piece; they are free again when their descriptor
// has been released.
//
// The six words that say 1 are all used alike. Who is about to wait stores 1, looks once more
// at the ring, and waits. Who has published or released loads the word, and if it is not 0
// exchanges it for 0; the one who gets the 1 has to tell: of a channel, by its number in the
// doorbell ring; of the region, by 8 octets to the eventfd or one to the pipe. Between the store
// and the look, and between publishing and the load, there is a full fence (C11: all of these
// sequentially consistent).
package region
