/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One unit asked about one packet: by a digest, by policy, by its flows, and what is told of it.
 *
 * verifier: each step is a function of its own, called by the program and not by each other: their
 * stacks together would be too large. What most packets need stands in the program itself, because
 * a call costs as much as a digest.
 */
#ifndef DP_ASK_H
#define DP_ASK_H

#include <linux/pkt_cls.h>
#include "account.h"
#include "report.h"

/* While enforcement is paused what is denied passes, under the rule that denied it. */
static __always_inline void dp_let_pass(struct dp_judgement *judgement)
{
	if (judgement->verdict == DP_ALLOW)
		return;
	judgement->verdict = DP_ALLOW;
	judgement->reason = DP_REASON_NONE;
	dp_count_statistic(DP_STAT_PAUSED);
}

/* Counts and reports what came out. Returns the action. */
static __always_inline int dp_conclude(struct __sk_buff *skb, struct dp_visit *visit, __u32 slot,
				       const struct dp_origin *origin)
{
	if (slot & DP_SLOT_PAUSED)
		dp_let_pass(&visit->judgement);
	if (!dp_dry_run) {
		dp_report(skb, &visit->packet, origin, &visit->judgement);
		if (visit->judgement.rule_index && visit->judgement.verdict == DP_ALLOW) {
			dp_count_passed(visit, origin->hook, origin->direction, dp_packets_of(skb),
					skb->len);
			dp_keep_account(skb, slot, origin->unit, origin->direction);
		}
	}
	return visit->judgement.verdict == DP_ALLOW ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

/* No action of tc: the flows are to be asked, and dp_tell afterwards. */
#define DP_ASK_FLOWS 0x100

/* Has the policy of a unit judge the packet of the visit. Returns the action, or DP_ASK_FLOWS. */
__noinline int dp_ask_policy(struct __sk_buff *skb, __u32 slot, __u32 unit, __u32 direction,
			     __u32 hook)
{
	struct dp_visit *visit = dp_visit_of(slot);
	const struct dp_generation *generation = dp_generation_in(slot);
	struct dp_origin origin = {.unit = unit, .hook = hook, .direction = direction};

	if (!visit)
		return TC_ACT_SHOT;
	__builtin_memset(&visit->judgement, 0, sizeof(visit->judgement));
	visit->judgement.reason = DP_REASON_NO_POLICY;
	if (generation) {
		origin.generation = generation->id;
		if (!dp_judge_packet(skb, visit, generation, unit, direction))
			return DP_ASK_FLOWS;
	}
	return dp_conclude(skb, visit, slot, &origin);
}

/* Tells what the flows of a unit made of the packet. Returns the action. */
__noinline int dp_tell(struct __sk_buff *skb, __u32 slot, __u32 unit, __u32 direction, __u32 hook)
{
	struct dp_visit *visit = dp_visit_of(slot);
	const struct dp_generation *generation = dp_generation_in(slot);
	struct dp_origin origin = {.unit = unit, .hook = hook, .direction = direction};

	if (!visit || !generation)
		return TC_ACT_SHOT;
	origin.generation = generation->id;
	return dp_conclude(skb, visit, slot, &origin);
}

/* Opens a flow for the packet of the visit, and tells. Returns the action. */
__noinline int dp_open(struct __sk_buff *skb, __u32 slot, __u32 unit, __u32 direction, __u32 hook)
{
	struct dp_visit *visit = dp_visit_of(slot);
	struct dp_judge judge = {
		.generation = dp_generation_in(slot), .number = unit, .direction = direction};
	struct dp_origin origin = {.unit = unit, .hook = hook, .direction = direction};
	struct dp_mark *mark;

	if (!visit || !judge.generation)
		return TC_ACT_SHOT;
	mark = dp_mark_of(visit->sight.hash);
	if (!mark)
		return TC_ACT_SHOT;
	origin.generation = judge.generation->id;
	__builtin_memset(&visit->judgement, 0, sizeof(visit->judgement));
	dp_flow_key_of(&visit->packet.tuple, unit, &visit->key);
	switch (dp_flow_kind_of(&visit->packet.tuple)) {
	case DP_FLOWS_TCP4:
		dp_judge_opening(&judge, DP_FLOWS_TCP4, NULL, visit);
		break;
	case DP_FLOWS_TCP6:
		dp_judge_opening(&judge, DP_FLOWS_TCP6, NULL, visit);
		break;
	case DP_FLOWS_OTHER4:
		dp_judge_opening(&judge, DP_FLOWS_OTHER4, NULL, visit);
		break;
	case DP_FLOWS_OTHER6:
		dp_judge_opening(&judge, DP_FLOWS_OTHER6, NULL, visit);
		break;
	}
	if (visit->sight.is_tcp)
		dp_void_digests(mark);
	return dp_conclude(skb, visit, slot, &origin);
}

/* What policy says of a packet that no flow can know better: it said so before, its own direction
 * is allowed, and no entry of its slot is there. NULL for every other packet. So it is with the
 * first packet of a flow.
 */
static __always_inline const struct dp_descriptor *
dp_is_of_no_flow(const struct dp_visit *visit, const struct dp_generation *generation,
		 const struct dp_mark *mark)
{
	const struct dp_packet *packet = &visit->packet;
	const struct dp_descriptor *own;
	struct dp_said said;

	if (packet->quoted.is_known || (visit->sight.is_tcp && dp_may_have_digest(packet)) ||
	    dp_may_stand_unproved(mark, visit->sight.hash, visit->sight.is_tcp) ||
	    !dp_recall(packet, &visit->sight, &said))
		return NULL;
	own = dp_descriptor_at(generation, said.cell);
	return own && own->verdict == DP_ALLOW && !(own->flags & DP_BUILT_IN) ? own : NULL;
}

/* Lets a packet pass that a rule is known to allow, and counts it. */
static __always_inline int dp_pass_known(struct __sk_buff *skb, struct dp_visit *visit, __u32 rule,
					 __u32 slot, __u32 unit, __u32 direction, __u32 hook)
{
	__u64 packets = dp_packets_of(skb);
	__u64 bytes = skb->len;

	dp_count_packets(bpf_map_lookup_elem(&dp_rule_counts, &rule), packets, bytes);
	dp_count_passed(visit, hook, direction, packets, bytes);
	dp_keep_account(skb, slot, unit, direction);
	return TC_ACT_UNSPEC;
}

/* Lets it pass. Only a SYN opens a TCP flow; forgotten before it was proved, there is no proof to
 * look for.
 */
static __always_inline int dp_pass_new(struct __sk_buff *skb, struct dp_visit *visit,
				       const struct dp_descriptor *own, struct dp_mark *mark,
				       __u32 slot, __u32 unit, __u32 direction, __u32 hook)
{
	if (visit->sight.is_tcp && !dp_is_opening_syn(&visit->packet)) {
		dp_expect_no_proof(mark);
		dp_void_digests(mark);
		return dp_pass_known(skb, visit, own->rule_index, slot, unit, direction, hook);
	}
	visit->own = *own;
	return dp_open(skb, slot, unit, direction, hook);
}

/* Has one unit judge the packet of the visit, and reports. Returns the action. */
static __always_inline int dp_ask(struct __sk_buff *skb, struct dp_visit *visit, __u32 slot,
				  __u32 unit, __u32 direction, __u32 hook)
{
	const struct dp_generation *generation = dp_generation_in(slot);
	const struct dp_descriptor *own;
	struct dp_mark *mark;
	__u32 rule, hash;
	int action;

	if (generation) {
		hash = dp_tuple_hash(&visit->packet.tuple, unit);
		mark = dp_mark_of(hash);
		if (!mark)
			return TC_ACT_SHOT;
		dp_sight_of(&visit->packet, unit, direction, generation->id, hash, mark,
			    &visit->sight);
		rule = dp_digest_rule(&visit->packet, &visit->sight);
		if (rule)
			return dp_pass_known(skb, visit, rule, slot, unit, direction, hook);
		own = dp_is_of_no_flow(visit, generation, mark);
		if (own)
			return dp_pass_new(skb, visit, own, mark, slot, unit, direction, hook);
	}
	action = dp_ask_policy(skb, slot, unit, direction, hook);
	if (action != DP_ASK_FLOWS)
		return action;
	dp_judge_with_state(skb, visit, slot, unit, direction);
	return dp_tell(skb, slot, unit, direction, hook);
}

#endif
