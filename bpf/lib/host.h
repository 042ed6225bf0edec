/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether a packet is the host's. */
#ifndef DP_HOST_H
#define DP_HOST_H

#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <bpf/bpf_helpers.h>
#include "../maps.h"
#include "packet.h"
#include "parse.h"
#include "place.h"
#include "policy.h"

#define DP_VLAN_ID_MASK 0x0fff
#define DP_ETHERTYPE_AT 12 /* behind two MAC addresses */
#define DP_NETWORK_BITS (DP_NETWORK_FAMILY_BITS + 128)

/* The outermost VLAN tag: the kernel keeps it beside the packet; behind some devices it still
 * stands in the frame. A priority (id 0) is no VLAN.
 */
static __always_inline bool dp_outer_tag(struct __sk_buff *skb, struct dp_vlan_key *key)
{
	struct {
		__be16 protocol;
		__be16 tag;
	} in_frame;
	__u16 type = bpf_ntohs(skb->protocol);

	if (skb->vlan_present) {
		key->protocol = skb->vlan_proto;
		key->id = skb->vlan_tci & DP_VLAN_ID_MASK;
	} else if (type == DP_ETHERTYPE_VLAN || type == DP_ETHERTYPE_QINQ) {
		if (bpf_skb_load_bytes(skb, DP_ETHERTYPE_AT, &in_frame, sizeof(in_frame)))
			return false;
		key->protocol = in_frame.protocol;
		key->id = bpf_ntohs(in_frame.tag) & DP_VLAN_ID_MASK;
	} else {
		return false;
	}
	return key->id != 0;
}

/* Whether a tagged frame is judged at a VLAN interface of this host. Only the outermost tag counts:
 * of a stack of VLAN interfaces each one sees the next tag. A unit's veth is judged itself,
 * whatever the unit puts into its frames.
 */
static __always_inline bool dp_is_judged_above(struct __sk_buff *skb, struct dp_place *place)
{
	struct dp_vlan_key key = {.lower = skb->ifindex};

	if (place->role != DP_ROLE_HOST || place->link != DP_LINK_ETHERNET)
		return false;
	place->is_tagged = dp_outer_tag(skb, &key);
	return place->is_tagged && bpf_map_lookup_elem(&dp_vlans, &key);
}

/* Whether an address is of the host's networks. */
static __always_inline bool dp_is_of_host(const struct dp_address *address, bool is_ip6)
{
	struct dp_network network = {.prefix_bits = DP_NETWORK_BITS,
				     .family = bpf_htonl(is_ip6 ? 6 : 4),
				     .address = *address};

	return bpf_map_lookup_elem(&dp_local_nets, &network) != NULL;
}

/* Whether an address is the host's own: of its networks, multicast, broadcast, or loopback. Decided
 * before any DNAT, so a published container port is a port of the host.
 */
static __always_inline bool dp_is_local(const struct dp_packet *packet)
{
	const struct dp_address *address = &packet->tuple.destination;
	__u32 first = bpf_ntohl(address->word[0]);
	__u32 last = bpf_ntohl(address->word[3]);

	if (packet->tuple.is_ip6) {
		if (first >> 24 == 0xff)
			return true;
	} else if (last >> 28 == 0xe || last == 0xffffffff || last >> 24 == 127 || last == 0) {
		/* 127/8: a host with route_localnet takes it from the network (CVE-2020-8558).
		 * 0.0.0.0: from 0.0.0.0 it is a broadcast (ip_route_input_slow of
		 * net/ipv4/route.c).
		 */
		return true;
	}
	return dp_is_of_host(address, packet->tuple.is_ip6);
}

/* Whether an incoming packet is the host's. Where nothing is passed on, all of it is. A VLAN of
 * which this host has no interface is passed on to another namespace, or to nobody.
 */
static __always_inline bool dp_is_hosts(const struct dp_place *place,
					const struct dp_packet *packet)
{
	__u8 forwards =
		packet->tuple.is_ip6 ? DP_INTERFACE_FORWARDS_IP6 : DP_INTERFACE_FORWARDS_IP4;

	if (!(place->flags & forwards) && !place->is_tagged)
		return true;
	return dp_is_local(packet);
}

/* Whether a frame is for another station: the host's stack drops it (ip_rcv_core of
 * net/ipv4/ip_input.c, ip6_rcv_core), what takes it is a macvlan interface or somebody who listens
 * in. At a unit's veth it may be on its way through a bridge.
 */
static __always_inline bool dp_is_for_another(const struct __sk_buff *skb,
					      const struct dp_place *place)
{
	return place->role == DP_ROLE_HOST && skb->pkt_type == PACKET_OTHERHOST;
}

#endif
