// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The programs. Each reads as the life of a packet: whose interface, what packet, which judges,
 * verdict.
 *
 * Allow returns TC_ACT_UNSPEC, which is TCX_NEXT as well: other programs and the host's own
 * firewall still have their say. Only a deny is final.
 *
 * verifier: functions that are not static are verified once, for any arguments, instead of once per
 * way that leads to them. Their arguments are numbers; what they share stands in dp_tc_visit.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "abi_types.h"
#include "config.h"
#include "maps.h"
#include "memory.h"
#include "lib/packet.h"
#include "lib/icmp.h"
#include "lib/parse.h"
#include "lib/plain.h"
#include "lib/count.h"
#include "lib/mark.h"
#include "lib/flow.h"
#include "lib/tcp.h"
#include "lib/digest.h"
#include "lib/policy.h"
#include "lib/recall.h"
#include "lib/conntrack.h"
#include "lib/socket.h"
#include "lib/verdict.h"
#include "lib/account.h"
#include "lib/process.h"
#include "lib/report.h"
#include "lib/ask.h"
#include "lib/place.h"
#include "lib/reset.h"
#include "lib/host.h"
#include "lib/translated.h"
#include "lib/cgroup.h"
#include "lib/early.h"
#include "lib/xdp.h"

/* How many bytes are made linear when headers lie beyond the linear part of the buffer. */
#define DP_PULL_BYTES 512

/* Reads the headers into the visit. Returns 0, DP_NOT_IP, or -DP_REASON_*. What is short is made
 * linear once before we give up on its length.
 */
__noinline int dp_read_packet(struct __sk_buff *skb, __u32 link)
{
	struct dp_visit *visit = dp_visit_of(0);
	__u16 type = bpf_ntohs(skb->protocol);
	int result = -DP_REASON_NO_POLICY;
	int attempt;

	if (!visit)
		return result;
	for (attempt = 0; attempt < 2; attempt++) {
		result = dp_parse((void *)(long)skb->data, (void *)(long)skb->data_end, link, type,
				  &visit->packet);
		if (result != -DP_REASON_SHORT_HEADER &&
		    !(result == 0 && visit->packet.defect == DP_REASON_SHORT_HEADER))
			return result;
		if (skb->data_end - skb->data >= skb->len)
			return result;
		if (bpf_skb_pull_data(skb, skb->len < DP_PULL_BYTES ? skb->len : DP_PULL_BYTES))
			return result;
	}
	return result;
}

/* Drops what has no addresses to be judged by. The kernel would not accept such a packet either, or
 * it hides what it carries.
 *
 * verifier: a function of its own for its stack, which those that judge need.
 */
static __attribute__((noinline)) int dp_refuse(struct __sk_buff *skb, struct dp_visit *visit,
					       const struct dp_place *place, enum dp_hook hook,
					       __u8 reason)
{
	bool leaves = hook == DP_HOOK_TC_EGRESS || hook == DP_HOOK_CGROUP_EGRESS;
	bool is_swapped = place->role == DP_ROLE_POD;
	const struct dp_generation *generation = dp_generation_in(place->slot);
	struct dp_origin origin = {.unit = place->unit,
				   .hook = hook,
				   .direction = leaves != is_swapped ? DP_OUTGOING : DP_INCOMING,
				   .generation = generation ? generation->id : 0};
	int action = TC_ACT_SHOT;

	__builtin_memset(&visit->judgement, 0, sizeof(visit->judgement));
	visit->judgement.reason = reason;
	if (place->slot & DP_SLOT_PAUSED)
		dp_let_pass(&visit->judgement);
	if (visit->judgement.verdict == DP_ALLOW)
		action = TC_ACT_UNSPEC;
	dp_report(skb, &visit->packet, &origin, &visit->judgement);
	dp_pin_here(action);
	return action;
}

/* Leaves a packet to others, and says what for. */
static __always_inline int dp_leave(__u32 statistic)
{
	dp_count_statistic(statistic);
	return TC_ACT_UNSPEC;
}

/* The host receives a packet: it judges, or the unit whose cgroup has the socket. */
static __always_inline int dp_host_receives(struct __sk_buff *skb, struct dp_visit *visit,
					    __u32 slot, __u32 hook)
{
	__u32 unit = DP_HOST_UNIT;

	if (dp_used_depths())
		unit = dp_judge_of_incoming(skb, slot);
	if (unit == DP_NO_UNIT)
		return dp_leave(DP_STAT_CGROUP_PASSED);
	return dp_ask(skb, visit, slot, unit, DP_INCOMING, hook);
}

