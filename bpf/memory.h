/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps of what spares work: what is not in them is found out at length. As maps.h otherwise. */
#ifndef DP_MEMORY_H
#define DP_MEMORY_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "include/dp_abi.h"

/* Packets like one that a CPU let pass less than a second ago: the whole of what they are known by,
 * because a hash that is equal by chance would let a packet pass that policy denies.
 */
struct dp_digest {
	__be32 source[4];
	__be32 destination[4];
	__be16 source_port;
	__be16 destination_port;
	__u16 zone;
	__u8 way;		/* enum dp_digest_way */
	__u8 seen_jiffies_high; /* bits 32 to 39: in 34 years at 1,000 Hz it is the same time again
				 */
	__u32 generation;
	__u32 rule_index;   /* that lets them pass */
	__u32 seen_jiffies; /* of the flow, where one lets them pass */
	__u32 epoch;	    /* TCP: of the tuple's mark */
	union {
		__u32 next_sequence[2]; /* TCP by a flow: where the flow's words were about to be */
		__u32 key; /* not TCP: port key; an echo and its reply have the same identifier */
	};
};

/* Four, so that flows of one slot do not drive each other out: half full, the table has room for 96
 * of 100.
 */
#define DP_WAYS 4

struct dp_digest_set {
	struct dp_digest one[DP_WAYS];
};
_Static_assert(sizeof(struct dp_digest) == 64, "one cache line");

/* CPU * dp_memory_sets + slot -> what passes there without more ado. Written and read by programs,
 * each on its own CPU; the agent makes room for every CPU. Overwritten, a packet is judged at
 * length. An array of one's own is read in one step where a per-CPU array takes two, and one that
 * could be mapped into memory begins with a page, and so each digest with a cache line.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct dp_digest_set);
} dp_digests SEC(".maps");

/* What a generation says of connections with a peer on one port, as a CPU has found it out: the
 * whole question, and the answer. It never changes, so that it holds as long as the generation.
 */
struct dp_recollection {
	__be32 peer[4];
	__u32 generation;
	__u32 leaf; /* of the peer's address */
	__u16 cell;
	__u16 key; /* port key */
	__u16 zone;
	__u8 way;     /* enum dp_digest_way */
	__u8 written; /* when, in units of 64 jiffies: the younger of two strangers stays */
};

struct dp_recollection_set {
	struct dp_recollection one[DP_WAYS];
};
_Static_assert(sizeof(struct dp_recollection) == 32, "none lies in two cache lines");

/* CPU * dp_memory_sets + slot -> what is known of it. As dp_digests otherwise. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct dp_recollection_set);
} dp_recollections SEC(".maps");

/* What all CPUs tell each other of the flows of a slot. Sixteen bytes, so that none lies in two
 * cache lines.
 */
struct dp_mark {
	__u32 proof;  /* hash of the TCP connection whose next packet shall look its entry up though
		       * it need not */
	__u32 epoch;  /* counts the packets that open or close one: digests from before are void */
	__u64 proved; /* for each flow that is proved its hash and DP_PROVED_ONE */
};
#define DP_PROVED_ONE (1ull << 48)

/* Slot -> a mark. Written by programs, and by the agent, which counts flows on before it makes
 * their entry and off after it has deleted it. Pinned, because it says which entries are not there.
 * What is overwritten is proved later or not at all; flows that share a slot cost each other a
 * lookup.
 */
#define DP_MARKS 262144

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, DP_MARKS);
	__type(key, __u32);
	__type(value, struct dp_mark);
} dp_marks SEC(".maps");

/* Slot -> when entries of the unproved were written to last, by three more bits of their hash; in
 * units of dp_stamp_shift. Written and read by programs. Pinned as dp_marks is.
 */
struct dp_stamps {
	__u8 at[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, DP_MARKS);
	__type(key, __u32);
	__type(value, struct dp_stamps);
} dp_opened SEC(".maps");

#endif
