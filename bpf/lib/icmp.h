/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ICMP and ICMPv6: type and code, the identifier of an echo, and the packet that an error is about.
 *
 * Functions return 0 or more, or -DP_REASON_*.
 */
#ifndef DP_ICMP_H
#define DP_ICMP_H

#include <linux/in.h>
#include <linux/ip.h>
#include "packet.h"

/* The bytes that both have in common (RFC 792, RFC 4443). linux/icmp.h drags libc in. */
struct dp_icmp_header {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be16 echo_id;
	__be16 echo_sequence;
};

#define DP_ICMP_ECHO_REPLY	0
#define DP_ICMP_UNREACHABLE	3
#define DP_ICMP_ECHO_REQUEST	8
#define DP_ICMP_TIME_EXCEEDED	11
#define DP_ICMP_PARAMETER	12
#define DP_ICMP6_UNREACHABLE	1
#define DP_ICMP6_PARAMETER	4 /* the last of the errors: 2 is packet too big, 3 time exceeded */
#define DP_ICMP6_ECHO_REQUEST	128
#define DP_ICMP6_ECHO_REPLY	129
#define DP_ICMP_FRAGMENT_OFFSET 0x1fff
#define DP_QUOTED_BYTES		8 /* what an error quotes at least beyond the IP header (RFC 792) */

static __always_inline bool dp_is_echo(__u8 protocol, __u8 type)
{
	return protocol == IPPROTO_ICMP
		       ? type == DP_ICMP_ECHO_REQUEST || type == DP_ICMP_ECHO_REPLY
		       : type == DP_ICMP6_ECHO_REQUEST || type == DP_ICMP6_ECHO_REPLY;
}

static __always_inline bool dp_is_icmp_error(__u8 protocol, __u8 type)
{
	if (protocol == IPPROTO_ICMP)
		return type == DP_ICMP_UNREACHABLE || type == DP_ICMP_TIME_EXCEEDED ||
		       type == DP_ICMP_PARAMETER;
	return type >= DP_ICMP6_UNREACHABLE && type <= DP_ICMP6_PARAMETER;
}

/* The first eight bytes of the quoted packet's transport header. What cannot be read stays unknown:
 * then the error belongs to no flow.
 */
static __always_inline void dp_parse_quoted_transport(const struct dp_cursor *cur,
						      struct dp_tuple *quoted)
{
	__be16 *ports = dp_header(cur, DP_QUOTED_BYTES);
	struct dp_icmp_header *icmp = (struct dp_icmp_header *)ports;

	if (!ports)
		return;
	if (quoted->protocol == IPPROTO_TCP || quoted->protocol == IPPROTO_UDP) {
		quoted->source_port = ports[0];
		quoted->destination_port = ports[1];
	} else if ((quoted->protocol == IPPROTO_ICMP || quoted->protocol == IPPROTO_ICMPV6) &&
		   dp_is_echo(quoted->protocol, icmp->type)) {
		quoted->source_port = icmp->echo_id;
		quoted->destination_port = icmp->echo_id;
	} else {
		return;
	}
	quoted->is_known = 1;
}

static __always_inline void dp_parse_quoted4(const struct dp_cursor *cur, struct dp_tuple *quoted)
{
	struct iphdr *ip = dp_header(cur, sizeof(*ip));

	if (!ip || ip->version != 4 || ip->ihl < 5 ||
	    ip->frag_off & bpf_htons(DP_ICMP_FRAGMENT_OFFSET))
		return;
	dp_map_ip4(&quoted->source, ip->saddr);
	dp_map_ip4(&quoted->destination, ip->daddr);
	quoted->protocol = ip->protocol;
	dp_advance(cur, ip->ihl * 4);
	dp_parse_quoted_transport(cur, quoted);
}

/* A quoted packet with extension headers belongs to no flow that we find; it is then judged by the
 * rules alone.
 */
static __always_inline void dp_parse_quoted6(const struct dp_cursor *cur, struct dp_tuple *quoted)
{
	struct ipv6hdr *ip = dp_header(cur, sizeof(*ip));

	if (!ip || ip->version != 6)
		return;
	dp_copy_ip6(&quoted->source, &ip->saddr);
	dp_copy_ip6(&quoted->destination, &ip->daddr);
	quoted->is_ip6 = 1;
	quoted->protocol = ip->nexthdr;
	dp_advance(cur, sizeof(*ip));
	dp_parse_quoted_transport(cur, quoted);
}

/* Takes the ICMP header, and of an error the packet that it quotes. */
static __always_inline int dp_parse_icmp(const struct dp_cursor *cur, struct dp_packet *packet)
{
	struct dp_icmp_header *icmp = dp_header(cur, sizeof(*icmp));
	__u8 protocol = packet->tuple.protocol;
	__u8 type;
	bool echo;

	if (!icmp)
		return -DP_REASON_SHORT_HEADER;
	type = icmp->type;
	packet->key = type << 8 | icmp->code;
	echo = dp_is_echo(protocol, type);
	/* Without an identifier there is nothing that answers. The two directions of such a "flow"
	 * have different keys, so that it is reported once and admits no reply.
	 */
	packet->tuple.source_port = echo ? icmp->echo_id : 0;
	packet->tuple.destination_port =
		echo ? icmp->echo_id : bpf_htons(packet->key ? packet->key : 0xffff);

	if (!dp_is_icmp_error(protocol, type))
		return 0;
	dp_advance(cur, sizeof(*icmp));
	if (packet->tuple.is_ip6)
		dp_parse_quoted6(cur, &packet->quoted);
	else
		dp_parse_quoted4(cur, &packet->quoted);
	return 0;
}

#endif
