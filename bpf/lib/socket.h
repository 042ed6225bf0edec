/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A socket of the unit proves a TCP connection that no entry tells of: one that is older than the
 * agent, or whose entry was evicted.
 */
#ifndef DP_SOCKET_H
#define DP_SOCKET_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../config.h"
#include "../maps.h"
#include "packet.h"

/* States in which both ends have agreed. SYN_SENT and SYN_RECV prove nothing: a packet that nobody
 * may send must not prove itself.
 */
#define DP_PROVING_STATES                                                                          \
	(1u << BPF_TCP_ESTABLISHED | 1u << BPF_TCP_FIN_WAIT1 | 1u << BPF_TCP_FIN_WAIT2 |           \
	 1u << BPF_TCP_CLOSE_WAIT | 1u << BPF_TCP_CLOSING | 1u << BPF_TCP_LAST_ACK)

/* The network namespace where the sockets of a unit are, as the host numbers it: its own, or the
 * one at the other end of the interface that the packet crosses. Returns false where nobody knows
 * it, as of a unit that is a virtual machine.
 */
static __always_inline bool dp_socket_namespace(const struct __sk_buff *skb, __u32 unit, __u64 *to)
{
	__u32 ifindex = skb->ifindex;
	const __u32 *number;

	*to = BPF_F_CURRENT_NETNS;
	/* At a cgroup it is that of the interface, whoever the unit is. */
	if (unit == DP_HOST_UNIT || dp_is_at_cgroup)
		return true;
	number = bpf_map_lookup_elem(&dp_namespaces, &ifindex);
	if (!number)
		return false;
	*to = *number;
	return true;
}

/* The tuple as the unit's socket sees it arrive: the remote end first. Returns its size. */
static __always_inline __u32 dp_socket_tuple(const struct dp_tuple *tuple,
					     enum dp_direction direction, struct bpf_sock_tuple *to)
{
	bool incoming = direction == DP_INCOMING;
	const struct dp_address *remote = incoming ? &tuple->source : &tuple->destination;
	const struct dp_address *local = incoming ? &tuple->destination : &tuple->source;
	__be16 remote_port = incoming ? tuple->source_port : tuple->destination_port;
	__be16 local_port = incoming ? tuple->destination_port : tuple->source_port;

	__builtin_memset(to, 0, sizeof(*to));
	if (!tuple->is_ip6) {
		to->ipv4.saddr = remote->word[3];
		to->ipv4.daddr = local->word[3];
		to->ipv4.sport = remote_port;
		to->ipv4.dport = local_port;
		return sizeof(to->ipv4);
	}
	__builtin_memcpy(to->ipv6.saddr, remote->word, sizeof(to->ipv6.saddr));
	__builtin_memcpy(to->ipv6.daddr, local->word, sizeof(to->ipv6.daddr));
	to->ipv6.sport = remote_port;
	to->ipv6.dport = local_port;
	return sizeof(to->ipv6);
}

/* The state of the socket that a packet like this would find, or 0. */
static __always_inline __u32 dp_socket_state(struct __sk_buff *skb, struct bpf_sock_tuple *tuple,
					     __u32 bytes, __u64 network_namespace)
{
	struct bpf_sock *sk;
	__u32 state;

	sk = bpf_skc_lookup_tcp(skb, tuple, bytes, network_namespace, 0);
	if (!sk)
		return 0;
	state = sk->state;
	bpf_sk_release(sk);
	return state;
}

/* Who opened the connection of a packet, seen from the unit, or -1 where no socket proves it. The
 * opener is the remote end if somebody listens on the local port, else the local end. "closing":
 * either end has said that it is done.
 */
static __always_inline int dp_socket_opener(struct __sk_buff *skb, __u32 unit,
					    const struct dp_tuple *tuple,
					    enum dp_direction direction, bool *closing)
{
	struct bpf_sock_tuple key;
	__u64 network_namespace;
	__u32 bytes, state;

	if (!dp_socket_namespace(skb, unit, &network_namespace))
		return -1;
	bytes = dp_socket_tuple(tuple, direction, &key);
	state = dp_socket_state(skb, &key, bytes, network_namespace);
	if (state > BPF_TCP_CLOSING || !(DP_PROVING_STATES & 1u << state))
		return -1;
	*closing = state != BPF_TCP_ESTABLISHED;
	/* Nobody connects from port 0: what is found now is a listener or nothing. */
	if (tuple->is_ip6)
		key.ipv6.sport = 0;
	else
		key.ipv4.sport = 0;
	state = dp_socket_state(skb, &key, bytes, network_namespace);
	return state == BPF_TCP_LISTEN ? DP_INCOMING : DP_OUTGOING;
}

#endif
