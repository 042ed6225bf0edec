/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What spares a packet its judge: digests of packets that passed just now. One is worth as much as
 * judging again would be, because it holds for one unit, one direction and one generation, and
 *
 * - what passed by policy alone depends on nothing else;
 * - a TCP flow whose entry would be written to, or has changed since, is looked up (mark.h, and the
 *   sequence numbers and the time of the entry, which the digest repeats);
 * - another flow's entry is written to once a second, and so is looked up once a second.
 */
#ifndef DP_DIGEST_H
#define DP_DIGEST_H

#include "../config.h"
#include "../memory.h"
#include "mark.h"
#include "packet.h"
#include "tcp.h"

/* What a digest holds for besides the tuple; bits. */
enum dp_digest_way {
	DP_WAY_OUTGOING = 1, /* enum dp_direction of the packet */
	DP_WAY_IP6 = 2,
	DP_WAY_TABLE_BIT = 2,  /* enum dp_port_table, three bits: tells the protocol, too */
	DP_WAY_BY_FLOW = 0x80, /* not by policy alone */
};

/* A packet and who judges it, as digests know them. */
struct dp_sight {
	__u32 hash;
	__u32 epoch; /* read before anything else of the flow is */
	__u32 generation;
	__u16 zone;
	__u8 way;
	bool is_tcp;
};

/* Bits in which tuples differ. The family and the protocol stand in the way. */
static __always_inline __u64 dp_digest_difference(const struct dp_digest *digest,
						  const struct dp_tuple *tuple)
{
	const dp_wide *known = (const dp_wide *)digest->source;
	const dp_wide *asked = (const dp_wide *)tuple->source.word;
	__u64 difference = digest->source_port ^ tuple->source_port;
	int i;

	difference |= digest->destination_port ^ tuple->destination_port;
#pragma unroll
	for (i = 0; i < 4; i++)
		difference |= known[i] ^ asked[i];
	return difference;
}

/* Whether a packet would leave the entry of its flow as it is; conditions of dp_tcp_goes_on. */
static __always_inline bool dp_writes_no_words(const struct dp_digest *digest,
					       const struct dp_packet *packet)
{
	return packet->tcp_flags & DP_TCP_ACK &&
	       packet->sequence - digest->next_sequence[DP_ANSWERER] < DP_SEQUENCE_LAG &&
	       packet->acknowledged - digest->next_sequence[DP_OPENER] < DP_SEQUENCE_LAG;
}

/* Jiffies since a digest's flow was seen, of 40 bits. */
static __always_inline __u64 dp_digest_age(const struct dp_digest *digest)
{
	__u64 seen = (__u64)digest->seen_jiffies_high << 32 | digest->seen_jiffies;

	return (bpf_jiffies64() - seen) & 0xffffffffffull;
}

static __always_inline bool dp_is_digest_of(const struct dp_digest *digest,
					    const struct dp_packet *packet,
					    const struct dp_sight *sight)
{
	return !dp_digest_difference(digest, &packet->tuple) && digest->zone == sight->zone &&
	       (digest->way & ~DP_WAY_BY_FLOW) == sight->way;
}

static __always_inline bool dp_digest_is_over(const struct dp_digest *digest,
					      const struct dp_sight *sight)
{
	return digest->generation != sight->generation ||
	       dp_digest_age(digest) >= dp_jiffies_per_second;
}

/* Whether the digest of a packet's flow lets it pass. */
static __always_inline bool dp_digest_holds(const struct dp_digest *digest,
					    const struct dp_packet *packet,
					    const struct dp_sight *sight)
{
	if (dp_digest_is_over(digest, sight))
		return false;
	if (!sight->is_tcp)
		return digest->key == packet->key;
	return digest->epoch == sight->epoch &&
	       (!(digest->way & DP_WAY_BY_FLOW) || dp_writes_no_words(digest, packet));
}

static __always_inline struct dp_digest_set *dp_digest_set_of(const struct dp_sight *sight)
{
	/* An answer has a slot of its own: one CPU may see both ways. */
	__u32 slot = (sight->hash ^ (sight->way & DP_WAY_OUTGOING)) & (dp_memory_sets - 1);

	slot += bpf_get_smp_processor_id() * dp_memory_sets;
	return bpf_map_lookup_elem(&dp_digests, &slot);
}

