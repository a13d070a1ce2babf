/* What programs of tc need beside kernel.h: include/uapi/linux/bpf.h, if_packet.h, and the helpers by number. */
#pragma once
#include "kernel.h"

enum { TCX_DROP = 2 }; /* beside TCX_NEXT */

enum { PACKET_OTHERHOST = 3 };

enum { BPF_MAP_TYPE_DEVMAP = 14 };

struct bpf_redir_neigh {
	__u32 nh_family;
	union {
		__u32 ipv4_nh;
		__u32 ipv6_nh[4];
	};
};

enum { AF_INET = 2, AF_INET6 = 10 };

enum { BPF_ADJ_ROOM_MAC = 1 };

#define BPF_F_ADJ_ROOM_FIXED_GSO (1ULL << 0)
#define BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 (1ULL << 1)
#define BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 (1ULL << 2)
#define BPF_F_ADJ_ROOM_ENCAP_L4_UDP (1ULL << 4)
#define BPF_F_ADJ_ROOM_ENCAP_L2(octets) ((__u64)(octets) << 56)
#define BPF_F_ADJ_ROOM_ENCAP_L2_ETH (1ULL << 6)
#define BPF_F_ADJ_ROOM_DECAP_L3_IPV4 (1ULL << 7)
#define BPF_F_ADJ_ROOM_DECAP_L3_IPV6 (1ULL << 8)

static long (*bpf_redirect)(__u32 ifindex, __u64 flags) = (void *)23;
static long (*bpf_skb_load_bytes)(const struct __sk_buff *, __u32 offset, void *to, __u32 len) = (void *)26;
static long (*bpf_skb_change_tail)(struct __sk_buff *, __u32 len, __u64 flags) = (void *)38;
static long (*bpf_skb_change_head)(struct __sk_buff *, __u32 len, __u64 flags) = (void *)43;
static long (*bpf_skb_adjust_room)(struct __sk_buff *, int len_diff, __u32 mode, __u64 flags) = (void *)50;
static long (*bpf_redirect_neigh)(__u32 ifindex, struct bpf_redir_neigh *params, int plen, __u64 flags) = (void *)152;
