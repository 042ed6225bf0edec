/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Policy and state combined: one packet, one unit, one generation -> a judgement.
 *
 * Policy first, lookup only where needed:
 *  1. A packet whose ports are unknown is dropped where ports matter, and one whose protocol is
 *     unknown where protocols matter.
 *  2. The unit's own packets (peer is the same unit, and not only by its claim) follow the rule
 *     "local", both ways, and make no flow: what claims to be the unit's own answers none.
 *  3. TCP in an allowed direction, without SYN, FIN or RST, and what is built in: no lookup.
 *  4. A packet of a flow passes if its own direction is allowed, or if it answers an opener whose
 *     direction the active generation allows.
 *  5. An ICMP error about a packet of a flow passes where an answer of that flow would.
 *  6. Any other packet passes if its own direction is allowed; the first one opens a flow. Where it
 *     is denied, a socket of the unit may prove that it answers an opener who is allowed, and right
 *     after the first attachment a datagram need not be proved.
 */
#ifndef DP_VERDICT_H
#define DP_VERDICT_H

#include "judge.h"
#include "recall.h"
#include "related.h"

/* Rule 4. "may_speak": the opener, to the active generation. */
static __always_inline void dp_judge_flow(const struct dp_judge *judge, enum dp_flow_kind kind,
					  const struct dp_found *found, bool may_speak,
					  struct dp_visit *visit, struct dp_mark *mark)
{
	struct dp_judgement *judgement = &visit->judgement;
	const struct dp_descriptor *own = &visit->own;

	if (own->verdict == DP_ALLOW)
		dp_judge_by(judgement, own, DP_REASON_NONE);
	else if (found->flow->direction == judge->direction)
		/* An echo and its reply have one identifier and so one flow, whoever sends them: it
		 * may be that what opened it was the other of the two, and nothing was revoked. */
		dp_judge_by(judgement, own,
			    visit->packet.key == found->flow->opener_key &&
					    visit->packet.table == found->flow->opener_table
				    ? DP_REASON_REVOKED
				    : DP_REASON_POLICY);
	else if (dp_is_opening_syn(&visit->packet))
		/* An answer has no bare SYN: it would open a connection the other way. */
		dp_judge_by(judgement, own, DP_REASON_POLICY);
	else if (may_speak)
		dp_judge_by_flow(judgement, found->flow->rule_index);
	/* What passes by its own right does not keep a flow whose opener was silenced: while its
	 * entry lives, nobody can open another flow on these ports. */
	if (may_speak && judgement->verdict == DP_ALLOW)
		dp_follow(judge, kind, found, visit, mark);
}

/* Rule 6. "closed": the entry of an earlier flow on this tuple, which becomes that of this one. */
static __always_inline void dp_judge_opening(const struct dp_judge *judge, enum dp_flow_kind kind,
					     struct dp_flow *closed, struct dp_visit *visit)
{
	const struct dp_packet *packet = &visit->packet;
	struct dp_flow *flow = &visit->fresh;

	dp_judge_by(&visit->judgement, &visit->own, DP_REASON_NONE);
	/* Only a SYN opens a TCP flow; the rest of an unknown one passes by its own direction. */
	if (dp_is_tcp(kind) && !dp_is_opening_syn(packet))
		return;
	__builtin_memset(flow, 0, sizeof(*flow));
	flow->seen_jiffies = bpf_jiffies64();
	flow->generation = judge->generation->id;
	flow->rule_index = visit->own.rule_index;
	flow->opener_key = packet->key;
	flow->opener_table = packet->table;
	flow->direction = judge->direction;
	flow->next_sequence[DP_OPENER] = packet->sequence + 1;
	flow->flags = DP_FLOW_KNOWS_OPENER;
	if (closed) {
		dp_stamp_unproved(visit->sight.hash);
		*closed = *flow;
	} else {
		dp_flow_open(&visit->key, kind, flow, visit->sight.hash);
	}
	visit->judgement.new_flow = 1;
}

/* Whether a SYN finds the tuple free: what was there has closed, or belongs to the other side, who
 * may not speak any more.
 */
static __always_inline bool dp_tuple_is_free(const struct dp_judge *judge,
					     const struct dp_flow *flow, bool may_speak)
{
	return flow->state >= DP_FLOW_FIN_WAIT ||
	       (flow->direction != judge->direction && !may_speak);
}

/* Rules 4 to 6: everything that needs the flow table. */
static __always_inline void dp_judge_by_table(struct __sk_buff *skb, const struct dp_judge *judge,
					      enum dp_flow_kind kind, struct dp_visit *visit)
{
	const struct dp_packet *packet = &visit->packet;
	struct dp_judgement *judgement = &visit->judgement;
	bool is_tcp = dp_is_tcp(kind);
	struct dp_mark *mark = dp_mark_of(visit->sight.hash);
	struct dp_flow *closed = NULL;
	struct dp_found found;
	bool may_speak = false;

