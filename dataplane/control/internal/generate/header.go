package main

// declaration is the whole of the control message.
type declaration struct {
	magic   uint32
	version int
	size    int // octets of a message
	trailer int // octets of the longest trailer
	header  *record
	bodies  []*record
	classes []*class
	sets    []*set
	tlvs    []tlv
}

// protocol is the declaration: change it here, run go generate, commit both.
var protocol = declaration{
	magic:   0x48554231, // "HUB1"
	version: 1,
	size:    128,
	trailer: 65535,
	header:  header,
	bodies:  []*record{sock, atm, sig, mmi, evt, hub},
	classes: classes,
	sets: []*set{
		flags, roles, directions, aals, services, rxModes, sigKinds, interfaces,
		listings, events, eventSources, hubCommands, contractFlags,
	},
	tlvs: tlvs,
}

var header = &record{
	goName: "Header", c: "header", begin: 0, end: 64,
	doc: "Header is the first 64 octets of a message. Magic and version are not fields of it: the codec writes and checks them.",
	fields: []field{
		{offset: 0, name: "magic", size: 4, gone: true, doc: "\"HUB1\", 0x48554231"},
		{offset: 4, name: "version", size: 1, gone: true, doc: "1"},
		{offset: 5, name: "class", size: 1, goType: "Class", doc: "what kind of message, and which body"},
		{offset: 6, name: "type", size: 2, goType: "Type", doc: "which message of the class"},
		{offset: 8, name: "flags", size: 2, set: flags, doc: "bits"},
		{offset: 10, name: "band", size: 1, doc: "priority band of an ordinary message, 0 lowest"},
		{offset: 11, name: "cause", size: 1, max: 127, doc: "cause of Q.850 as Q.2931 carries it; 0 none"},
		{offset: 12, name: "status", kind: signed, size: 4, doc: "0 done; below 0 the negated errno, and the peer has forgotten the matter; above 0 a value, or a close is still due"},
		{offset: 16, name: "src", size: 4, doc: "process number of the sender; the hub writes it, whatever a client put there"},
		{offset: 20, name: "dst", size: 4, doc: "process number of the receiver; with the flag GROUP a group; 0 the hub"},
		{offset: 24, name: "seq", size: 4, doc: "the sender's number of this message; a reply keeps the request's"},
		{offset: 28, name: "ack", size: 4, doc: "0 in a new message; a reply has the request's and 1"},
		{offset: 32, name: "conn", size: 8, goType: "ConnID", doc: "connection: generation in the high 32 bits, index in the low ones; 0 none"},
		{offset: 40, name: "key", size: 8, doc: "of PATH the module's key; of CMD and UNPATH the path's handle, which PATH's reply brought; else 0"},
		{offset: 48, name: "idx", size: 4, doc: "id of an event, high half; of PRIM the service interface"},
		{offset: 52, name: "val", size: 4, doc: "id of an event, low half; of PRIM the interface's own primitive number"},
		{offset: 56, name: "len", size: 4, max: 65535, doc: "octets of the trailer: exact; 0 if and only if the flag TRAILER is clear"},
		{offset: 60, name: "epoch", size: 4, doc: "incarnation of the hub that the sender speaks to, from HELLO's reply; of HELLO 0; another than the hub's is refused with ESTALE"},
	},
}