/* The host sends a packet: it judges, or the unit whose cgroup has the socket has done so. */
static __always_inline int dp_host_sends(struct __sk_buff *skb, struct dp_visit *visit, __u32 slot,
					 __u32 hook)
{
	if (dp_used_depths() && dp_is_judged_at_cgroup(skb, slot)) {
		dp_note_sent(skb, slot);
		return dp_leave(DP_STAT_CGROUP_PASSED);
	}
	return dp_ask(skb, visit, slot, DP_HOST_UNIT, DP_OUTGOING, hook);
}

/* The host's uplink, inwards: what is not for the host is forwarded and not ours. */
static __always_inline int dp_from_network(struct __sk_buff *skb, struct dp_visit *visit,
					   const struct dp_place *place)
{
	if (dp_is_hosts(place, &visit->packet))
		return dp_host_receives(skb, visit, place->slot, DP_HOOK_TC_INGRESS);
	return dp_leave(DP_STAT_FORWARDED);
}

/* The host's uplink, outwards: a forwarded packet still carries the interface it came by. */
static __always_inline int dp_to_network(struct __sk_buff *skb, struct dp_visit *visit,
					 const struct dp_place *place)
{
	if (skb->ingress_ifindex == 0)
		return dp_host_sends(skb, visit, place->slot, DP_HOOK_TC_EGRESS);
	dp_note_translated(skb, place->slot);
	return dp_leave(DP_STAT_FORWARDED);
}

/* Whether nobody judges what a unit and the host say to each other but the unit: a profile may
 * exempt the host (ignoreExpression), and then the generation has no such unit; without a
 * generation nothing passes.
 */
static __always_inline bool dp_is_host_exempt(__u32 slot)
{
	const struct dp_generation *generation = dp_generation_in(slot);
	const struct dp_unit *host = generation ? dp_unit_of(generation, DP_HOST_UNIT) : NULL;

	return host && !(host->flags & DP_UNIT_PRESENT);
}

/* The host's end of a unit's veth pair, where directions swap: what comes in was sent by the unit.
 * When the other end is the host itself, both are judged, the sender first.
 */
static __always_inline int dp_from_pod(struct __sk_buff *skb, struct dp_visit *visit,
				       const struct dp_place *place)
{
	int action = dp_ask(skb, visit, place->slot, place->unit, DP_OUTGOING, DP_HOOK_TC_INGRESS);

	if (action == TC_ACT_UNSPEC && dp_is_hosts(place, &visit->packet) &&
	    !dp_is_host_exempt(place->slot))
		action = dp_host_receives(skb, visit, place->slot, DP_HOOK_TC_INGRESS);
	return action;
}

static __always_inline int dp_to_pod(struct __sk_buff *skb, struct dp_visit *visit,
				     const struct dp_place *place)
{
	int action;

	if (skb->ingress_ifindex == 0 && !dp_is_host_exempt(place->slot) &&
	    dp_host_sends(skb, visit, place->slot, DP_HOOK_TC_EGRESS) != TC_ACT_UNSPEC)
		return TC_ACT_SHOT;
	action = dp_ask(skb, visit, place->slot, place->unit, DP_INCOMING, DP_HOOK_TC_EGRESS);
	if (action == TC_ACT_UNSPEC && skb->ingress_ifindex != 0)
		dp_note_translated(skb, place->slot);
	return action;
}

/* A generation is tried before it is in force: slot, unit and direction come from who asks, and the
 * rule goes back to it in the mark. Only policy is asked.
 *
 * verifier: what knows flows is a dozen times as large, and no part of this copy.
 */
static __always_inline int dp_rehearse(struct __sk_buff *skb)
{
	struct dp_visit *visit = dp_visit_of(0);
	int action = TC_ACT_SHOT;

	if (!visit || dp_read_packet(skb, DP_LINK_ETHERNET))
		return action;
	action = dp_ask_policy(skb, skb->cb[0], skb->cb[1], skb->cb[2], DP_HOOK_TC_INGRESS);
	skb->mark = visit->judgement.rule_index;
	return action;
}

