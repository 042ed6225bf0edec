/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Flow keys, and the ports of fragments. */
#ifndef DP_FLOW_H
#define DP_FLOW_H

#include "../config.h"
#include "../maps.h"
#include "parse.h"

/* Both families' keys; "ip6" says which is filled. */
struct dp_flow_key {
	union {
		struct dp_flow_key4 ip4;
		struct dp_flow_key6 ip6;
	};
	bool is_ip6;
};

/* Whether (source, port) sorts before (destination, port): any order will do, as long as both
 * directions agree.
 */
static __always_inline bool dp_source_is_low(const struct dp_tuple *tuple)
{
	int i;

#pragma unroll
	for (i = 0; i < 4; i++) {
		if (tuple->source.word[i] != tuple->destination.word[i])
			return tuple->source.word[i] < tuple->destination.word[i];
	}
	return tuple->source_port < tuple->destination_port;
}

/* The one key of both directions. */
static __always_inline void dp_flow_key_of(const struct dp_tuple *tuple, __u16 zone,
					   struct dp_flow_key *key)
{
	bool low = dp_source_is_low(tuple);
	const struct dp_address *first = low ? &tuple->source : &tuple->destination;
	const struct dp_address *second = low ? &tuple->destination : &tuple->source;
	__be16 first_port = low ? tuple->source_port : tuple->destination_port;
	__be16 second_port = low ? tuple->destination_port : tuple->source_port;

	__builtin_memset(key, 0, sizeof(*key));
	key->is_ip6 = tuple->is_ip6;
	if (key->is_ip6) {
		__builtin_memcpy(key->ip6.low_address, first->word, sizeof(first->word));
		__builtin_memcpy(key->ip6.high_address, second->word, sizeof(second->word));
		key->ip6.low_port = first_port;
		key->ip6.high_port = second_port;
		key->ip6.zone = zone;
		key->ip6.protocol = tuple->protocol;
	} else {
		key->ip4.low_address = first->word[3];
		key->ip4.high_address = second->word[3];
		key->ip4.low_port = first_port;
		key->ip4.high_port = second_port;
		key->ip4.zone = zone;
		key->ip4.protocol = tuple->protocol;
	}
}

static __always_inline void dp_fragment_key_of(const struct dp_packet *packet, __u16 zone,
					       struct dp_fragment_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->source, packet->tuple.source.word, sizeof(key->source));
	__builtin_memcpy(key->destination, packet->tuple.destination.word,
			 sizeof(key->destination));
	key->id = packet->fragment_id;
	key->zone = zone;
	key->protocol = packet->tuple.protocol;
}

/* Whether the ports of a packet are those of its datagram's first fragment. ICMP keeps type and
 * code where others have ports.
 */
static __always_inline bool dp_shares_ports(const struct dp_packet *packet, __u8 which)
{
	return packet->flags & which && packet->table != DP_PORTS_OTHER;
}

/* A later fragment takes up the ports that the first one left. */
static __always_inline void dp_recall_ports(struct dp_packet *packet, __u16 zone)
{
	struct dp_fragment_key key;
	const struct dp_fragment *known;

	if (!dp_shares_ports(packet, DP_PACKET_LATER_FRAGMENT))
		return;
	dp_fragment_key_of(packet, zone, &key);
	known = bpf_map_lookup_elem(&dp_fragments, &key);
	if (!known || bpf_jiffies64() - known->seen_jiffies >
			      (__u64)dp_fragment_timeout_seconds * dp_jiffies_per_second)
		return;
	packet->tuple.source_port = known->source_port;
	packet->tuple.destination_port = known->destination_port;
	packet->key = known->key;
	packet->defect = DP_REASON_NONE;
}

/* A first fragment that passed leaves its ports to those that follow. One that was refused leaves
 * nothing: what follows it is dropped where ports matter, and cannot evict what others left.
 */
static __always_inline void dp_leave_ports(const struct dp_packet *packet, __u16 zone)
{
	struct dp_fragment_key key;
	struct dp_fragment first = {};

	if (!dp_shares_ports(packet, DP_PACKET_FIRST_FRAGMENT) || packet->defect)
		return;
	dp_fragment_key_of(packet, zone, &key);
	first.seen_jiffies = bpf_jiffies64();
	first.source_port = packet->tuple.source_port;
	first.destination_port = packet->tuple.destination_port;
	first.key = packet->key;
	bpf_map_update_elem(&dp_fragments, &key, &first, BPF_ANY);
}

#endif
