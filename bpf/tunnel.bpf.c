//go:build ignore

/* The tunnel in the kernel: AAL5 SDUs of RFC 4717, with bridged Ethernet in them (RFC 2684), over MPLS on Ethernet or
 * in UDP (RFC 7510). With sequence number 0 all that stands before a frame is known beforehand but for two lengths, so
 * that the kernel's own tunnel segmentation can repeat it, and a super-frame crosses whole. README.md has a picture. */
#include "tc.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88A8
#define ETHERTYPE_MPLS 0x8847
#define ETHERTYPE_IPV6 0x86DD

#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

#define ETHERNET 14
#define TAG 4
#define IPV4 20
#define IPV6 40
#define UDP 8
#define LABEL 4
#define CONTROL_WORD 4

#define LABEL_BOTTOM (1 << 8)
#define LABEL_SHIFT 12
#define MAX_LABELS 8 /* as modules.MaxLabelDepth */

#define CW_REFUSED 0xF8000000 /* not an SDU: the first four bits, or T */
#define CW_LENGTH_SHIFT 16
#define CW_LENGTH_MASK 63
#define CW_LENGTH_LIMIT 64 /* from here on the length is 0 */

#define MAX_HEAD 92	 /* link, IPv6, UDP, 4 labels, control word, LLC and SNAP */
#define MAX_PACKET 65535 /* of IP, with its header or without */
#define MAX_ENCAP 10

enum over { OVER_ETHERNET, OVER_IPV4, OVER_IPV6 };

/* A tunnel. It is a constant of the loaded program: a change loads another, and the link changes over at once. Addresses
 * and ports are as on the wire. */
struct tunnel {
	__u32 underlay; /* interfaces by number: where frames leave and come, */
	__u32 inner;	/* and the network's end of the host's pair */
	enum over over;
	__u32 head_length;
	__u32 encap_length;
	__u32 label;	     /* received */
	__u32 limit;	     /* longest frame of the host, in octets */
	__u32 check_station; /* frames must come from station */
	__u32 plain;	     /* super-frames are the hub's to cut */
	__u32 sum;	     /* of the IPv4 header's words without its length, not folded */
	__u32 next_hop[4];
	__u32 local[4], remote[4];
	__u16 port; /* received */
	__u8 station[6];
	__u8 encap[12];
	__u64 head[12]; /* octets before a frame of the host, with zero for lengths */
};

volatile const struct tunnel config;

/* What is counted, in frames as the host sees them outside super-frames. */
struct counts {
	__u64 out_frames, out_octets; /* to the network; octets of the host's frames, with MAC header and tag */
	__u64 out_hub;		      /* left to the hub: not to be carried here */
	__u64 out_no_hub;	      /* dropped: so, and the hub has gone */
	__u64 out_no_room;	      /* of out_hub: the kernel refused to make room */
	__u64 out_failed;	      /* dropped: the kernel refused halfway */
	__u64 in_frames, in_octets;   /* to the host */
	__u64 in_hub;		      /* of the tunnel, and left to the hub */
	__u64 in_no_hub;	      /* dropped: so, and the hub has gone */
	__u64 in_failed;	      /* dropped: the kernel refused halfway */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counts);
} tunnel_counts SEC(".maps");

/* The TAP of the hub, as long as there is one: the kernel empties the map with it. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} tunnel_hub SEC(".maps");

struct mac {
	__u8 stations[12]; /* to, from */
	__u16 type;
} __attribute__((__packed__));

struct tag {
	__u16 type, tci;
} __attribute__((__packed__));

static always_inline struct counts *counts(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&tunnel_counts, &zero);
}

/* What is not to be carried here the user-space tunnel carries beside. */
static always_inline int to_hub(struct __sk_buff *skb, struct counts *c)
{
	__u32 zero = 0, *tap = bpf_map_lookup_elem(&tunnel_hub, &zero);

	if (!tap) {
		c->out_no_hub++;
		return TCX_DROP;
	}
	c->out_hub++;
	return bpf_redirect(*tap, 0);
}

/* What the host receives of the network is for the hub's socket: the rest of the stack brings it there. */
static always_inline int pass_to_hub(struct __sk_buff *skb, struct counts *c)
{
	__u32 zero = 0;

	if (!bpf_map_lookup_elem(&tunnel_hub, &zero)) {
		c->in_no_hub++;
		return TCX_DROP;
	}
	c->in_hub++;
	return TCX_NEXT;
}

