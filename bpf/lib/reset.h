/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Resets: a SYN that is denied becomes its own answer, and whoever sent it need not wait. */
#ifndef DP_RESET_H
#define DP_RESET_H

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include "place.h"
#include "report.h"

/* The bucket of resets of this CPU: a flood of SYNs must not become a flood of answers. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dp_bucket);
} dp_reset_bucket SEC(".maps");

static __always_inline bool dp_reset_allowed(void)
{
	__u32 zero = 0;
	struct dp_bucket *bucket = bpf_map_lookup_elem(&dp_reset_bucket, &zero);

	return bucket && dp_take_token(bucket, dp_resets_per_second, dp_resets_per_second);
}

/* Offsets from the IP header on, of both addresses, and how long one is. */
static __always_inline long dp_swap_addresses(struct __sk_buff *skb, __u32 at, bool is_ip6)
{
	__be32 words[8], swapped[8];
	int i;

	if (is_ip6) {
		if (bpf_skb_load_bytes(skb, at + 8, words, sizeof(words)))
			return -1;
#pragma unroll
		for (i = 0; i < 8; i++)
			swapped[i] = words[i ^ 4];
		return bpf_skb_store_bytes(skb, at + 8, swapped, sizeof(swapped), 0);
	}
	if (bpf_skb_load_bytes(skb, at + 12, words, 8))
		return -1;
	swapped[0] = words[1];
	swapped[1] = words[0];
	return bpf_skb_store_bytes(skb, at + 12, swapped, 8, 0);
}

/* The header of a SYN becomes that of a reset that acknowledges it (RFC 9293, 3.10.7.1). Its length
 * stays, options and all: nobody reads those of a reset. The checksum is changed by the difference,
 * which is right for one that the device is yet to fill in, too.
 */
static __always_inline long dp_turn_tcp(struct __sk_buff *skb, __u32 at, __u32 sequence)
{
	__be32 before[4], after[4];
	__s64 difference;

	if (bpf_skb_load_bytes(skb, at, before, sizeof(before)))
		return -1;
	after[0] = before[0] >> 16 | before[0] << 16;
	after[1] = 0;
	after[2] = bpf_htonl(sequence + 1);
	after[3] = (before[3] & bpf_htonl(0xf000ffff)) | bpf_htonl((DP_TCP_RST | DP_TCP_ACK) << 16);
	difference = bpf_csum_diff(before, sizeof(before), after, sizeof(after), 0);
	if (bpf_skb_store_bytes(skb, at, after, sizeof(after), 0))
		return -1;
	return bpf_l4_csum_replace(skb, at + 16, 0, difference, 0);
}

/* Back to where the frame came from. Returns whether it came to us alone: a broadcast is answered
 * by nobody (RFC 1122, 4.2.3.10).
 */
static __always_inline bool dp_swap_stations(struct __sk_buff *skb)
{
	__u16 words[6], swapped[6];
	int i;

	if (bpf_skb_load_bytes(skb, 0, words, sizeof(words)) || ((__u8 *)words)[0] & 1)
		return false;
#pragma unroll
	for (i = 0; i < 6; i++)
		swapped[i] = words[(i + 3) % 6];
	return !bpf_skb_store_bytes(skb, 0, swapped, sizeof(swapped), 0);
}

/* Where the IP header is: only frames without tags of their own are answered. */
static __always_inline int dp_network_offset(struct __sk_buff *skb, __u32 link)
{
	__be16 type;

	if (link != DP_LINK_ETHERNET)
		return 0;
	if (bpf_skb_load_bytes(skb, offsetof(struct ethhdr, h_proto), &type, sizeof(type)) ||
	    type != (__be16)skb->protocol)
		return -1;
	return ETH_HLEN;
}

/* Answers the SYN of the visit, which is denied, with a reset: from the host's uplink the way it
 * came, from a unit's interface by the host's routes. The answer passes the hooks on its way as
 * something that is forwarded. Returns the action: what cannot be answered is dropped as before.
 */
__noinline int dp_answer_by_reset(struct __sk_buff *skb, __u32 link, __u32 leaves)
{
	const struct dp_visit *visit = dp_visit_of(0);
	const struct dp_packet *packet;
	int network;

	if (!visit)
		return TC_ACT_SHOT;
	packet = &visit->packet;
	if (!dp_is_opening_syn(packet) || visit->judgement.reason != DP_REASON_POLICY ||
	    packet->offset > DP_MAX_OFFSET || packet->tuple.destination_port == 0)
		return TC_ACT_SHOT;
	network = dp_network_offset(skb, link);
	if (network < 0 || !dp_reset_allowed())
		return TC_ACT_SHOT;
	if (link == DP_LINK_ETHERNET && !leaves && !dp_swap_stations(skb))
		return TC_ACT_SHOT;
	if (dp_swap_addresses(skb, network, packet->tuple.is_ip6) ||
	    dp_turn_tcp(skb, packet->offset, packet->sequence))
		return TC_ACT_SHOT;
	dp_count_statistic(DP_STAT_RESETS);
	return leaves ? bpf_redirect_neigh(skb->ingress_ifindex, NULL, 0, 0)
		      : bpf_redirect(skb->ifindex, 0);
}

/* Whether a packet that was dropped may be answered: it came from elsewhere, and was the last
 * judge's incoming one.
 */
static __always_inline bool dp_is_to_be_reset(const struct __sk_buff *skb,
					      const struct dp_place *place, bool inwards)
{
	if (!dp_resets_per_second)
		return false;
	return place->role == DP_ROLE_HOST ? inwards : !inwards && skb->ingress_ifindex != 0;
}

#endif
