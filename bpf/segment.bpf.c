// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The programs. Each reads as the life of a packet: whose interface, what packet, which judges,
 * verdict.
 *
 * Allow returns TC_ACT_UNSPEC, which is TCX_NEXT as well: other programs and the host's own
 * firewall still have their say. Only a deny is final.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "config.h"
#include "maps.h"
#include "lib/parse.h"
#include "lib/policy.h"
#include "lib/count.h"
#include "lib/flow.h"
#include "lib/conntrack.h"
#include "lib/verdict.h"
#include "lib/report.h"

/* How many bytes are made linear when headers lie deeper than the first page of the buffer. */
#define DP_PULL_BYTES 512

/* One packet at one hook. */
struct dp_visit {
	const struct dp_generation *generation;
	struct dp_packet *packet;
	__u8 hook;
	__u8 reserved[7];
};

/* The packet of this CPU. Not on the stack for the verifier's sake: what it reads from a map it
 * knows nothing of, so the many ways through the parser meet again here. Softirqs are off in tc
 * programs (net/core/dev.c), so nobody else of this CPU is inside one.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dp_packet);
} dp_tc_packet SEC(".maps");

/* Reads the headers. What is short is made linear once before we give up on its length. */
static __always_inline int dp_read_packet(struct __sk_buff *skb, enum dp_link_type link,
					  struct dp_packet *packet)
{
	__u16 type = bpf_ntohs(skb->protocol);
	int result = 0;
	int attempt;

	for (attempt = 0; attempt < 2; attempt++) {
		result = dp_parse((void *)(long)skb->data, (void *)(long)skb->data_end, link, type,
				  packet);
		if (result != -DP_REASON_SHORT_HEADER &&
		    !(result == 0 && packet->defect == DP_REASON_SHORT_HEADER))
			return result;
		if (skb->data_end - skb->data >= skb->len)
			return result;
		if (bpf_skb_pull_data(skb, skb->len < DP_PULL_BYTES ? skb->len : DP_PULL_BYTES))
			return result;
	}
	return result;
}

/* Whether an address is the host's own: listed, multicast, or broadcast. Decided before any DNAT,
 * so a published container port is a port of the host.
 */
static __always_inline bool dp_is_local(const struct dp_packet *packet)
{
	__u32 first = bpf_ntohl(packet->destination.word[0]);
	__u32 last = bpf_ntohl(packet->destination.word[3]);

	if (packet->flags & DP_PACKET_IP6) {
		if (first >> 24 == 0xff)
			return true;
	} else if (last >> 28 == 0xe || last == 0xffffffff) {
		return true;
	}
	return bpf_map_lookup_elem(&dp_local_addrs, &packet->destination) != NULL;
}

/* Has one unit judge the packet, and reports. */
static __always_inline int dp_ask(struct __sk_buff *skb, const struct dp_visit *visit, __u32 unit,
				  enum dp_direction direction)
{
	struct dp_judgement judgement = {};
	struct dp_origin origin = {
		.generation = visit->generation->id,
		.unit = unit,
		.hook = visit->hook,
		.direction = direction,
	};

	dp_judge_packet(visit->generation, visit->packet, unit, direction, &judgement);
	dp_report(skb, visit->packet, &origin, &judgement);
	return judgement.verdict == DP_ALLOW ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

/* Drops what has no addresses to be judged by. It fails closed: the kernel itself would not accept
 * such a packet either, or it could hide what it carries.
 */
static __always_inline int dp_refuse(struct __sk_buff *skb, const struct dp_visit *visit,
				     __u32 unit, enum dp_direction direction, int reason)
{
	struct dp_judgement judgement = {.reason = reason};
	struct dp_origin origin = {.unit = unit, .hook = visit->hook, .direction = direction};

	dp_report(skb, visit->packet, &origin, &judgement);
	return TC_ACT_SHOT;
}

/* The host's uplink: what is not for the host, or not from it, is forwarded and not ours. */
static __always_inline int dp_judge_host(struct __sk_buff *skb, const struct dp_visit *visit)
{
	bool incoming = visit->hook == DP_HOOK_TC_INGRESS;

	if (incoming ? !dp_is_local(visit->packet) : skb->ingress_ifindex != 0) {
		dp_count_statistic(DP_STAT_FORWARDED);
		return TC_ACT_UNSPEC;
	}
	return dp_ask(skb, visit, DP_HOST_UNIT, incoming ? DP_INCOMING : DP_OUTGOING);
}

/* The host's end of a unit's veth pair: directions swap, and when the other end is the host itself,
 * both are judged, the sender first.
 */
static __always_inline int dp_judge_pod(struct __sk_buff *skb, const struct dp_visit *visit,
					__u32 unit)
{
	int action;

	if (visit->hook == DP_HOOK_TC_INGRESS) {
		action = dp_ask(skb, visit, unit, DP_OUTGOING);
		if (action == TC_ACT_UNSPEC && dp_is_local(visit->packet))
			action = dp_ask(skb, visit, DP_HOST_UNIT, DP_INCOMING);
		return action;
	}
	if (skb->ingress_ifindex == 0) {
		action = dp_ask(skb, visit, DP_HOST_UNIT, DP_OUTGOING);
		if (action != TC_ACT_UNSPEC)
			return action;
	}
	return dp_ask(skb, visit, unit, DP_INCOMING);
}

static __always_inline int dp_segment(struct __sk_buff *skb, enum dp_hook hook)
{
	__u32 ifindex = skb->ifindex;
	const struct dp_interface *interface;
	struct dp_visit visit = {.hook = hook};
	__u32 zero = 0;
	int result;

	visit.packet = bpf_map_lookup_elem(&dp_tc_packet, &zero);
	if (!visit.packet)
		return TC_ACT_SHOT;
	interface = bpf_map_lookup_elem(&dp_interfaces, &ifindex);
	if (!interface || interface->role == DP_ROLE_NONE)
		return TC_ACT_UNSPEC;

	result = dp_read_packet(skb, interface->link, visit.packet);
	if (result == DP_NOT_IP) {
		dp_count_statistic(DP_STAT_NOT_IP_PASSED);
		return TC_ACT_UNSPEC;
	}
	visit.generation = dp_active_generation();
	if (result == 0 && !visit.generation)
		result = -DP_REASON_NO_POLICY;
	if (result < 0)
		return dp_refuse(skb, &visit, interface->unit, DP_INCOMING, -result);

	dp_follow_fragments(visit.packet, interface->unit);
	if (interface->role == DP_ROLE_HOST)
		return dp_judge_host(skb, &visit);
	return dp_judge_pod(skb, &visit, interface->unit);
}

SEC("tc")
int dp_ingress(struct __sk_buff *skb)
{
	return dp_segment(skb, DP_HOOK_TC_INGRESS);
}

SEC("tc")
int dp_egress(struct __sk_buff *skb)
{
	return dp_segment(skb, DP_HOOK_TC_EGRESS);
}

char dp_license[] SEC("license") = "Dual BSD/GPL";
