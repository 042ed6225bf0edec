/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a TCP flow opens, is proved and closes, from the packets that look its entry up: SYN, FIN and
 * RST of either side, the one that a handshake waits for, and every answer whose own direction is
 * denied. What policy allows by its own direction is not seen.
 */
#ifndef DP_TCP_H
#define DP_TCP_H

#include "../config.h"
#include "packet.h"

/* How far a FIN or RST may stand from where its sender was last seen. Behind: said again. Ahead:
 * what is on its way unseen, and no less than the largest packet of a kernel that has large ones.
 * Somebody who guesses hits one time in 3,800; the kernel would take an RST for one number only
 * (RFC 5961, 3.2).
 */
#define DP_SEQUENCE_BEHIND 0x10000u
#define DP_SEQUENCE_AHEAD  0x100000u

/* How far a flow moves on before that is written down again. */
#define DP_SEQUENCE_LAG 0x4000u

/* What a packet did to the entry of its flow. */
enum dp_tcp_news {
	DP_TCP_NO_NEWS = 0,
	DP_TCP_ANSWERED = 1, /* the next packet of the opener proves that it is no invention */
	DP_TCP_PROVED = 2,   /* both ends agreed */
};

/* One packet of a flow, as the flow sees it. */
struct dp_tcp_step {
	const struct dp_packet *packet;
	__u64 now;
	__u8 side;	     /* enum dp_flow_side that sent it */
	bool is_own_word;    /* the unit itself sent it: nobody on the way could */
	bool are_words_kept; /* answers look the entry up, so that it knows where both sides are */
};

static __always_inline bool dp_is_near(__u32 sequence, __u32 expected)
{
	return sequence - expected + DP_SEQUENCE_BEHIND < DP_SEQUENCE_BEHIND + DP_SEQUENCE_AHEAD;
}

/* Further than expected, and not by half of all numbers. */
static __always_inline bool dp_is_beyond(__u32 sequence, __u32 expected)
{
	return sequence - expected - 1 < DP_SEQUENCE_AHEAD;
}

/* Whether a FIN or RST is to be believed. The four-tuple can be guessed by anybody; the kernel
 * drops what is out of its window, and a flow that lives on must not lose its entry.
 */
static __always_inline bool dp_may_close(const struct dp_flow *flow, const struct dp_tcp_step *step)
{
	if (step->is_own_word || !step->are_words_kept)
		return true;
	if (flow->state == DP_FLOW_OPENING && step->side == DP_ANSWERER)
		return step->packet->tcp_flags & DP_TCP_ACK &&
		       dp_is_near(step->packet->acknowledged, flow->next_sequence[DP_OPENER]);
	return !(flow->flags & DP_FLOW_KNOWS_OPENER << step->side) ||
	       dp_is_near(step->packet->sequence, flow->next_sequence[step->side]);
}

/* SYN, of the opener or as an answer. */
static __always_inline enum dp_tcp_news dp_tcp_opens(struct dp_flow *flow,
						     const struct dp_tcp_step *step)
{
	const struct dp_packet *packet = step->packet;

	if (step->side == DP_OPENER) {
		if (flow->state != DP_FLOW_OPENING)
			return DP_TCP_NO_NEWS;
		flow->next_sequence[DP_OPENER] = packet->sequence + 1;
		flow->flags |= DP_FLOW_KNOWS_OPENER;
		return DP_TCP_NO_NEWS;
	}
	/* After an RST as well: then that was not the answerer's. */
	if (!(packet->tcp_flags & DP_TCP_ACK) ||
	    (flow->state > DP_FLOW_ESTABLISHED && flow->state != DP_FLOW_CLOSED) ||
	    !dp_is_near(packet->acknowledged, flow->next_sequence[DP_OPENER]))
		return DP_TCP_NO_NEWS;
	flow->next_sequence[DP_ANSWERER] = packet->sequence + 1;
	flow->flags |= DP_FLOW_KNOWS_ANSWERER;
	/* Said again, it takes nothing back. */
	if (flow->state != DP_FLOW_ESTABLISHED)
		flow->state = DP_FLOW_SYN_RECEIVED;
	flow->seen_jiffies = step->now;
	return DP_TCP_ANSWERED;
}

/* FIN: each side says it once, and may be heard again. */
static __always_inline void dp_tcp_finishes(struct dp_flow *flow, const struct dp_tcp_step *step)
{
	__u8 said = DP_FLOW_FIN_OPENER << step->side;

	if (flow->flags & said || !dp_may_close(flow, step))
		return;
	flow->flags |= said;
	flow->state =
		(flow->flags & DP_FLOW_FIN) == DP_FLOW_FIN ? DP_FLOW_LAST_ACK : DP_FLOW_FIN_WAIT;
	flow->seen_jiffies = step->now;
}

