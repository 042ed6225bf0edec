/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What both halves share of units that are cgroups. Belongs to dp_abi.h, and to its version. */
#ifndef DP_ABI_CGROUP_H
#define DP_ABI_CGROUP_H

#include "dp_abi.h"

/* Whose traffic that of a cgroup and its children is. Unit 0: nobody's but the host's. Where it
 * changes with the policy, the entry says both before the switch, as struct dp_interface does.
 */
struct dp_cgroup {
	__u16 unit;
	__u16 next_unit;     /* from generation next_from on */
	__u16 fallback_unit; /* when a lease has run out (DP_SLOT_FELL_BACK) */
	__u16 reserved;
	__u32 next_from; /* 0 = nothing is to change */
	__u32 reserved2;
};

/* Which depths of the hierarchy have units; the root is depth 0, and is the host. */
struct dp_cgroup_depths {
	__u32 used; /* bit 1 << depth */
	__u32 reserved;
};

/* A port of the host that only sockets of one unit's cgroups have. Address any (:: for IPv6, and
 * ::ffff:0.0.0.0) is that of a socket that takes what comes to every address.
 */
struct dp_served_key {
	struct dp_address address;
	__be16 port;
	__u8 protocol;
	__u8 reserved;
};

#endif