static __always_inline int dp_segment(struct __sk_buff *skb, enum dp_hook hook)
{
	bool inwards = hook == DP_HOOK_TC_INGRESS;
	struct dp_visit *visit;
	struct dp_place place;
	int result;

	if (dp_dry_run)
		return dp_rehearse(skb);
	if (!dp_place_of(skb->ifindex, &place))
		return TC_ACT_UNSPEC;
	if (dp_is_judged_above(skb, &place))
		return dp_leave(DP_STAT_VLAN_PASSED);
	if (inwards && dp_is_for_another(skb, &place))
		return dp_leave(DP_STAT_OTHER_STATION);
	visit = dp_visit_of(0);
	if (!visit)
		return TC_ACT_SHOT;

	result = dp_read_packet(skb, place.link);
	if (result == DP_NOT_IP)
		return dp_leave(DP_STAT_NOT_IP_PASSED);
	if (result < 0)
		return dp_refuse(skb, visit, &place, hook, -result);

	dp_recall_ports(&visit->packet, place.unit);
	if (place.role == DP_ROLE_HOST)
		result = inwards ? dp_from_network(skb, visit, &place)
				 : dp_to_network(skb, visit, &place);
	else
		result = inwards ? dp_from_pod(skb, visit, &place) : dp_to_pod(skb, visit, &place);
	if (result == TC_ACT_UNSPEC)
		dp_leave_ports(&visit->packet, place.unit);
	else if (dp_is_to_be_reset(skb, &place, inwards))
		result = dp_answer_by_reset(skb, place.link, !inwards);
	return result;
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

/* The answers of a program at a cgroup. */
#define DP_CGROUP_DROP 0
#define DP_CGROUP_PASS 1

/* The loopback interface has this number in every network namespace (net/core/dev.c). */
#define DP_LOOPBACK 1

/* What a unit's socket sends or receives, under its policy. Here is no MAC header; headers that are
 * not linear were refused by the protocol before.
 */
static __always_inline int dp_judge_socket(struct __sk_buff *skb, __u32 slot, __u32 unit,
					   __u32 direction, enum dp_hook hook)
{
	struct dp_visit *visit = dp_visit_of(slot);
	struct dp_place place = {.slot = slot, .unit = unit, .role = DP_ROLE_HOST};
	int result;

	if (!visit)
		return DP_CGROUP_DROP;
	result = dp_parse((void *)(long)skb->data, (void *)(long)skb->data_end, DP_LINK_IP,
			  bpf_ntohs(skb->protocol), &visit->packet);
	if (result == DP_NOT_IP)
		return DP_CGROUP_PASS;
	if (result < 0) {
		return dp_refuse(skb, visit, &place, hook, -result) == TC_ACT_UNSPEC;
	}
	return dp_ask(skb, visit, slot, unit, direction, hook) == TC_ACT_UNSPEC;
}

static __always_inline int dp_at_cgroup(struct __sk_buff *skb, __u32 direction, enum dp_hook hook)
{
	__u32 slot, unit, number;
	int verdict;

	if (skb->ifindex == DP_LOOPBACK)
		return DP_CGROUP_PASS;
	slot = dp_active_slot();
	unit = dp_unit_around(skb, true, slot);
	if (unit == DP_NO_UNIT)
		return DP_CGROUP_PASS;
	if (bpf_map_pop_elem(&dp_free_visits, &number))
		return DP_CGROUP_DROP;
	verdict = dp_judge_socket(skb, slot | number << DP_SLOT_VISIT_BIT, unit, direction, hook);
	bpf_map_push_elem(&dp_free_visits, &number, BPF_ANY);
	return verdict;
}

SEC("cgroup_skb/ingress")
int dp_cgroup_in(struct __sk_buff *skb)
{
	return dp_at_cgroup(skb, DP_INCOMING, DP_HOOK_CGROUP_INGRESS);
}

SEC("cgroup_skb/egress")
int dp_cgroup_out(struct __sk_buff *skb)
{
	return dp_at_cgroup(skb, DP_OUTGOING, DP_HOOK_CGROUP_EGRESS);
}

SEC("cgroup/connect4")
int dp_connect4(struct bpf_sock_addr *ctx)
{
	struct dp_packet packet = {};

	dp_map_ip4(&packet.tuple.destination, ctx->user_ip4);
	return dp_judge_connect(ctx, &packet);
}

/* An IPv4 address inside IPv6 is IPv4: that is what the wire carries. */
SEC("cgroup/connect6")
int dp_connect6(struct bpf_sock_addr *ctx)
{
	struct dp_packet packet = {};
	struct dp_address *to = &packet.tuple.destination;

	to->word[0] = ctx->user_ip6[0];
	to->word[1] = ctx->user_ip6[1];
	to->word[2] = ctx->user_ip6[2];
	to->word[3] = ctx->user_ip6[3];
	packet.tuple.is_ip6 = to->word[0] || to->word[1] || to->word[2] != bpf_htonl(0xffff);
	return dp_judge_connect(ctx, &packet);
}

SEC("xdp")
int dp_xdp(struct xdp_md *ctx)
{
	return dp_drop_early(ctx);
}

/* Tells the agent the time that entries are stamped with, which user space cannot read otherwise:
 * the low half of jiffies, and the high half in the mark. Never attached; run on demand.
 */
SEC("tc")
int dp_clock(struct __sk_buff *skb)
{
	__u64 now = bpf_jiffies64();

	skb->mark = now >> 32;
	return (__u32)now;
}

char dp_license[] SEC("license") = "Dual BSD/GPL";