/* What an answer tells of both sides. Words from the network count only if they follow what was
 * known: else somebody could say where we are and then close from there.
 */
static __always_inline void dp_tcp_note_words(struct dp_flow *flow, const struct dp_tcp_step *step)
{
	const struct dp_packet *packet = step->packet;
	bool is_known = (flow->flags & DP_FLOW_KNOWS) == DP_FLOW_KNOWS;

	if (is_known && !step->is_own_word &&
	    !(dp_is_near(packet->sequence, flow->next_sequence[DP_ANSWERER]) &&
	      dp_is_near(packet->acknowledged, flow->next_sequence[DP_OPENER])))
		return;
	flow->next_sequence[DP_OPENER] = packet->acknowledged;
	flow->next_sequence[DP_ANSWERER] = packet->sequence;
	flow->flags |= DP_FLOW_KNOWS;
}

/* Whether a packet that is none of SYN, FIN and RST shows that both ends agreed: the opener quotes
 * a number that only who got the answer knows, or the answerer has got on beyond the handshake. A
 * half-open socket answers as well, but gets nowhere (tcp_check_req in net/ipv4/tcp_minisocks.c).
 */
static __always_inline bool dp_tcp_proves(const struct dp_flow *flow,
					  const struct dp_tcp_step *step)
{
	const struct dp_packet *packet = step->packet;
	__u8 flags = flow->flags;

	if (!(packet->tcp_flags & DP_TCP_ACK) || (flags & DP_FLOW_KNOWS) != DP_FLOW_KNOWS)
		return false;
	if (step->side == DP_OPENER)
		return dp_is_near(packet->acknowledged, flow->next_sequence[DP_ANSWERER]);
	return dp_is_beyond(packet->acknowledged, flow->next_sequence[DP_OPENER]) ||
	       dp_is_beyond(packet->sequence, flow->next_sequence[DP_ANSWERER]);
}

/* Everything else: most packets write nothing. */
static __always_inline enum dp_tcp_news dp_tcp_goes_on(struct dp_flow *flow,
						       const struct dp_tcp_step *step)
{
	const struct dp_packet *packet = step->packet;
	__u8 first = flow->flags & DP_FLOW_FIN_OPENER ? DP_OPENER : DP_ANSWERER;
	bool is_late = step->now - flow->seen_jiffies >= dp_jiffies_per_second;
	bool proves = dp_tcp_proves(flow, step);

	if (flow->state == DP_FLOW_FIN_WAIT && step->side != first) {
		flow->state = DP_FLOW_CLOSE_WAIT;
		is_late = true;
	} else if (proves && flow->state < DP_FLOW_ESTABLISHED) {
		flow->state = DP_FLOW_ESTABLISHED;
		is_late = true;
	}
	if (step->side == DP_ANSWERER && step->are_words_kept && packet->tcp_flags & DP_TCP_ACK &&
	    (is_late || packet->sequence - flow->next_sequence[DP_ANSWERER] >= DP_SEQUENCE_LAG ||
	     packet->acknowledged - flow->next_sequence[DP_OPENER] >= DP_SEQUENCE_LAG))
		dp_tcp_note_words(flow, step);
	if (is_late)
		flow->seen_jiffies = step->now;
	return proves ? DP_TCP_PROVED : DP_TCP_NO_NEWS;
}

/* Notes a packet of a flow. What comes after the end keeps nothing: a closed tuple is gone in time,
 * whoever keeps sending.
 */
static __always_inline enum dp_tcp_news dp_tcp_follow(struct dp_flow *flow,
						      const struct dp_tcp_step *step)
{
	__u8 flags = step->packet->tcp_flags;

	if (flags & DP_TCP_RST) {
		if (flow->state != DP_FLOW_CLOSED && dp_may_close(flow, step)) {
			flow->state = DP_FLOW_CLOSED;
			flow->seen_jiffies = step->now;
		}
		return DP_TCP_NO_NEWS;
	}
	if (flags & DP_TCP_SYN)
		return dp_tcp_opens(flow, step);
	if (flow->state == DP_FLOW_LAST_ACK && !(flags & DP_TCP_FIN)) {
		flow->state = DP_FLOW_TIME_WAIT;
		flow->seen_jiffies = step->now;
	}
	if (flow->state >= DP_FLOW_LAST_ACK)
		return DP_TCP_NO_NEWS;
	if (flags & DP_TCP_FIN) {
		dp_tcp_finishes(flow, step);
		return DP_TCP_NO_NEWS;
	}
	return dp_tcp_goes_on(flow, step);
}

#endif
