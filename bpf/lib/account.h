/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Accounts of flows, where the agent was told to keep them: a lookup for each packet that passes.
 *
 * They stand beside the flows and not in them: most packets look no flow up, and entries that carry
 * what nobody asked for would cost everybody memory.
 */
#ifndef DP_ACCOUNT_H
#define DP_ACCOUNT_H

#include "judge.h"

#define DP_IP_HEAD_BYTES  8 /* as far as the length of either family */
#define DP_IP6_HEAD_BYTES 40

/* Length of a packet from its IP header on, as connection tracking counts it: without MAC header
 * and padding. A segment that is too large for the field has a length of 0 there.
 */
static __always_inline __u32 dp_ip_bytes(const struct __sk_buff *skb)
{
	__u8 head[DP_IP_HEAD_BYTES];
	__u32 bytes = 0;

	if (bpf_skb_load_bytes_relative(skb, 0, head, sizeof(head), BPF_HDR_START_NET))
		return skb->len;
	if (head[0] >> 4 == 4)
		bytes = head[2] << 8 | head[3];
	else if (head[4] || head[5])
		bytes = DP_IP6_HEAD_BYTES + (head[4] << 8 | head[5]);
	return bytes && bytes < skb->len ? bytes : skb->len;
}

/* The one key of both directions, whatever the family. */
static __always_inline void dp_account_key_of(const struct dp_tuple *tuple, __u16 zone,
					      struct dp_flow_key6 *key)
{
	bool low = dp_source_is_low(tuple);
	const struct dp_address *first = low ? &tuple->source : &tuple->destination;
	const struct dp_address *second = low ? &tuple->destination : &tuple->source;

	__builtin_memcpy(key->low_address, first->word, sizeof(first->word));
	__builtin_memcpy(key->high_address, second->word, sizeof(second->word));
	key->low_port = low ? tuple->source_port : tuple->destination_port;
	key->high_port = low ? tuple->destination_port : tuple->source_port;
	key->zone = zone;
	key->protocol = tuple->protocol;
	key->reserved = 0;
}

/* The account of the key, which is made where it is missing. Another CPU may make it first. */
static __always_inline struct dp_account *dp_account_of(const struct dp_flow_key6 *key)
{
	struct dp_account *account = bpf_map_lookup_elem(&dp_accounts, key);
	struct dp_account none = {};

	if (account)
		return account;
	bpf_map_update_elem(&dp_accounts, key, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&dp_accounts, key);
}

/* Adds the packet of the visit, which a rule lets pass, to the account of its flow. Atomic: both
 * directions of a flow may be on different CPUs. Returns nothing that anybody needs.
 *
 * verifier: a function of its own, verified once and not at every place that calls it.
 */
__noinline int dp_account(struct __sk_buff *skb, __u32 slot, __u32 unit, __u32 direction)
{
	struct dp_visit *visit = dp_visit_of(slot);
	struct dp_account *account;
	struct dp_counter *counter;

	if (!visit)
		return 0;
	/* The judge is done with its key. */
	dp_account_key_of(&visit->packet.tuple, unit, &visit->key.ip6);
	account = dp_account_of(&visit->key.ip6);
	if (!account)
		return 0;
	counter = direction == DP_INCOMING ? &account->incoming : &account->outgoing;
	__sync_fetch_and_add(&counter->packets, skb->gso_segs ? skb->gso_segs : 1);
	__sync_fetch_and_add(&counter->bytes, dp_ip_bytes(skb));
	return 0;
}

/* Keeps the account of the flow of the visit's packet, where accounts are kept. */
static __always_inline void dp_keep_account(struct __sk_buff *skb, __u32 slot, __u32 unit,
					    __u32 direction)
{
	if (dp_keeps_accounts)
		dp_account(skb, slot, unit, direction);
}

#endif
