/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What belongs to a flow although its own tuple does not say so: errors about it, and packets of a
 * connection whose entry is not there. The rules are those of verdict.h.
 */
#ifndef DP_RELATED_H
#define DP_RELATED_H

#include "judge.h"
#include "socket.h"

/* The flow of a packet that an error is about. */
static __always_inline struct dp_found dp_find_quoted(const struct dp_tuple *quoted, __u16 zone,
						      struct dp_flow_key *key)
{
	__u32 hash = dp_tuple_hash(quoted, zone);
	const struct dp_mark *mark = dp_mark_of(hash);
	struct dp_found found = {};

	dp_flow_key_of(quoted, zone, key);
	if (mark)
		found = dp_flow_find(key, dp_flow_kind_of(quoted), quoted->protocol, mark, hash);
	return found;
}

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
			found = dp_find_quoted(quoted, judge->number, key);
			if (found.flow)
				break;
		}
		end = &quoted->source;
		judge->direction = DP_INCOMING;
	}
	return found;
}

/* Whether a socket proves the TCP connection that an error is about, which no entry tells of: then
 * what the rules say of its opener holds for the error as well.
 */
static __always_inline bool
dp_is_about_a_socket(struct __sk_buff *skb, const struct dp_judge *judge, struct dp_visit *visit)
{
	const struct dp_tuple *quoted = &visit->packet.quoted;
	__u8 quoted_direction = !judge->direction;
	const struct dp_descriptor *opener;
	const struct dp_address *peer;
	bool closing;
	__be16 port;
	int direction;

	if (quoted->protocol != IPPROTO_TCP)
		return false;
	direction = dp_socket_opener(skb, judge->number, quoted, quoted_direction, &closing);
	if (direction < 0)
		return false;
	peer = judge->direction == DP_INCOMING ? &quoted->destination : &quoted->source;
	port = direction == quoted_direction ? quoted->destination_port : quoted->source_port;
	opener = dp_decide(judge->generation, judge->unit, direction,
			   dp_classify(judge->generation, peer, quoted->is_ip6) & DP_LEAF_CLASS,
			   DP_PORTS_TCP, bpf_ntohs(port));
	if (!opener || opener->verdict != DP_ALLOW)
		return false;
	dp_judge_by(&visit->judgement, opener, DP_REASON_NONE);
	return true;
}

/* Rule 5: whether an ICMP error, which the rules deny, is about a packet that the unit's policy let
 * pass the other way. It goes to the sender of that packet, whoever reports it. The host also
 * reports on packets that it forwarded, which the policy of a unit let pass (RFC 1191, 4).
 */
static __attribute__((noinline)) bool
dp_is_about_a_flow(struct __sk_buff *skb, const struct dp_judge *judge, struct dp_visit *visit)
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
	found = dp_find_quoted(quoted, judge->number, &visit->key);
	if (!found.flow && judge->number == DP_HOST_UNIT && judge->direction == DP_OUTGOING)
		found = dp_find_forwarded(&about, quoted, &visit->key);
	if (!found.flow)
		return dp_is_about_a_socket(skb, judge, visit);
	peer = about.direction == DP_INCOMING ? &quoted->destination : &quoted->source;
	about.peer_class = dp_classify(judge->generation, peer, quoted->is_ip6) & DP_LEAF_CLASS;
	if (!dp_opener_may_speak(&about, found.flow, &visit->judgement))
		return false;
	dp_judge_by_flow(&visit->judgement, found.flow->rule_index);
	return true;
}

/* Judges a packet of no flow by the direction that opened its connection, and makes the entry that
 * is missing in visit->fresh. Returns whether that direction is allowed.
 */
static __always_inline bool dp_take_up(const struct dp_judge *judge, __u8 direction,
				       enum dp_port_table table, struct dp_visit *visit)
{
	/* It is an answer: the opener's destination is where it comes from. */
	__u16 key = bpf_ntohs(visit->packet.tuple.source_port);
	struct dp_flow *flow = &visit->fresh;
	const struct dp_descriptor *opener;

	opener =
		dp_decide(judge->generation, judge->unit, direction, judge->peer_class, table, key);
	/* Nothing that comes from outside answers the unit under its own name. */
	if (!opener || opener->verdict != DP_ALLOW ||
	    (visit->leaf & DP_LEAF_UNIT) >> DP_LEAF_UNIT_BIT == judge->number)
		return false;
	__builtin_memset(flow, 0, sizeof(*flow));
	flow->seen_jiffies = bpf_jiffies64();
	flow->generation = judge->generation->id;
	flow->rule_index = opener->rule_index;
	flow->opener_key = key;
	flow->opener_table = table;
	flow->direction = direction;
	flow->state = DP_FLOW_ESTABLISHED;
	dp_judge_by(&visit->judgement, opener, DP_REASON_NONE);
	return true;
}

/* Notes in a new entry that its connection is about to end, so that it does not stay for days. It
 * is the answerer's packet.
 */
static __always_inline void dp_note_end(struct dp_flow *flow, const struct dp_packet *packet,
					bool closing)
{
	if (packet->tcp_flags & DP_TCP_FIN)
		flow->flags |= DP_FLOW_FIN_ANSWERER;
	if (packet->tcp_flags & DP_TCP_RST)
		flow->state = DP_FLOW_CLOSED;
	else if (closing || packet->tcp_flags & DP_TCP_FIN)
		flow->state = DP_FLOW_FIN_WAIT;
}

/* Rule 6, for a TCP packet of no flow whose own direction is denied: first enforcement, and
 * eviction, cut no connection that policy allows. The entry is made again, so that the proof is
 * asked for once.
 */
static __always_inline bool dp_is_proved(struct __sk_buff *skb, const struct dp_judge *judge,
					 enum dp_flow_kind kind, struct dp_visit *visit,
					 struct dp_mark *mark)
{
	const struct dp_packet *packet = &visit->packet;
	bool closing;
	int direction;

	if (dp_is_opening_syn(packet))
		return false;
	direction =
		dp_socket_opener(skb, judge->number, &packet->tuple, judge->direction, &closing);
	/* The opener's own packet is judged by its own direction, which is denied. */
	if (direction < 0 || direction == judge->direction)
		return false;
	if (!dp_take_up(judge, direction, DP_PORTS_TCP, visit))
		return false;
	dp_note_end(&visit->fresh, packet, closing);
	dp_flow_open_proved(&visit->key, kind, &visit->fresh, mark, visit->sight.hash);
	return true;
}

/* Rule 6, for a datagram of no flow whose own direction is denied. No socket tells who asked first,
 * so for a while after the very first attachment what may be an answer passes as one, and is of a
 * flow from then on.
 */
static __always_inline bool dp_is_doubtful(const struct dp_judge *judge, enum dp_flow_kind kind,
					   struct dp_visit *visit)
{
	const struct dp_control *control;
	__u32 zero = 0;

	if (visit->packet.table != DP_PORTS_UDP)
		return false;
	control = bpf_map_lookup_elem(&dp_control, &zero);
	/* The agent writes zero when the time is over, so that the clock need not be read. */
	if (!control || !control->doubt_until_ns ||
	    bpf_ktime_get_boot_ns() >= control->doubt_until_ns)
		return false;
	if (!dp_take_up(judge, !judge->direction, DP_PORTS_UDP, visit))
		return false;
	dp_flow_open(&visit->key, kind, &visit->fresh, visit->sight.hash);
	dp_count_statistic(DP_STAT_DOUBT_PASSED);
	return true;
}

#endif
