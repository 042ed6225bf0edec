/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What belongs to a flow although its own tuple does not say so: errors about it, and packets of a
 * connection whose entry is not there. The rules are those of verdict.h.
 */
#ifndef DP_RELATED_H
#define DP_RELATED_H

#include "judge.h"
#include "socket.h"

/* Looks up a packet that the host forwarded, about which it tells the sender: in the zone of the
 * unit that was to get it, which would say so itself (DP_OUTGOING), or of the one that sent it and
 * is told (DP_INCOMING). "judge" becomes that unit.
 */
static __always_inline struct dp_found
dp_find_forwarded(struct dp_judge *judge, const struct dp_tuple *quoted, struct dp_flow_key *key)
{
	const struct dp_address *end = &quoted->destination;
	struct dp_found found = {};
	__u32 leaf;
	int i;

	judge->direction = DP_OUTGOING;
	for (i = 0; i < 2; i++) {
		leaf = dp_classify(judge->generation, end, quoted->is_ip6);
		judge->number = (leaf & DP_LEAF_UNIT) >> DP_LEAF_UNIT_BIT;
		judge->unit = dp_unit_of(judge->generation, judge->number);
		if (judge->unit && judge->unit->flags & DP_UNIT_PRESENT) {
			dp_flow_key_of(quoted, judge->number, key);
			found = dp_flow_find(key, dp_flow_kind_of(quoted), quoted->protocol);
			if (found.flow)
				break;
		}
		end = &quoted->source;
		judge->direction = DP_INCOMING;
	}
	return found;
}

/* Rule 5: whether an ICMP error, which the rules deny, is about a packet that the unit's policy let
 * pass the other way. It goes to the sender of that packet, whoever reports it. The host also
 * reports on packets that it forwarded, which the policy of a unit let pass (RFC 1191, 4).
 */
static __attribute__((noinline)) bool dp_is_about_a_flow(const struct dp_judge *judge,
							 struct dp_visit *visit)
{
	const struct dp_packet *packet = &visit->packet;
	const struct dp_tuple *quoted = &packet->quoted;
	const struct dp_address *peer;
	struct dp_judge about = *judge;
	struct dp_found found;
	int i;

	for (i = 0; i < 4; i++) {
		if (quoted->source.word[i] != packet->tuple.destination.word[i])
			return false;
	}
	dp_flow_key_of(quoted, judge->number, &visit->key);
	found = dp_flow_find(&visit->key, dp_flow_kind_of(quoted), quoted->protocol);
	if (!found.flow && judge->number == DP_HOST_UNIT && judge->direction == DP_OUTGOING)
		found = dp_find_forwarded(&about, quoted, &visit->key);
	if (!found.flow)
		return false;
	peer = about.direction == DP_INCOMING ? &quoted->destination : &quoted->source;
	about.peer_class = dp_classify(judge->generation, peer, quoted->is_ip6) & DP_LEAF_CLASS;
	if (!dp_opener_may_speak(&about, found.flow, &visit->judgement))
		return false;
	dp_judge_by_flow(&visit->judgement, found.flow->rule_index);
	return true;
}

/* Rule 6, for a packet of no flow whose own direction is denied: first enforcement, and eviction,
 * cut no connection that policy allows. The entry is made again, so that the proof is asked for
 * once. Sockets of units other than the host are in namespaces of their own and not asked here.
 */
static __always_inline bool dp_is_proved(struct __sk_buff *skb, const struct dp_judge *judge,
					 enum dp_flow_kind kind, struct dp_visit *visit)
{
	const struct dp_packet *packet = &visit->packet;
	struct dp_flow *flow = &visit->fresh;
	const struct dp_descriptor *opener;
	__u16 key = bpf_ntohs(packet->tuple.source_port);
	int direction;

	if (judge->number != DP_HOST_UNIT || dp_is_opening_syn(packet))
		return false;
	direction = dp_socket_opener(skb, &packet->tuple, judge->direction);
	/* The opener's own packet is judged by its own direction, which is denied. */
	if (direction < 0 || direction == judge->direction)
		return false;
	opener = dp_decide(judge->generation, judge->unit, direction, judge->peer_class,
			   DP_PORTS_TCP, key);
	if (!opener || opener->verdict != DP_ALLOW)
		return false;
	__builtin_memset(flow, 0, sizeof(*flow));
	flow->seen_jiffies = bpf_jiffies64();
	flow->generation = judge->generation->id;
	flow->rule_index = opener->rule_index;
	flow->opener_key = key;
	flow->opener_table = DP_PORTS_TCP;
	flow->direction = direction;
	flow->state = DP_FLOW_ESTABLISHED;
	dp_flow_open_proved(&visit->key, kind, flow);
	dp_judge_by(&visit->judgement, opener, DP_REASON_NONE);
	return true;
}

#endif
