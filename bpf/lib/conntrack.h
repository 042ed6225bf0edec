/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Flows that policy allowed to open: look up, open, refresh, expire. */
#ifndef DP_CONNTRACK_H
#define DP_CONNTRACK_H

#include "count.h"
#include "flow.h"

static __always_inline __u32 dp_timeout_seconds(__u8 protocol, __u8 state)
{
	if (state >= DP_FLOW_STATES)
		return 0;
	switch (protocol) {
	case IPPROTO_TCP:
		return dp_tcp_timeout_seconds[state];
	case IPPROTO_UDP:
		return dp_udp_timeout_seconds[state];
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return dp_icmp_timeout_seconds[state];
	default:
		return dp_other_timeout_seconds[state];
	}
}

/* The flow of a packet; NULL when there is none or its time is over. An expired entry is left to be
 * overwritten or to age out: the time it takes to be found stale is the time of this lookup.
 */
static __always_inline struct dp_flow *dp_flow_find(const struct dp_flow_key *key, __u8 protocol)
{
	struct dp_flow *flow;
	__u64 idle;

	flow = key->is_ip6 ? bpf_map_lookup_elem(&dp_flows6, &key->ip6)
			   : bpf_map_lookup_elem(&dp_flows4, &key->ip4);
	if (!flow)
		return NULL;
	idle = bpf_jiffies64() - flow->seen_jiffies;
	if (idle > (__u64)dp_timeout_seconds(protocol, flow->state) * dp_jiffies_per_second)
		return NULL;
	return flow;
}

/* Makes the entry of a flow that may open. Returns false when it could not be made: counted, and
 * never a reason to drop, because the policy allows the packet.
 */
static __always_inline bool dp_flow_open(const struct dp_flow_key *key, const struct dp_flow *flow)
{
	long result;

	result = key->is_ip6 ? bpf_map_update_elem(&dp_flows6, &key->ip6, flow, BPF_ANY)
			     : bpf_map_update_elem(&dp_flows4, &key->ip4, flow, BPF_ANY);
	return result == 0;
}

/* Notes that a packet of the flow passed. Most packets write nothing: last-seen once a second,
 * state when it changes. What follows an RST does not keep the entry.
 */
static __always_inline void dp_flow_refresh(struct dp_flow *flow, const struct dp_packet *packet,
					    enum dp_direction direction)
{
	__u64 now = bpf_jiffies64();

	if (flow->state == DP_FLOW_CLOSED)
		return;
	if (packet->tcp_flags & DP_TCP_RST) {
		flow->state = DP_FLOW_CLOSED;
		flow->seen_jiffies = now;
		return;
	}
	if (packet->tcp_flags & DP_TCP_FIN)
		flow->state = DP_FLOW_CLOSING;
	else if (flow->state == DP_FLOW_OPENING && flow->direction != direction)
		flow->state = DP_FLOW_ESTABLISHED;
	if (now - flow->seen_jiffies >= dp_jiffies_per_second)
		flow->seen_jiffies = now;
}

#endif
