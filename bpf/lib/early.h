/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* connect(2) over TCP: refused at once where the SYN would be dropped by its unit's rules. Says
 * nothing of what is allowed: that is for the hooks of the packets, whatever comes out here. Whose
 * socket it is, is noted for them, of any protocol.
 */
#ifndef DP_EARLY_H
#define DP_EARLY_H

#include "cgroup.h"

#define DP_CONNECT_REFUSE 0
#define DP_CONNECT_PASS	  1

/* Whose connection it is: a unit's by its cgroup, else the host's where the socket is in the host's
 * network namespace. Nobody's in another one, whose packets are judged where they come out of it.
 */
static __always_inline __u32 dp_unit_of_connection(struct bpf_sock_addr *ctx, __u32 slot)
{
	__u32 zero = 0, unit = dp_unit_around(NULL, false, slot);
	const struct dp_early *early = bpf_map_lookup_elem(&dp_early, &zero);

	if (unit != DP_NO_UNIT)
		return unit;
	if (!early || !early->network_namespace ||
	    early->network_namespace != bpf_get_netns_cookie(ctx))
		return DP_NO_UNIT;
	return DP_HOST_UNIT;
}

/* Whether a connection stays on this host, or its packets are not what they seem: addresses of the
 * host lead to the loopback interface, and so does no address (0.0.0.0, ::).
 */
static __always_inline bool dp_is_to_loopback(const struct dp_tuple *tuple)
{
	const struct dp_address *address = &tuple->destination;
	bool begins_empty = !address->word[0] && !address->word[1];
	__u32 last = bpf_ntohl(address->word[3]);

	if (tuple->is_ip6 ? begins_empty && !address->word[2] && last <= 1
			  : last >> 24 == 127 || last == 0)
		return true;
	return dp_is_of_host(address, tuple->is_ip6);
}

/* What the unit's policy says of a SYN to the destination; NULL where there is nothing to say. No
 * flow lets a bare SYN pass that the rules deny (dp_judge_flow).
 */
static __always_inline const struct dp_descriptor *
dp_decide_syn(const struct dp_generation *generation, __u32 number, const struct dp_packet *packet)
{
	const struct dp_unit *unit = dp_unit_of(generation, number);
	__u32 leaf;

	if (!unit || !(unit->flags & DP_UNIT_PRESENT))
		return NULL;
	leaf = dp_classify(generation, &packet->tuple.destination, packet->tuple.is_ip6);
	if (dp_claims_unit(leaf, number))
		return dp_descriptor_at(generation, generation->local_descriptor);
	return dp_decide(generation, unit, DP_OUTGOING, leaf & DP_LEAF_CLASS, DP_PORTS_TCP,
			 packet->key);
}

/* One packet without bytes.
 *
 * verifier: an atomic addition of zero would become an operation that 5.10 does not have.
 */
static __always_inline void dp_count_refusal(struct dp_counter *counter)
{
	if (counter)
		dp_add(&counter->packets, 1);
}

/* Counts and reports a refusal as the drop of one SYN, which it stands for; it has no bytes. */
static __always_inline void dp_report_refusal(const struct dp_packet *packet,
					      const struct dp_origin *origin,
					      const struct dp_descriptor *descriptor)
{
	struct dp_judgement judgement = {};
	struct dp_process_event *event;
	__u32 rule = descriptor->rule_index;

	dp_judge_by(&judgement, descriptor, DP_REASON_POLICY);
	dp_count_refusal(bpf_map_lookup_elem(&dp_rule_counts, &rule));
	dp_count_refusal(dp_drop_counter(origin, DP_REASON_POLICY));
	if (!(judgement.flags & DP_LOG) || !dp_event_allowed())
		return;
	event = bpf_ringbuf_reserve(&dp_events, sizeof(*event), 0);
	if (!event) {
		dp_count_statistic(DP_STAT_EVENTS_LOST);
		return;
	}
	dp_fill_event(&event->flow, packet, origin, &judgement);
	dp_describe_process(&event->process);
	dp_submit(event);
}

/* The packet that the connection would begin with, but for its source. The destination was put
 * there by the caller, who knows the family.
 */
static __always_inline int dp_judge_connect(struct bpf_sock_addr *ctx, struct dp_packet *packet)
{
	const struct dp_descriptor *descriptor = NULL;
	const struct dp_generation *generation;
	struct dp_origin origin = {.hook = DP_HOOK_CONNECT, .direction = DP_OUTGOING};
	__u32 slot, unit;

	if (dp_is_to_loopback(&packet->tuple))
		return DP_CONNECT_PASS;
	slot = dp_active_slot();
	if (slot & DP_SLOT_PAUSED)
		return DP_CONNECT_PASS;
	unit = dp_unit_of_connection(ctx, slot);
	generation = dp_generation_in(slot);
	if (unit == DP_NO_UNIT || !generation)
		return DP_CONNECT_PASS;
	packet->tuple.protocol = IPPROTO_TCP;
	packet->tuple.destination_port = ctx->user_port;
	packet->key = bpf_ntohs(ctx->user_port);
	/* A datagram may be an answer. */
	if (ctx->protocol == IPPROTO_TCP)
		descriptor = dp_decide_syn(generation, unit, packet);
	if (!descriptor || descriptor->verdict == DP_ALLOW) {
		dp_note_process(ctx);
		return DP_CONNECT_PASS;
	}
	origin.unit = unit;
	origin.generation = generation->id;
	dp_report_refusal(packet, &origin, descriptor);
	return DP_CONNECT_REFUSE;
}

#endif
