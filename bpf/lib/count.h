/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Exact counts in per-CPU arrays. */
#ifndef DP_COUNT_H
#define DP_COUNT_H

#include "../maps.h"

static __always_inline void dp_count_statistic(__u32 which)
{
	__u64 *count = bpf_map_lookup_elem(&dp_statistics, &which);

	if (count)
		*count += 1;
}

static __always_inline void dp_count_packets(struct dp_counter *counter, __u64 packets, __u64 bytes)
{
	if (!counter)
		return;
	counter->packets += packets;
	counter->bytes += bytes;
}

#endif