/* The IP and TCP or UDP headers at an offset, which segmentation repeats. 0: not a flow that we know. */
static always_inline __u32 repeated(struct __sk_buff *skb, __u32 at, __u16 type, __u8 *is)
{
	__u32 n = IPV6;
	__u8 b = 0, protocol = 0;

	if (type == be16(ETHERTYPE_IPV4)) {
		if (bpf_skb_load_bytes(skb, at, &b, 1) || bpf_skb_load_bytes(skb, at + 9, &protocol, 1))
			return 0;
		n = (b & 15) * 4;
	} else if (type != be16(ETHERTYPE_IPV6) || bpf_skb_load_bytes(skb, at + 6, &protocol, 1)) {
		return 0;
	}
	*is = protocol;
	if (protocol == IPPROTO_UDP)
		return n + UDP;
	if (protocol != IPPROTO_TCP || bpf_skb_load_bytes(skb, at + n + 12, &b, 1))
		return 0;
	return n + (b >> 4) * 4;
}

/* A frame of the host as it is counted: a super-frame is as many as its segments. */
struct size {
	__u32 frames, octets, longest;
	__u8 protocol; /* of a super-frame */
};

/* Measures a frame of the host of that many octets, whose IP header is at an offset behind l2 octets of the frame. */
static always_inline int measure(struct __sk_buff *skb, __u32 octets, __u32 l2, __u32 at, __u16 type, struct size *s)
{
	__u32 header, size = skb->gso_size;

	s->frames = 1;
	s->protocol = 0;
	s->octets = s->longest = octets;
	if (!size)
		return 0;
	header = repeated(skb, at, type, &s->protocol);
	if (!header || header + l2 > octets)
		return -1;
	header += l2;
	s->frames = (octets - header + size - 1) / size;
	s->octets += (s->frames - 1) * header;
	s->longest = header + size;
	return 0;
}

/* Sums up an IPv4 header whose length is n. */
static always_inline __u16 ipv4_sum(__u32 n)
{
	__u32 sum = config.sum + n;

	sum = (sum & 0xFFFF) + (sum >> 16);
	sum = (sum & 0xFFFF) + (sum >> 16);
	return ~sum;
}

/* Writes the lengths into the head of a frame: n octets stand behind it. */
static always_inline void put_lengths(__u8 *head, __u32 n)
{
	__u32 cw = n + config.encap_length + CONTROL_WORD, at = config.head_length - config.encap_length - CONTROL_WORD;

	if (at > MAX_HEAD - CONTROL_WORD)
		return;
	if (cw < CW_LENGTH_LIMIT)
		head[at + 1] = cw; /* of the control word's second octet the lower six bits */
	n += config.head_length - ETHERNET;
	if (config.over == OVER_IPV4) {
		*(__u16 *)(head + ETHERNET + 2) = be16(n);
		*(__u16 *)(head + ETHERNET + 10) = be16(ipv4_sum(n));
		*(__u16 *)(head + ETHERNET + IPV4 + 4) = be16(n - IPV4);
	} else if (config.over == OVER_IPV6) {
		*(__u16 *)(head + ETHERNET + 4) = be16(n - IPV6);
		*(__u16 *)(head + ETHERNET + IPV6 + 4) = be16(n - IPV6);
	}
}

/* Makes room for the head before the MAC header. Where the kernel knows what is in the frame it also learns that it is in
 * a tunnel, and can cut a super-frame later. */
static always_inline long make_room(struct __sk_buff *skb, __u32 tag)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L4_UDP | BPF_F_ADJ_ROOM_ENCAP_L2_ETH;
	int known = skb->protocol == be16(ETHERTYPE_IPV4) || skb->protocol == be16(ETHERTYPE_IPV6);

	if (config.over == OVER_ETHERNET || !known)
		return bpf_skb_change_head(skb, config.head_length + tag, 0);
	flags |= BPF_F_ADJ_ROOM_ENCAP_L2((__u64)(ETHERNET + tag));
	flags |= config.over == OVER_IPV4 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV6;
	return bpf_skb_adjust_room(skb, config.head_length + tag, BPF_ADJ_ROOM_MAC, flags);
}

