/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Early drop at XDP: what tc ingress would drop by a rule of the host, before the kernel has made a
 * buffer of it. Never the only judge: everything that could pass at tc for any reason goes on to
 * tc, and so does what tc drops for another reason than a rule. Writes nothing but counts, events
 * and what policy says, so that tc finds the same state with and without it.
 */
#ifndef DP_XDP_H
#define DP_XDP_H

#include "cgroup.h"
#include "plain.h"

/* The device, remembered beside its interface: who counts the changes of interfaces on counts those
 * of devices as well. Asked after dp_interface_of, which has seen to it that what is remembered is
 * not old. NULL where nothing is to be dropped early.
 */
static __always_inline const struct dp_device *dp_device_of(__u32 index, __u32 slot)
{
	__u32 at = index % DP_NEAR_INTERFACES;
	struct dp_near_interface *near = bpf_map_lookup_elem(&dp_near_ifs, &at);
	const struct dp_device *found;

	if (!near || near->index != index || slot & DP_SLOT_FELL_BACK)
		return bpf_map_lookup_elem(&dp_devices, &index);
	if (!near->has_device) {
		found = bpf_map_lookup_elem(&dp_devices, &index);
		if (!found)
			return NULL;
		near->device = *found;
		near->has_device = 1;
	}
	return &near->device;
}

/* Whether a frame is IP and untagged: a tag is judged at another interface or by more than its
 * addresses.
 */
static __always_inline bool dp_is_plain_frame(const struct xdp_md *ctx, __u16 *type)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return false;
	*type = bpf_ntohs(eth->h_proto);
	return dp_is_ip(*type);
}

/* Whether a frame is for this device: another station's is not judged at all (dp_is_for_another).
 * Multicast is left to tc as well.
 */
static __always_inline bool dp_is_for_device(const struct xdp_md *ctx, __u32 slot)
{
	const struct dp_device *device = dp_device_of(ctx->ingress_ifindex, slot);
	const struct ethhdr *eth = (void *)(long)ctx->data;
	const __u16 *to, *own;

	if (!device || (void *)(eth + 1) > (void *)(long)ctx->data_end)
		return false;
	to = (const __u16 *)eth->h_dest;
	own = (const __u16 *)device->address;
	return to[0] == own[0] && to[1] == own[1] && to[2] == own[2];
}

/* Whether a socket of the host may prove that a TCP packet answers (dp_is_proved): any that it
 * would find, but for a listener, which proves nothing.
 */
