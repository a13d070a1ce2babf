package main

var flags = &set{
	goType: "Flags", goBase: "uint16", prefix: "Flag", c: "FLAG", bits: true,
	doc: "Flags are the header's flag bits.",
	values: []value{
		{n: 1, name: "REPLY", doc: "answers a message"},
		{n: 2, name: "SYNC", doc: "the sender does nothing else until the reply has come"},
		{n: 4, name: "HIPRI", goName: "HiPri", doc: "high priority: passes full queues"},
		{n: 8, name: "MORE", doc: "further replies to the same message follow"},
		{n: 16, name: "TRAILER", doc: "a trailer of len octets follows in the same datagram"},
		{n: 32, name: "GROUP", doc: "dst is a group"},
		{n: 64, name: "NOREPLY", goName: "NoReply", doc: "the sender wants no reply, not even a refusal"},
	},
}

var roles = &set{
	goType: "Role", goBase: "uint8", c: "ROLE",
	doc: "Role is what a client declares in HELLO; 0 is none.",
	values: []value{
		{n: 1, name: "MANAGER", doc: "one a port: signalling"},
		{n: 2, name: "ADMIN", doc: "many, privileged: topology, PVCs, modules"},
		{n: 3, name: "APPLICATION", doc: "many: connections and primitives"},
		{n: 4, name: "MODULE_PATH", doc: "many: commands to the module whose name and key it knows"},
		{n: 5, name: "OBSERVER", doc: "many: looks and never changes"},
	},
}

var directions = &set{
	goType: "Direction", goBase: "uint8", c: "DIRECTION",
	doc: "Direction is which way an argument or a VC's cells go.",
	values: []value{
		{n: 0, name: "NONE", doc: "neither way"},
		{n: 1, name: "IN", doc: "argument: to the module; VC: from the network"},
		{n: 2, name: "OUT", doc: "argument: from the module; VC: to the network"},
		{n: 3, name: "BOTH", doc: "both ways"},
	},
}

var aals = &set{
	goType: "AAL", goBase: "uint8", c: "AAL",
	doc: "AAL is an adaptation layer.",
	values: []value{
		{n: 0, name: "0", doc: "none: cells"},
		{n: 1, name: "1", doc: "AAL1"},
		{n: 2, name: "2", doc: "AAL2"},
		{n: 3, name: "34", doc: "AAL3/4"},
		{n: 5, name: "5", doc: "AAL5"},
	},
}

var services = &set{
	goType: "Service", goBase: "uint8", c: "SERVICE",
	doc: "Service is a service category of TM 4.1.",
	values: []value{
		{n: 0, name: "UBR", goName: "UBR", doc: "best effort"},
		{n: 1, name: "CBR", goName: "CBR", doc: "constant rate"},
		{n: 2, name: "RT_VBR", goName: "RealTimeVBR", doc: "variable rate, real time"},
		{n: 3, name: "VBR", goName: "VBR", doc: "variable rate"},
		{n: 4, name: "UBR_MCR", goName: "UBRMCR", doc: "best effort above a minimum"},
		{n: 5, name: "ABR", goName: "ABR", doc: "available rate"},
		{n: 6, name: "GFR", goName: "GFR", doc: "guaranteed frame rate"},
	},
}

var rxModes = &set{
	goType: "RxMode", goBase: "uint8", prefix: "Rx", c: "RX",
	doc: "RxMode is what the receiver of an association gets.",
	values: []value{
		{n: 0, name: "AAL", goName: "AAL", doc: "SDUs of the adaptation layer"},
		{n: 1, name: "RAW", doc: "cells"},
		{n: 2, name: "META", doc: "meta-signalling cells, inline in SIG"},
	},
}

var sigKinds = &set{
	goType: "SigKind", goBase: "uint8", c: "SIG_KIND",
	doc: "SigKind is what a SIG message carries.",
	values: []value{
		{n: 1, name: "META", doc: "a meta-signalling cell: 48 octets inline, no trailer"},
		{n: 2, name: "SAAL", goName: "SAAL", doc: "an SDU of VC 0/5, in the trailer"},
		{n: 3, name: "ILMI", goName: "ILMI", doc: "an SDU of VC 0/16, in the trailer"},
	},
}

var interfaces = &set{
	goType: "Interface", goBase: "uint32", c: "INTERFACE",
	doc: "Interface is the service interface of a PRIM message, in idx.",
	values: []value{
		{n: 1, name: "CDI", goName: "CDI", doc: "communications device interface"},
		{n: 2, name: "DLPI", goName: "DLPI", doc: "data link provider interface, version 2"},
		{n: 3, name: "NPI", goName: "NPI", doc: "network provider interface"},
		{n: 4, name: "TPI", goName: "TPI", doc: "transport provider interface"},
	},
}

