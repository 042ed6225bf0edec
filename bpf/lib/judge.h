/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who judges, what comes out, and where policy and state meet: a flow is worth what the active
 * generation says of its opener.
 */
#ifndef DP_JUDGE_H
#define DP_JUDGE_H

#include "conntrack.h"
#include "digest.h"
#include "policy.h"

struct dp_judgement {
	__u32 rule_index;
	__u32 observed_rule_index;
	__u16 flags; /* enum dp_descriptor_flags */
	__u8 verdict;
	__u8 observed_verdict;
	__u8 reason;   /* enum dp_reason */
	__u8 new_flow; /* the packet opened one */
	__u8 reserved[2];
};

/* What one judge needs to know of itself. */
struct dp_judge {
	const struct dp_generation *generation;
	const struct dp_unit *unit;
	__u32 peer_class;
	__u16 number;
	__u8 direction; /* enum dp_direction: of the packet, seen from the unit */
	__u8 reserved;
};

/* One packet at one hook, and what its judge has found out so far. */
struct dp_visit {
	struct dp_packet packet;
	struct dp_judgement judgement;
	struct dp_descriptor own; /* what policy says of the packet's own direction */
	struct dp_flow fresh;	  /* an entry to be made; the stack has no room for it */
	struct dp_flow_key key;
	struct dp_sight sight;
	__u32 leaf; /* of the peer's address: its class, and whose it is */
	/* Packets that rules let pass, by enum dp_hook * 2 + enum dp_direction. Here, because a
	 * counter of its own would cost each packet a lookup; so it is lost with the programs, and
	 * the counters of rules are not.
	 */
	struct dp_counter passed[DP_PLACES];
};

/* The visit of this CPU. Softirqs are off in tc programs (net/core/dev.c), so nobody else of this
 * CPU is inside one. At cgroups there are DP_PROCESS_VISITS of them, and a number goes with the
 * slot of the generation.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dp_visit);
} dp_tc_visit SEC(".maps");

#define DP_SLOT_VISIT_BIT 16

static __always_inline struct dp_visit *dp_visit_of(__u32 slot)
{
	__u32 which = dp_is_at_cgroup ? slot >> DP_SLOT_VISIT_BIT : 0;

	return bpf_map_lookup_elem(&dp_tc_visit, &which);
}

static __always_inline void dp_judge_by(struct dp_judgement *judgement,
					const struct dp_descriptor *descriptor, __u8 reason)
{
	judgement->rule_index = descriptor->rule_index;
	judgement->observed_rule_index = descriptor->observed_rule_index;
	judgement->flags = descriptor->flags;
	judgement->observed_verdict = descriptor->observed_verdict;
	judgement->verdict = reason ? DP_REJECT : DP_ALLOW;
	judgement->reason = reason;
}

/* Stands for the rule of a flow that no rule of its unit let open (translated.h). */
#define DP_NO_RULE 0

/* It passes because a flow does that this rule let open. What answers a translated flow is about to
 * be forwarded, and counted as such.
 */
static __always_inline void dp_judge_by_flow(struct dp_judgement *judgement, __u32 rule_index)
{
	if (rule_index == DP_NO_RULE)
		dp_count_statistic(DP_STAT_FORWARDED);
	judgement->rule_index = rule_index;
	judgement->verdict = DP_ALLOW;
	judgement->reason = DP_REASON_NONE;
}

static __always_inline bool dp_is_opening_syn(const struct dp_packet *packet)
{
	return packet->tuple.protocol == IPPROTO_TCP && packet->tcp_flags & DP_TCP_SYN &&
	       !(packet->tcp_flags & DP_TCP_ACK);
}

/* The active generation allows the opener's direction. Where the sides were is not known any more:
 * under the last one, answers may have passed unseen.
 */
