/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Knobs: written by the agent before the programs are loaded, constants ever after. */
#ifndef DP_CONFIG_H
#define DP_CONFIG_H

#include "include/dp_abi.h"

/* Set in a second copy of the programs that is never attached, by which the agent tries a
 * generation before it is in force: nothing is counted, remembered or reported.
 */
const volatile __u32 dp_dry_run = 0;

/* Set in the copy of the programs that is attached to cgroups. They run in the context of a
 * process, which may be stopped half way by a program at tc, or by another process: they take
 * visits from a stock, count atomically, and leave digests, which each CPU writes for itself, to
 * tc.
 */
const volatile __u32 dp_is_at_cgroup = 0;

/* Whether each flow that passes has an account of its packets and bytes. Without, the verifier
 * takes away what would keep it.
 */
const volatile __u32 dp_keeps_accounts = 0;

/* The kernel's HZ: bpf_jiffies64 costs 1 ns, a clock in nanoseconds 38. */
const volatile __u32 dp_jiffies_per_second = 250;

/* Token bucket for events, per CPU. */
const volatile __u32 dp_events_per_second = 1000;
const volatile __u32 dp_event_burst = 2000;

/* Resets for denied connections, per CPU; 0 = they are left to time out. */
const volatile __u32 dp_resets_per_second = 0;

/* Wake whoever polls the ring when this much is waiting in it. The agent reads on a timer instead
 * (EventPace). A wake-up costs 6.7 us, an event without one 28 ns.
 */
const volatile __u32 dp_ring_wakeup_bytes = 65536;

/* Silence after which a flow is forgotten, in seconds: TCP by enum dp_flow_state, the others before
 * and after the first answer. The values of nf_conntrack (net/netfilter/nf_conntrack_proto_*.c);
 * shorter would cut clients of slow servers. The agent collects by the same numbers.
 */
const volatile __u32 dp_tcp_timeout_seconds[DP_FLOW_STATES] = {120, 60, 432000, 120,
							       60,  30, 120,	10};
const volatile __u32 dp_udp_timeout_seconds[2] = {30, 120};
const volatile __u32 dp_icmp_timeout_seconds[2] = {30, 30};
const volatile __u32 dp_other_timeout_seconds[2] = {600, 600};

/* How long a flow that nobody has proved may be silent and yet be there, in seconds: the longest
 * of the above, for TCP without that of a proved connection. The agent works it out.
 */
const volatile __u32 dp_unproved_tcp_seconds = 120;
const volatile __u32 dp_unproved_other_seconds = 600;

/* Two to this power of jiffies are the unit of a stamp (memory.h), 256 of which are more than those
 * timeouts: about four seconds.
 */
const volatile __u32 dp_stamp_shift = 10;

/* Sets of digests, and of recollections, of each CPU (memory.h); a power of two. */
const volatile __u32 dp_memory_sets = 4096;

/* How long the ports of a first fragment are kept (net.ipv4.ipfrag_time). */
const volatile __u32 dp_fragment_timeout_seconds = 30;

#endif
