// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The shipped programs, and references to hold them against, all behind the same harness: each run
 * writes the next tuple of a list into the packet and then does its work. What a piece of work
 * costs is the difference to the program that does everything but it.
 *
 * The references are what firewalls in BPF are usually made of: an LPM trie from address to
 * identity, an LPM trie from (identity, protocol, port) to a verdict, an LRU hash of connections.
 */
#include "../../../bpf/segment.bpf.c"

#define BENCH_TUPLES 65536

/* What a run writes into the packet. Ports and addresses in network order. */
struct bench_tuple {
	__be32 source;
	__be32 destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol;
	__u8 tcp_flags;
	__u8 reserved[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BENCH_TUPLES);
	__type(key, __u32);
	__type(value, struct bench_tuple);
} bench_tuples SEC(".maps");

/* How often a program has run; never set back while a bench lives, so that "new" stays new. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} bench_runs SEC(".maps");

/* Two to this power of the tuples are used. Few are "hot", all of them "cold". */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bench_bits SEC(".maps");

struct bench_prefix4 {
	__u32 bits;
	__be32 address;
};

/* Address -> identity. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, struct bench_prefix4);
	__type(value, __u32);
} bench_identities SEC(".maps");

struct bench_rule_key {
	__u32 bits;
	__be32 identity;
	__u8 direction;
	__u8 protocol;
	__be16 port;
};

/* (identity, direction, protocol, port) -> rule. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct bench_rule_key);
	__type(value, __u32);
} bench_rules SEC(".maps");

/* Connections, as large as ours. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 131072);
	__type(key, struct dp_flow_key4);
	__type(value, struct dp_flow);
} bench_flows SEC(".maps");

/* Results go here, so that the compiler keeps the work. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} bench_sink SEC(".maps");

static __always_inline void bench_keep(__u64 result)
{
	__u32 zero = 0;
	__u64 *sink = bpf_map_lookup_elem(&bench_sink, &zero);

	if (sink)
		*sink += result;
}

struct bench_headers {
	unsigned char ethernet[14];
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

/* The harness. "fresh" makes a tuple that the last 65,536 rounds through the list did not have: the
 * round is the source port.
 */
static __always_inline int bench_write(void *data, void *end, bool fresh)
{
	struct bench_headers *headers = data;
	const struct bench_tuple *tuple;
	__u32 zero = 0, index;
	__u32 *bits;
	__u64 *runs;

	if ((void *)(headers + 1) > end)
		return -1;
	runs = bpf_map_lookup_elem(&bench_runs, &zero);
	bits = bpf_map_lookup_elem(&bench_bits, &zero);
	if (!runs || !bits)
		return -1;
	*runs += 1;
	index = *runs & ((1ull << (*bits & 31)) - 1);
	tuple = bpf_map_lookup_elem(&bench_tuples, &index);
	if (!tuple)
		return -1;
	headers->ip.saddr = tuple->source;
	headers->ip.daddr = tuple->destination;
	headers->ip.protocol = tuple->protocol;
	headers->tcp.source = fresh ? bpf_htons(*runs >> (*bits & 31)) : tuple->source_port;
	headers->tcp.dest = tuple->destination_port;
	((__u8 *)&headers->tcp)[13] = tuple->tcp_flags;
	return 0;
}

static __always_inline int bench_next(struct __sk_buff *skb, bool fresh)
{
	return bench_write((void *)(long)skb->data, (void *)(long)skb->data_end, fresh);
}

/* The device that frames are sent by, in the namespace of the sender. */
const volatile __u32 bench_device = 0;

/* The next packet of the list, to the other end of a veth pair. */
SEC("xdp")
int bench_send(struct xdp_md *ctx)
{
	if (bench_write((void *)(long)ctx->data, (void *)(long)ctx->data_end, false))
		return XDP_ABORTED;
	return bpf_redirect(bench_device, 0);
}

/* What nothing can be quicker than. */
SEC("xdp")
int bench_drop(struct xdp_md *ctx __attribute__((unused)))
{
	bench_keep(1);
	return XDP_DROP;
}

SEC("tc")
int bench_base(struct __sk_buff *skb)
{
	return bench_next(skb, false);
}

/* Parse only, in a function of its own as the shipped programs have it. */
static __always_inline int bench_parsed(struct __sk_buff *skb, bool fresh)
{
	if (bench_next(skb, fresh))
		return -1;
	return dp_read_packet(skb, DP_LINK_ETHERNET);
}

SEC("tc")
int bench_parse(struct __sk_buff *skb)
{
	bench_keep(bench_parsed(skb, false));
	return 0;
}

