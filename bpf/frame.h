/* Reading frames: Ethernet with its tags, datagrams, label stacks and control words. */
#pragma once
#include "kernel.h"
#include "maps.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86DD
#define ETHERTYPE_MPLS 0x8847
#define ETHERTYPE_QINQ 0x88A8
#define VLAN_MASK 0x0FFF
#define MAX_TAGS 2
#define MAX_LABELS 8 /* as modules.MaxLabelDepth */
#define LABEL_BOTTOM (1 << 8)
#define LABEL_SHIFT 12
#define LABEL_ALERT 1 /* above a pseudowire's: its control channel, RFC 5085 */
#define PROTOCOL_UDP 17
#define PROTOCOL_FRAGMENT 44
#define FRAGMENT_MASK 0x3FFF /* more of them, and where this one belongs */
#define LONGEST 0x3FFF /* octets into a frame that are looked at, a mask */

#define CW_CHANNEL 1 /* first four bits of a control channel's word, RFC 4385 */
#define CW_T (1 << 27) /* AAL5: an OAM cell */
#define CW_LENGTH(cw) ((cw) >> 16 & 63)

struct ethernet {
	__u8 to[6], from[6];
	__u16 type;
} packed;

struct tag {
	__u16 tci;
	__u16 type;
} packed;

struct ipv4 {
	__u8 version_length, tos;
	__u16 length, id, fragment;
	__u8 ttl, protocol;
	__u16 sum;
	__u32 from, to;
} packed;

struct ipv6 {
	__u32 first;
	__u16 length;
	__u8 next, hops;
	__u32 from[4], to[4];
} packed;

struct udp {
	__u16 from, to, length, sum;
} packed;

/* What is known of a frame. */
struct frame {
	struct wire wire;
	__u32 at; /* what has been read */
	__u32 end; /* of what belongs to it; behind that is padding */
	__u32 length; /* with padding */
	__u32 control; /* word; 0 where there is none */
	int alert; /* it is the control channel's */
	__u32 checked; /* a datagram with a checksum that is to be tested: where it begins; 0: none is */
};

#define keep(x) asm volatile("" : "+r"(x))

/* Octets of a frame, NULL where it doesn't have them all, or not in its first piece. */
static always_inline void *octets(struct xdp_md *xdp, __u32 at, __u32 n)
{
	void *end = (void *)(long)xdp->data_end, *p = (void *)(long)xdp->data;

	keep(p); /* or the compiler adds in an order that the verifier doesn't know */
	keep(end);
	keep(at);
	if (at > LONGEST)
		return NULL;
	p += at;
	return p + n > end ? NULL : p;
}

/* Reads the Ethernet header and its tags: the EtherType behind them, 0 for a frame that is too short. The VLAN is the
 * only tag's; two tags are a VLAN that no port has. */
static always_inline __u16 read_ethernet(struct xdp_md *xdp, struct frame *f)
{
	struct ethernet *e = octets(xdp, 0, sizeof(*e));
	__u16 type;

	if (!e)
		return 0;
	type = be16(e->type);
	f->at = sizeof(*e);
#pragma unroll
	for (int i = 0; i < MAX_TAGS; i++) {
		struct tag *t;

		if (type != ETHERTYPE_VLAN && type != ETHERTYPE_QINQ)
			break;
		t = octets(xdp, f->at, sizeof(*t));
		if (!t)
			return 0;
		f->wire.vlan = f->wire.vlan << 12 | (be16(t->tci) & VLAN_MASK);
		type = be16(t->type);
		f->at += sizeof(*t);
	}
	return type;
}

/* Reads an IPv4 header: 0, or what the frame is counted in. Options, and checksums of the header, are Linux's. */
static always_inline int read_ipv4(struct xdp_md *xdp, struct frame *f)
{
	struct ipv4 *ip = octets(xdp, f->at, sizeof(*ip));

	if (!ip || ip->version_length != 0x45 || ip->protocol != PROTOCOL_UDP)
		return COUNT_OTHER + 1;
	if (be16(ip->fragment) & FRAGMENT_MASK)
		return COUNT_FRAGMENT + 1;
	__builtin_memcpy(f->wire.local, &ip->to, sizeof(ip->to));
	__builtin_memcpy(f->wire.remote, &ip->from, sizeof(ip->from));
	f->end = f->at + be16(ip->length);
	f->at += sizeof(*ip);
	return 0;
}

/* Reads an IPv6 header likewise. Extension headers are Linux's. */
static always_inline int read_ipv6(struct xdp_md *xdp, struct frame *f)
{
	struct ipv6 *ip = octets(xdp, f->at, sizeof(*ip));

	if (!ip || be32(ip->first) >> 28 != 6)
		return COUNT_OTHER + 1;
	if (ip->next == PROTOCOL_FRAGMENT)
		return COUNT_FRAGMENT + 1;
	if (ip->next != PROTOCOL_UDP)
		return COUNT_OTHER + 1;
	__builtin_memcpy(f->wire.local, ip->to, sizeof(ip->to));
	__builtin_memcpy(f->wire.remote, ip->from, sizeof(ip->from));
	f->end = f->at + sizeof(*ip) + be16(ip->length);
	f->at += sizeof(*ip);
	return 0;
}

