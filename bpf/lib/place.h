/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a packet is: whose interface it crosses. */
#ifndef DP_PLACE_H
#define DP_PLACE_H

#include "policy.h"

/* An interface as one generation sees it. */
struct dp_place {
	__u32 slot; /* of the generation */
	__u16 unit;
	__u8 role;  /* enum dp_role */
	__u8 link;  /* enum dp_link_type */
	__u8 flags; /* enum dp_interface_flags */
	bool is_tagged;
};

/* What the table of interfaces says, looked up once after each change: a hash costs more than the
 * rest of a packet that passes by its digest. The epoch is read first, so that what was read before
 * or during a change is void after it.
 */
static __always_inline bool dp_interface_of(__u32 index, struct dp_interface *entry)
{
	__u32 zero = 0, slot = index % DP_NEAR_INTERFACES, epoch;
	const struct dp_control *control = bpf_map_lookup_elem(&dp_control, &zero);
	struct dp_near_interface *near = bpf_map_lookup_elem(&dp_near_ifs, &slot);
	const struct dp_interface *found;

	if (!control || !near)
		return false;
	epoch = *(volatile const __u32 *)&control->interfaces_epoch;
	if (near->index == index && near->epoch == epoch) {
		*entry = near->entry;
		return true;
	}
	found = bpf_map_lookup_elem(&dp_interfaces, &index);
	if (!found)
		return false;
	/* Copied at once: the kernel gives the room of a replaced entry to another one. */
	*entry = *found;
	near->entry = *entry;
	near->index = index;
	near->epoch = epoch;
	near->has_device = 0;
	return true;
}

/* As the policy has it that is back because nobody confirmed another. */
static __always_inline bool dp_fallback_interface_of(__u32 index, struct dp_interface *entry)
{
	const struct dp_interface *found = bpf_map_lookup_elem(&dp_fallback_ifs, &index);

	if (!found)
		return false;
	*entry = *found;
	return true;
}

/* Whose interface it is for the generation that is active. The slot is read first: who sees the new
 * one sees the entries that were written before the switch as well. Returns false where nobody
 * judges.
 */
static __always_inline bool dp_place_of(__u32 ifindex, struct dp_place *place)
{
	const struct dp_generation *generation;
	struct dp_interface entry;
	bool found;

	place->slot = dp_active_slot();
	found = place->slot & DP_SLOT_FELL_BACK ? dp_fallback_interface_of(ifindex, &entry)
						: dp_interface_of(ifindex, &entry);
	if (!found)
		return false;
	place->unit = entry.unit;
	place->role = entry.role;
	place->link = entry.link;
	place->flags = entry.flags;
	place->is_tagged = false;
	if (entry.next_from) {
		generation = dp_generation_in(place->slot);
		if (generation && generation->id >= entry.next_from) {
			place->unit = entry.next_unit;
			place->role = entry.next_role;
		}
	}
	return place->role != DP_ROLE_NONE;
}

#endif