var sock = &record{
	goName: "Sock", c: "sock", begin: 64, end: 128,
	doc: "Sock is the body of class SOCK: what an application asks of a connection.",
	fields: []field{
		{offset: 64, name: "port", size: 2, doc: "port of the hub; 0 lets the manager choose"},
		{offset: 66, name: "backlog", size: 2, doc: "LISTEN: calls that may wait to be accepted"},
		{offset: 68, name: "aal", size: 1, goName: "AAL", set: aals, doc: "adaptation layer"},
		{offset: 69, name: "service", size: 1, set: services, doc: "service category, of both directions"},
		{offset: 70, name: "maxsdu", size: 2, goName: "MaxSDU", doc: "octets of the largest SDU; 0 the AAL's default"},
		{offset: 72, name: "pcr_forward", size: 4, goName: "PCRForward", doc: "peak cell rate from the caller, cells a second"},
		{offset: 76, name: "pcr_backward", size: 4, goName: "PCRBackward", doc: "peak cell rate to the caller, cells a second"},
		{offset: 80, name: "sap", size: 8, goName: "SAP", doc: "service access point within the end system; 0 none"},
		{offset: 88, name: "local", kind: octets, size: 20, doc: "ATM end system address of this side; zero none"},
		{offset: 108, name: "remote", kind: octets, size: 20, doc: "ATM end system address of the other side; zero none"},
	},
}

var atm = &record{
	goName: "ATM", c: "atm", begin: 64, end: 128,
	doc: "ATM is the body of class ATM: an association of a VC, or a port.",
	fields: []field{
		{offset: 64, name: "port", size: 2, doc: "port of the hub"},
		{offset: 66, name: "vpi", size: 2, goName: "VPI", max: 4095, doc: "virtual path"},
		{offset: 68, name: "vci", size: 2, goName: "VCI", doc: "virtual channel"},
		{offset: 70, name: "aal", size: 1, goName: "AAL", set: aals, doc: "adaptation layer"},
		{offset: 71, name: "direction", size: 1, set: directions, doc: "which way the association carries, seen from the hub"},
		{offset: 72, name: "service", size: 1, set: services, doc: "service category, of both directions; TLV TRAFFIC says more"},
		{offset: 73, name: "rxmode", size: 1, goName: "RxMode", set: rxModes, doc: "what the receiver gets"},
		{offset: 74, name: "maxsdu", size: 2, goName: "MaxSDU", doc: "octets of the largest SDU; 0 the AAL's default"},
		{offset: 76, name: "pcr_forward", size: 4, goName: "PCRForward", doc: "peak cell rate from the caller, cells a second"},
		{offset: 80, name: "pcr_backward", size: 4, goName: "PCRBackward", doc: "peak cell rate to the caller, cells a second"},
		{offset: 84, name: "scr_forward", size: 4, goName: "SCRForward", doc: "sustainable cell rate from the caller, cells a second"},
		{offset: 88, name: "scr_backward", size: 4, goName: "SCRBackward", doc: "sustainable cell rate to the caller, cells a second"},
		{offset: 92, name: "mbs", size: 4, goName: "MBS", doc: "maximum burst size, cells, of both directions"},
		{offset: 96, name: "receiver", size: 4, doc: "process number of who receives; 0 the connection's own"},
		{offset: 100, name: "hiwat", size: 4, doc: "high water mark of the receiver's queue, octets; 0 the default"},
		{offset: 104, name: "lowat", size: 4, doc: "low water mark, octets; 0 the default"},
		{offset: 108, name: "zero1", kind: zero, size: 4},
		{offset: 112, name: "sap", size: 8, goName: "SAP", doc: "BINDSAP, UNBINDSAP: the service access point: 1<<40 and a DSAP of 802.2, 2<<40 and an EtherType, 3<<40 and SNAP's 24 bits of organization and 16 of protocol"},
		{offset: 120, name: "zero2", kind: zero, size: 8},
	},
}

var sig = &record{
	goName: "Sig", c: "sig", begin: 64, end: 128,
	doc: "Sig is the body of class SIG: one signalling cell, or the place of an SDU that the trailer holds.",
	fields: []field{
		{offset: 64, name: "port", size: 2, doc: "port of the hub"},
		{offset: 66, name: "vpi", size: 2, goName: "VPI", max: 4095, doc: "virtual path"},
		{offset: 68, name: "vci", size: 2, goName: "VCI", doc: "virtual channel"},
		{offset: 70, name: "header", size: 1, max: 15, doc: "PTI in bits 3 to 1 and CLP in bit 0, as in a cell's header"},
		{offset: 71, name: "kind", size: 1, set: sigKinds, doc: "what travels"},
		{offset: 72, name: "ns", size: 8, goName: "NS", doc: "RX: time of arrival, nanoseconds since 1970, UTC; TX: 0"},
		{offset: 80, name: "payload", kind: octets, size: 48, doc: "META: the cell's payload; other kinds zero, their SDU is the trailer"},
	},
}