var listings = &set{
	goType: "Listing", goBase: "uint32", prefix: "List", c: "LIST",
	doc: "Listing is what LIST lists, in b.",
	values: []value{
		{n: 1, name: "STREAMS", doc: "streams, by the process that OPEN made"},
		{n: 2, name: "PROCESSES", doc: "processes"},
		{n: 3, name: "MODULES", doc: "registered modules"},
		{n: 4, name: "EVENTS", doc: "registered event ids"},
		{n: 5, name: "PORTS", doc: "ports, by their number"},
		{n: 6, name: "PLACES", doc: "hubs and processes, with the number of the hub that each stands on in b"},
		{n: 7, name: "SAPS", goName: "SAPs", doc: "SAPs of Ethernet drivers, as BINDSAP has bound them: the top of the stream, in b the driver, and the SAP in TEXT, in decimal"},
	},
}

var hubCommands = &set{
	goType: "HubCommand", goBase: "uint16", prefix: "Command", c: "COMMAND",
	doc: "HubCommand is an MMI command that the hub carries out for every module: below FirstModuleCommand.",
	values: []value{
		{n: 1, name: "MODULE", doc: "OUT: the module's name and its process's number, as MODULE#NUMBER"},
		{n: 2, name: "COUNTERS", doc: "OUT: its counters, a line each: name and number"},
		{n: 3, name: "COMMANDS", doc: "OUT: its own commands, a line each: number, direction, most octets, name"},
	},
}

var eventSources = &set{
	goType: "EventSource", goBase: "uint32", prefix: "Source", c: "SOURCE",
	doc: "EventSource is the idx of the hub's own event ids; from 256 on they are there to be registered.",
	values: []value{
		{n: 1, name: "PORT", doc: "val is the port's number"},
		{n: 2, name: "VC", goName: "VC", doc: "val is the index of the VC's id, its low half"},
		{n: 3, name: "MANAGER", doc: "val is the manager's process number"},
		{n: 256, name: "REGISTERED", doc: "the first that REGISTER may have; val is free"},
	},
}

var events = &set{
	goType: "EventMask", goBase: "uint32", prefix: "Event", c: "EVENT", bits: true,
	doc: "EventMask is a set of kinds of event.",
	values: []value{
		{n: 1, name: "REGISTERED", doc: "an event id has come"},
		{n: 2, name: "GONE", doc: "an event id has gone"},
		{n: 4, name: "PORT_UP", doc: "a port carries"},
		{n: 8, name: "PORT_DOWN", doc: "a port does not carry any more"},
		{n: 16, name: "VC_ADDED", goName: "VCAdded", doc: "a VC has come; TLV SECOND_END names it"},
		{n: 32, name: "VC_GONE", goName: "VCGone", doc: "a VC has gone; TLV SECOND_END names it"},
		{n: 64, name: "QUEUE_FULL", doc: "a queue has passed its high water mark"},
		{n: 128, name: "QUEUE_DRAINED", doc: "a queue has come down to its low water mark"},
		{n: 256, name: "MANAGER_ATTACHED", doc: "a manager has come"},
		{n: 512, name: "MANAGER_GONE", doc: "a manager has gone"},
		{n: 1024, name: "ALARM_RAISED", doc: "an alarm holds"},
		{n: 2048, name: "ALARM_CLEARED", doc: "an alarm holds no more"},
	},
}

var contractFlags = &set{
	goType: "ContractFlags", goBase: "uint8", prefix: "Contract", c: "CONTRACT", bits: true,
	doc: "ContractFlags are the options of one direction of a traffic contract.",
	values: []value{
		{n: 1, name: "TAGGING", doc: "cells above the contract are tagged, not discarded"},
		{n: 2, name: "FRAME_DISCARD", doc: "discard whole frames rather than cells"},
		{n: 4, name: "BEST_EFFORT", doc: "no rate is undertaken"},
		{n: 8, name: "CLP0", goName: "CLP0", doc: "scr and mbs hold for cells of CLP 0; clear: for all cells"},
	},
}

