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
//	Pass        read the clock once, take the blocks that have come home
//	  Poll      each driver that is ready takes a burst from its device …
//	    PutNext   … and each message goes up: the neighbour's put is a direct call,
//	      PutNext   which forwards, queues or frees it,
//	        PutNext   until a driver at the other end keeps it for Send
//	  inboxes   rings of messages addressed by number: other hubs', and lines from outside
//	  services  each queue that was enabled runs once, for what its put has queued
//	  timers    those that are due fire
//	  Send      each driver that has something hands it to its device: one system call
//	pace        yield while the next frame is near → sleep until a descriptor, a timer or a doorbell wakes us
//
// Which drivers are ready a ring tells by a word in memory, and all other descriptors one
// epoll_wait a pass: idle ones cost nothing.
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
//	             remembers who asked; at the low mark the first of those is enabled,
//	             and then the next, as long as there is room
//	bands        1 to 255 go before band 0 and have marks of their own; high-priority
//	             messages go before all and pass full queues
//	flush        empties the queues it passes and is turned round at the ends
//	push, pop    put a module into a running stream, or take it out; link joins,
//	             replace puts other code in a module's place, move takes it elsewhere
//
// A put that reaches a process already on the call stack would re-enter it: the
// message waits in the hub's own ring instead until the stack has unwound.
//
// # Modules
//
// A Module is a value: puts, services, for a driver a poller, counters, commands, how it
// moves. A constructor makes it of a text argument, off the hubs, for it may open devices;
// a Registry knows constructors by name; it learns its hub and its number from its queue
// when it is opened. What a stream is made of is a list:
//
//	registry.Add("port", func(arg string) (dataplane.Module, error) { … })
//	fabric, _ := dataplane.NewFabric(&registry, hub)
//	ids, _ := fabric.Build(0, dataplane.Part{Name: "port", Arg: "eth:eth0,label=100"}, …)
//	go fabric.Run()
//	fabric.Do(dataplane.Command{Number: control.HubPush, A: ids[1], Name: "capture", Arg: "0/100 f"})
//
// The same commands may come as messages to a hub's own number, which is a process too, and
// are answered by IocAck or IocNak; a module's own commands go to its number. A Line is how
// somebody outside sends and receives such messages.
//
// # Memory
//
// A message's data lies in blocks of package block, named by index. Whoever holds a message
// owns its blocks. A driver may lend a kernel ring's slot as a block until put returns:
// queuing a loan copies it, so the fast path copies nothing and the slow one is still safe.
//
// # Many hubs
//
// Each hub runs on a thread of its own and owns its processes, queues and blocks.
// Hubs meet only in rings (package ring). A process is joined to one on another hub
// through a pair of proxies with credit per stream: the order between two processes
// holds, a slow stream stops nobody else's, and inboxes are always drained. Blocks
// cross by being handed over and go home by a ring with room for all of them.
//
// What concerns one hub changes between two of its messages. For what concerns more all
// hubs stand still, each between two messages, and what is on its way between them goes to
// the queues that it is meant for: then a change is plain code over plain structures, and
// the new paths are direct at once. A process that moves keeps its number.
//
// # Tests
//
// TestSimulation turns whole fabrics from seeds and audits them after every step, and
// TestSleepSimulation hubs that sleep; package modules does so with its own modules. With
// the build tag hubdebug a ledger of blocks catches the module that does not do exactly
// one of forward, queue and free; without it nothing of that is left.
//
// # Limits
//
// Every table, ring and queue has a named limit in this package and a counter for
// what it refuses. When blocks run out, data is shed and control still gets through:
// AllocControl may take the reserve.
package dataplane
