// Package dataplane is the hub: a run-to-completion executive that delivers
// fixed-format messages to processes, in the manner of Ritchie's streams, of SVR4
// STREAMS and of hub executives before them.
//
// # Why it looks like this
//
// A thread or goroutine per stage spends its time handing over:
//
//	device → [queue] → reassembly → [queue] → encapsulation → [queue] → host
//	          wake up               wake up                   wake up
//
// Here one thread carries a burst of messages through all stages, one direct call
// after the other, and touches nothing that another thread touches. The code of each
// stage is still in the instruction cache for the next message, the message is still
// in the data cache for the next stage, and there is nothing to lock:
//
//	device → reassembly → encapsulation → host        a burst at a time
//
// # The hot path
//
// Hub.Pass is the whole program; everything else is called from it:
//
//	Pass        read the clock once
//	  Poll      each driver takes a burst from its device …
//	    PutNext   … and each message goes up: the neighbour's put is a direct call,
//	      PutNext   which forwards, queues or frees it,
//	        PutNext   until a driver at the other end keeps it for Flush
//	  inboxes   other hubs' rings, commands, calls from outside
//	  services  each queue that was enabled runs once, for what its put has queued
//	  timers    those that are due fire
//	  Flush     each driver hands its batch to its device: one system call
//	pace        spin → yield → sleep until a descriptor, a timer or a doorbell wakes us
//
// # Streams
//
// A process is one instance of a Module under a number. It has a queue pair: messages
// for the host go up by the read queue, those for the network down by the write
// queue. Neighbours are resolved to queues when they are linked, never per message.
//
//	  head or driver            the top: an application, a TAP
//	    | rq      ^ |
//	    | wq      | v
//	  module                    put, service; knows nobody's name
//	    | rq      ^ |
//	    | wq      | v
//	  multiplexor               one pair for each stream above and below
//	   /        \
//	driver     driver           the bottom: devices
//
// The words are those of STREAMS:
//
//	put          called for every message that arrives; does exactly one of:
//	             forward (PutNext), queue (PutQ), free
//	service      runs later for what was queued: GetQ until empty or until
//	             CanPutNext says no, then PutBQ
//	scheduling   the first message queued schedules service (Enable), later ones do
//	             not, until GetQ has found the queue empty
//	flow control a queue over its high water mark refuses: CanPutNext is false, and
//	             remembers who asked; at the low mark exactly those are enabled
//	bands        1 to 255 go before band 0 and have marks of their own; high-priority
//	             messages go before all and pass full queues
//	flush        empties the queues it passes and is turned round at the ends
//	push, pop    put a module into a running stream, or take it out; link joins
//
// A put that reaches a process already on the call stack would re-enter it: the
// message waits in the hub's own ring instead until the stack has unwound.
//
// # Memory
//
// Blocks are chunks of one mapping, named by index, outside the garbage collector's
// sight. Whoever holds a message owns its blocks. Three kinds of block have no chunk:
// a duplicate shows another block's memory, an external block somebody else's until it
// is freed, and a loan a kernel ring's slot until put returns: queuing a loan copies
// it, so the fast path copies nothing and the slow one is still safe.
//
// # Many hubs
//
// Each hub runs on a thread of its own and owns its processes, queues and blocks.
// Hubs meet only in rings (package ring). A process is joined to one on another hub
// through a pair of proxies with credit per stream: the order between two processes
// holds, a slow stream stops nobody else's, and inboxes are always drained. Blocks
// cross by being handed over and go home by a ring with room for all of them. Fabric
// joins and moves processes across hubs while they carry traffic.
//
// # Tests
//
// TestSimulation turns whole fabrics from seeds and audits them after every step. With
// the build tag hubdebug a ledger of blocks catches the module that does not do exactly
// one of forward, queue and free; without it nothing of that is left.
//
// # Limits
//
// Every table, ring and queue has a named limit in this package and a counter for
// what it refuses. When blocks run out, data is shed and control still gets through:
// AllocControl may take the reserve.
package dataplane
