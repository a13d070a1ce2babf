//go:build ignore

/* The classifier: looks at each frame once and says where it belongs. README.md has the tables of keys, verdicts and
 * counters. A frame that it can't read goes to Linux, as if it weren't there. */
#include "relay.h"

/* Gives a frame to the hub: to the AF_XDP socket of its queue, or to Linux, where the hub has a packet socket or one for
 * datagrams. */
static always_inline int to_hub(struct xdp_md *xdp, struct port *port, enum counter why)
{
	int action = XDP_PASS;

	if (!port->packet)
		action = bpf_redirect_map(&sockets, xdp->rx_queue_index, XDP_DROP);
	count(action == XDP_DROP ? COUNT_NO_HUB : why);
	return action;
}

/* Whether a frame is from and to whom the port's are. */
static always_inline int stations(struct xdp_md *xdp, struct port *port)
{
	struct ethernet *e = octets(xdp, 0, sizeof(*e));

	if (!e)
		return 0;
	if (port->flags & FLAG_SENDER && !same_station(e->from, port->sender))
		return 0;
	return !(port->flags & FLAG_STATION) || same_station(e->to, port->own) || same_station(e->to, port->group);
}

/* Judges a frame of a port some of whose traffic has a verdict of its own. All cells must agree, or the hub takes them. */
static always_inline int by_connection(struct xdp_md *xdp, struct frame *f, struct port *port)
{
	struct walk w = {
		.xdp = xdp, .port = port->number, .paths = port->flags & FLAG_PATHS, .verdict = HUB, .otherwise = port->verdict,
	};
	__u32 cells = 1;
	int action;

	if (f->checked && !checksum_holds(xdp, f))
		return to_hub(xdp, port, COUNT_CHECKSUM);
	if (f->alert || f->end != f->length || !stations(xdp, port) ||
	    (port->flags & FLAG_CONTROL_WORD && !read_control(xdp, f, port->flags)))
		return to_hub(xdp, port, COUNT_STRANGE);
	w.at = f->at;
	if (port->payload == CELLS) {
		cells = (f->end - f->at) / CELL;
		if (cells < 1 || cells > MAX_CELLS || f->at + cells * CELL != f->end)
			return to_hub(xdp, port, COUNT_STRANGE);
		bpf_loop(cells, judge_cell, &w, 0);
	} else {
		struct key key = {port->number, port->vc};

		if (port->cell)
			cells = (f->end - f->at + 1) / port->cell; /* the first octet may be the control word's last */
		w.verdict = port->verdict;
		w.last = bpf_map_lookup_elem(&connections, &key);
		if (w.last) {
			w.verdict = w.last->verdict;
			w.out = w.last->out;
		}
	}
	switch (w.verdict) {
	case PASS:
		count(COUNT_PASS);
		return XDP_PASS;
	case DROP:
		count(COUNT_DROP);
		return XDP_DROP;
	case RELAY:
		action = relay(xdp, f, &w, cells);
		if (action >= 0)
			return action;
		return to_hub(xdp, port, COUNTERS); /* why has been counted */
	case HUB:
		break;
	}
	return to_hub(xdp, port, w.many > 1 ? COUNT_MIXED : COUNT_HUB);
}

SEC("xdp.frags")
int classify_xdp(struct xdp_md *xdp)
{
	__u32 length = bpf_xdp_get_buff_len(xdp);
	struct frame f = {.wire.interface = xdp->ingress_ifindex, .end = length, .length = length};
	struct port *port;
	int bad = read_frame(xdp, &f);

	if (bad) {
		count(bad - 1);
		return XDP_PASS;
	}
	port = bpf_map_lookup_elem(&ports, &f.wire);
	if (!port) {
		count(COUNT_NO_PORT);
		return XDP_PASS;
	}
	if (port->flags & FLAG_CONNECTIONS)
		return by_connection(xdp, &f, port);
	switch (port->verdict) {
	case HUB:
		return to_hub(xdp, port, COUNT_HUB);
	case DROP:
		count(COUNT_DROP);
		return XDP_DROP;
	default:
		break;
	}
	count(COUNT_PASS);
	return XDP_PASS;
}

char license_[] SEC("license") = "Apache-2.0"; /* none of the helpers wants another */
