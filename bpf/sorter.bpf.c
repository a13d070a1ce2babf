//go:build ignore

/* The sorter: many programs have packet sockets on one interface, each for a label of its own, and the kernel shows each
 * frame to all of them. Those that have asked for it are shown only their own: their sockets are bound to a protocol number
 * that no frame on a wire has, and the sorter has the kernel take a frame of their label for one of that number. The frame
 * itself is as it was, but for a tag that only is a priority. Frames of a VLAN, and of labels that nobody has asked for, pass as
 * without a sorter. */
#include "kernel.h"

#define ETHERTYPE_MPLS 0x8847
#define ETHERTYPE_VLAN 0x8100
#define ETHERNET_FROM 6 /* the sender's place */
#define ETHERNET_TYPE 12 /* the EtherType's */
#define PROTOCOL_BYTES 2
#define ETHERNET_BYTES 14
#define TAG_BYTES 4
#define VLAN_MASK 0x0FFF
#define LABEL_BYTES 4
#define MAX_LABELS 8 /* as modules.MaxLabelDepth */
#define WHOLE_STACK (ETHERNET_BYTES + MAX_LABELS * LABEL_BYTES)
#define LABEL_BOTTOM (1 << 8)
#define LABEL_SHIFT 12

#define MAX_SORTED (1 << 16)

/* What somebody has asked for: a label, from one sender or, at 0, from anybody. */
struct sorted {
	__u32 label;
	__u8 from[6];
	__u8 unused[2];
};

/* Who has asked. */
struct owner {
	__u8 protocol[2]; /* as in frames */
	__u8 unused[2];
	__u32 cookie;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_SORTED);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sorted);
	__type(value, struct owner);
} owners SEC(".maps");

/* Walks a label stack to its bottom (RFC 3032): the label there, -1 for a stack that goes on, or ends with the frame. */
static always_inline int read_frame(struct __sk_buff *skb, struct sorted *key)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

#pragma unroll
	for (int i = 0; i < MAX_LABELS; i++) {
		__u32 *entry = data + ETHERNET_BYTES + i * LABEL_BYTES;

		if ((void *)(entry + 1) > end)
			return -1;
		if (be32(*entry) & LABEL_BOTTOM) {
			key->label = be32(*entry) >> LABEL_SHIFT;
			__builtin_memcpy(key->from, data + ETHERNET_FROM, sizeof key->from);
			return 0;
		}
	}
	return -1;
}

/* Has the kernel take a frame for one of another protocol. There is no call for that; but a tag that is taken off a frame
 * leaves the kernel with the type behind it. Two are put on, for the first does not become a part of the frame before
 * the second comes. */
static always_inline void call_it(struct __sk_buff *skb, const __u8 *protocol)
{
	__u16 mpls = be16(ETHERTYPE_MPLS);

	if (bpf_skb_vlan_push(skb, be16(ETHERTYPE_VLAN), 1) < 0)
		return;
	if (bpf_skb_vlan_push(skb, be16(ETHERTYPE_VLAN), 1) == 0) {
		bpf_skb_store_bytes(skb, ETHERNET_TYPE + TAG_BYTES, protocol, PROTOCOL_BYTES, 0);
		bpf_skb_vlan_pop(skb);
	}
	bpf_skb_vlan_pop(skb);
	bpf_skb_store_bytes(skb, ETHERNET_TYPE, &mpls, sizeof mpls, 0);
}

SEC("tcx/ingress")
int sort(struct __sk_buff *skb)
{
	struct sorted key = {};
	struct owner *owner;

	if (skb->protocol != be16(ETHERTYPE_MPLS) || (skb->vlan_present && skb->vlan_tci & VLAN_MASK))
		return TCX_NEXT;
	if ((void *)(long)skb->data + WHOLE_STACK > (void *)(long)skb->data_end)
		bpf_skb_pull_data(skb, WHOLE_STACK); /* refused for a short frame, which is whole */
	if (read_frame(skb, &key) < 0)
		return TCX_NEXT;
	owner = bpf_map_lookup_elem(&owners, &key);
	if (!owner) {
		__builtin_memset(key.from, 0, sizeof key.from);
		owner = bpf_map_lookup_elem(&owners, &key);
	}
	if (!owner)
		return TCX_NEXT;
	if (skb->vlan_present)
		bpf_skb_vlan_pop(skb);
	call_it(skb, owner->protocol);
	return TCX_NEXT;
}

char license_[] SEC("license") = "Apache-2.0"; /* none of the helpers wants another */