static __always_inline void dp_flow_renew(const struct dp_judge *judge, struct dp_flow *flow,
					  __u32 rule_index)
{
	flow->rule_index = rule_index;
	flow->generation = judge->generation->id;
	flow->flags &= ~DP_FLOW_KNOWS;
}

/* Whether the direction that opened a flow is still allowed. A rule that was revoked cuts the flow
 * on its next packet, in both directions; revoking the reverse rule cuts nothing.
 */
static __always_inline bool dp_opener_may_speak(const struct dp_judge *judge, struct dp_flow *flow,
						struct dp_judgement *judgement)
{
	const struct dp_descriptor *opener;

	if (flow->generation == judge->generation->id)
		return true;
	/* The host's rules are not asked for a translated flow: its unit was asked at its own
	 * interface.
	 */
	if (flow->rule_index == DP_NO_RULE) {
		dp_flow_renew(judge, flow, flow->rule_index);
		return true;
	}
	opener = dp_decide(judge->generation, judge->unit, flow->direction, judge->peer_class,
			   flow->opener_table, flow->opener_key);
	if (!opener)
		return false;
	if (opener->verdict != DP_ALLOW) {
		dp_judge_by(judgement, opener, DP_REASON_REVOKED);
		return false;
	}
	dp_flow_renew(judge, flow, opener->rule_index);
	return true;
}

/* Whether every answer of a flow looks the entry up, because its own direction is denied: then the
 * entry knows where both sides are. Asked of a packet of either side.
 */
static __always_inline bool dp_are_words_kept(const struct dp_judge *judge,
					      const struct dp_flow *flow,
					      const struct dp_packet *packet,
					      const struct dp_descriptor *own)
{
	const struct dp_descriptor *answer;

	if (flow->direction != judge->direction)
		return own->verdict != DP_ALLOW;
	if (!(packet->tcp_flags & (DP_TCP_FIN | DP_TCP_RST)))
		return false;
	answer = dp_decide(judge->generation, judge->unit, !judge->direction, judge->peer_class,
			   DP_PORTS_TCP, bpf_ntohs(packet->tuple.source_port));
	return answer && answer->verdict != DP_ALLOW;
}

/* Whether the other end of a packet has an address of the unit itself, as the leaf says. What comes
 * of that depends on more than the tuple.
 */
static __always_inline bool dp_claims_unit(__u32 leaf, __u32 number)
{
	return (leaf & DP_LEAF_UNIT) >> DP_LEAF_UNIT_BIT == number;
}

/* Leaves a digest where a packet passes by its flow. Of TCP only what such packets look up anyway:
 * answers of a proved connection that nobody has begun to close.
 */
static __always_inline void dp_remember(const struct dp_judge *judge, enum dp_flow_kind kind,
					const struct dp_found *found, const struct dp_visit *visit)
{
	const struct dp_flow *flow = found->flow;

	if (dp_claims_unit(visit->leaf, judge->number) || visit->judgement.rule_index == DP_NO_RULE)
		return;
	if (!dp_is_tcp(kind))
		dp_digest_write(&visit->packet, &visit->sight, NULL, visit->judgement.rule_index);
	else if (found->is_proved && visit->own.verdict != DP_ALLOW &&
		 flow->state == DP_FLOW_ESTABLISHED &&
		 (flow->flags & DP_FLOW_KNOWS) == DP_FLOW_KNOWS)
		dp_digest_write(&visit->packet, &visit->sight, flow, visit->judgement.rule_index);
}

/* Notes that a packet of a flow passed. */
static __always_inline void dp_follow(const struct dp_judge *judge, enum dp_flow_kind kind,
				      const struct dp_found *found, const struct dp_visit *visit,
				      struct dp_mark *mark)
{
	bool are_words_kept = dp_is_tcp(kind) &&
			      dp_are_words_kept(judge, found->flow, &visit->packet, &visit->own);

	dp_flow_follow(&visit->key, kind, found, &visit->packet, judge->direction, are_words_kept,
		       mark, visit->sight.hash);
}

#endif
