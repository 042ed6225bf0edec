// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One map of each kind and one program for each question that the tests of Datapath.Interop ask. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#define CAPACITY 64

struct it_key {
	__u32 address;
	__u16 port;
	__u16 zero;
};

struct it_value {
	__u64 packets;
	__u32 verdict;
	__u32 zero;
};

struct it_event {
	__u32 length;
	__u32 knob;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CAPACITY);
	__type(key, struct it_key);
	__type(value, struct it_value);
} dp_it_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, CAPACITY);
	__type(key, __u32);
	__type(value, __u64);
} dp_it_arena SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} dp_it_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} dp_it_events SEC(".maps");

/* The first knob is there so that the second does not stand at offset 0. */
const volatile __u64 first_knob = 7;
const volatile __u32 knob = 3;

/* Counts, reports the packet and passes it on; drops what is exactly 100 bytes long. */
SEC("tc")
int dp_it_count(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u32 *count = bpf_map_lookup_elem(&dp_it_counts, &zero);
	struct it_event *event;

	if (count)
		*count += 1;
	event = bpf_ringbuf_reserve(&dp_it_events, sizeof(*event), 0);
	if (event) {
		event->length = skb->len;
		event->knob = knob + (__u32)first_knob;
		bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	}
	return skb->len == 100 ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

/* What somebody else may have at an interface and at a cgroup: both pass everything. */
/* Counts in the arena, and passes. */
SEC("xdp")
int dp_it_xdp(struct xdp_md *context)
{
	__u32 six = 6;
	__u64 *count = bpf_map_lookup_elem(&dp_it_arena, &six);

	if (count)
		*count += 1;
	return context->data <= context->data_end ? XDP_PASS : XDP_DROP;
}

SEC("cgroup_skb/egress")
int dp_it_cgroup(struct __sk_buff *skb)
{
	return skb->len > 0;
}

/* Stores what the arena says into the flow table: shows that memory maps and programs see the same
 * bytes. */
SEC("tc")
int dp_it_copy(struct __sk_buff *skb)
{
	struct it_key key = {.address = skb->mark, .port = 443};
	struct it_value value = {};
	__u32 five = 5;
	__u64 *source = bpf_map_lookup_elem(&dp_it_arena, &five);

	if (source)
		value.packets = *source;
	bpf_map_update_elem(&dp_it_flows, &key, &value, BPF_ANY);
	return 42;
}

/* Reads through a pointer that may be null: no verifier accepts it. Not loaded unless asked for. */
SEC("?tc")
int dp_it_refused(struct __sk_buff *skb)
{
	__u32 index = skb->mark;
	__u64 *value = bpf_map_lookup_elem(&dp_it_arena, &index);

	return (int)*value;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
