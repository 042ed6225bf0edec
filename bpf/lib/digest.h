/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What spares a table lookup, and what asks for one: digests of flows that were looked up just now,
 * and marks of connections whose next packet is to be looked at.
 */
#ifndef DP_DIGEST_H
#define DP_DIGEST_H

#include "../config.h"
#include "../maps.h"
#include "packet.h"

/* Any odd numbers without a pattern. */
#define DP_MIX_ADDRESS 0x9e3779b97f4a7c15ull
#define DP_MIX_PORTS   0xc2b2ae3d27d4eb4full

/* A hash of a tuple and a zone, equal for both directions. Only picks slots: what matters is
 * compared.
 */
static __always_inline __u32 dp_tuple_hash(const struct dp_tuple *tuple, __u16 zone)
{
	__u64 hash = tuple->protocol;
	int i;

#pragma unroll
	for (i = 0; i < 4; i++) {
		hash += (__u64)tuple->source.word[i] + tuple->destination.word[i];
		hash *= DP_MIX_ADDRESS;
		hash ^= tuple->source.word[i] ^ tuple->destination.word[i];
	}
	hash += (__u64)(tuple->source_port + tuple->destination_port) << 16 | zone;
	hash *= DP_MIX_PORTS;
	hash ^= tuple->source_port ^ tuple->destination_port;
	hash *= DP_MIX_ADDRESS;
	return hash >> 32;
}

/* Which way a packet goes, besides its tuple. */
static __always_inline __u8 dp_digest_way(const struct dp_packet *packet,
					  enum dp_direction direction)
{
	return direction | packet->tuple.is_ip6 << 1;
}

static __always_inline struct dp_digest *dp_digest_slot(const struct dp_packet *packet, __u16 zone,
							enum dp_direction direction)
{
	/* An answer has a slot of its own: one CPU may see both ways. */
	__u32 slot = (dp_tuple_hash(&packet->tuple, zone) ^ direction) % DP_DIGESTS;

	return bpf_map_lookup_elem(&dp_digests, &slot);
}

/* Bits in which a digest and a packet differ. */
static __always_inline __u32 dp_digest_difference(const struct dp_digest *digest,
						  const struct dp_packet *packet)
{
	const struct dp_tuple *tuple = &packet->tuple;
	__u32 difference = digest->protocol ^ tuple->protocol;
	int i;

#pragma unroll
	for (i = 0; i < 4; i++) {
		difference |= digest->source[i] ^ tuple->source.word[i];
		difference |= digest->destination[i] ^ tuple->destination.word[i];
	}
	difference |= digest->source_port ^ tuple->source_port;
	difference |= digest->destination_port ^ tuple->destination_port;
	return difference | (digest->key ^ packet->key);
}

/* The rule that let a packet like this pass on this CPU less than a second ago, or 0. */
static __always_inline __u32 dp_digest_rule(const struct dp_packet *packet, __u16 zone,
					    enum dp_direction direction, __u32 generation)
{
	const struct dp_digest *digest = dp_digest_slot(packet, zone, direction);

	if (!digest || digest->generation != generation || digest->zone != zone ||
	    digest->way != dp_digest_way(packet, direction) ||
	    bpf_jiffies64() - digest->checked_jiffies >= dp_jiffies_per_second ||
	    dp_digest_difference(digest, packet))
		return 0;
	return digest->rule_index;
}

/* Notes that the entry of this packet's flow was looked up and lets it pass. */
static __always_inline void dp_digest_write(const struct dp_packet *packet, __u16 zone,
					    enum dp_direction direction, __u32 generation,
					    __u32 rule_index)
{
	struct dp_digest *digest = dp_digest_slot(packet, zone, direction);

	if (!digest)
		return;
	__builtin_memcpy(digest->source, packet->tuple.source.word, sizeof(digest->source));
	__builtin_memcpy(digest->destination, packet->tuple.destination.word,
			 sizeof(digest->destination));
	digest->source_port = packet->tuple.source_port;
	digest->destination_port = packet->tuple.destination_port;
	digest->zone = zone;
	digest->protocol = packet->tuple.protocol;
	digest->way = dp_digest_way(packet, direction);
	digest->key = packet->key;
	digest->generation = generation;
	digest->rule_index = rule_index;
	digest->checked_jiffies = bpf_jiffies64();
}

/* Asks for the next packet of a connection to look its entry up: the one after the answer to a SYN
 * proves that the opener was not invented, and is allowed by its own direction.
 */
static __always_inline void dp_expect_proof(const struct dp_tuple *tuple, __u16 zone)
{
	__u32 hash = dp_tuple_hash(tuple, zone);
	__u32 slot = hash % DP_HANDSHAKES;
	__u32 *mark = bpf_map_lookup_elem(&dp_handshakes, &slot);

	if (mark)
		*mark = hash | 1;
}

/* Whether this is such a packet. A hash that is equal by chance costs a lookup. */
static __always_inline bool dp_is_proof_expected(const struct dp_tuple *tuple, __u16 zone)
{
	__u32 hash = dp_tuple_hash(tuple, zone);
	__u32 slot = hash % DP_HANDSHAKES;
	const __u32 *mark = bpf_map_lookup_elem(&dp_handshakes, &slot);

	return mark && *mark == (hash | 1);
}

static __always_inline void dp_expect_no_proof(const struct dp_tuple *tuple, __u16 zone)
{
	__u32 slot = dp_tuple_hash(tuple, zone) % DP_HANDSHAKES;
	__u32 *mark = bpf_map_lookup_elem(&dp_handshakes, &slot);

	if (mark)
		*mark = 0;
}

#endif
