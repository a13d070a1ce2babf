/* Relaying: a frame leaves by another port with other headers, and never wakes user space. */
#pragma once
#include "frame.h"

#define CELL 52
#define MAX_CELLS 256 /* of a frame */
#define SPECIFIC_BITS 8 /* behind the number */
#define SEQUENCES 65535 /* numbers of a control word: 0 is none of them */

static always_inline void count(enum counter which)
{
	__u64 *n = bpf_map_lookup_elem(&counters, &which);

	if (n)
		(*n)++; /* each processor has its own */
}

/* A walk over the cells of a frame. */
struct walk {
	struct xdp_md *xdp;
	struct connection *last;
	__u32 at; /* of the first cell */
	__u32 port;
	__u32 paths; /* some VPs have a verdict as a whole */
	__u32 vc; /* of the cell before */
	__u32 many; /* VCs */
	__u32 out;
	enum verdict verdict; /* of all of them so far */
	enum verdict otherwise; /* of cells that have none */
};

/* The connection of a cell's header, NULL for none: the VP's where it has one. */
static always_inline struct connection *connection_of(struct walk *w, __u32 header)
{
	struct key key = {w->port, WHOLE_PATH | header >> 20};
	struct connection *c = NULL;

	if (w->paths)
		c = bpf_map_lookup_elem(&connections, &key);
	if (c)
		return c;
	key.vc = header >> 4;
	return bpf_map_lookup_elem(&connections, &key);
}

/* A cell's header. */
static always_inline __u32 *header_of(struct walk *w, __u32 i)
{
	return octets(w->xdp, w->at + i * CELL, sizeof(__u32));
}

/* A step of the walk: 1 ends it. */
static long judge_cell(__u32 i, struct walk *w)
{
	__u32 *h = header_of(w, i), out = 0, header;
	struct connection *c;
	enum verdict v;

	if (!h) {
		w->verdict = HUB;
		return 1;
	}
	header = be32(*h);
	if (i && header >> 4 == w->vc)
		return 0;
	w->vc = header >> 4;
	c = connection_of(w, header);
	v = w->otherwise;
	if (c) {
		v = c->verdict;
		if (v == RELAY)
			out = c->out;
	}
	if (i) {
		w->many = 1;
		if (v == w->verdict && out == w->out)
			return 0;
		w->verdict = HUB;
		w->many = 2;
		return 1;
	}
	w->last = c;
	w->verdict = v;
	w->out = out;
	return 0;
}

/* Gives a cell its new header: of a frame of one VC. */
static long change_cell(__u32 i, struct walk *w)
{
	__u32 *h = header_of(w, i);

	if (!h || !w->last)
		return 1;
	*h = be32((be32(*h) & w->last->keep) | w->last->bits);
	return 0;
}

/* … of a frame of many. */
static long change_cells(__u32 i, struct walk *w)
{
	__u32 *h = header_of(w, i), header;
	struct connection *c;

	if (!h)
		return 1;
	header = be32(*h);
	c = connection_of(w, header);
	if (!c)
		return 1; /* gone this moment */
	*h = be32((header & c->keep) | c->bits);
	__sync_fetch_and_add(&c->cells, 1);
	return 0;
}

/* Writes the length of a packet, and the checksum over its header. A datagram has none: RFC 7510, 3.1, and RFC 6936. */
static always_inline void write_lengths(struct xdp_md *xdp, struct output *o, __u32 length)
{
	__u32 at = LINK - (o->skip & NO_TAG), header = sizeof(struct ipv6), sum;
	struct udp *udp;

	length -= at;
	if (o->ip == 4) {
		struct ipv4 *ip = octets(xdp, at, sizeof(*ip));

		if (!ip)
			return;
		header = sizeof(*ip);
		sum = o->sum + length;
		sum = (sum & 0xFFFF) + (sum >> 16);
		sum = (sum & 0xFFFF) + (sum >> 16);
		ip->length = be16((__u16)length);
		ip->sum = be16((__u16)~sum);
	} else {
		struct ipv6 *ip = octets(xdp, at, sizeof(*ip));

		if (!ip)
			return;
		ip->length = be16((__u16)(length - header));
	}
	udp = octets(xdp, at + header, sizeof(*udp));
	if (udp)
		udp->length = be16((__u16)(length - header));
}

/* Writes all headers of a frame of that length. Those of a frame that came in are gone then. */
static always_inline int write_headers(struct xdp_md *xdp, struct output *o, __u32 out, __u32 length, __u32 control)
{
	__u32 skip = o->skip & NO_TAG, n = o->length;
	__u64 *sequence = bpf_map_lookup_elem(&sequences, &out);
	__u32 *word, shift;

	if (n < 1 || n > HEADERS || bpf_xdp_store_bytes(xdp, 0, o->headers + skip, n))
		return 0;
	if (o->ip)
		write_lengths(xdp, o, length);
	if (!(o->flags & FLAG_CONTROL_WORD))
		return 1;
	shift = o->flags & FLAG_SPECIFIC ? SPECIFIC_BITS : 0;
	control &= ~(0xFFFF << shift);
	if (o->flags & FLAG_NUMBERED && sequence)
		control |= (__u32)(__sync_fetch_and_add(sequence, 1) % SEQUENCES + 1) << shift;
	word = octets(xdp, n - sizeof(*word), sizeof(*word));
	if (word)
		*word = be32(control);
	return word != NULL;
}

static always_inline void note_traffic(__u32 in, __u32 out, __u32 cells)
{
	struct port_traffic *t = bpf_map_lookup_elem(&traffic, &in);

	if (t) {
		t->rx_frames++;
		t->rx_cells += cells;
	}
	t = bpf_map_lookup_elem(&traffic, &out);
	if (t) {
		t->tx_frames++;
		t->tx_cells += cells;
	}
}

/* Sends a frame on: the action, or -1 when it is the hub's, as it came, and has been counted. */
static always_inline int relay(struct xdp_md *xdp, struct frame *f, struct walk *w, __u32 cells)
{
	__u32 out = w->out, payload = f->end - f->at;
	struct output *o = bpf_map_lookup_elem(&outputs, &out);
	long action;

	if (!o || !w->last) {
		count(COUNT_UNRESOLVED);
		return -1;
	}
	if (o->length + payload > o->frame || (o->payload == CELLS && payload > o->cells)) {
		count(COUNT_TOO_LONG);
		return -1;
	}
	if (bpf_xdp_adjust_head(xdp, (int)f->at - (int)o->length)) {
		count(COUNT_NO_HEAD);
		return -1;
	}
	w->at = o->length;
	if (o->payload == CELLS)
		bpf_loop(cells, w->many ? (void *)change_cells : (void *)change_cell, w, 0);
	if (!w->many)
		__sync_fetch_and_add(&w->last->cells, cells);
	note_traffic(w->port, out, cells);
	if (!write_headers(xdp, o, out, o->length + payload, f->control)) {
		count(COUNT_NO_DEVICE);
		return XDP_DROP;
	}
	action = bpf_redirect_map(&devices, o->device, XDP_DROP);
	count(action == XDP_REDIRECT ? COUNT_RELAY : COUNT_NO_DEVICE);
	return action;
}