	if (!mark)
		return;
	dp_flow_key_of(&packet->tuple, judge->number, &visit->key);
	found = dp_flow_find(&visit->key, kind, packet->tuple.protocol, mark, visit->sight.hash);
	if (found.flow)
		may_speak = dp_opener_may_speak(judge, found.flow, judgement);
	if (is_tcp && found.flow && dp_is_opening_syn(packet) &&
	    dp_tuple_is_free(judge, found.flow, may_speak)) {
		closed = found.flow;
		found.flow = NULL;
	}
	if (found.flow) {
		dp_judge_flow(judge, kind, &found, may_speak, visit, mark);
		if (judgement->verdict == DP_ALLOW)
			dp_remember(judge, kind, &found, visit);
	} else if (visit->own.verdict == DP_ALLOW) {
		dp_judge_opening(judge, kind, closed, visit);
		/* Forgotten before it was proved: there is nothing to look for. */
		if (is_tcp && !judgement->new_flow)
			dp_expect_no_proof(mark);
	} else if (!(is_tcp ? dp_is_proved(skb, judge, kind, visit, mark)
			    : dp_is_doubtful(judge, kind, visit))) {
		dp_judge_by(judgement, &visit->own, DP_REASON_POLICY);
	}
	/* Last, so that who reads the mark before the entry has seen neither or both. */
	if (is_tcp && judgement->verdict == DP_ALLOW && !dp_may_have_digest(packet))
		dp_void_digests(mark);
}

/* The judge of a visit, as functions of their own find it. */
static __always_inline bool dp_find_judge(const struct dp_visit *visit, __u32 slot,
					  struct dp_judge *judge)
{
	judge->generation = dp_generation_in(slot);
	if (!visit || !judge->generation)
		return false;
	judge->unit = dp_unit_of(judge->generation, judge->number);
	judge->peer_class = visit->leaf & DP_LEAF_CLASS;
	return judge->unit != NULL;
}

/* A function for each kind of flow, for the packet of the visit. Returns nothing that anybody
 * needs.
 *
 * verifier: not static, so that each is verified once and not for every way through the
 * classification; all in one would need more stack than there is. A context that is not used
 * would not be passed, and is wanted by the type.
 */
#define DP_JUDGE_BY_TABLE(name, kind)                                                              \
	__noinline int name(struct __sk_buff *skb, __u32 slot, __u32 unit, __u32 direction)        \
	{                                                                                          \
		struct dp_visit *visit = dp_visit_of(slot);                                        \
		struct dp_judge judge = {.number = unit, .direction = direction};                  \
                                                                                                   \
		dp_pin_here(skb);                                                                  \
		if (dp_find_judge(visit, slot, &judge))                                            \
			dp_judge_by_table(skb, &judge, kind, visit);                               \
		return 0;                                                                          \
	}

DP_JUDGE_BY_TABLE(dp_judge_tcp4, DP_FLOWS_TCP4)
DP_JUDGE_BY_TABLE(dp_judge_tcp6, DP_FLOWS_TCP6)
DP_JUDGE_BY_TABLE(dp_judge_other4, DP_FLOWS_OTHER4)
DP_JUDGE_BY_TABLE(dp_judge_other6, DP_FLOWS_OTHER6)

/* Rule 5, for the packet of the visit, which the rules deny. */
__noinline int dp_judge_error(struct __sk_buff *skb, __u32 slot, __u32 unit, __u32 direction)
{
	struct dp_visit *visit = dp_visit_of(slot);
	struct dp_judge judge = {.number = unit, .direction = direction};

	if (dp_find_judge(visit, slot, &judge) && !dp_is_about_a_flow(skb, &judge, visit))
		dp_judge_by(&visit->judgement, &visit->own, DP_REASON_POLICY);
	return 0;
}

/* Rules 4 to 6, for the packet of the visit. */
static __always_inline void dp_judge_with_state(struct __sk_buff *skb, const struct dp_visit *visit,
						__u32 slot, __u32 unit, __u32 direction)
{
	if (visit->packet.quoted.is_known && visit->own.verdict != DP_ALLOW) {
		dp_judge_error(skb, slot, unit, direction);
		return;
	}
	switch (dp_flow_kind_of(&visit->packet.tuple)) {
	case DP_FLOWS_TCP4:
		dp_judge_tcp4(skb, slot, unit, direction);
		break;
	case DP_FLOWS_TCP6:
		dp_judge_tcp6(skb, slot, unit, direction);
		break;
	case DP_FLOWS_OTHER4:
		dp_judge_other4(skb, slot, unit, direction);
		break;
	case DP_FLOWS_OTHER6:
		dp_judge_other6(skb, slot, unit, direction);
		break;
	}
}

/* Rule 3. Built-in allowances hold in both directions, so that their answers need no flow. One
 * packet of a connection is looked at nevertheless: the one that proves it.
 */