/* Has the kernel read the EtherType of the MAC header anew: popping a tag does. */
static always_inline long reread_type(struct __sk_buff *skb)
{
	return bpf_skb_vlan_push(skb, be16(ETHERTYPE_VLAN), 1) || bpf_skb_vlan_push(skb, be16(ETHERTYPE_VLAN), 1) ||
	       bpf_skb_vlan_pop(skb) || bpf_skb_vlan_pop(skb);
}

/* Sends a frame with its head: over IP by the kernel's table of neighbours. */
static always_inline int leave(struct __sk_buff *skb)
{
	struct bpf_redir_neigh to = {.nh_family = config.over == OVER_IPV4 ? AF_INET : AF_INET6};

	if (config.over == OVER_ETHERNET)
		return bpf_redirect(config.underlay, 0);
	for (int i = 0; i < 4; i++)
		to.ipv6_nh[i] = config.next_hop[i];
	return bpf_redirect_neigh(config.underlay, &to, sizeof(to), 0);
}

/* The network's end of the host's pair: what the host sends. */
SEC("tcx/ingress")
int tunnel_out(struct __sk_buff *skb)
{
	union {
		__u64 words[14];
		__u8 octets[112]; /* MAX_HEAD, and the host's MAC header and tag */
	} f;
	__u32 octets = skb->len, at = config.head_length, tag = skb->vlan_present ? TAG : 0;
	struct counts *c = counts();
	struct size s;
	struct mac mac;
	struct tag t = {.type = skb->vlan_proto, .tci = be16(skb->vlan_tci)};

	if (!c)
		return TCX_DROP;
	/* Of a super-frame of UDP over UDP the kernel would make one datagram. */
	if (octets < ETHERNET || bpf_skb_load_bytes(skb, 0, &mac, sizeof(mac)) || measure(skb, octets + tag, ETHERNET + tag, ETHERNET, mac.type, &s) ||
	    s.longest > config.limit || mac.type == be16(ETHERTYPE_VLAN) || mac.type == be16(ETHERTYPE_QINQ) ||
	    (s.protocol && config.plain) || (s.protocol == IPPROTO_UDP && config.over != OVER_ETHERNET) || at > MAX_HEAD ||
	    (config.over != OVER_ETHERNET && octets + tag + at - ETHERNET > MAX_PACKET))
		return to_hub(skb, c);
	int reread = config.over != OVER_ETHERNET && skb->protocol != be16(ETHERTYPE_IPV4) && skb->protocol != be16(ETHERTYPE_IPV6);

	if (make_room(skb, tag)) {
		c->out_no_room++;
		return to_hub(skb, c);
	}
	for (int i = 0; i < 12; i++)
		f.words[i] = config.head[i];
	put_lengths(f.octets, octets + tag);
	__builtin_memcpy(f.octets + at, mac.stations, sizeof(mac.stations));
	at += sizeof(mac.stations);
	if (tag) {
		__builtin_memcpy(f.octets + at, &t, sizeof(t));
		at += sizeof(t);
	}
	__builtin_memcpy(f.octets + at, &mac.type, sizeof(mac.type));
	at += sizeof(mac.type);
	if (bpf_skb_store_bytes(skb, 0, f.octets, at, 0) || (tag && bpf_skb_vlan_pop(skb)) || (reread && reread_type(skb))) {
		c->out_failed++;
		return TCX_DROP;
	}
	c->out_frames += s.frames;
	c->out_octets += s.octets;
	return leave(skb);
}

/* The datagram of the tunnel's own peer for its own port, whole and unmarked: its length of headers, 0 if it is not. Its
 * checksum is not looked at (RFC 7510, section 3.1: what is inside has its own); marks are the hub's, RFC 6040. */
static always_inline __u32 datagram_ipv4(struct __sk_buff *skb)
{
	struct {
		__u8 version, tos;
		__u16 length, id, fragment;
		__u8 ttl, protocol;
		__u16 sum;
		__u32 from, to;
		__u16 ports[2], udp_length, udp_sum;
	} d;

	if (skb->protocol != be16(ETHERTYPE_IPV4) || bpf_skb_load_bytes(skb, ETHERNET, &d, sizeof(d)))
		return 0;
	if (d.version != 0x45 || d.protocol != IPPROTO_UDP || d.ports[1] != config.port || d.from != config.remote[0] ||
	    d.to != config.local[0])
		return 0;
	return d.fragment & be16(0x3FFF) || d.tos & 3 || (!skb->gso_size && be16(d.length) + ETHERNET != skb->len) ? -1 : IPV4 + UDP;
}

