/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Policy and state combined: one packet, one unit, one generation -> a judgement.
 *
 * Policy first, lookup only where needed:
 *  1. A packet whose ports are unknown is dropped where ports matter, and one whose protocol is
 *     unknown where protocols matter.
 *  2. The unit's own packets (peer is the same unit, and not only by its claim) follow the rule
 *     "local".
 *  3. TCP in an allowed direction, without SYN, FIN or RST, and what is built in: no lookup.
 *  4. A packet of a flow passes if its own direction is allowed, or if it answers an opener whose
 *     direction the active generation allows.
 *  5. An ICMP error about a packet of a flow passes where an answer of that flow would.
 *  6. Any other packet passes if its own direction is allowed; the first one opens a flow. Where it
 *     is denied, a socket of the host may prove that it answers an opener who is allowed.
 */
#ifndef DP_VERDICT_H
#define DP_VERDICT_H

#include "conntrack.h"
#include "policy.h"
#include "socket.h"

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

static __always_inline bool dp_is_opening_syn(const struct dp_packet *packet)
{
	return packet->tuple.protocol == IPPROTO_TCP && packet->tcp_flags & DP_TCP_SYN &&
	       !(packet->tcp_flags & DP_TCP_ACK);
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
	/* A unit may always speak with itself; no rule says so, and no rule may revoke it. */
	opener = dp_descriptor_at(judge->generation, judge->generation->local_descriptor);
	if (opener && flow->rule_index == opener->rule_index) {
		flow->generation = judge->generation->id;
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
	flow->rule_index = opener->rule_index;
	flow->generation = judge->generation->id;
	return true;
}

/* Rule 4, for a packet whose own direction is denied: it may be the answer to an opener. */
static __always_inline void dp_judge_answer(const struct dp_judge *judge, struct dp_flow *flow,
					    const struct dp_packet *packet,
					    struct dp_judgement *judgement)
{
	if (!dp_opener_may_speak(judge, flow, judgement))
		return;
	dp_flow_refresh(flow, packet, judge->direction);
	judgement->rule_index = flow->rule_index;
	judgement->verdict = DP_ALLOW;
	judgement->reason = DP_REASON_NONE;
}

/* Rule 4. */
static __always_inline void dp_judge_flow(const struct dp_judge *judge, struct dp_flow *flow,
					  const struct dp_packet *packet,
					  const struct dp_descriptor *own,
					  struct dp_judgement *judgement)
{
	bool from_opener = flow->direction == judge->direction;
	/* An echo and its reply have one identifier, and so one flow, whoever sends them: what
	 * opened it is one of the two. */
	bool as_opened = from_opener && packet->key == flow->opener_key &&
			 packet->table == flow->opener_table;

	if (own->verdict == DP_ALLOW) {
		if (as_opened && flow->generation != judge->generation->id) {
			flow->rule_index = own->rule_index;
			flow->generation = judge->generation->id;
		}
		/* What passes by its own right does not keep a flow whose opener was silenced:
		 * while its entry lives, nobody can open another flow on these ports. */
		if (as_opened || dp_opener_may_speak(judge, flow, judgement))
			dp_flow_refresh(flow, packet, judge->direction);
		dp_judge_by(judgement, own, DP_REASON_NONE);
	} else if (as_opened) {
		dp_judge_by(judgement, own, DP_REASON_REVOKED);
	} else if (from_opener) {
		dp_judge_by(judgement, own, DP_REASON_POLICY);
	} else if (dp_is_opening_syn(packet)) {
		/* An answer has no bare SYN: it would open a connection the other way. */
		dp_judge_by(judgement, own, DP_REASON_POLICY);
	} else {
		dp_judge_answer(judge, flow, packet, judgement);
	}
}

/* Rule 5: whether an ICMP error, which the rules deny, is about a packet that the unit's policy let
 * pass the other way. It goes to the sender of that packet, whoever reports it.
 */
static __always_inline bool dp_is_about_a_flow(const struct dp_judge *judge,
					       const struct dp_packet *packet,
					       struct dp_judgement *judgement)
{
	const struct dp_tuple *quoted = &packet->quoted;
	const struct dp_address *peer;
	struct dp_judge about = *judge;
	struct dp_flow_key key;
	struct dp_flow *flow;
	int i;

	for (i = 0; i < 4; i++) {
		if (quoted->source.word[i] != packet->tuple.destination.word[i])
			return false;
	}
	dp_flow_key_of(quoted, judge->number, &key);
	flow = dp_flow_find(&key, quoted->protocol);
	if (!flow)
		return false;
	peer = judge->direction == DP_INCOMING ? &quoted->destination : &quoted->source;
	about.peer_class = dp_classify(judge->generation, peer, quoted->is_ip6) & DP_LEAF_CLASS;
	if (!dp_opener_may_speak(&about, flow, judgement))
		return false;
	judgement->rule_index = flow->rule_index;
	judgement->verdict = DP_ALLOW;
	judgement->reason = DP_REASON_NONE;
	return true;
}

/* Rule 6. */
static __always_inline void dp_judge_opening(const struct dp_judge *judge,
					     const struct dp_flow_key *key,
					     const struct dp_packet *packet,
					     const struct dp_descriptor *own,
					     struct dp_judgement *judgement)
{
	struct dp_flow flow = {};

	dp_judge_by(judgement, own, DP_REASON_NONE);
	/* Only a SYN opens a TCP flow; the rest of an unknown one passes by its own direction. */
	if (packet->tuple.protocol == IPPROTO_TCP && !dp_is_opening_syn(packet))
		return;
	flow.seen_jiffies = bpf_jiffies64();
	flow.generation = judge->generation->id;
	flow.rule_index = own->rule_index;
	flow.opener_key = packet->key;
	flow.opener_table = packet->table;
	flow.direction = judge->direction;
	if (!dp_flow_open(key, &flow))
		dp_count_statistic(DP_STAT_FLOW_INSERT_FAILED);
	judgement->new_flow = 1;
}

/* Rule 6, for a packet of no flow whose own direction is denied: first enforcement, and eviction,
 * cut no connection that policy allows. The entry is made again, so that the proof is asked for
 * once. Sockets of units other than the host are in namespaces of their own and not asked here.
 */
static __always_inline bool dp_is_proved(struct __sk_buff *skb, const struct dp_judge *judge,
					 const struct dp_flow_key *key,
					 const struct dp_packet *packet,
					 struct dp_judgement *judgement)
{
	const struct dp_descriptor *opener;
	struct dp_flow flow = {};
	int direction;

	if (judge->number != DP_HOST_UNIT || packet->tuple.protocol != IPPROTO_TCP ||
	    dp_is_opening_syn(packet))
		return false;
	direction = dp_socket_opener(skb, &packet->tuple, judge->direction);
	/* The opener's own packet is judged by its own direction, which is denied. */
	if (direction < 0 || direction == judge->direction)
		return false;
	flow.opener_key = bpf_ntohs(packet->tuple.source_port);
	opener = dp_decide(judge->generation, judge->unit, direction, judge->peer_class,
			   DP_PORTS_TCP, flow.opener_key);
	if (!opener || opener->verdict != DP_ALLOW)
		return false;
	flow.seen_jiffies = bpf_jiffies64();
	flow.generation = judge->generation->id;
	flow.rule_index = opener->rule_index;
	flow.opener_table = DP_PORTS_TCP;
	flow.direction = direction;
	flow.state = DP_FLOW_ESTABLISHED;
	if (!dp_flow_open(key, &flow))
		dp_count_statistic(DP_STAT_FLOW_INSERT_FAILED);
	dp_judge_by(judgement, opener, DP_REASON_NONE);
	return true;
}

/* Whether a SYN finds the tuple free: what was there has closed, or belongs to the other side, who
 * may not speak any more.
 */
static __always_inline bool dp_tuple_is_free(const struct dp_judge *judge, struct dp_flow *flow,
					     struct dp_judgement *judgement)
{
	if (flow->state >= DP_FLOW_CLOSING)
		return true;
	return flow->direction != judge->direction && !dp_opener_may_speak(judge, flow, judgement);
}

/* Rules 4 to 6: everything that needs the flow table. */
static __always_inline void dp_judge_with_state(struct __sk_buff *skb, const struct dp_judge *judge,
						const struct dp_packet *packet,
						const struct dp_descriptor *own,
						struct dp_judgement *judgement)
{
	struct dp_flow_key key;
	struct dp_flow *flow;

	if (packet->quoted.is_known && own->verdict != DP_ALLOW) {
		if (!dp_is_about_a_flow(judge, packet, judgement))
			dp_judge_by(judgement, own, DP_REASON_POLICY);
		return;
	}
	dp_flow_key_of(&packet->tuple, judge->number, &key);
	flow = dp_flow_find(&key, packet->tuple.protocol);
	if (flow && dp_is_opening_syn(packet) && dp_tuple_is_free(judge, flow, judgement))
		flow = NULL;
	if (flow)
		dp_judge_flow(judge, flow, packet, own, judgement);
	else if (own->verdict == DP_ALLOW)
		dp_judge_opening(judge, &key, packet, own, judgement);
	else if (!dp_is_proved(skb, judge, &key, packet, judgement))
		dp_judge_by(judgement, own, DP_REASON_POLICY);
}

/* Rule 3. Built-in allowances hold in both directions, so that their answers need no flow. */
static __always_inline bool dp_needs_no_lookup(const struct dp_packet *packet,
					       const struct dp_descriptor *own)
{
	if (own->verdict != DP_ALLOW)
		return false;
	if (own->flags & DP_BUILT_IN)
		return true;
	return packet->tuple.protocol == IPPROTO_TCP &&
	       !(packet->tcp_flags & (DP_TCP_SYN | DP_TCP_FIN | DP_TCP_RST));
}

/* Whether a packet whose other end is the unit's own address may be the unit's own. What comes in
 * only claims to be: the kernel takes an IPv6 packet that comes from outside with our own source.
 * It is true of what left by the very interface that it comes back to, a service address that led
 * to the unit itself.
 */
static __always_inline bool dp_may_be_own(const struct __sk_buff *skb, __u32 number,
					  __u32 direction)
{
	if (direction == DP_OUTGOING)
		return true;
	return number != DP_HOST_UNIT && skb->ingress_ifindex == skb->ifindex;
}

/* Judges a packet by the policy of one unit. */
static __always_inline void dp_judge_packet(struct __sk_buff *skb,
					    const struct dp_generation *generation,
					    const struct dp_packet *packet, __u32 number,
					    __u32 direction, struct dp_judgement *judgement)
{
	struct dp_judge judge = {
		.generation = generation, .number = number, .direction = direction};
	const struct dp_descriptor *own;
	__u32 matter, leaf;

	/* Fails closed: without tables nothing passes. The agent attaches after it has written
	 * them. */
	judgement->verdict = DP_REJECT;
	judgement->reason = DP_REASON_NO_POLICY;
	judge.unit = dp_unit_of(generation, number);
	if (!judge.unit || !(judge.unit->flags & DP_UNIT_PRESENT))
		return;

	/* 1 */
	if (packet->flags & DP_PACKET_PROTOCOL_UNKNOWN)
		matter = direction == DP_INCOMING ? DP_UNIT_PROTOCOL_MATTERS_IN
						  : DP_UNIT_PROTOCOL_MATTERS_OUT;
	else
		matter = direction == DP_INCOMING ? DP_UNIT_PORTS_MATTER_IN
						  : DP_UNIT_PORTS_MATTER_OUT;
	if (packet->defect && judge.unit->flags & matter) {
		judgement->reason = packet->defect;
		return;
	}
	leaf = dp_classify(generation,
			   direction == DP_INCOMING ? &packet->tuple.source
						    : &packet->tuple.destination,
			   packet->tuple.is_ip6);
	judge.peer_class = leaf & DP_LEAF_CLASS;
	/* 2 */
	if ((leaf & DP_LEAF_UNIT) >> DP_LEAF_UNIT_BIT == number &&
	    dp_may_be_own(skb, number, direction))
		own = dp_descriptor_at(generation, generation->local_descriptor);
	else
		own = dp_decide(generation, judge.unit, direction, judge.peer_class, packet->table,
				packet->key);
	if (!own)
		return;

	if (packet->defect || dp_needs_no_lookup(packet, own)) {
		dp_judge_by(judgement, own,
			    own->verdict == DP_ALLOW ? DP_REASON_NONE : DP_REASON_POLICY);
		return;
	}
	dp_judge_with_state(skb, &judge, packet, own, judgement);
}

#endif
