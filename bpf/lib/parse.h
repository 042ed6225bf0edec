/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From bytes to struct dp_packet, one function per header. Calls no kernel helper, so that the same
 * text compiles for the host, where it is fuzzed.
 *
 * Functions return 0 or more, or -DP_REASON_*.
 */
#ifndef DP_PARSE_H
#define DP_PARSE_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include "packet.h"
#include "icmp.h"

#define DP_MAX_VLAN_TAGS	 2
#define DP_MAX_EXTENSION_HEADERS 8
#define DP_ETHERTYPE_QINQ	 0x88a8
#define DP_ETHERTYPE_VLAN	 0x8100

#define DP_IP_OFFSET	     0x1fff
#define DP_IP_MORE	     0x2000
#define DP_IP6_OFFSET	     0xfff8
#define DP_IP6_MORE	     0x0001
#define DP_HOP_LIMIT_ON_LINK 255

/* verifier: that of 6.1 refuses a loop whose last instruction falls through into its first
 * ("back-edge from insn", check_cfg), and follows one that jumps back. A jump to what comes next
 * will do.
 */
#ifdef __bpf__
#define dp_loop_again() asm volatile("goto +0")
#else
#define dp_loop_again()
#endif

#define DP_NOT_IP 1 /* a frame that is neither IPv4 nor IPv6 */

struct dp_vlan_header {
	__be16 tag;
	__be16 ethertype;
};

struct dp_ip6_fragment {
	__u8 next;
	__u8 reserved;
	__be16 offset;
	__be32 id;
};

/* Takes the Ethernet header and up to two VLAN tags. Returns the EtherType of the payload in host
 * order. "outer" is the type that the frame itself begins with.
 */
static __always_inline int dp_parse_ethernet(const struct dp_cursor *cur, __u16 *outer)
{
	struct ethhdr *eth = dp_header(cur, sizeof(*eth));
	struct dp_vlan_header *vlan;
	__u16 type;
	int i;

	if (!eth)
		return -DP_REASON_SHORT_HEADER;
	type = bpf_ntohs(eth->h_proto);
	*outer = type;
	dp_advance(cur, sizeof(*eth));

	for (i = 0; i < DP_MAX_VLAN_TAGS; i++) {
		if (type != DP_ETHERTYPE_VLAN && type != DP_ETHERTYPE_QINQ)
			break;
		vlan = dp_header(cur, sizeof(*vlan));
		if (!vlan)
			return -DP_REASON_SHORT_HEADER;
		type = bpf_ntohs(vlan->ethertype);
		dp_advance(cur, sizeof(*vlan));
	}
	/* Passed as something that is no IP, a unit's packets would escape by one more tag. */
	if (type == DP_ETHERTYPE_VLAN || type == DP_ETHERTYPE_QINQ)
		return -DP_REASON_EXTENSION_LIMIT;
	return type;
}

/* Takes the IPv4 header, options included. Returns the protocol. */
static __always_inline int dp_parse_ip4(const struct dp_cursor *cur, struct dp_packet *packet)
{
	struct iphdr *ip = dp_header(cur, sizeof(*ip));
	__u32 header_bytes, total_bytes;
	__u16 fragment;
	__u8 protocol;

	if (!ip)
		return -DP_REASON_SHORT_HEADER;
	header_bytes = ip->ihl * 4;
	total_bytes = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header_bytes < sizeof(*ip) ||
	    (total_bytes && total_bytes < header_bytes))
		return -DP_REASON_BAD_HEADER;

	dp_map_ip4(&packet->tuple.source, ip->saddr);
	dp_map_ip4(&packet->tuple.destination, ip->daddr);
	packet->tuple.is_known = 1;
	packet->hop_limit = ip->ttl;
	protocol = ip->protocol;
	fragment = bpf_ntohs(ip->frag_off);
	if (fragment & DP_IP_OFFSET)
		packet->flags = DP_PACKET_LATER_FRAGMENT;
	else if (fragment & DP_IP_MORE)
		packet->flags = DP_PACKET_FIRST_FRAGMENT;
	packet->fragment_id = bpf_ntohs(ip->id);
	dp_limit(cur, total_bytes);
	if (!dp_header(cur, header_bytes))
		return -DP_REASON_SHORT_HEADER;
	dp_advance(cur, header_bytes);
	return protocol;
}

