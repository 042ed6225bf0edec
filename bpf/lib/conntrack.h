/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Flows that policy allowed to open: look up, open, follow, prove, expire.
 *
 * Two stages. What opens stands among the unproved, where a flood may forget it. What both ends
 * agreed on is moved to the proved, where nothing is forgotten before its time.
 */
#ifndef DP_CONNTRACK_H
#define DP_CONNTRACK_H

#include "count.h"
#include "flow.h"
#include "mark.h"
#include "tcp.h"

/* linux/errno.h drags libc in. */
#define DP_EEXIST 17

/* A flow that was looked up. */
struct dp_found {
	struct dp_flow *flow; /* NULL: none, or its time is over */
	bool is_proved;	      /* which table it stands in */
};

static __always_inline __u32 dp_timeout_seconds(__u8 protocol, __u8 state)
{
	bool is_answered = state != DP_FLOW_OPENING;

	switch (protocol) {
	case IPPROTO_TCP:
		return state < DP_FLOW_STATES ? dp_tcp_timeout_seconds[state] : 0;
	case IPPROTO_UDP:
		return dp_udp_timeout_seconds[is_answered];
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return dp_icmp_timeout_seconds[is_answered];
	default:
		return dp_other_timeout_seconds[is_answered];
	}
}

/* An entry whose time is over is not there. It is never written again, so that whoever collects it
 * takes nothing that lives.
 */
static __always_inline bool dp_flow_is_over(const struct dp_flow *flow, __u8 protocol)
{
	__u64 idle = bpf_jiffies64() - flow->seen_jiffies;

	return idle > (__u64)dp_timeout_seconds(protocol, flow->state) * dp_jiffies_per_second;
}

/* Which tables.
 *
 * verifier: a constant wherever it is passed down, so that each kind is verified once from the
 * lookup to the end, and not with every call again.
 */
enum dp_flow_kind {
	DP_FLOWS_TCP4,
	DP_FLOWS_TCP6,
	DP_FLOWS_OTHER4,
	DP_FLOWS_OTHER6,
};

static __always_inline enum dp_flow_kind dp_flow_kind_of(const struct dp_tuple *tuple)
{
	if (tuple->protocol == IPPROTO_TCP)
		return tuple->is_ip6 ? DP_FLOWS_TCP6 : DP_FLOWS_TCP4;
	return tuple->is_ip6 ? DP_FLOWS_OTHER6 : DP_FLOWS_OTHER4;
}

static __always_inline bool dp_is_tcp(enum dp_flow_kind kind)
{
	return kind == DP_FLOWS_TCP4 || kind == DP_FLOWS_TCP6;
}

static __always_inline struct dp_flow *dp_proved_lookup(const struct dp_flow_key *key,
							enum dp_flow_kind kind)
{
	switch (kind) {
	case DP_FLOWS_TCP4:
		return bpf_map_lookup_elem(&dp_live_tcp4, &key->ip4);
	case DP_FLOWS_TCP6:
		return bpf_map_lookup_elem(&dp_live_tcp6, &key->ip6);
	case DP_FLOWS_OTHER4:
		return bpf_map_lookup_elem(&dp_live_other4, &key->ip4);
	default:
		return bpf_map_lookup_elem(&dp_live_other6, &key->ip6);
	}
}

static __always_inline struct dp_flow *dp_unproved_lookup(const struct dp_flow_key *key,
							  enum dp_flow_kind kind)
{
	switch (kind) {
	case DP_FLOWS_TCP4:
		return bpf_map_lookup_elem(&dp_new_tcp4, &key->ip4);
	case DP_FLOWS_TCP6:
		return bpf_map_lookup_elem(&dp_new_tcp6, &key->ip6);
	case DP_FLOWS_OTHER4:
		return bpf_map_lookup_elem(&dp_new_other4, &key->ip4);
	default:
		return bpf_map_lookup_elem(&dp_new_other6, &key->ip6);
	}
}