static always_inline __u32 datagram_ipv6(struct __sk_buff *skb)
{
	struct {
		__u8 version[4];
		__u16 length;
		__u8 next, hops;
		__u32 from[4], to[4];
		__u16 ports[2], udp_length, udp_sum;
	} d;

	if (skb->protocol != be16(ETHERTYPE_IPV6) || bpf_skb_load_bytes(skb, ETHERNET, &d, sizeof(d)))
		return 0;
	if (d.next != IPPROTO_UDP || d.ports[1] != config.port)
		return 0;
	for (int i = 0; i < 4; i++)
		if (d.from[i] != config.remote[i] || d.to[i] != config.local[i])
			return 0;
	return d.version[1] & 0x30 || (!skb->gso_size && be16(d.length) + ETHERNET + IPV6 != skb->len) ? -1 : IPV6 + UDP;
}

/* The frame of the tunnel's own peer on Ethernet: 0, -1 if it is not. */
static always_inline int from_peer(struct __sk_buff *skb)
{
	__u8 from[6];

	if (skb->protocol != be16(ETHERTYPE_MPLS) || skb->vlan_present || skb->pkt_type == PACKET_OTHERHOST)
		return -1;
	if (!config.check_station)
		return 0;
	if (bpf_skb_load_bytes(skb, 6, from, sizeof(from)))
		return -1;
	for (__u32 i = 0; i < sizeof(from); i++)
		if (from[i] != config.station[i])
			return -1;
	return 0;
}

/* Walks a label stack to its bottom (RFC 3032) and over the control word behind it: where what follows begins. 0: another's
 * label, -1: not an SDU, for which more is to be read than here. */
static always_inline int read_labels(struct __sk_buff *skb, __u32 at, __u32 *length)
{
	__u32 word[2];

	for (int i = 0; i < MAX_LABELS; i++) {
		if (bpf_skb_load_bytes(skb, at, word, sizeof(word)))
			return 0;
		at += LABEL;
		if (!(be32(word[0]) & LABEL_BOTTOM))
			continue;
		if (be32(word[0]) >> LABEL_SHIFT != config.label)
			return 0;
		if (be32(word[1]) & CW_REFUSED)
			return -1;
		*length = be32(word[1]) >> CW_LENGTH_SHIFT & CW_LENGTH_MASK;
		return at + CONTROL_WORD;
	}
	return 0;
}

/* Takes what stands before the frame of the host away, and its tag out of the frame: n octets in all. */
static always_inline long take_room(struct __sk_buff *skb, __u32 n, __u16 type)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;
	__u16 ip = type == be16(ETHERTYPE_IPV6) ? be16(ETHERTYPE_IPV6) : be16(ETHERTYPE_IPV4);

	/* The kernel takes octets from IP only, and has to know what is then there. */
	if (config.over == OVER_ETHERNET) {
		if (bpf_skb_store_bytes(skb, 12, &ip, sizeof(ip), 0) || reread_type(skb))
			return -1;
	} else {
		flags |= ip == be16(ETHERTYPE_IPV6) ? BPF_F_ADJ_ROOM_DECAP_L3_IPV6 : BPF_F_ADJ_ROOM_DECAP_L3_IPV4;
	}
	return bpf_skb_adjust_room(skb, -(int)n, BPF_ADJ_ROOM_MAC, flags);
}

/* Finds the frame of the host in an SDU: its MAC header and tag. False: not as RFC 2684 has it without a frame check
 * sequence, or two tags, or too short for the kernel to be changed. */