SEC("tc")
int bench_ingress(struct __sk_buff *skb)
{
	if (bench_next(skb, false))
		return -1;
	bench_keep(dp_segment(skb, DP_HOOK_TC_INGRESS));
	return 0;
}

SEC("tc")
int bench_ingress_fresh(struct __sk_buff *skb)
{
	if (bench_next(skb, true))
		return -1;
	bench_keep(dp_segment(skb, DP_HOOK_TC_INGRESS));
	return 0;
}

SEC("tc")
int bench_egress(struct __sk_buff *skb)
{
	if (bench_next(skb, false))
		return -1;
	bench_keep(dp_segment(skb, DP_HOOK_TC_EGRESS));
	return 0;
}

/* What policy says of a packet, and nothing else: no interface, no digest, no count, no flow. */
SEC("tc")
int bench_verdict(struct __sk_buff *skb)
{
	const struct dp_generation *generation;
	const struct dp_descriptor *own;
	struct dp_visit *visit;
	struct dp_said said;
	__u8 reason;

	if (bench_parsed(skb, false))
		return -1;
	visit = dp_visit_of(0);
	generation = dp_generation_in(dp_active_slot());
	if (!visit || !generation ||
	    !dp_consult(skb, &visit->packet, generation, DP_HOST_UNIT, DP_INCOMING, &said, &reason))
		return -1;
	own = dp_descriptor_at(generation, said.cell);
	bench_keep(own ? own->rule_index : 0);
	return 0;
}

/* The usual design without its connection table: address to identity, then the rules of this
 * identity and those of everybody, the more specific of which counts, then a counter.
 */
SEC("tc")
int bench_lpm(struct __sk_buff *skb)
{
	struct bench_rule_key rule = {.bits = 64, .direction = DP_INCOMING};
	struct bench_prefix4 prefix = {.bits = 32};
	struct dp_counter *counter;
	struct dp_visit *visit;
	__u32 *found, *of_all;
	__u32 index = 0;

	if (bench_parsed(skb, false))
		return -1;
	visit = dp_visit_of(0);
	if (!visit)
		return -1;
	prefix.address = visit->packet.tuple.source.word[3];
	found = bpf_map_lookup_elem(&bench_identities, &prefix);
	rule.identity = found ? bpf_htonl(*found) : 0;
	rule.protocol = visit->packet.tuple.protocol;
	rule.port = visit->packet.tuple.destination_port;
	found = bpf_map_lookup_elem(&bench_rules, &rule);
	rule.identity = 0;
	of_all = bpf_map_lookup_elem(&bench_rules, &rule);
	if (found)
		index = *found;
	else if (of_all)
		index = *of_all;
	counter = bpf_map_lookup_elem(&dp_rule_counts, &index);
	dp_count_packets(counter, 1, skb->len);
	bench_keep(index);
	return 0;
}

/* The key of the packet of this visit. */
static __always_inline int bench_key(struct __sk_buff *skb, bool fresh, struct dp_flow_key4 *key)
{
	struct dp_visit *visit;
	const struct dp_tuple *tuple;

	if (bench_parsed(skb, fresh))
		return -1;
	visit = dp_visit_of(0);
	if (!visit)
		return -1;
	tuple = &visit->packet.tuple;
	__builtin_memset(key, 0, sizeof(*key));
	key->low_address = tuple->source.word[3];
	key->high_address = tuple->destination.word[3];
	key->low_port = tuple->source_port;
	key->high_port = tuple->destination_port;
	key->protocol = tuple->protocol;
	return 0;
}

SEC("tc")
int bench_lru_lookup(struct __sk_buff *skb)
{
	struct dp_flow_key4 key;

	if (bench_key(skb, false, &key))
		return -1;
	bench_keep(bpf_map_lookup_elem(&bench_flows, &key) != NULL);
	return 0;
}

static __always_inline int bench_insert(struct __sk_buff *skb, bool fresh)
{
	struct dp_flow_key4 key;
	struct dp_flow flow = {};

	if (bench_key(skb, fresh, &key))
		return -1;
	flow.seen_jiffies = bpf_jiffies64();
	bench_keep(bpf_map_update_elem(&bench_flows, &key, &flow, BPF_ANY));
	return 0;
}

SEC("tc")
int bench_lru_fill(struct __sk_buff *skb)
{
	return bench_insert(skb, false);
}

SEC("tc")
int bench_lru_insert(struct __sk_buff *skb)
{
	return bench_insert(skb, true);
}