/* Whether packets like this can have a digest. What opens or closes a connection changes its entry;
 * what lacks its ports, or quotes another packet, is judged by more than its tuple.
 */
static __always_inline bool dp_may_have_digest(const struct dp_packet *packet)
{
	return !(packet->tcp_flags & (DP_TCP_SYN | DP_TCP_FIN | DP_TCP_RST)) && !packet->defect &&
	       !packet->quoted.is_known;
}

/* Looks at a packet before it is judged: what is read here is older than what the judge reads. */
static __always_inline void dp_sight_of(const struct dp_packet *packet, __u16 zone,
					enum dp_direction direction, __u32 generation, __u32 hash,
					const struct dp_mark *mark, struct dp_sight *sight)
{
	sight->hash = hash;
	sight->generation = generation;
	sight->zone = zone;
	sight->way = direction | packet->tuple.is_ip6 << 1 | packet->table << DP_WAY_TABLE_BIT;
	sight->is_tcp = packet->table == DP_PORTS_TCP;
	sight->epoch = *(volatile const __u32 *)&mark->epoch;
}

/* One of a set, beginning with the one that the flow's hash prefers: so most of them are found at
 * the first look.
 */
static __always_inline __u32 dp_way_of(__u32 hash, __u32 i)
{
	return (hash >> 30) + i & (DP_WAYS - 1);
}

/* The rule that let a packet like this pass just now, or 0. */
static __always_inline __u32 dp_digest_rule(const struct dp_packet *packet,
					    const struct dp_sight *sight)
{
	const struct dp_digest_set *set;
	const struct dp_digest *digest;
	__u32 i;

	if (dp_is_at_cgroup || !dp_may_have_digest(packet))
		return 0;
	set = dp_digest_set_of(sight);
	if (!set)
		return 0;
	for (i = 0; i < DP_WAYS; i++) {
		digest = &set->one[dp_way_of(sight->hash, i)];
		if (dp_is_digest_of(digest, packet, sight))
			return dp_digest_holds(digest, packet, sight) ? digest->rule_index : 0;
	}
	return 0;
}

/* Where a digest is to be written: over its own, or one that is over, or nowhere. More flows than
 * there is room for would otherwise drive out each other's before they are of use.
 */
static __always_inline struct dp_digest *dp_digest_room(const struct dp_packet *packet,
							const struct dp_sight *sight)
{
	struct dp_digest_set *set = dp_digest_set_of(sight);
	struct dp_digest *digest, *room = NULL;
	__u32 i;

	if (!set)
		return NULL;
	for (i = 0; i < DP_WAYS; i++) {
		digest = &set->one[dp_way_of(sight->hash, i)];
		if (dp_is_digest_of(digest, packet, sight))
			return digest;
		if (!room && dp_digest_is_over(digest, sight))
			room = digest;
	}
	return room;
}

/* Notes that a packet passes, and packets like it will. "flow": the TCP flow that lets it pass;
 * NULL where policy does, or a flow of another protocol that was looked up now.
 */
static __always_inline void dp_digest_write(const struct dp_packet *packet,
					    const struct dp_sight *sight,
					    const struct dp_flow *flow, __u32 rule_index)
{
	__u64 seen = flow ? flow->seen_jiffies : bpf_jiffies64();
	struct dp_digest *digest;

	if (dp_is_at_cgroup || !dp_may_have_digest(packet))
		return;
	digest = dp_digest_room(packet, sight);
	if (!digest)
		return;
	__builtin_memcpy(digest->source, packet->tuple.source.word, sizeof(digest->source));
	__builtin_memcpy(digest->destination, packet->tuple.destination.word,
			 sizeof(digest->destination));
	digest->source_port = packet->tuple.source_port;
	digest->destination_port = packet->tuple.destination_port;
	digest->zone = sight->zone;
	digest->way = sight->way;
	digest->generation = sight->generation;
	digest->rule_index = rule_index;
	digest->seen_jiffies = seen;
	digest->seen_jiffies_high = seen >> 32;
	digest->epoch = sight->epoch;
	if (flow) {
		digest->way |= DP_WAY_BY_FLOW;
		digest->next_sequence[DP_OPENER] = flow->next_sequence[DP_OPENER];
		digest->next_sequence[DP_ANSWERER] = flow->next_sequence[DP_ANSWERER];
	} else {
		digest->key = packet->key;
	}
}

#endif
