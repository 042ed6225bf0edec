/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who did it: a hook in the context of a process leaves who it is, by its socket, for the hooks of
 * its packets, which run in anybody's.
 */
#ifndef DP_PROCESS_H
#define DP_PROCESS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../maps.h"

/* The process that runs. */
static __always_inline void dp_describe_process(struct dp_process *process)
{
	process->cgroup = bpf_get_current_cgroup_id();
	process->pid = bpf_get_current_pid_tgid() >> 32;
	process->uid = bpf_get_current_uid_gid();
	bpf_get_current_comm(process->command, sizeof(process->command));
}

/* Notes whose socket it is. Full: the one that was longest not asked for is forgotten, and an event
 * names nobody.
 */
static __always_inline void dp_note_process(struct bpf_sock_addr *ctx)
{
	struct dp_process process = {};
	__u64 cookie = bpf_get_socket_cookie(ctx);

	dp_describe_process(&process);
	bpf_map_update_elem(&dp_processes, &cookie, &process, BPF_ANY);
}

/* What is known of who sent a packet: the process where it was noted, else the cgroup of its
 * socket. Returns false where the packet has no socket of this host.
 */
static __always_inline bool dp_find_process(struct __sk_buff *skb, struct dp_process *process)
{
	const struct dp_process *noted;
	__u64 cookie;

	process->cgroup = bpf_skb_cgroup_id(skb);
	if (!process->cgroup)
		return false;
	cookie = bpf_get_socket_cookie(skb);
	noted = bpf_map_lookup_elem(&dp_processes, &cookie);
	if (noted)
		*process = *noted;
	return true;
}

#endif