static __always_inline bool dp_is_extension(__u8 next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_DSTOPTS || next == IPPROTO_ROUTING ||
	       next == IPPROTO_FRAGMENT || next == IPPROTO_AH;
}

/* Takes one IPv6 extension header and leaves what comes after it in packet->next. */
static __always_inline int dp_parse_extension(const struct dp_cursor *cur, struct dp_packet *packet)
{
	struct dp_ip6_fragment *fragment = dp_header(cur, sizeof(*fragment));
	struct ipv6_opt_hdr *header = (struct ipv6_opt_hdr *)fragment;
	__u8 kind = packet->next;
	__u16 offset;

	/* Eight bytes are common to all five. */
	if (!fragment)
		return -DP_REASON_SHORT_HEADER;
	packet->next = header->nexthdr;
	if (kind == IPPROTO_FRAGMENT) {
		offset = bpf_ntohs(fragment->offset);
		packet->fragment_id = bpf_ntohl(fragment->id);
		/* Offset 0 and no more: an atomic fragment is a whole packet (RFC 6946). */
		if (offset & DP_IP6_OFFSET)
			packet->flags |= DP_PACKET_LATER_FRAGMENT;
		else if (offset & DP_IP6_MORE)
			packet->flags |= DP_PACKET_FIRST_FRAGMENT;
		dp_advance(cur, sizeof(*fragment));
	} else if (kind == IPPROTO_AH) {
		dp_advance(cur, (header->hdrlen + 2) * 4);
	} else {
		dp_advance(cur, (header->hdrlen + 1) * 8);
	}
	return 0;
}

/* Takes the IPv6 header and the extension headers of an allow-list. A header that is not on it is
 * terminal and has no ports (RFC 8200, 4; a wrong guess is how ports get read at a wrong offset).
 * Returns the protocol.
 */
static __always_inline int dp_parse_ip6(const struct dp_cursor *cur, struct dp_packet *packet)
{
	struct ipv6hdr *ip = dp_header(cur, sizeof(*ip));
	int result, i;
	__u8 next;

	if (!ip)
		return -DP_REASON_SHORT_HEADER;
	if (ip->version != 6)
		return -DP_REASON_BAD_HEADER;
	packet->tuple.is_ip6 = 1;
	dp_copy_ip6(&packet->tuple.source, &ip->saddr);
	dp_copy_ip6(&packet->tuple.destination, &ip->daddr);
	packet->tuple.is_known = 1;
	packet->hop_limit = ip->hop_limit;
	packet->next = ip->nexthdr;
	dp_advance(cur, sizeof(*ip));
	dp_limit(cur, bpf_ntohs(ip->payload_len));

	for (i = 0; i < DP_MAX_EXTENSION_HEADERS; i++) {
		next = *(volatile __u8 *)&packet->next;
		/* What follows a later fragment's header is payload. */
		if (!dp_is_extension(next) || packet->flags & DP_PACKET_LATER_FRAGMENT)
			return next;
		result = dp_parse_extension(cur, packet);
		if (result < 0)
			return result;
		dp_loop_again();
	}
	next = *(volatile __u8 *)&packet->next;
	if (dp_is_extension(next) && !(packet->flags & DP_PACKET_LATER_FRAGMENT))
		return -DP_REASON_EXTENSION_LIMIT;
	return next;
}

/* TCP and UDP begin with their ports. */
static __always_inline int dp_parse_ports(const struct dp_cursor *cur, struct dp_packet *packet)
{
	struct udphdr *udp = dp_header(cur, sizeof(*udp));
	struct tcphdr *tcp;

	if (!udp)
		return -DP_REASON_SHORT_HEADER;
	packet->tuple.source_port = udp->source;
	packet->tuple.destination_port = udp->dest;
	packet->key = bpf_ntohs(udp->dest);
	if (packet->tuple.protocol != IPPROTO_TCP)
		return 0;
	tcp = dp_header(cur, sizeof(*tcp));
	if (!tcp)
		return -DP_REASON_SHORT_HEADER;
	packet->tcp_flags = ((__u8 *)tcp)[13];
	packet->sequence = bpf_ntohl(tcp->seq);
	packet->acknowledged = bpf_ntohl(tcp->ack_seq);
	return 0;
}