// contract gives the fields of one direction of TLV TRAFFIC, from an offset on.
func contract(at int, side, from string) []field {
	go1 := capital(side)
	rate := func(i int, name, goName, doc string) field {
		return field{offset: at + 4 + 4*i, name: side + "_" + name, size: 4, goName: go1 + goName, doc: doc + ", " + from}
	}
	return []field{
		{offset: at, name: side + "_service", size: 1, goName: go1 + "Service", set: services, doc: "service category, " + from},
		{offset: at + 1, name: side + "_flags", size: 1, goName: go1 + "Flags", set: contractFlags, doc: "options, " + from},
		{offset: at + 2, name: side + "_zero", kind: zero, size: 2},
		rate(0, "pcr0", "PCR0", "peak rate of cells of CLP 0, cells a second"),
		rate(1, "pcr01", "PCR01", "peak rate of all cells, cells a second"),
		rate(2, "scr", "SCR", "sustainable rate, cells a second"),
		rate(3, "mbs", "MBS", "maximum burst size, cells"),
		rate(4, "mcr", "MCR", "minimum rate, cells a second"),
		rate(5, "cdvt", "CDVT", "cell delay variation tolerance, nanoseconds"),
	}
}

var tlvs = []tlv{
	{n: 0x0100, name: "TRAFFIC", goName: "Traffic", doc: "traffic contract, forward and backward", layout: &record{
		goName: "Traffic", c: "traffic", begin: 0, end: 56,
		doc:    "Traffic is the value of TLV TRAFFIC: the contract of each direction. A rate of 0 is not stated.",
		fields: append(contract(0, "forward", "from the caller"), contract(28, "backward", "to the caller")...),
	}},
	{n: 0x0101, name: "MAX_SDU", goName: "MaxSDU", doc: "maximum SDU of each direction", layout: &record{
		goName: "MaxSDU", c: "max_sdu", begin: 0, end: 4,
		doc: "MaxSDU is the value of TLV MAX_SDU.",
		fields: []field{
			{offset: 0, name: "forward", size: 2, doc: "octets of the largest SDU from the caller"},
			{offset: 2, name: "backward", size: 2, doc: "octets of the largest SDU to the caller"},
		},
	}},
	{n: 0x0102, name: "LEAF", goName: "Leaf", doc: "a leaf of a point-to-multipoint connection", layout: &record{
		goName: "Leaf", c: "leaf", begin: 0, end: 4,
		doc: "Leaf is the value of TLV LEAF.",
		fields: []field{
			{offset: 0, name: "id", size: 4, goName: "ID", doc: "endpoint reference of the leaf, chosen by the root"},
		},
	}},
	{n: 0x0103, name: "SECOND_END", goName: "SecondEnd", doc: "a VC: the PVC of a connection, the other end of a cross-connect, the subject of an event", layout: &record{
		goName: "SecondEnd", c: "second_end", begin: 0, end: 6,
		doc: "SecondEnd is the value of TLV SECOND_END: a VC.",
		fields: []field{
			{offset: 0, name: "port", size: 2, doc: "port of the hub"},
			{offset: 2, name: "vpi", size: 2, goName: "VPI", max: 4095, doc: "virtual path"},
			{offset: 4, name: "vci", size: 2, goName: "VCI", doc: "virtual channel"},
		},
	}},
	{n: 0x0104, name: "COOKIE", goName: "Cookie", limit: 256, doc: "the manager's own note on an association, at most 256 octets, never interpreted, given back by RESYNC"},
	{n: 0x0105, name: "RING", goName: "Ring", doc: "where a connection's rings lie in shared memory", layout: &record{
		goName: "Ring", c: "ring", begin: 0, end: 16,
		doc: "Ring is the value of TLV RING: the part of shared memory that is a connection's.",
		fields: []field{
			{offset: 0, name: "region", size: 4, doc: "which of the client's regions, from 0, in the order they were passed"},
			{offset: 4, name: "size", size: 4, doc: "octets"},
			{offset: 8, name: "offset", size: 8, doc: "octets from the region's begin"},
		},
	}},
	{n: 0x0106, name: "TEXT", goName: "Text", doc: "text: a module's argument, a name, a reason; UTF-8 without a final zero"},
	{n: 0x0107, name: "PORTS", goName: "Ports", multiple: 2, doc: "ports, a u16 each: what a MANAGER serves"},
	{n: 0x0108, name: "NAME", goName: "Name", limit: 32, doc: "what a process, or its stream, is to be called, or is"},
	{n: 0x0109, name: "COUNTER", goName: "Counter", doc: "a counter, one TLV each: its value, u64, then its name"},
	{n: 0x010A, name: "LISTENER", goName: "Listener", doc: "the listener that a call is for", layout: &record{
		goName: "ListenerConn", c: "listener", begin: 0, end: 8,
		doc: "ListenerConn is the value of TLV LISTENER: of INCOMING to an application.",
		fields: []field{
			{offset: 0, name: "conn", size: 8, doc: "the listener's connection id"},
		},
	}},
	{n: 0x010B, name: "LOSS", goName: "Loss", doc: "what a VC has lost last: when, u64, nanoseconds since 1970, then the name of the COUNTER that rose"},
}
