/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Address -> class, port -> class, (unit, direction, classes) -> descriptor. Precedence is resolved
 * in C# before anything comes here; the depth of these walks does not depend on the number of
 * rules.
 */
#ifndef DP_POLICY_H
#define DP_POLICY_H

#include "../maps.h"
#include "parse.h"

/* Fourteen strides of eight bits after the root; a skip node takes a step and saves at least one.
 */
#define DP_IP6_STEPS 14

/* verifier: clang forgets what it knows of the value, so that it neither moves arithmetic on a map
 * value above the check that it is there nor leaves out a mask that it can prove and the verifier
 * cannot.
 */
#define dp_pin_here(value) asm volatile("" : "+r"(value))

/* A line of the arena by its absolute number. */
static __always_inline const struct dp_line *dp_line_at(__u32 line)
{
	return bpf_map_lookup_elem(&dp_arena, &line);
}

/* What the switch says besides the number of a slot. */
#define DP_SLOT_NUMBER	  0xff
#define DP_SLOT_PAUSED	  0x100 /* what is denied passes */
#define DP_SLOT_FELL_BACK 0x200 /* nobody confirmed the generation that was active */

/* The slot of the generation that is active now, and whether its word counts. Read once per packet
 * and hook, so that no judge sees two; an impossible slot has no generation, and that fails closed.
 * The clock is read only while something is pending.
 */
static __always_inline __u32 dp_active_slot(void)
{
	const struct dp_control *control;
	__u32 slot, lease, zero = 0;
	__u64 word;
	bool over;

	control = bpf_map_lookup_elem(&dp_control, &zero);
	if (!control)
		return DP_GENERATION_SLOTS;
	word = *(volatile const __u64 *)&control->in_force;
	slot = word & DP_SLOT_NUMBER;
	lease = (word >> DP_SWITCH_LEASE_BIT) & 0xff;
	if (lease == DP_LEASE_NONE)
		return slot;
	over = bpf_ktime_get_boot_ns() >> DP_DEADLINE_NS_BITS >= word >> DP_SWITCH_DEADLINE_BIT;
	if (lease == DP_LEASE_PAUSE)
		return over ? slot : slot | DP_SLOT_PAUSED;
	if (!over)
		return slot;
	return ((word >> DP_SWITCH_SLOT_BITS) & DP_SLOT_NUMBER) | DP_SLOT_FELL_BACK;
}

static __always_inline const struct dp_generation *dp_generation_in(__u32 slot)
{
	slot &= DP_SLOT_NUMBER;
	return bpf_map_lookup_elem(&dp_generations, &slot);
}

/* One 32-bit word of an array that begins at a line. */
static __always_inline __u32 dp_word_at(__u32 line, __u32 index)
{
	const struct dp_line *at = dp_line_at(line + index / 16);

	return at ? at->u32[index % 16] : 0;
}

/* One 16-bit half of an array that begins at a line. */
static __always_inline __u16 dp_half_at(__u32 line, __u32 index)
{
	const struct dp_line *at = dp_line_at(line + index / 32);

	return at ? at->u16[index % 32] : 0;
}

/* BPF has no instruction for it. */
static __always_inline __u32 dp_popcount(__u64 bits)
{
	bits -= (bits >> 1) & 0x5555555555555555ull;
	bits = (bits & 0x3333333333333333ull) + ((bits >> 2) & 0x3333333333333333ull);
	bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return bits * 0x0101010101010101ull >> 56;
}

/* The entry of a 256-slot node: the value of the run that the slot lies in. Slot 0 always begins a
 * run, so there is at least one.
 */
static __always_inline __u32 dp_node_entry(__u32 line, __u32 slot)
{
	const struct dp_line *node = dp_line_at(line);
	__u32 word = (slot >> 6) & 3;
	__u32 run;

	if (!node)
		return 0;
	run = (node->u32[8] >> (word * 8)) & 0xff;
	run += dp_popcount(node->u64[word] & (~0ull >> (63 - (slot & 63))));
	run += DP_NODE_RUNS_WORD - 1;
	if (run < 16) {
		dp_pin_here(run);
		return node->u32[run & 15];
	}
	return dp_word_at(line, run);
}

/* IPv4 address (host order) -> leaf: root of 16 bits, then two strides of eight. */
static __always_inline __u32 dp_classify4(const struct dp_generation *gen, __u32 address)
{
	__u32 entry = dp_word_at(gen->base + gen->ip4_root, address >> 16);

	if (entry & DP_ENTRY_NODE)
		entry = dp_node_entry(gen->base + (entry & DP_ENTRY_LINE), (address >> 8) & 0xff);
	if (entry & DP_ENTRY_NODE)
		entry = dp_node_entry(gen->base + (entry & DP_ENTRY_LINE), address & 0xff);
	return entry;
}

