//go:build ignore

/* The classifier: looks at each frame once and says where it belongs. README.md has the tables of keys, verdicts and
 * counters. A frame that it can't read goes to Linux, as if it weren't there. */
#include "kernel.h"

#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88A8
#define ETHERTYPE_MPLS 0x8847
#define VLAN_MASK 0x0FFF
#define MAX_TAGS 2
#define MAX_LABELS 8 /* as modules.MaxLabelDepth */
#define LABEL_BOTTOM (1 << 8)
#define LABEL_SHIFT 12

#define MAX_PORTS (1 << 16)
#define MAX_SOCKETS 64 /* queues of an interface */

enum verdict { PASS, HUB, DROP };

/* What is counted, each frame in one of them. */
enum counter {
	COUNT_OTHER,   /* passed: not MPLS, or cut short */
	COUNT_NO_PORT, /* passed: no port has this label on this VLAN */
	COUNT_PASS,    /* passed: the port says so */
	COUNT_HUB,     /* to the hub's socket */
	COUNT_DROP,    /* dropped: the port says so */
	COUNT_NO_HUB,  /* dropped: the queue's socket has gone */
	COUNTERS,
};

struct ethernet {
	__u8 to[6], from[6];
	__u16 type;
} __attribute__((packed));

struct tag {
	__u16 tci;
	__u16 type;
} __attribute__((packed));

/* A pseudowire, by how its frames come. */
struct wire {
	__u32 label;
	__u32 vlan; /* 0: none, or a tag that is only a priority */
};

struct port {
	enum verdict verdict;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PORTS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wire);
	__type(value, struct port);
} ports SEC(".maps");

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

static always_inline void count(enum counter which)
{
	__u64 *n = bpf_map_lookup_elem(&counters, &which);

	if (n)
		(*n)++; /* each processor has its own */
}

/* Reads the Ethernet header and its tags: the EtherType behind them, 0 for a frame that is too short. The VLAN is the
 * only tag's; two tags are a VLAN that no port has. */
static always_inline __u16 read_ethernet(void **at, void *end, __u32 *vlan)
{
	struct ethernet *e = *at;
	__u16 type;

	if ((void *)(e + 1) > end)
		return 0;
	type = be16(e->type);
	*at = e + 1;
	*vlan = 0;
#pragma unroll
	for (int i = 0; i < MAX_TAGS; i++) {
		struct tag *t = *at;

		if (type != ETHERTYPE_VLAN && type != ETHERTYPE_QINQ)
			break;
		if ((void *)(t + 1) > end)
			return 0;
		*vlan = *vlan << 12 | (be16(t->tci) & VLAN_MASK);
		type = be16(t->type);
		*at = t + 1;
	}
	return type;
}

/* Walks a label stack to its bottom (RFC 3032): the label there, -1 for a stack that goes on. */
static always_inline int read_labels(void **at, void *end)
{
#pragma unroll
	for (int i = 0; i < MAX_LABELS; i++) {
		__u32 *entry = *at, e;

		if ((void *)(entry + 1) > end)
			return -1;
		e = be32(*entry);
		*at = entry + 1;
		if (e & LABEL_BOTTOM)
			return e >> LABEL_SHIFT;
	}
	return -1;
}

static always_inline int to_hub(struct xdp_md *ctx)
{
	int action = bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_DROP);

	count(action == XDP_REDIRECT ? COUNT_HUB : COUNT_NO_HUB);
	return action;
}

SEC("xdp.frags")
int classify_xdp(struct xdp_md *ctx)
{
	void *at = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct wire wire;
	struct port *port;
	int label;

	if (read_ethernet(&at, end, &wire.vlan) != ETHERTYPE_MPLS || (label = read_labels(&at, end)) < 0) {
		count(COUNT_OTHER);
		return XDP_PASS;
	}
	wire.label = label;
	port = bpf_map_lookup_elem(&ports, &wire);
	if (!port) {
		count(COUNT_NO_PORT);
		return XDP_PASS;
	}
	switch (port->verdict) {
	case HUB:
		return to_hub(ctx);
	case DROP:
		count(COUNT_DROP);
		return XDP_DROP;
	case PASS:
		break;
	}
	count(COUNT_PASS);
	return XDP_PASS;
}

char license_[] SEC("license") = "Apache-2.0"; /* none of the helpers wants another */
