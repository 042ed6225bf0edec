/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counters and events: the single exit of every judgement. */
#ifndef DP_REPORT_H
#define DP_REPORT_H

#include "process.h"
#include "verdict.h"

/* Takes a token of a bucket that fills at a fixed rate. */
static __always_inline bool dp_take_token(struct dp_bucket *bucket, __u32 per_second, __u32 burst)
{
	__u64 now = bpf_jiffies64();
	__u64 earned = (now - bucket->filled_jiffies) * per_second / dp_jiffies_per_second;

	if (earned) {
		bucket->tokens += earned;
		if (bucket->tokens > burst || !bucket->filled_jiffies)
			bucket->tokens = burst;
		bucket->filled_jiffies = now;
	}
	if (!bucket->tokens)
		return false;
	bucket->tokens--;
	return true;
}

/* A flood of drops must not become a flood of events; what is held back is counted. */
static __always_inline bool dp_event_allowed(void)
{
	struct dp_bucket *bucket;
	__u32 zero = 0;

	bucket = bpf_map_lookup_elem(&dp_event_bucket, &zero);
	if (!bucket)
		return false;
	if (dp_take_token(bucket, dp_events_per_second, dp_event_burst))
		return true;
	dp_count_statistic(DP_STAT_EVENTS_SUPPRESSED);
	return false;
}

/* What a report says besides the packet and the judgement. */
struct dp_origin {
	__u32 generation;
	__u16 unit;
	__u8 hook;
	__u8 direction;
};

static __always_inline void dp_fill_event(struct dp_event *event, const struct dp_packet *packet,
					  const struct dp_origin *origin,
					  const struct dp_judgement *judgement)
{
	event->time_ns = bpf_ktime_get_ns();
	event->source = packet->tuple.source;
	event->destination = packet->tuple.destination;
	event->source_port = packet->tuple.source_port;
	event->destination_key = packet->key;
	event->unit = origin->unit;
	event->protocol = packet->tuple.protocol;
	event->hook = origin->hook;
	event->direction = origin->direction;
	event->verdict = judgement->verdict;
	if (judgement->observed_verdict == DP_ALLOW)
		event->verdict |= DP_EVENT_OBSERVED_ALLOW;
	event->reason = judgement->reason;
	event->flags = judgement->flags;
	if (packet->tuple.is_ip6)
		event->flags |= DP_EVENT_IP6;
	event->rule_index = judgement->rule_index;
	event->observed_rule_index = judgement->observed_rule_index;
	event->generation = origin->generation;
}

/* Gives an event to the agent, which is woken when much is waiting. */
static __always_inline void dp_submit(void *event)
{
	__u64 wakeup = BPF_RB_NO_WAKEUP;

	if (bpf_ringbuf_query(&dp_events, BPF_RB_AVAIL_DATA) >= dp_ring_wakeup_bytes)
		wakeup = BPF_RB_FORCE_WAKEUP;
	bpf_ringbuf_submit(event, wakeup);
}

/* Reports a packet, and whose socket it is of: what comes in at an interface has none yet. */
static __always_inline void dp_send_event(struct __sk_buff *skb, const struct dp_packet *packet,
					  const struct dp_origin *origin,
					  const struct dp_judgement *judgement)
{
	struct dp_process_event *known;
	struct dp_process process = {};
	struct dp_event *event;

	if (!dp_event_allowed())
		return;
	if (origin->hook != DP_HOOK_TC_INGRESS && dp_find_process(skb, &process)) {
		known = bpf_ringbuf_reserve(&dp_events, sizeof(*known), 0);
		if (known) {
			dp_fill_event(&known->flow, packet, origin, judgement);
			known->process = process;
			dp_submit(known);
			return;
		}
	} else {
		event = bpf_ringbuf_reserve(&dp_events, sizeof(*event), 0);
		if (event) {
			dp_fill_event(event, packet, origin, judgement);
			dp_submit(event);
			return;
		}
	}
	dp_count_statistic(DP_STAT_EVENTS_LOST);
}

static __always_inline __u64 dp_packets_of(const struct __sk_buff *skb)
{
	return skb->gso_segs ? skb->gso_segs : 1;
}

static __always_inline void dp_count_rule(const struct __sk_buff *skb, __u32 rule)
{
	dp_count_packets(bpf_map_lookup_elem(&dp_rule_counts, &rule), dp_packets_of(skb), skb->len);
}

/* Counts packets that a rule lets pass, where they were judged. */
static __always_inline void dp_count_passed(struct dp_visit *visit, __u32 hook, __u32 direction,
					    __u64 packets, __u64 bytes)
{
	__u32 place = hook * 2 + direction;

	if (dp_is_at_cgroup)
		dp_count_packets(bpf_map_lookup_elem(&dp_cgroup_passed, &place), packets, bytes);
	else if (place < DP_PLACES)
		dp_count_packets(&visit->passed[place], packets, bytes);
}

/* The counter of what is dropped, where it was judged. */
static __always_inline struct dp_counter *dp_drop_counter(const struct dp_origin *origin,
							  __u32 reason)
{
	__u32 key = (origin->hook * 2 + origin->direction) * DP_REASONS + reason;

	return bpf_map_lookup_elem(&dp_drop_counts, &key);
}

/* Counts the judgement and reports it where it is news: a new flow, or a drop. A rule with
 * logsDisabled is counted and not reported.
 */
static __always_inline void dp_report(struct __sk_buff *skb, const struct dp_packet *packet,
				      const struct dp_origin *origin,
				      const struct dp_judgement *judgement)
{
	__u32 rule = judgement->rule_index;
	__u32 reason = judgement->reason;

	if (rule)
		dp_count_rule(skb, rule);
	if (reason)
		dp_count_packets(dp_drop_counter(origin, reason), dp_packets_of(skb), skb->len);
	if (!judgement->new_flow && !reason)
		return;
	/* Without a rule nobody could have asked for silence. */
	if (rule && !(judgement->flags & DP_LOG))
		return;
	dp_send_event(skb, packet, origin, judgement);
}

#endif
