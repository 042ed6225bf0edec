/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a CPU lets the others know of a flow beside its entry: of a TCP connection, that its next
 * packet is to be looked at, and that it opens or closes; of any flow, that there may be an entry.
 *
 * A mark that says "none" spares two lookups, and must be right: who makes an entry or writes to it
 * marks it first. One that says "perhaps" need not be: entries may go unseen.
 */
#ifndef DP_MARK_H
#define DP_MARK_H

#include "../config.h"
#include "../memory.h"
#include "packet.h"

/* Any odd numbers without a pattern. */
#define DP_MIX_ADDRESS 0x9e3779b97f4a7c15ull
#define DP_MIX_PORTS   0xc2b2ae3d27d4eb4full

/* A hash of a tuple and a zone, equal for both directions. Only picks slots: what matters is
 * compared. The agent has it, too (FlowMarks).
 */
static __always_inline __u32 dp_tuple_hash(const struct dp_tuple *tuple, __u16 zone)
{
	const dp_wide *source = (const dp_wide *)tuple->source.word;
	const dp_wide *destination = (const dp_wide *)tuple->destination.word;
	__u64 ports = (__u64)(tuple->source_port + tuple->destination_port) << 32 |
		      (__u32)tuple->protocol << 16 | zone;
	__u64 hash;

	hash = (source[0] + destination[0]) * DP_MIX_PORTS;
	hash ^= (source[1] + destination[1]) * DP_MIX_ADDRESS;
	hash ^= ports * DP_MIX_PORTS;
	hash ^= hash >> 32;
	hash += source[1] ^ destination[1];
	hash ^= (__u64)(tuple->source_port ^ tuple->destination_port) << 40;
	return hash * DP_MIX_ADDRESS >> 32;
}

/* "hash": of the tuple and the zone. NULL never comes: every slot has a mark. */
static __always_inline struct dp_mark *dp_mark_of(__u32 hash)
{
	__u32 slot = hash % DP_MARKS;

	return bpf_map_lookup_elem(&dp_marks, &slot);
}

/* Makes the digests of a connection void on every CPU. */
static __always_inline void dp_void_digests(struct dp_mark *mark)
{
	__sync_fetch_and_add(&mark->epoch, 1);
}

/* Asks for the next packet of a connection to look its entry up: the one after the answer to a SYN
 * proves that the opener was not invented, and is allowed by its own direction.
 */
static __always_inline void dp_expect_proof(struct dp_mark *mark, __u32 hash)
{
	mark->proof = hash | 1;
}

/* Whether this is such a packet. A hash that is equal by chance costs a lookup. */
static __always_inline bool dp_is_proof_expected(const struct dp_mark *mark, __u32 hash)
{
	return mark->proof == (hash | 1);
}

static __always_inline void dp_expect_no_proof(struct dp_mark *mark)
{
	if (mark->proof)
		mark->proof = 0;
}

/* Before an entry is made among the proved. */
static __always_inline void dp_count_proved(struct dp_mark *mark, __u32 hash)
{
	__sync_fetch_and_add(&mark->proved, DP_PROVED_ONE + hash);
}

/* Whether a flow of this hash may be proved: no where the slot has none, or one of another hash. */
static __always_inline bool dp_may_stand_proved(const struct dp_mark *mark, __u32 hash)
{
	__u64 proved = *(volatile const __u64 *)&mark->proved;

	if (proved >> 48 == 1)
		return proved == DP_PROVED_ONE + hash;
	return proved != 0;
}

static __always_inline __u8 *dp_stamp_of(__u32 hash)
{
	__u32 slot = hash % DP_MARKS;
	struct dp_stamps *stamps = bpf_map_lookup_elem(&dp_opened, &slot);

	return stamps ? &stamps->at[hash / DP_MARKS % sizeof(stamps->at)] : NULL;
}

/* Before an entry is made among the unproved, and before one is written to. */
static __always_inline void dp_stamp_unproved(__u32 hash)
{
	__u8 now = bpf_jiffies64() >> dp_stamp_shift;
	__u8 *stamp = dp_stamp_of(hash);

	if (stamp && *stamp != now)
		*stamp = now;
}

/* Whether a flow of this hash may stand among the unproved. One that is proved stands there while
 * the other table is full. One unit for the rest of division, one because CPUs stamp one after the
 * other.
 */
static __always_inline bool dp_may_stand_unproved(const struct dp_mark *mark, __u32 hash,
						  bool is_tcp)
{
	__u32 seconds = is_tcp ? dp_unproved_tcp_seconds : dp_unproved_other_seconds;
	__u8 now = bpf_jiffies64() >> dp_stamp_shift;
	const __u8 *stamp = dp_stamp_of(hash);

	return !stamp || dp_may_stand_proved(mark, hash) ||
	       (__u8)(now - *stamp) <= (seconds * dp_jiffies_per_second >> dp_stamp_shift) + 2;
}

#endif
