/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a CPU lets the others know of a TCP connection without writing to its entry: that its next
 * packet is to be looked at, and that it opens or closes.
 */
#ifndef DP_MARK_H
#define DP_MARK_H

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
	const dp_wide *source = (const dp_wide *)tuple->source.word;
	const dp_wide *destination = (const dp_wide *)tuple->destination.word;
	__u64 hash;

	hash = (source[0] + destination[0]) * DP_MIX_PORTS;
	hash ^= (source[1] + destination[1]) * DP_MIX_ADDRESS;
	hash ^= (__u64)(tuple->source_port + tuple->destination_port) << 16 | zone;
	hash += hash >> 32;
	hash *= DP_MIX_PORTS;
	hash ^= source[0] ^ destination[0] ^ source[1] ^ destination[1];
	hash ^= tuple->source_port ^ tuple->destination_port ^ tuple->protocol << 16;
	hash += hash >> 32;
	return hash * DP_MIX_ADDRESS >> 32;
}

static __always_inline struct dp_mark *dp_mark_of(__u32 hash)
{
	__u32 slot = hash % DP_MARKS;

	return bpf_map_lookup_elem(&dp_marks, &slot);
}

/* Makes the digests of a connection void on every CPU. */
static __always_inline void dp_void_digests(const struct dp_tuple *tuple, __u16 zone)
{
	struct dp_mark *mark = dp_mark_of(dp_tuple_hash(tuple, zone));

	if (mark)
		__sync_fetch_and_add(&mark->epoch, 1);
}

/* Asks for the next packet of a connection to look its entry up: the one after the answer to a SYN
 * proves that the opener was not invented, and is allowed by its own direction.
 */
static __always_inline void dp_expect_proof(const struct dp_tuple *tuple, __u16 zone)
{
	__u32 hash = dp_tuple_hash(tuple, zone);
	struct dp_mark *mark = dp_mark_of(hash);

	if (mark)
		mark->proof = hash | 1;
}

/* Whether this is such a packet. A hash that is equal by chance costs a lookup. */
static __always_inline bool dp_is_proof_expected(const struct dp_tuple *tuple, __u16 zone)
{
	__u32 hash = dp_tuple_hash(tuple, zone);
	const struct dp_mark *mark = dp_mark_of(hash);

	return mark && mark->proof == (hash | 1);
}

static __always_inline void dp_expect_no_proof(const struct dp_tuple *tuple, __u16 zone)
{
	struct dp_mark *mark = dp_mark_of(dp_tuple_hash(tuple, zone));

	if (mark)
		mark->proof = 0;
}

#endif