/* Reads up to the label stack of MPLS-in-UDP (RFC 7510): 0, or what the frame is counted in. */
static always_inline int read_datagram(struct xdp_md *xdp, struct frame *f, __u16 type)
{
	int bad = type == ETHERTYPE_IPV4 ? read_ipv4(xdp, f) : read_ipv6(xdp, f);
	struct udp *udp;

	if (bad)
		return bad;
	udp = octets(xdp, f->at, sizeof(*udp));
	if (!udp || f->end > f->length || f->at + be16(udp->length) != f->end)
		return COUNT_OTHER + 1;
	f->wire.interface = f->wire.vlan = 0;
	f->wire.port = be16(udp->to);
	if (udp->sum)
		f->checked = f->at;
	f->at += sizeof(*udp);
	return 0;
}

/* Walks a label stack to its bottom (RFC 3032); 0 for one that goes on. */
static always_inline int read_labels(struct xdp_md *xdp, struct frame *f)
{
#pragma unroll
	for (int i = 0; i < MAX_LABELS; i++) {
		__u32 *entry = octets(xdp, f->at, sizeof(*entry)), e;

		if (!entry)
			return 0;
		e = be32(*entry);
		f->at += sizeof(*entry);
		f->wire.label = e >> LABEL_SHIFT;
		if (e & LABEL_BOTTOM)
			return 1;
		f->alert |= f->wire.label == LABEL_ALERT;
	}
	return 0;
}

/* Reads a frame up to the bottom of its label stack: 0, or what it is counted in, and one more. It is a function of its
 * own, so that the verifier looks at its ways once. */
__attribute__((noinline)) int read_frame(struct xdp_md *xdp, struct frame *f)
{
	__u16 type;
	int bad;

	if (!f)
		return COUNT_OTHER + 1;
	type = read_ethernet(xdp, f);
	if (type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6) {
		bad = read_datagram(xdp, f, type);
		if (bad)
			return bad;
	} else if (type != ETHERTYPE_MPLS) {
		return COUNT_OTHER + 1;
	}
	return read_labels(xdp, f) && f->at <= f->end ? 0 : COUNT_OTHER + 1;
}

/* A sum over octets, chunk by chunk. */
#define CHUNK 64
struct sum {
	struct xdp_md *xdp;
	__u32 at;
	__u32 sum;
};

static long add_chunk(__u32 i, struct sum *s)
{
	void *p = octets(s->xdp, s->at + i * CHUNK, CHUNK);

	if (!p)
		return 1;
	s->sum = bpf_csum_diff(NULL, 0, p, CHUNK, s->sum);
	return 0;
}

/* Tests the checksum of a datagram: its words and those of the pseudo-header sum up to all ones (RFC 768). */
static always_inline int checksum_holds(struct xdp_md *xdp, struct frame *f)
{
	__u32 length = f->end - f->checked, rest = length % CHUNK, pseudo[2] = {be32(PROTOCOL_UDP), be32(length)};
	struct sum s = {.xdp = xdp, .at = f->checked};
	__u8 tail[CHUNK] = {};

	s.sum = bpf_csum_diff(NULL, 0, (void *)f->wire.local, sizeof(f->wire.local) + sizeof(f->wire.remote), 0);
	s.sum = bpf_csum_diff(NULL, 0, pseudo, sizeof(pseudo), s.sum);
	if (bpf_loop(length / CHUNK, add_chunk, &s, 0) < 0)
		return 0;
	if (rest && (octets(xdp, f->end - 1, 1) == NULL || bpf_xdp_load_bytes(xdp, f->end - rest, tail, rest)))
		return 0;
	s.sum = bpf_csum_diff(NULL, 0, (void *)tail, CHUNK, s.sum);
	s.sum = (s.sum & 0xFFFF) + (s.sum >> 16);
	s.sum = (s.sum & 0xFFFF) + (s.sum >> 16);
	return s.sum == 0xFFFF;
}

/* Reads the control word: 0 when there is none, or a word that is not before traffic, or not of what follows. */
static always_inline int read_control(struct xdp_md *xdp, struct frame *f, __u32 flags)
{
	__u32 *word = octets(xdp, f->at, sizeof(*word)), length;

	if (!word || f->at + sizeof(*word) > f->end)
		return 0;
	f->control = be32(*word);
	length = CW_LENGTH(f->control);
	if (f->control >> 28)
		return 0;
	if (flags & FLAG_FRAMES && (f->control & CW_T || (length && (length < sizeof(*word) || f->at + length > f->end))))
		return 0;
	f->at += sizeof(*word);
	return 1;
}

static always_inline int same_station(const __u8 *a, const __u8 *b)
{
	return *(const __u32 *)a == *(const __u32 *)b && *(const __u16 *)(a + 4) == *(const __u16 *)(b + 4);
}
