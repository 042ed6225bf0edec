/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The frames that most traffic and every flood is made of, read in one go: an Ethernet header, an
 * IP header without options or extension headers, the whole of a TCP or UDP header. What dp_parse
 * says of them is said here at offsets that are known beforehand; of anything else nothing is said.
 * Calls no kernel helper either, and is fuzzed against dp_parse.
 */
#ifndef DP_PLAIN_H
#define DP_PLAIN_H

#include "parse.h"

#define DP_IP4_PLAIN 0x45 /* version 4, a header of five words */

/* IPv4 as dp_map_ip4 has it, in two words of eight bytes: an address that is written in fours and
 * read in eights waits for the write to reach the cache.
 */
static __always_inline void dp_map_ip4_wide(struct dp_address *to, __be32 address)
{
	dp_wide *words = (dp_wide *)to->word;

	words[0] = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	words[1] = (__u64)address << 32 | bpf_htonl(0xffff);
#else
	words[1] = 0xffffull << 32 | address;
#endif
}

/* The header behind the IP header, which begins at "at". "bytes": how many the IP header says there
 * are.
 */
static __always_inline bool dp_plain_transport(void *at, void *end, __u32 bytes,
					       struct dp_packet *packet)
{
	const struct tcphdr *tcp = at;
	const struct udphdr *udp = at;

	if ((void *)(udp + 1) > end || bytes < sizeof(*udp))
		return false;
	packet->tuple.source_port = udp->source;
	packet->tuple.destination_port = udp->dest;
	packet->key = bpf_ntohs(udp->dest);
	if (packet->tuple.protocol == IPPROTO_UDP) {
		packet->table = DP_PORTS_UDP;
		packet->tcp_flags = 0;
		return true;
	}
	if (packet->tuple.protocol != IPPROTO_TCP || (void *)(tcp + 1) > end ||
	    bytes < sizeof(*tcp))
		return false;
	packet->table = DP_PORTS_TCP;
	packet->tcp_flags = ((__u8 *)tcp)[13];
	return true;
}

static __always_inline bool dp_plain_ip4(void *data, void *end, struct dp_packet *packet)
{
	const struct iphdr *ip = data + sizeof(struct ethhdr);
	__u32 total_bytes;

	if ((void *)(ip + 1) > end || *(const __u8 *)ip != DP_IP4_PLAIN ||
	    ip->frag_off & bpf_htons(DP_IP_OFFSET | DP_IP_MORE))
		return false;
	total_bytes = bpf_ntohs(ip->tot_len);
	if (total_bytes < sizeof(*ip))
		return false;
	dp_map_ip4_wide(&packet->tuple.source, ip->saddr);
	dp_map_ip4_wide(&packet->tuple.destination, ip->daddr);
	packet->tuple.protocol = ip->protocol;
	packet->tuple.is_ip6 = 0;
	packet->hop_limit = ip->ttl;
	return dp_plain_transport((void *)(ip + 1), end, total_bytes - sizeof(*ip), packet);
}

static __always_inline bool dp_plain_ip6(void *data, void *end, struct dp_packet *packet)
{
	const struct ipv6hdr *ip = data + sizeof(struct ethhdr);

	if ((void *)(ip + 1) > end || *(const __u8 *)ip >> 4 != 6)
		return false;
	dp_copy_ip6(&packet->tuple.source, &ip->saddr);
	dp_copy_ip6(&packet->tuple.destination, &ip->daddr);
	packet->tuple.protocol = ip->nexthdr;
	packet->tuple.is_ip6 = 1;
	packet->hop_limit = ip->hop_limit;
	return dp_plain_transport((void *)(ip + 1), end, bpf_ntohs(ip->payload_len), packet);
}

/* Whether a frame of type IPv4 or IPv6 is plain, and then the packet as dp_parse has it, but for
 * how far it got, TCP's numbers and an IPv4 packet's, which are left as they were.
 */
static __always_inline bool dp_parse_plain(void *data, void *end, __u16 type,
					   struct dp_packet *packet)
{
	packet->tuple.is_known = 1;
	packet->tuple.reserved = 0;
	packet->quoted.is_known = 0;
	packet->flags = 0;
	packet->defect = 0;
	return type == ETH_P_IP ? dp_plain_ip4(data, end, packet) : dp_plain_ip6(data, end, packet);
}

#endif
