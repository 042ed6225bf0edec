/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Exact counts in per-CPU arrays: plain additions where nobody else of the CPU can come in between,
 * atomic ones where somebody can.
 */
#ifndef DP_COUNT_H
#define DP_COUNT_H

#include "../config.h"
#include "../maps.h"

static __always_inline void dp_add(__u64 *count, __u64 more)
{
	if (dp_is_at_cgroup)
		__sync_fetch_and_add(count, more);
	else
		*count += more;
}

static __always_inline void dp_count_statistic(__u32 which)
{
	__u64 *count = bpf_map_lookup_elem(&dp_statistics, &which);

	if (count)
		dp_add(count, 1);
}

static __always_inline void dp_count_packets(struct dp_counter *counter, __u64 packets, __u64 bytes)
{
	if (!counter)
		return;
	dp_add(&counter->packets, packets);
	dp_add(&counter->bytes, bytes);
}

#endif