/* What is there already is somebody else's proof of this moment, or waits to be collected. */
static __always_inline long dp_proved_insert(const struct dp_flow_key *key, enum dp_flow_kind kind,
					     const struct dp_flow *flow)
{
	switch (kind) {
	case DP_FLOWS_TCP4:
		return bpf_map_update_elem(&dp_live_tcp4, &key->ip4, flow, BPF_NOEXIST);
	case DP_FLOWS_TCP6:
		return bpf_map_update_elem(&dp_live_tcp6, &key->ip6, flow, BPF_NOEXIST);
	case DP_FLOWS_OTHER4:
		return bpf_map_update_elem(&dp_live_other4, &key->ip4, flow, BPF_NOEXIST);
	default:
		return bpf_map_update_elem(&dp_live_other6, &key->ip6, flow, BPF_NOEXIST);
	}
}

static __always_inline long dp_unproved_insert(const struct dp_flow_key *key,
					       enum dp_flow_kind kind, const struct dp_flow *flow)
{
	switch (kind) {
	case DP_FLOWS_TCP4:
		return bpf_map_update_elem(&dp_new_tcp4, &key->ip4, flow, BPF_ANY);
	case DP_FLOWS_TCP6:
		return bpf_map_update_elem(&dp_new_tcp6, &key->ip6, flow, BPF_ANY);
	case DP_FLOWS_OTHER4:
		return bpf_map_update_elem(&dp_new_other4, &key->ip4, flow, BPF_ANY);
	default:
		return bpf_map_update_elem(&dp_new_other6, &key->ip6, flow, BPF_ANY);
	}
}

static __always_inline void dp_unproved_delete(const struct dp_flow_key *key,
					       enum dp_flow_kind kind)
{
	switch (kind) {
	case DP_FLOWS_TCP4:
		bpf_map_delete_elem(&dp_new_tcp4, &key->ip4);
		break;
	case DP_FLOWS_TCP6:
		bpf_map_delete_elem(&dp_new_tcp6, &key->ip6);
		break;
	case DP_FLOWS_OTHER4:
		bpf_map_delete_elem(&dp_new_other4, &key->ip4);
		break;
	default:
		bpf_map_delete_elem(&dp_new_other6, &key->ip6);
	}
}

/* The flow of a packet, first among the proved: theirs are most of the packets. Tables of which its
 * mark says that they hold none are not asked.
 */
static __always_inline struct dp_found dp_flow_find(const struct dp_flow_key *key,
						    enum dp_flow_kind kind, __u8 protocol,
						    const struct dp_mark *mark, __u32 hash)
{
	struct dp_found found = {.is_proved = true};

	if (dp_may_stand_proved(mark, hash)) {
		found.flow = dp_proved_lookup(key, kind);
		if (found.flow && !dp_flow_is_over(found.flow, protocol))
			return found;
		found.flow = NULL;
	}
	found.is_proved = false;
	if (!dp_may_stand_unproved(mark, hash, dp_is_tcp(kind)))
		return found;
	found.flow = dp_unproved_lookup(key, kind);
	if (found.flow && dp_flow_is_over(found.flow, protocol))
		found.flow = NULL;
	return found;
}

/* Makes the entry of a flow that may open. When it cannot be made that is counted, and never a
 * reason to drop, because the policy allows the packet.
 */
static __always_inline void dp_flow_open(const struct dp_flow_key *key, enum dp_flow_kind kind,
					 const struct dp_flow *flow, __u32 hash)
{
	dp_stamp_unproved(hash);
	dp_count_statistic(dp_unproved_insert(key, kind, flow) ? DP_STAT_FLOW_INSERT_FAILED
							       : DP_STAT_FLOW_INSERTED);
}

/* Makes the entry of a flow that a socket proved. */
static __always_inline void dp_flow_open_proved(const struct dp_flow_key *key,
						enum dp_flow_kind kind, const struct dp_flow *flow,
						struct dp_mark *mark, __u32 hash)
{
	long result;

