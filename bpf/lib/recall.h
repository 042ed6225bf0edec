/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What spares policy its walk: what it said of the same peer and port before. A client opens one
 * connection after the other, and a generation always says the same.
 *
 * Not remembered is what depends on more: packets whose ports are unknown, and peers with an
 * address of the unit itself.
 */
#ifndef DP_RECALL_H
#define DP_RECALL_H

#include "digest.h"
#include "policy.h"

/* Jiffies to the unit of dp_recollection.written, and how many of them protect what is there. */
#define DP_WRITTEN_SHIFT 6
#define DP_WRITTEN_YOUNG 4

/* What policy says of a packet's own direction. */
struct dp_said {
	__u32 leaf; /* of the peer's address */
	__u32 cell;
};

static __always_inline const struct dp_address *dp_peer_of(const struct dp_packet *packet, __u8 way)
{
	return way & DP_WAY_OUTGOING ? &packet->tuple.destination : &packet->tuple.source;
}

static __always_inline __u32 dp_question_hash(const struct dp_packet *packet,
					      const struct dp_sight *sight)
{
	const dp_wide *peer = (const dp_wide *)dp_peer_of(packet, sight->way)->word;
	__u64 asked = (__u64)packet->key << 24 | (__u32)sight->zone << 8 | sight->way;
	__u64 hash;

	hash = peer[0] * DP_MIX_PORTS ^ peer[1] * DP_MIX_ADDRESS ^ asked * DP_MIX_PORTS;
	hash ^= hash >> 32;
	return hash * DP_MIX_ADDRESS >> 32;
}

static __always_inline struct dp_recollection_set *dp_recollections_of(__u32 hash)
{
	__u32 slot = hash & (dp_memory_sets - 1);

	slot += bpf_get_smp_processor_id() * dp_memory_sets;
	return bpf_map_lookup_elem(&dp_recollections, &slot);
}

/* Whether it is the answer to the same question. */
static __always_inline bool dp_is_recollection_of(const struct dp_recollection *one,
						  const struct dp_packet *packet,
						  const struct dp_sight *sight)
{
	const dp_wide *known = (const dp_wide *)one->peer;
	const dp_wide *asked = (const dp_wide *)dp_peer_of(packet, sight->way)->word;

	return !((known[0] ^ asked[0]) | (known[1] ^ asked[1])) && one->key == packet->key &&
	       one->zone == sight->zone && one->way == sight->way &&
	       one->generation == sight->generation;
}

/* Whether policy has been asked the same before. */
static __always_inline bool dp_recall(const struct dp_packet *packet, const struct dp_sight *sight,
				      struct dp_said *said)
{
	const struct dp_recollection_set *set;
	const struct dp_recollection *one;
	__u32 hash, i;

	if (dp_is_at_cgroup || packet->defect)
		return false;
	hash = dp_question_hash(packet, sight);
	set = dp_recollections_of(hash);
	if (!set)
		return false;
	for (i = 0; i < DP_WAYS; i++) {
		one = &set->one[dp_way_of(hash, i)];
		if (dp_is_recollection_of(one, packet, sight)) {
			said->leaf = one->leaf;
			said->cell = one->cell;
			return true;
		}
	}
	return false;
}

/* Whether what is there is of no use, or has been long enough. */
static __always_inline bool dp_may_be_forgotten(const struct dp_recollection *one, __u32 generation,
						__u8 now)
{
	return one->generation != generation || (__u8)(now - one->written) >= DP_WRITTEN_YOUNG;
}

/* Notes what policy says. More peers than there is room for would drive out each other's before
 * they are of use.
 */
static __always_inline void dp_recollect(const struct dp_packet *packet,
					 const struct dp_sight *sight, const struct dp_said *said)
{
	__u8 now = bpf_jiffies64() >> DP_WRITTEN_SHIFT;
	__u32 hash = dp_question_hash(packet, sight);
	struct dp_recollection_set *set = dp_recollections_of(hash);
	struct dp_recollection *one;
	__u32 i;

	if (!set)
		return;
	for (i = 0; i < DP_WAYS; i++) {
		one = &set->one[dp_way_of(hash, i)];
		if (dp_may_be_forgotten(one, sight->generation, now))
			break;
	}
	if (i == DP_WAYS)
		return;
	__builtin_memcpy(one->peer, dp_peer_of(packet, sight->way)->word, sizeof(one->peer));
	one->generation = sight->generation;
	one->leaf = said->leaf;
	one->cell = said->cell;
	one->key = packet->key;
	one->zone = sight->zone;
	one->way = sight->way;
	one->written = now;
}

#endif