/* IPv6 address -> leaf: root of 16 bits, strides of eight, skip nodes where only one way goes on.
 * "base" and "root" are those of the generation.
 *
 * verifier: not static, so that the walk is verified once and not for every way that leads to it:
 * with it, three of five instructions of a program at tc were those of what judges errors.
 */
__noinline __u32 dp_walk6(__u32 base, __u32 root, __u64 hi, __u64 lo)
{
	__u32 entry = dp_word_at(base + root, hi >> 48);
	const struct dp_line *at;
	const struct dp_skip *skip;
	__u32 depth = 2;
	__u32 slot;
	int i;

	for (i = 0; i < DP_IP6_STEPS; i++) {
		if (!(entry & DP_ENTRY_NODE))
			return entry;
		if (entry & DP_ENTRY_SKIP) {
			at = dp_line_at(base + (entry & DP_ENTRY_LINE));
			if (!at)
				return 0;
			skip = (const struct dp_skip *)at;
			if ((hi & skip->mask_hi) != skip->key_hi ||
			    (lo & skip->mask_lo) != skip->key_lo)
				return skip->otherwise;
			entry = skip->child;
			depth = skip->depth;
			continue;
		}
		slot = depth < 8 ? hi >> ((56 - depth * 8) & 63) : lo >> ((120 - depth * 8) & 63);
		entry = dp_node_entry(base + (entry & DP_ENTRY_LINE), slot & 0xff);
		depth++;
	}
	return entry;
}

/* The leaf of an address of either family. */
static __always_inline __u32 dp_classify(const struct dp_generation *gen,
					 const struct dp_address *address, bool ip6)
{
	__u64 hi, lo;

	if (!ip6)
		return dp_classify4(gen, bpf_ntohl(address->word[3]));
	hi = (__u64)bpf_ntohl(address->word[0]) << 32 | bpf_ntohl(address->word[1]);
	lo = (__u64)bpf_ntohl(address->word[2]) << 32 | bpf_ntohl(address->word[3]);
	return dp_walk6(gen->base, gen->ip6_root, hi, lo);
}

static __always_inline const struct dp_unit *dp_unit_of(const struct dp_generation *gen,
							__u32 number)
{
	const struct dp_line *line;

	if (number >= gen->unit_count)
		return NULL;
	line = dp_line_at(gen->base + gen->units + number / 4);
	if (!line)
		return NULL;
	dp_pin_here(number);
	return (const struct dp_unit *)line + number % 4;
}

/* What a cell stands for. Cell 0 names no rule, so that nothing passes by a hole in the tables,
 * which reads as 0.
 */
static __always_inline const struct dp_descriptor *dp_descriptor_at(const struct dp_generation *gen,
								    __u32 cell)
{
	const struct dp_line *line = dp_line_at(gen->base + gen->descriptors + cell / 4);
	const struct dp_descriptor *descriptor;

	if (!line)
		return NULL;
	dp_pin_here(cell);
	descriptor = (const struct dp_descriptor *)line + cell % 4;
	return descriptor->rule_index ? descriptor : NULL;
}

/* The cell of a port class in a compressed row: at most two nodes deep, whatever the row holds. */
static __always_inline __u32 dp_compressed_cell(const struct dp_generation *gen, __u32 entry,
						__u32 port_class)
{
	if ((entry & (DP_ENTRY_NODE | DP_ENTRY_LOW)) == DP_ENTRY_NODE)
		entry = dp_node_entry(gen->base + (entry & DP_ENTRY_LINE), port_class >> 8);
	if (entry & DP_ENTRY_NODE)
		entry = dp_node_entry(gen->base + (entry & DP_ENTRY_LINE), port_class & 0xff);
	return entry;
}

/* The cell of what the unit's policy says of a connection: a chain of three loads where rows are
 * dense. 0 where the tables have a hole: line 0 is no row, nor is cell 0 an entry of one.
 */
static __always_inline __u32 dp_cell_of(const struct dp_generation *gen, const struct dp_unit *unit,
					enum dp_direction direction, __u32 peer_class, __u32 table,
					__u32 key)
{
	__u32 ports, port_class, row;

	if (table >= DP_PORT_TABLES)
		return 0;
	ports = gen->ports[table];
	port_class = dp_half_at(gen->base + ports, key);
	row = dp_word_at(gen->base + unit->rows[direction & 1], peer_class);
	if (!row)
		return 0;
	return gen->row_form == DP_ROWS_DENSE ? dp_half_at(gen->base + row, port_class)
					      : dp_compressed_cell(gen, row, port_class);
}

/* What the unit's policy says of a connection; NULL where the tables have a hole. */
static __always_inline const struct dp_descriptor *
dp_decide(const struct dp_generation *gen, const struct dp_unit *unit, enum dp_direction direction,
	  __u32 peer_class, __u32 table, __u32 key)
{
	return dp_descriptor_at(gen, dp_cell_of(gen, unit, direction, peer_class, table, key));
}

#endif