/* Which table of port classes the key belongs to. */
static __always_inline __u8 dp_port_table_of(const struct dp_packet *packet)
{
	switch (packet->tuple.protocol) {
	case IPPROTO_TCP:
		return DP_PORTS_TCP;
	case IPPROTO_UDP:
		return DP_PORTS_UDP;
	case IPPROTO_ICMP:
		return DP_PORTS_ICMP;
	case IPPROTO_ICMPV6:
		return packet->hop_limit == DP_HOP_LIMIT_ON_LINK ? DP_PORTS_ICMP6_ON_LINK
								 : DP_PORTS_ICMP6;
	default:
		return DP_PORTS_OTHER;
	}
}

/* Takes the transport header as far as the policy needs it. Its ports, or why they are not known.
 */
static __always_inline void dp_parse_transport(const struct dp_cursor *cur,
					       struct dp_packet *packet)
{
	int result;

	packet->table = dp_port_table_of(packet);
	if (packet->table == DP_PORTS_OTHER) {
		packet->key = packet->tuple.protocol;
		return;
	}
	/* Its ports stand in the first fragment. */
	if (packet->flags & DP_PACKET_LATER_FRAGMENT) {
		packet->defect = DP_REASON_PORTS_UNKNOWN;
		return;
	}
	if (packet->table <= DP_PORTS_UDP)
		result = dp_parse_ports(cur, packet);
	else
		result = dp_parse_icmp(cur, packet);
	if (result >= 0)
		return;
	/* Cutting the ports off the first fragment is a known way around a filter (RFC 1858). */
	packet->defect =
		packet->flags & DP_PACKET_FIRST_FRAGMENT ? DP_REASON_PORTS_UNKNOWN : -result;
}

/* Everything from the IP header on. Once the addresses are read, what is wrong further in is a
 * defect of the packet, because whose packet it is can be told.
 */
static __always_inline int dp_parse_ip(const struct dp_cursor *cur, struct dp_packet *packet,
				       __u16 type)
{
	int protocol;

	if (type == ETH_P_IP) {
		protocol = dp_parse_ip4(cur, packet);
		if (protocol < 0)
			return protocol;
	} else if (type == ETH_P_IPV6) {
		protocol = dp_parse_ip6(cur, packet);
		if (protocol < 0 && !packet->tuple.is_known)
			return protocol;
	} else {
		return DP_NOT_IP;
	}
	if (protocol < 0) {
		packet->table = DP_PORTS_OTHER;
		packet->flags |= DP_PACKET_PROTOCOL_UNKNOWN;
		packet->defect = -protocol;
		return 0;
	}
	packet->tuple.protocol = protocol;
	dp_parse_transport(cur, packet);
	return 0;
}

static __always_inline bool dp_is_ip(__u16 type)
{
	return type == ETH_P_IP || type == ETH_P_IPV6;
}

/* Whether a packet without MAC header begins with the version that its type says. Where it does
 * not, the device has a header that its map entry does not know of, or the kernel is wrong about
 * the packet: read on, it would look like anything.
 */
static __always_inline bool dp_begins_as(const struct dp_cursor *cur, __u16 type)
{
	const __u8 *first = dp_header(cur, 1);

	if (!first || !dp_is_ip(type))
		return true;
	return *first >> 4 == (type == ETH_P_IP ? 4 : 6);
}

/* Returns 0 with a packet to judge, DP_NOT_IP, or -DP_REASON_*. "type" is what the kernel says the
 * buffer carries (skb->protocol), host order.
 */
static __always_inline int dp_parse(void *data, void *end, enum dp_link_type link, __u16 type,
				    struct dp_packet *packet)
{
	struct dp_cursor cur = {.data = data, .end = end, .packet = packet};
	__u16 outer;
	int inner;

	__builtin_memset(packet, 0, sizeof(*packet));
	packet->limit = DP_NO_LIMIT;
	if (link == DP_LINK_IP) {
		if (!dp_begins_as(&cur, type))
			return -DP_REASON_LINK_TYPE;
		return dp_parse_ip(&cur, packet, type);
	}

	inner = dp_parse_ethernet(&cur, &outer);
	if (inner < 0)
		return inner;
	/* After some generic XDP programs the data begins at the IP header while the kernel says
	 * "IP": read as a frame it looks like something else, and passing that would fail open.
	 */
	if (outer != type && (dp_is_ip(outer) || dp_is_ip(type)))
		return -DP_REASON_LINK_TYPE;
	return dp_parse_ip(&cur, packet, inner);
}

#endif