static __always_inline bool dp_may_be_proved(struct xdp_md *ctx, const struct dp_packet *packet)
{
	struct bpf_sock_tuple key;
	struct bpf_sock *sk;
	__u32 bytes, state;

	if (dp_is_opening_syn(packet))
		return false;
	bytes = dp_socket_tuple(&packet->tuple, DP_INCOMING, &key);
	sk = bpf_skc_lookup_tcp(ctx, &key, bytes, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return false;
	state = sk->state;
	bpf_sk_release(sk);
	return state != BPF_TCP_LISTEN;
}

/* Which tables may hold the flow of a packet. Most of a flood has a mark that says "none", which
 * spares it two lookups. Read before policy is asked, so that it is on its way from memory while
 * what policy said is: a sender that was not seen for long has none of it in the caches.
 */
struct dp_marked {
	bool proved;
	bool unproved;
};

static __always_inline struct dp_marked dp_marked_of(const struct dp_mark *mark, __u32 hash,
						     const struct dp_packet *packet)
{
	bool is_tcp = packet->tuple.protocol == IPPROTO_TCP;

	return (struct dp_marked){.proved = dp_may_stand_proved(mark, hash),
				  .unproved = dp_may_stand_unproved(mark, hash, is_tcp)};
}

/* Whether there is an entry of a flow. */
static __always_inline bool dp_may_be_of_flow(struct dp_visit *visit, struct dp_marked marked)
{
	const struct dp_tuple *tuple = &visit->packet.tuple;
	enum dp_flow_kind kind = dp_flow_kind_of(tuple);

	if (!marked.proved && !marked.unproved)
		return false;
	dp_flow_key_of(tuple, DP_HOST_UNIT, &visit->key);
	return (marked.proved && dp_proved_lookup(&visit->key, kind)) ||
	       (marked.unproved && dp_unproved_lookup(&visit->key, kind));
}

/* Whether there is state by which tc might let a packet pass that the rules deny (rules 4 to 6 of
 * verdict.h).
 */
static __always_inline bool dp_may_pass_by_state(struct xdp_md *ctx, struct dp_visit *visit,
						 struct dp_marked marked)
{
	const struct dp_packet *packet = &visit->packet;
	const struct dp_control *control;
	__u32 zero = 0;

	if (dp_may_be_of_flow(visit, marked))
		return true;
	if (packet->tuple.protocol == IPPROTO_TCP)
		return dp_may_be_proved(ctx, packet);
	control = bpf_map_lookup_elem(&dp_control, &zero);
	return !control || control->doubt_until_ns;
}

/* Counts and reports a drop as tc does. */
static __always_inline void dp_report_early(const struct xdp_md *ctx, struct dp_visit *visit,
					    const struct dp_descriptor *own, __u32 generation)
{
	struct dp_origin origin = {.generation = generation,
				   .unit = DP_HOST_UNIT,
				   .hook = DP_HOOK_XDP,
				   .direction = DP_INCOMING};
	__u32 rule = own->rule_index;
	__u64 bytes = ctx->data_end - ctx->data;
	struct dp_event *event;

	dp_count_packets(bpf_map_lookup_elem(&dp_rule_counts, &rule), 1, bytes);
	dp_count_packets(dp_drop_counter(&origin, DP_REASON_POLICY), 1, bytes);
	if (!(own->flags & DP_LOG) || !dp_event_allowed())
		return;
	event = bpf_ringbuf_reserve(&dp_events, sizeof(*event), 0);
	if (!event) {
		dp_count_statistic(DP_STAT_EVENTS_LOST);
		return;
	}
	dp_judge_by(&visit->judgement, own, DP_REASON_POLICY);
	dp_fill_event(event, &visit->packet, &origin, &visit->judgement);
	dp_submit(event);
}

/* Whether tc would leave a packet to a unit, whose socket has the port (dp_judge_of_incoming). */
static __always_inline bool dp_is_for_unit(const struct dp_packet *packet, __u32 slot)
{
	const struct dp_tuple *tuple = &packet->tuple;

	return dp_used_depths() && dp_unit_of_port(tuple, &tuple->destination,
						   tuple->destination_port, slot) != DP_NO_UNIT;
}

/* Has policy say something of the packet of the visit, as dp_consult does, and recalls it as tc
 * does: who floods comes again. Returns whether it says anything.
 */
static __always_inline bool
dp_ask_early(struct dp_visit *visit, const struct dp_generation *generation, struct dp_said *said)
{
	const struct dp_packet *packet = &visit->packet;
	const struct dp_unit *host;

	if (dp_recall(packet, &visit->sight, said))
		return true;
	host = dp_unit_of(generation, DP_HOST_UNIT);
	if (!host || !(host->flags & DP_UNIT_PRESENT))
		return false;
	said->leaf = dp_classify(generation, &packet->tuple.source, packet->tuple.is_ip6);
	said->cell = dp_cell_of(generation, host, DP_INCOMING, said->leaf & DP_LEAF_CLASS,
				packet->table, packet->key);
	if (!dp_claims_unit(said->leaf, DP_HOST_UNIT))
		dp_recollect(packet, &visit->sight, said);
	return true;
}

/* The rule by which tc would drop the packet of the visit; NULL where it would not, or that is for
 * tc to find out. A first fragment says everything; dropped, it leaves nothing to the later ones,
 * as at tc (dp_leave_ports).
 */
static __always_inline const struct dp_descriptor *
dp_rule_against(struct dp_visit *visit, const struct dp_generation *generation)
{
	const struct dp_packet *packet = &visit->packet;
	const struct dp_descriptor *own;
	struct dp_said said = {};

	if (packet->defect || packet->flags & ~DP_PACKET_FIRST_FRAGMENT || packet->quoted.is_known)
		return NULL;
	/* That is answered by tc. */
	if (dp_resets_per_second && packet->table == DP_PORTS_TCP)
		return NULL;
	if (!dp_ask_early(visit, generation, &said))
		return NULL;
	own = dp_descriptor_at(generation, said.cell);
	return own && own->verdict != DP_ALLOW ? own : NULL;
}

/* Reads the frame into the packet of the visit. Returns whether there is one to be judged. */
static __always_inline bool dp_read_early(const struct xdp_md *ctx, __u16 type,
					  struct dp_packet *packet)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	return dp_parse_plain(data, end, type, packet) ||
	       !dp_parse(data, end, DP_LINK_ETHERNET, type, packet);
}

static __always_inline int dp_drop_early(struct xdp_md *ctx)
{
	const struct dp_generation *generation;
	const struct dp_descriptor *own;
	const struct dp_mark *mark;
	struct dp_marked marked;
	struct dp_visit *visit;
	struct dp_place place;
	__u32 hash;
	__u16 type;

	if (!dp_is_plain_frame(ctx, &type) || !dp_place_of(ctx->ingress_ifindex, &place) ||
	    place.role != DP_ROLE_HOST || place.slot & DP_SLOT_PAUSED ||
	    !dp_is_for_device(ctx, place.slot))
		return XDP_PASS;
	visit = dp_visit_of(0);
	generation = dp_generation_in(place.slot);
	if (!visit || !generation || !dp_read_early(ctx, type, &visit->packet))
		return XDP_PASS;
	hash = dp_tuple_hash(&visit->packet.tuple, DP_HOST_UNIT);
	mark = dp_mark_of(hash);
	if (!mark)
		return XDP_PASS;
	marked = dp_marked_of(mark, hash, &visit->packet);
	dp_sight_of(&visit->packet, DP_HOST_UNIT, DP_INCOMING, generation->id, hash, mark,
		    &visit->sight);
	own = dp_rule_against(visit, generation);
	if (!own || !dp_is_hosts(&place, &visit->packet) ||
	    dp_is_for_unit(&visit->packet, place.slot) || dp_may_pass_by_state(ctx, visit, marked))
		return XDP_PASS;
	dp_report_early(ctx, visit, own, generation->id);
	return XDP_DROP;
}

#endif
