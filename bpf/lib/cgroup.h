/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Units that are cgroups: their sockets' packets are judged where the sockets are, by the unit's
 * policy instead of the host's. Here is how the host's hooks know them.
 */
#ifndef DP_CGROUP_H
#define DP_CGROUP_H

#include "verdict.h"
#include "host.h"
#include "translated.h"

/* Nobody: no unit has this number. */
#define DP_NO_UNIT 0

/* The unit of an entry for the generation that is active. */
static __always_inline __u32 dp_unit_of_cgroup(const struct dp_cgroup *cgroup, __u32 slot)
{
	const struct dp_generation *generation;

	if (slot & DP_SLOT_FELL_BACK)
		return cgroup->fallback_unit;
	if (cgroup->next_from) {
		generation = dp_generation_in(slot);
		if (generation && generation->id >= cgroup->next_from)
			return cgroup->next_unit;
	}
	return cgroup->unit;
}

/* At which depths there are units; 0 on hosts that have none, which costs them a load. */
static __always_inline __u32 dp_used_depths(void)
{
	const struct dp_cgroup_depths *depths;
	__u32 zero = 0;

	depths = bpf_map_lookup_elem(&dp_depths, &zero);
	return depths ? depths->used : 0;
}

/* The deepest unit whose cgroup has what is asked about in it, or in a child: the packet's socket,
 * which belongs to the cgroup that it was made in, or, where there is no packet, the process.
 */
static __always_inline __u32 dp_unit_around(struct __sk_buff *skb, bool is_packet, __u32 slot)
{
	__u32 used = dp_used_depths();
	const struct dp_cgroup *cgroup;
	__u32 unit = DP_NO_UNIT;
	__u64 id;
	int depth;

	if (!used)
		return DP_NO_UNIT;
	for (depth = 1; depth < DP_CGROUP_DEPTHS; depth++) {
		if (used & 1u << depth) {
			id = is_packet ? bpf_skb_ancestor_cgroup_id(skb, depth)
				       : bpf_get_current_ancestor_cgroup_id(depth);
			cgroup = id ? bpf_map_lookup_elem(&dp_cgroups, &id) : NULL;
			if (cgroup)
				unit = dp_unit_of_cgroup(cgroup, slot);
		}
		dp_loop_again();
	}
	return unit;
}

/* The unit that has a port of the host: by this address, or by every address. */
static __always_inline __u32 dp_unit_of_port(const struct dp_tuple *tuple,
					     const struct dp_address *address, __be16 port,
					     __u32 slot)
{
	struct dp_served_key key = {.address = *address, .port = port, .protocol = tuple->protocol};
	const struct dp_cgroup *cgroup;
	const __u64 *id;

	id = bpf_map_lookup_elem(&dp_served, &key);
	if (!id) {
		key.address.word[3] = 0;
		if (tuple->is_ip6) {
			key.address.word[0] = 0;
			key.address.word[1] = 0;
			key.address.word[2] = 0;
		}
		id = bpf_map_lookup_elem(&dp_served, &key);
	}
	cgroup = id ? bpf_map_lookup_elem(&dp_cgroups, id) : NULL;
	return cgroup ? dp_unit_of_cgroup(cgroup, slot) : DP_NO_UNIT;
}

/* Who is to judge what comes to the host: the host, a unit (of an ICMP error, which no socket
 * receives, about one of its packets), or DP_NO_UNIT where the unit's own hook will.
 *
 * verifier: a function of its own, once for both hooks that ask.
 */
__noinline int dp_judge_of_incoming(struct __sk_buff *skb, __u32 slot)
{
	struct dp_visit *visit = dp_visit_of(slot);
	const struct dp_tuple *quoted;
	__u32 unit;

	dp_pin_here(skb);
	if (!visit || !dp_used_depths())
		return DP_HOST_UNIT;
	quoted = &visit->packet.quoted;
	if (quoted->is_known) {
		unit = dp_unit_of_port(quoted, &quoted->source, quoted->source_port, slot);
		return unit ? unit : DP_HOST_UNIT;
	}
	unit = dp_unit_of_port(&visit->packet.tuple, &visit->packet.tuple.destination,
			       visit->packet.tuple.destination_port, slot);
	return unit ? DP_NO_UNIT : DP_HOST_UNIT;
}

/* Has the host's zone follow a flow that a unit's socket opened, so that the answers find it: like
 * one that is translated it names no rule, because the unit's was asked at the unit's own hook.
 */
static __always_inline void dp_note_sent(struct __sk_buff *skb, __u32 slot)
{
	struct dp_visit *visit = dp_visit_of(slot);
	const struct dp_generation *generation = dp_generation_in(slot);

	if (!visit || !generation || visit->packet.defect)
		return;
	__builtin_memset(&visit->own, 0, sizeof(visit->own));
	visit->own.rule_index = DP_NO_RULE;
	visit->own.verdict = DP_ALLOW;
	visit->sight.hash = dp_tuple_hash(&visit->packet.tuple, DP_HOST_UNIT);
	if (dp_needs_no_lookup(visit, &visit->own))
		return;
	visit->leaf = dp_classify(generation, &visit->packet.tuple.destination,
				  visit->packet.tuple.is_ip6);
	dp_judge_with_state(skb, visit, slot, DP_HOST_UNIT, DP_OUTGOING);
}

/* Whether the packet of the visit, which the host sends, was judged at its socket's cgroup.
 *
 * verifier: a function of its own, as above.
 */
__noinline int dp_is_judged_at_cgroup(struct __sk_buff *skb, __u32 slot)
{
	return dp_unit_around(skb, true, slot) != DP_NO_UNIT;
}

#endif
