/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What both halves share of processes: who is refused early, and who did it. Belongs to dp_abi.h,
 * and to its version.
 */
#ifndef DP_ABI_PROCESS_H
#define DP_ABI_PROCESS_H

#include "dp_abi.h"

/* Whose connections are refused before they send anything. */
struct dp_early {
	__u64 network_namespace; /* cookie of the host's (SO_NETNS_COOKIE); 0 = nobody's */
};

/* A device at whose XDP hook frames are dropped early. */
struct dp_device {
	__u8 address[6]; /* its MAC address */
	__u8 reserved[2];
};

#define DP_COMMAND_BYTES 16

/* A process at the moment that it connected. */
struct dp_process {
	__u64 cgroup; /* id */
	__u32 pid;    /* as the first PID namespace has it */
	__u32 uid;    /* as the first user namespace has it */
	char command[DP_COMMAND_BYTES];
};

/* An event whose process is known; told from others by its size. */
struct dp_process_event {
	struct dp_event flow;
	struct dp_process process;
};

#endif
