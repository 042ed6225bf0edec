/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every map: key -> value, who writes, who reads, what if full. All are pinned by name. Sizes given
 * here are defaults; the agent sets its own before loading.
 */
#ifndef DP_MAPS_H
#define DP_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "include/dp_abi.h"
#include "include/dp_abi_account.h"
#include "include/dp_abi_cgroup.h"
#include "include/dp_abi_process.h"

/* Images of all live generations. Written by the agent through mmap, only into lines that no live
 * generation uses; read by programs. What does not fit is refused before anything is written.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 524288); /* 32 MiB */
	__type(key, __u32);
	__type(value, struct dp_line);
} dp_arena SEC(".maps");

/* Slot -> where the image is. Written by the agent while the slot is not live. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, DP_GENERATION_SLOTS);
	__type(key, __u32);
	__type(value, struct dp_generation);
} dp_generations SEC(".maps");

/* 0 -> which slot is active. One aligned 64-bit store by the agent flips the policy. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dp_control);
} dp_control SEC(".maps");

/* Interface index -> whose packets cross it. Written by the agent before it attaches, and before it
 * counts dp_control.interfaces_epoch on.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct dp_interface);
} dp_interfaces SEC(".maps");

/* An entry of dp_interfaces that a CPU has looked up. */
struct dp_near_interface {
	__u32 index;
	__u32 epoch; /* dp_control.interfaces_epoch, from before the lookup */
	struct dp_interface entry;
	struct dp_device device; /* at XDP, once it was asked for */
	__u32 has_device;
};

/* Interface index, its lowest bits -> what this CPU found there last. Written and read by programs;
 * where two interfaces share a slot, or something has changed, the table is asked again.
 */
#define DP_NEAR_INTERFACES 64

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DP_NEAR_INTERFACES);
	__type(key, __u32);
	__type(value, struct dp_near_interface);
} dp_near_ifs SEC(".maps");

/* The same as the policy has it that judges when a lease runs out; empty while none is pending. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct dp_interface);
} dp_fallback_ifs SEC(".maps");

/* What the host takes from the network -> 1: addresses, and prefixes of its local, broadcast and
 * anycast routes. Written by the agent from rtnetlink; asked only where an interface forwards. An
 * agent that finds it too small refuses.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct dp_network);
	__type(value, __u8);
} dp_local_nets SEC(".maps");

/* Device below and tag -> index of the VLAN interface there. Written by the agent once the VLAN
 * interface is judged, removed before it is let go.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct dp_vlan_key);
	__type(value, __u32);
} dp_vlans SEC(".maps");

/* Interface index -> the host's number (RTM_NEWNSID) for the network namespace at the other end,
 * where the sockets of a unit are. Written by the agent before it attaches. Without an entry nobody
 * is asked.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, __u32);
} dp_namespaces SEC(".maps");

/* Id of a cgroup -> whose traffic it has. Written by the agent before it attaches to the cgroup,
 * and removed when the cgroup is gone.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct dp_cgroup);
} dp_cgroups SEC(".maps");

/* 0 -> at which depths the cgroups are. Written by the agent, with dp_cgroups. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dp_cgroup_depths);
} dp_depths SEC(".maps");

/* A port of the host -> id of the cgroup in dp_cgroups whose sockets have it. Written by the agent
 * from the sockets that there are, several times a second. A port that is missing is judged by the
 * host's policy as well.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct dp_served_key);
	__type(value, __u64);
} dp_served SEC(".maps");

/* 0 -> whose connections are refused early. Written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dp_early);
} dp_early SEC(".maps");

/* Socket cookie -> the process that connected it. Written by the programs at connect(2), read where
 * its packets are reported. Full: the one that was longest not asked for is forgotten.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct dp_process);
} dp_processes SEC(".maps");

/* Interface index -> the device, where frames are dropped early. Written by the agent before it
 * attaches there.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct dp_device);
} dp_devices SEC(".maps");

/* Numbers of visits that nobody is at. Filled by the agent when it has loaded the programs; taken
 * and given back by them. Empty: as many processes are stopped inside a program, and a packet is
 * refused.
 */
struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, DP_PROCESS_VISITS);
	__type(value, __u32);
} dp_free_visits SEC(".maps");

/* Flows that were allowed to open and that nobody has proved. Written by programs. Full: the least
 * recently used is forgotten, which costs a packet nothing that policy allows; a failed insert is
 * counted and never drops a packet. A flood of one kind leaves the other alone.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 18432);
	__type(key, struct dp_flow_key4);
	__type(value, struct dp_flow);
} dp_new_tcp4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 18432);
	__type(key, struct dp_flow_key6);
	__type(value, struct dp_flow);
} dp_new_tcp6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 18432);
	__type(key, struct dp_flow_key4);
	__type(value, struct dp_flow);
} dp_new_other4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 18432);
	__type(key, struct dp_flow_key6);
	__type(value, struct dp_flow);
} dp_new_other6 SEC(".maps");

/* Flows that both ends agreed on: TCP after its handshake, other protocols after an answer. Written
 * by programs; an entry whose time is over is never written again, so that the agent may delete it
 * whenever it likes. Full: counted, and the flow stays where it is. Memory is taken as it is
 * needed: the limits are for bad days.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, struct dp_flow_key4);
	__type(value, struct dp_flow);
} dp_live_tcp4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, struct dp_flow_key6);
	__type(value, struct dp_flow);
} dp_live_tcp6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct dp_flow_key4);
	__type(value, struct dp_flow);
} dp_live_other4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct dp_flow_key6);
	__type(value, struct dp_flow);
} dp_live_other6 SEC(".maps");

/* Flow, IPv4 as dp_address has it -> what it has carried. Written by programs where
 * dp_keeps_accounts says so, read by the agent every few seconds; it gives the map its size then.
 * Full: the least recently used is forgotten, and counts anew.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct dp_flow_key6);
	__type(value, struct dp_account);
} dp_accounts SEC(".maps");

/* First fragments -> their ports, for the fragments that follow. Full: the oldest is forgotten, and
 * its late fragments are dropped.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct dp_fragment_key);
	__type(value, struct dp_fragment);
} dp_fragments SEC(".maps");

/* Rule index -> packets and bytes, exact. Read by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct dp_counter);
} dp_rule_counts SEC(".maps");

/* (enum dp_hook * 2 + enum dp_direction) * DP_REASONS + enum dp_reason -> packets and bytes dropped
 * there for it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DP_PLACES *DP_REASONS);
	__type(key, __u32);
	__type(value, struct dp_counter);
} dp_drop_counts SEC(".maps");

/* enum dp_hook * 2 + enum dp_direction -> packets and bytes that rules let pass at cgroups. Those
 * at tc are counted in the visit of the CPU, which costs no lookup.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DP_PLACES);
	__type(key, __u32);
	__type(value, struct dp_counter);
} dp_cgroup_passed SEC(".maps");

/* enum dp_statistic -> how often. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DP_STATISTICS);
	__type(key, __u32);
	__type(value, __u64);
} dp_statistics SEC(".maps");

/* New flows and drops, for the agent. Full: the event is counted as lost. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 21);
} dp_events SEC(".maps");

/* The token bucket of this CPU. */
struct dp_bucket {
	__u64 filled_jiffies;
	__u64 tokens;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dp_bucket);
} dp_event_bucket SEC(".maps");

#endif