	dp_count_proved(mark, hash);
	result = dp_proved_insert(key, kind, flow);
	if (!result) {
		dp_count_statistic(DP_STAT_FLOW_INSERTED);
		return;
	}
	if (result != -DP_EEXIST)
		dp_count_statistic(DP_STAT_FLOW_UNPROMOTED);
	dp_flow_open(key, kind, flow, hash);
}

/* Moves a flow to the proved. Without room it stays where it is, as safe as it was; it asks again
 * once a second, because to be refused costs as much as to be taken.
 */
static __always_inline void dp_flow_promote(const struct dp_flow_key *key, enum dp_flow_kind kind,
					    struct dp_flow *flow, struct dp_mark *mark, __u32 hash)
{
	long result;

	/* Once: where it finds no room it counts as proved from then on. */
	if (!(flow->flags & DP_FLOW_UNPROMOTED))
		dp_count_proved(mark, hash);
	result = dp_proved_insert(key, kind, flow);
	if (!result) {
		dp_unproved_delete(key, kind);
		return;
	}
	flow->flags |= DP_FLOW_UNPROMOTED;
	if (result != -DP_EEXIST)
		dp_count_statistic(DP_STAT_FLOW_UNPROMOTED);
}

/* Notes an answer to a flow without a handshake, or another packet of its opener. Returns whether
 * both ends have agreed: but a ping proves nobody, because the kernel answers whoever asks.
 */
static __always_inline bool dp_other_follow(struct dp_flow *flow, __u8 protocol, __u8 side,
					    __u64 now)
{
	bool is_answer = side == DP_ANSWERER;

	if (is_answer && flow->state == DP_FLOW_OPENING) {
		flow->state = DP_FLOW_ESTABLISHED;
		flow->seen_jiffies = now;
	} else if (now - flow->seen_jiffies >= dp_jiffies_per_second) {
		flow->seen_jiffies = now;
	}
	return is_answer && protocol != IPPROTO_ICMP && protocol != IPPROTO_ICMPV6;
}

/* Notes that a packet of a flow passed. "are_words_kept": the flow's answers are all seen. */
static __always_inline void dp_flow_follow(const struct dp_flow_key *key, enum dp_flow_kind kind,
					   const struct dp_found *found,
					   const struct dp_packet *packet,
					   enum dp_direction direction, bool are_words_kept,
					   struct dp_mark *mark, __u32 hash)
{
	struct dp_flow *flow = found->flow;
	struct dp_tcp_step step = {
		.packet = packet,
		.now = bpf_jiffies64(),
		.side = flow->direction == direction ? DP_OPENER : DP_ANSWERER,
		.is_own_word = direction == DP_OUTGOING,
		.are_words_kept = are_words_kept,
	};
	bool is_tcp = dp_is_tcp(kind);
	bool is_due = !(flow->flags & DP_FLOW_UNPROMOTED) ||
		      step.now - flow->seen_jiffies >= dp_jiffies_per_second;
	enum dp_tcp_news news;
	bool proves;

	if (!found->is_proved)
		dp_stamp_unproved(hash);
	if (is_tcp) {
		news = dp_tcp_follow(flow, &step);
		if (news == DP_TCP_ANSWERED && !found->is_proved)
			dp_expect_proof(mark, hash);
		proves = news == DP_TCP_PROVED;
	} else {
		proves = dp_other_follow(flow, packet->tuple.protocol, step.side, step.now);
	}
	/* Seen, or never to be seen: without the answerer's number there is no proof to quote. */
	if (is_tcp && step.side == DP_OPENER &&
	    (proves || (flow->flags & DP_FLOW_KNOWS) != DP_FLOW_KNOWS))
		dp_expect_no_proof(mark);
	if (proves && !found->is_proved && is_due)
		dp_flow_promote(key, kind, flow, mark, hash);
}

#endif
