/* What the loader tells the classifier, and what the classifier counts. */
#pragma once

#define MAX_WIRES (1 << 16)
#define MAX_CONNECTIONS (1 << 16) /* the loader may say more, or fewer */
#define MAX_PORTS (1 << 12) /* that have connections of their own */
#define MAX_SOCKETS 64 /* queues of an interface */
#define MAX_DEVICES 256

/* What becomes of a frame. */
enum verdict { PASS, HUB, DROP, RELAY };

/* What stands behind the label stack and the control word (RFC 4717). */
enum payload {
	OPAQUE, /* is not looked at */
	CELLS, /* of any VCs, 52 octets each: N-to-one mode */
	UNIT, /* of the port's one VC: one-to-one cells, and AAL5 frames, which go on as they are */
};

enum flag {
	FLAG_CONTROL_WORD = 1, /* stands before the payload */
	FLAG_NUMBERED = 2, /* its frames are: RFC 4385, section 4 */
	FLAG_STATION = 4, /* frames are to own or group */
	FLAG_SENDER = 8, /* frames are from sender */
	FLAG_CONNECTIONS = 16, /* some of it have a verdict of their own */
	FLAG_PATHS = 32, /* among them whole VPs */
	FLAG_FRAMES = 64, /* UNIT: the control word has AAL5's flags, of which T marks OAM cells */
	FLAG_SPECIFIC = 128, /* … the number, and behind it the first octet of cells of one VC or VP, or of a part of a PDU */
};

/* What is counted, each frame in one of them. */
enum counter {
	COUNT_OTHER, /* passed: not of ours, or cut short */
	COUNT_FRAGMENT, /* passed: of a datagram; Linux puts them together */
	COUNT_NO_PORT, /* passed: no port has this label there */
	COUNT_PASS, /* passed: the verdict says so */
	COUNT_DROP, /* dropped: the verdict says so */
	COUNT_NO_HUB, /* dropped: the queue's socket has gone */
	COUNT_RELAY, /* sent on by another port */
	COUNT_NO_DEVICE, /* dropped: that port's interface has gone */
	COUNT_HUB, /* to the hub: the verdict says so */
	COUNT_MIXED, /* … cells of it have different verdicts, or leave by different ports */
	COUNT_STRANGE, /* … another station's, a control channel's, OAM, or not whole cells: to be counted there */
	COUNT_CHECKSUM, /* … a datagram whose checksum does not hold: Linux tests it, and counts it */
	COUNT_UNRESOLVED, /* … the next hop is not known */
	COUNT_TOO_LONG, /* … the way out doesn't hold it */
	COUNT_NO_HEAD, /* … there is no room before the frame for longer headers */
	COUNTERS,
};

/* How the frames of a port come. */
struct wire {
	__u32 interface; /* Ethernet; 0: by any */
	__u32 label;
	__u32 vlan; /* Ethernet; 0: none, or a tag that is only a priority */
	__u32 port; /* datagrams: the local port */
	__u8 local[16]; /* datagrams: both addresses; an IPv4 address comes first, and zeros */
	__u8 remote[16];
};

struct port {
	__u32 number; /* in keys of connections, in outputs and in traffic */
	enum verdict verdict; /* of what has none of its own */
	enum payload payload;
	enum flag flags;
	__u32 vc; /* UNIT: the key */
	__u32 cell; /* UNIT: octets of one, by which they are counted; 0: it is an SDU */
	__u32 packet; /* the hub has a packet socket there, and not AF_XDP */
	__u8 own[6], group[6], sender[6], unused[2];
};

/* A VC, VPI << 16 | VCI, or a VP, WHOLE_PATH | VPI. */
#define WHOLE_PATH (1 << 28)

struct key {
	__u32 port;
	__u32 vc;
};

struct connection {
	__u64 cells; /* that were relayed, or SDUs */
	enum verdict verdict;
	__u32 out; /* RELAY: the number of the port that they leave by */
	__u32 keep; /* bits of a header that stay */
	__u32 bits; /* and the others */
};

/* What frames that leave by a port begin with. */
#define LINK 18 /* Ethernet with a tag; without one it begins at NO_TAG */
#define NO_TAG 4
#define HEADERS (LINK + 40 + 8 + 4 * 4 + 4) /* IPv6, UDP, four labels, a control word */

struct output {
	__u32 device;
	enum payload payload;
	enum flag flags;
	__u32 frame; /* octets that a frame may have */
	__u32 cells; /* octets of cells in it */
	__u32 length; /* of headers, from skip on */
	__u32 skip; /* 0 or NO_TAG */
	__u32 ip; /* version; 0: none */
	__u32 sum; /* IPv4: of the header's words without the length */
	__u8 headers[HEADERS + NO_TAG]; /* the room at the end is never sent */
	__u8 unused[2];
};

struct port_traffic {
	__u64 rx_frames, rx_cells, tx_frames, tx_cells;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_WIRES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wire);
	__type(value, struct port);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_CONNECTIONS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct key);
	__type(value, struct connection);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PORTS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct output);
} outputs SEC(".maps");

/* How many frames with a number have left by a port. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_PORTS);
	__type(key, __u32);
	__type(value, __u64);
} sequences SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_PORTS);
	__type(key, __u32);
	__type(value, struct port_traffic);
} traffic SEC(".maps");

/* Interfaces by their number. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, MAX_DEVICES);
	__type(key, __u32);
	__type(value, __u32);
} devices SEC(".maps");

/* The hub's socket on each receive queue. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, MAX_SOCKETS);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, enum counter);
	__type(value, __u64);
} counters SEC(".maps");
