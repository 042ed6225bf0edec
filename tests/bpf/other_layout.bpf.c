// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tables of flows as another version of the agent might have them: what an entry says is the same,
 * and stands elsewhere. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct dp_flow_key4 {
	__u8 protocol;
	__u8 reserved;
	__u16 zone;
	__be16 low_port;
	__be16 high_port;
	__be32 low_address;
	__be32 high_address;
};

struct dp_flow {
	__u8 state;
	__u8 direction;
	__u8 opener_table;
	__u8 flags;
	__u16 opener_key;
	__u16 colour; /* nobody knows it any more, or yet */
	__u32 rule_index;
	__u32 generation;
	__u64 seen_jiffies;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, struct dp_flow_key4);
	__type(value, struct dp_flow);
} dp_live_tcp4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct dp_flow_key4);
	__type(value, struct dp_flow);
} dp_new_tcp4 SEC(".maps");

char LICENSE[] SEC("license") = "GPL";