var mmi = &record{
	goName: "MMI", c: "mmi", begin: 64, end: 128,
	doc: "MMI is the body of class MMI: a module's path, and a command on it.",
	fields: []field{
		{offset: 64, name: "command", size: 2, max: 255, doc: "CMD: 0 to 127 the hub's, 128 to 255 the module's own, which the hub does not interpret"},
		{offset: 66, name: "direction", size: 1, set: directions, doc: "CMD: which way the argument moves: IN to the module, OUT from it, BOTH; 0 no argument"},
		{offset: 67, name: "namelen", size: 1, goName: "NameLen", max: 32, doc: "octets of name"},
		{offset: 68, name: "arglen", size: 4, goName: "ArgLen", max: 65535, doc: "octets of the argument, exact; OUT: the most that may come back, and in the reply what came"},
		{offset: 72, name: "name", kind: fill, size: 32, goType: "Name", count: "namelen", doc: "PATH: the module's name, matched exactly; zero after namelen"},
		{offset: 104, name: "inline", kind: fill, size: 24, count: "arglen", doc: "CMD: an argument of up to 24 octets; zero after arglen, and zero if the trailer holds it"},
	},
}

var evt = &record{
	goName: "Evt", c: "evt", begin: 64, end: 128,
	doc: "Evt is the body of class EVT. An id is two numbers, idx and val; a range of ids is a first and a number of further ones in each.",
	fields: []field{
		{offset: 64, name: "idx_first", size: 4, doc: "SUBSCRIBE: first idx; EVENT: the event's"},
		{offset: 68, name: "idx_range", size: 4, doc: "SUBSCRIBE: how many more idx follow it; EVENT: 0"},
		{offset: 72, name: "val_first", size: 4, doc: "SUBSCRIBE: first val; EVENT: the event's"},
		{offset: 76, name: "val_range", size: 4, doc: "SUBSCRIBE: how many more val follow it; EVENT: 0"},
		{offset: 80, name: "mask", size: 4, set: events, doc: "SUBSCRIBE: which kinds; EVENT: the one kind"},
		{offset: 84, name: "group", size: 4, doc: "SUBSCRIBE: group to join, 0 none; EVENT: group it was sent to"},
		{offset: 88, name: "lost", size: 8, doc: "LOST: events that this subscriber missed since the last LOST"},
		{offset: 96, name: "ns", size: 8, goName: "NS", doc: "EVENT, LOST: when, nanoseconds since 1970, UTC"},
		{offset: 104, name: "zero1", kind: zero, size: 24},
	},
}

var hub = &record{
	goName: "Hub", c: "hub", begin: 64, end: 128,
	doc: "Hub is the body of the classes HUB and PRIM: two numbers and a name, whose meaning is the type's.",
	fields: []field{
		{offset: 64, name: "a", size: 4, doc: "HELLO: the role, and in the reply the client's process number; commands: the process acted on, and in the reply the one made; LINK: the one below"},
		{offset: 68, name: "b", size: 4, doc: "HELLO: the definition's hash, 0 any, and in the reply the hub's; LINK: the process above; MOVE: the hub; LIST: what; replies to commands: the top of the stream"},
		{offset: 72, name: "name", kind: text, size: 32, goType: "Name", doc: "HELLO: the client's own name; commands: the module; zero after its end"},
		{offset: 104, name: "zero1", kind: zero, size: 24},
	},
}
