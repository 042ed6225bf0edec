// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sends a flood: run on live frames, it gives each a source address of its own and the next device.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Where the frames leave; in the namespace of whoever runs it. */
const volatile __u32 device = 0;
/* The first source address, and how many there are; a power of two. */
const volatile __u32 first_source = 0;
const volatile __u32 sources = 1;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} dp_sent SEC(".maps");

SEC("xdp")
int dp_flood(struct xdp_md *ctx)
{
	struct {
		struct ethhdr eth;
		struct iphdr ip;
	} __attribute__((packed)) *headers = (void *)(long)ctx->data;
	__u32 zero = 0;
	__u32 *sent = bpf_map_lookup_elem(&dp_sent, &zero);

	if (!sent || (void *)(headers + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	headers->ip.saddr = bpf_htonl(first_source + (*sent & (sources - 1)));
	*sent += 1;
	return bpf_redirect(device, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
