/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the host's NAT lets speak under the host's address: masqueraded units, and units that others
 * reach by a port of the host. Their answers come to the host's address and are judged as the
 * host's, so the host's zone has to know the flow.
 *
 * It names no rule (DP_NO_RULE): the unit's policy was asked at the unit's own interface, the
 * host's is not asked, and cannot revoke it. It ends as every flow does.
 */
#ifndef DP_TRANSLATED_H
#define DP_TRANSLATED_H

#include "verdict.h"
#include "host.h"

/* Whether a forwarded packet may open, close, keep or prove a flow, as the host's own would.
 *
 * Only IPv4: there the kernel takes no packet from outside with an address of its own as source
 * (__fib_validate_source of net/ipv4/fib_frontend.c), so that one which leaves was given it by NAT.
 * An IPv6 packet with such a source may be a unit's invention, and what it opened would lead to the
 * host's own sockets. Of ICMP, only a ping waits for an answer.
 */
static __always_inline bool dp_may_be_translated(const struct dp_visit *visit)
{
	const struct dp_packet *packet = &visit->packet;

	if (packet->tuple.is_ip6 || packet->defect)
		return false;
	if (packet->table == DP_PORTS_ICMP && packet->key >> 8 != DP_ICMP_ECHO_REQUEST)
		return false;
	return !dp_needs_no_lookup(visit, &visit->own);
}

/* Whether the packet of the visit, which is forwarded, is of such a flow, or may open one.
 *
 * verifier: not static, as those that judge are.
 */
__noinline int dp_is_translated(__u32 slot)
{
	struct dp_visit *visit = dp_visit_of(slot);
	const struct dp_generation *generation = dp_generation_in(slot);
	const struct dp_unit *host;

	if (!visit || !generation)
		return 0;
	__builtin_memset(&visit->own, 0, sizeof(visit->own));
	visit->own.rule_index = DP_NO_RULE;
	visit->own.verdict = DP_ALLOW;
	visit->sight.hash = dp_tuple_hash(&visit->packet.tuple, DP_HOST_UNIT);
	if (!dp_may_be_translated(visit) ||
	    !dp_is_of_host(&visit->packet.tuple.source, visit->packet.tuple.is_ip6))
		return 0;
	host = dp_unit_of(generation, DP_HOST_UNIT);
	if (!host || !(host->flags & DP_UNIT_PRESENT))
		return 0;
	visit->leaf = dp_classify(generation, &visit->packet.tuple.destination,
				  visit->packet.tuple.is_ip6);
	return 1;
}

/* Has the host's zone follow a packet that is forwarded, whatever the host's rules say. What
 * answers a flow that is there, as a published port does, opens none.
 */
static __always_inline void dp_note_translated(struct __sk_buff *skb, __u32 slot)
{
	struct dp_visit *visit = dp_visit_of(slot);

	if (visit && dp_is_translated(slot))
		dp_judge_with_state(skb, visit, slot, DP_HOST_UNIT, DP_OUTGOING);
}

#endif