static always_inline int read_frame(struct __sk_buff *skb, __u32 at, struct mac *mac, struct tag *t)
{
	__u8 encap[MAX_ENCAP];
	__u32 n = config.encap_length;

	if (n < 2 || n > sizeof(encap) || bpf_skb_load_bytes(skb, at, encap, n))
		return 0;
	for (__u32 i = 0; i < sizeof(encap); i++)
		if (i < n && encap[i] != config.encap[i])
			return 0;
	at += n;
	if (bpf_skb_load_bytes(skb, at, mac, sizeof(*mac)))
		return 0;
	at += sizeof(*mac);
	t->type = 0;
	if (mac->type == be16(ETHERTYPE_QINQ) || mac->type == be16(ETHERTYPE_VLAN)) {
		__u16 two[2];

		if (bpf_skb_load_bytes(skb, at, two, sizeof(two)))
			return 0;
		at += sizeof(two);
		t->type = mac->type;
		t->tci = be16(two[0]);
		mac->type = two[1];
		if (mac->type == be16(ETHERTYPE_QINQ) || mac->type == be16(ETHERTYPE_VLAN))
			return 0;
	}
	return at + (mac->type == be16(ETHERTYPE_IPV6) ? IPV6 : IPV4) <= skb->len;
}

/* A super-frame of the host, whose IP packet reaches from an offset to the end; or else one of datagrams that the far end's
 * program has sent in one call, or the hub's socket has had joined: those are many frames. */
static always_inline int is_super_frame(struct __sk_buff *skb, __u32 at, __u16 type)
{
	__u16 length;

	if (type == be16(ETHERTYPE_IPV4))
		return !bpf_skb_load_bytes(skb, at + 2, &length, sizeof(length)) && at + be16(length) == skb->len;
	return type == be16(ETHERTYPE_IPV6) && !bpf_skb_load_bytes(skb, at + 4, &length, sizeof(length)) &&
	       at + IPV6 + be16(length) == skb->len;
}

/* Hands the host its frame, which stands behind head. */
static always_inline int arrive(struct __sk_buff *skb, struct counts *c, __u32 head, struct mac *mac, struct tag *t)
{
	__u32 tag = t->type ? TAG : 0;
	struct size s;

	if (skb->gso_size && !is_super_frame(skb, head + ETHERNET + tag, mac->type))
		return pass_to_hub(skb, c);
	if (measure(skb, skb->len - head, ETHERNET + tag, head + ETHERNET + tag, mac->type, &s))
		s.frames = skb->gso_segs;
	if (take_room(skb, head + tag, mac->type) || bpf_skb_store_bytes(skb, 0, mac, sizeof(*mac), 0) ||
	    (tag && bpf_skb_vlan_push(skb, t->type, t->tci))) {
		c->in_failed++;
		return TCX_DROP;
	}
	c->in_frames += s.frames;
	c->in_octets += s.octets;
	return bpf_redirect(config.inner, 0);
}

/* The interface below: what the network sends. What is not the tunnel's goes on as if this weren't here. */
SEC("tcx/ingress")
int tunnel_in(struct __sk_buff *skb)
{
	int at = ETHERNET, header;
	__u32 length = 0, head;
	struct counts *c;
	struct mac mac;
	struct tag t;

	if (config.over == OVER_ETHERNET) {
		if (from_peer(skb))
			return TCX_NEXT;
	} else {
		header = config.over == OVER_IPV4 ? datagram_ipv4(skb) : datagram_ipv6(skb);
		if (!header)
			return TCX_NEXT;
		at += header;
	}
	c = counts();
	if (!c)
		return TCX_NEXT;
	if (at < ETHERNET)
		return pass_to_hub(skb, c); /* more is to be done than to find the label */
	at = read_labels(skb, at, &length);
	if (!at)
		return TCX_NEXT;
	if (at < 0 || !read_frame(skb, at, &mac, &t))
		return pass_to_hub(skb, c);
	head = at + config.encap_length;
	if (length) { /* a short frame may be longer than it should: Ethernet pads */
		length += head - config.encap_length - CONTROL_WORD;
		if (length < head + ETHERNET + IPV4 || length > skb->len || (length < skb->len && bpf_skb_change_tail(skb, length, 0)))
			return pass_to_hub(skb, c);
	}
	return arrive(skb, c, head, &mac, &t);
}

/* The hub's TAP: what the hub has for the host. */
SEC("tcx/ingress")
int tunnel_back(struct __sk_buff *skb)
{
	return bpf_redirect(config.inner, 0);
}

char license_[] SEC("license") = "Apache-2.0"; /* none of the helpers wants another */