static __always_inline bool dp_needs_no_lookup(const struct dp_visit *visit,
					       const struct dp_descriptor *own)
{
	const struct dp_packet *packet = &visit->packet;
	const struct dp_mark *mark;

	if (own->verdict != DP_ALLOW)
		return false;
	if (own->flags & DP_BUILT_IN)
		return true;
	if (packet->tuple.protocol != IPPROTO_TCP ||
	    packet->tcp_flags & (DP_TCP_SYN | DP_TCP_FIN | DP_TCP_RST))
		return false;
	mark = dp_mark_of(visit->sight.hash);
	return mark && !dp_is_proof_expected(mark, visit->sight.hash);
}

/* Whether a packet is the unit's own: its other end has an address of the unit, as the leaf says.
 * What comes in only claims to: the kernel takes an IPv6 packet that comes from outside with our
 * own source. It is true of what left by the very interface that it comes back to, a service
 * address that led to the unit itself.
 */
static __always_inline bool dp_is_own(const struct __sk_buff *skb, __u32 leaf, __u32 number,
				      __u32 direction)
{
	if (!dp_claims_unit(leaf, number))
		return false;
	if (direction == DP_OUTGOING)
		return true;
	return number != DP_HOST_UNIT && skb->ingress_ifindex == skb->ifindex;
}

/* Rule 1: whether some rule of the unit asks for what could not be read of a packet. */
static __always_inline bool dp_does_matter(const struct dp_unit *unit,
					   const struct dp_packet *packet, __u32 direction)
{
	bool incoming = direction == DP_INCOMING;

	if (packet->flags & DP_PACKET_PROTOCOL_UNKNOWN)
		return unit->flags &
		       (incoming ? DP_UNIT_PROTOCOL_MATTERS_IN : DP_UNIT_PROTOCOL_MATTERS_OUT);
	return unit->flags & (incoming ? DP_UNIT_PORTS_MATTER_IN : DP_UNIT_PORTS_MATTER_OUT);
}

/* Has policy say something of a packet. Returns whether it does: otherwise the reason is given. */
static __always_inline bool dp_consult(const struct __sk_buff *skb, const struct dp_packet *packet,
				       const struct dp_generation *generation, __u32 number,
				       __u32 direction, struct dp_said *said, __u8 *reason)
{
	const struct dp_unit *unit = dp_unit_of(generation, number);

	/* Fails closed: without tables nothing passes. The agent attaches after it has written
	 * them. */
	*reason = DP_REASON_NO_POLICY;
	if (!unit || !(unit->flags & DP_UNIT_PRESENT))
		return false;
	/* 1 */
	if (packet->defect && dp_does_matter(unit, packet, direction)) {
		*reason = packet->defect;
		return false;
	}
	said->leaf = dp_classify(generation,
				 direction == DP_INCOMING ? &packet->tuple.source
							  : &packet->tuple.destination,
				 packet->tuple.is_ip6);
	/* 2 */
	said->cell = dp_is_own(skb, said->leaf, number, direction)
			     ? generation->local_descriptor
			     : dp_cell_of(generation, unit, direction, said->leaf & DP_LEAF_CLASS,
					  packet->table, packet->key);
	return true;
}

/* Judges the packet of a visit by the policy of one unit. Returns whether that is all: otherwise
 * its flows have to be asked.
 */
static __always_inline bool dp_judge_packet(struct __sk_buff *skb, struct dp_visit *visit,
					    const struct dp_generation *generation, __u32 number,
					    __u32 direction)
{
	struct dp_judgement *judgement = &visit->judgement;
	const struct dp_packet *packet = &visit->packet;
	const struct dp_descriptor *own;
	struct dp_said said = {};
	bool is_own;

	judgement->verdict = DP_REJECT;
	judgement->reason = DP_REASON_NO_POLICY;
	if (dp_dry_run || !dp_recall(packet, &visit->sight, &said)) {
		if (!dp_consult(skb, packet, generation, number, direction, &said,
				&judgement->reason))
			return true;
		judgement->reason = DP_REASON_NO_POLICY;
		if (!dp_dry_run && !dp_is_at_cgroup && !packet->defect &&
		    !dp_claims_unit(said.leaf, number))
			dp_recollect(packet, &visit->sight, &said);
	}
	own = dp_descriptor_at(generation, said.cell);
	if (!own)
		return true;

	/* A rehearsal asks for the policy alone: what flows there are is not its business. */
	is_own = dp_is_own(skb, said.leaf, number, direction);
	if (packet->defect || dp_dry_run || is_own || dp_needs_no_lookup(visit, own)) {
		dp_judge_by(judgement, own,
			    own->verdict == DP_ALLOW ? DP_REASON_NONE : DP_REASON_POLICY);
		if (!dp_dry_run && own->verdict == DP_ALLOW && !dp_claims_unit(said.leaf, number))
			dp_digest_write(packet, &visit->sight, NULL, own->rule_index);
		return true;
	}
	visit->own = *own;
	visit->leaf = said.leaf;
	return false;
}

#endif
