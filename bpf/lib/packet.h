/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet as the policy sees it, and how far we are in reading it. */
#ifndef DP_PACKET_H
#define DP_PACKET_H

#include <stddef.h>
#include <stdbool.h>
#include <linux/types.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include "../include/dp_abi.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* In the order of the flags byte of the TCP header (RFC 9293, 3.1). */
#define DP_TCP_FIN 0x01
#define DP_TCP_SYN 0x02
#define DP_TCP_RST 0x04
#define DP_TCP_ACK 0x10

enum dp_packet_flags {
	DP_PACKET_FIRST_FRAGMENT = 1,
	DP_PACKET_LATER_FRAGMENT = 2,
	DP_PACKET_PROTOCOL_UNKNOWN = 4, /* with a defect: not even that could be read */
};

/* Words of eight bytes over fields of four. */
typedef __u64 __attribute__((may_alias)) dp_wide;

/* Who talks to whom: what a flow is known by. */
struct dp_tuple {
	struct dp_address source;
	struct dp_address destination;
	__be16 source_port; /* ICMP echo: the identifier, in both */
	__be16 destination_port;
	__u8 protocol;
	__u8 is_ip6;
	__u8 is_known; /* the rest is filled in */
	__u8 reserved;
} __attribute__((aligned(8)));

/* A packet as the policy sees it. */
struct dp_packet {
	struct dp_tuple tuple;
	struct dp_tuple quoted; /* the packet that an ICMP error is about, if it tells */
	__u32 fragment_id;
	__u32 sequence; /* TCP, host order */
	__u32 acknowledged;
	__u16 key;  /* port key of the packet, host order */
	__u8 table; /* enum dp_port_table that the key belongs to */
	__u8 tcp_flags;
	__u8 hop_limit;
	__u8 flags;   /* enum dp_packet_flags */
	__u8 defect;  /* enum dp_reason: what keeps us from knowing the ports; 0 = they are known */
	__u8 next;    /* protocol of the next header, while parsing */
	__u16 offset; /* of the next header, from the first byte; while parsing */
	__u16 limit;  /* where the IP packet ends, in the same way; what lies behind is padding */
};

/* IPv4 is kept in the form of IPv6: ::ffff:a.b.c.d. */
static __always_inline void dp_map_ip4(struct dp_address *to, __be32 address)
{
	to->word[0] = 0;
	to->word[1] = 0;
	to->word[2] = bpf_htonl(0xffff);
	to->word[3] = address;
}

static __always_inline void dp_copy_ip6(struct dp_address *to, const struct in6_addr *from)
{
	to->word[0] = from->in6_u.u6_addr32[0];
	to->word[1] = from->in6_u.u6_addr32[1];
	to->word[2] = from->in6_u.u6_addr32[2];
	to->word[3] = from->in6_u.u6_addr32[3];
}

/* The bytes, and how far we are in them.
 *
 * verifier: the offset stands in the packet, which stands in a map, and is read back for every
 * header. A pointer kept in a register would carry the way it came by, and every way through VLAN
 * tags, options and extension headers would be verified to the end of the program (measured:
 * 680,000 instructions, against the number that tools/verifier-budget records).
 */
struct dp_cursor {
	void *data;
	void *end;
	struct dp_packet *packet;
};

/* The longest chain we follow: eight extension headers of 2,048 bytes cannot all be that long. */
#define DP_MAX_OFFSET 4096

/* No header ends so far on. */
#define DP_NO_LIMIT 0xffff

static __always_inline __u32 dp_offset(const struct dp_cursor *cur)
{
	return *(volatile __u16 *)&cur->packet->offset;
}

static __always_inline void dp_advance(const struct dp_cursor *cur, __u32 bytes)
{
	*(volatile __u16 *)&cur->packet->offset = dp_offset(cur) + bytes;
}

/* From here on the packet has so many bytes, says its header. The kernel cuts off what lies behind
 * before anybody else reads it (ip_rcv_core, ip6_rcv_core): ports or flags read from there would be
 * somebody's disguise. A length of 0 is that of a segment too large for the field.
 */
static __always_inline void dp_limit(const struct dp_cursor *cur, __u32 bytes)
{
	__u32 limit = dp_offset(cur) + bytes;

	cur->packet->limit = bytes && limit < DP_NO_LIMIT ? limit : DP_NO_LIMIT;
}

/* The next header, if that many bytes of it are there. */
static __always_inline void *dp_header(const struct dp_cursor *cur, __u32 bytes)
{
	__u32 offset = dp_offset(cur);

	if (offset > DP_MAX_OFFSET || cur->data + offset + bytes > cur->end ||
	    offset + bytes > *(volatile __u16 *)&cur->packet->limit)
		return NULL;
	return cur->data + offset;
}

#endif
