/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Types of the border that no map has as key or value. The compiler leaves out of BTF what no
 * variable reaches, and what BTF does not know, tools/bindgen cannot write in C#: a type that C#
 * needs goes into this list.
 */
#ifndef DP_ABI_TYPES_H
#define DP_ABI_TYPES_H

#include "include/dp_abi.h"
#include "include/dp_abi_account.h"
#include "include/dp_abi_cgroup.h"
#include "include/dp_abi_process.h"

union dp_abi_types {
	struct dp_skip skip;
	struct dp_unit unit;
	struct dp_descriptor descriptor;
	struct dp_event event;
	struct dp_process process;
	struct dp_process_event process_event;
	enum dp_row_form row_form;
	enum dp_port_table port_table;
	enum dp_unit_flags unit_flags;
	enum dp_verdict verdict;
	enum dp_descriptor_flags descriptor_flags;
	enum dp_direction direction;
	enum dp_role role;
	enum dp_link_type link_type;
	enum dp_interface_flags interface_flags;
	enum dp_flow_state flow_state;
	enum dp_flow_flags flow_flags;
	enum dp_reason reason;
	enum dp_statistic statistic;
	enum dp_hook hook;
	enum dp_lease lease;
};

/* Keys and entries are compared as bytes, and read by the agent: no padding. */
_Static_assert(sizeof(struct dp_line) == DP_LINE_BYTES, "a line is a cache line");
_Static_assert(sizeof(struct dp_skip) == DP_LINE_BYTES, "a skip node is one line");
_Static_assert(sizeof(struct dp_unit) == 16, "four units a line");
_Static_assert(sizeof(struct dp_descriptor) == 16, "four descriptors a line");
_Static_assert(sizeof(struct dp_flow_key4) == 16, "no padding: keys are compared as bytes");
_Static_assert(sizeof(struct dp_flow_key6) == 40, "no padding: keys are compared as bytes");
_Static_assert(sizeof(struct dp_fragment_key) == 40, "no padding: keys are compared as bytes");
_Static_assert(sizeof(struct dp_account) == 32, "no padding: the agent reads it");
_Static_assert(sizeof(struct dp_flow) == 32, "no padding: the agent reads it");
_Static_assert(sizeof(struct dp_control) == 64, "its head is read by other versions");
_Static_assert(sizeof(struct dp_interface) == 12, "no padding: entries are compared as bytes");
_Static_assert(sizeof(struct dp_vlan_key) == 8, "no padding: keys are compared as bytes");
_Static_assert(sizeof(struct dp_network) == 24, "no padding: keys are compared as bytes");
_Static_assert(sizeof(struct dp_cgroup) == 16, "no padding: entries are compared as bytes");
_Static_assert(sizeof(struct dp_served_key) == 20, "no padding: keys are compared as bytes");
_Static_assert(sizeof(struct dp_process_event) == 96, "an event and who did it");
_Static_assert(sizeof(struct dp_event) == 64, "one cache line an event");

/* Nothing reads it; eight bytes beside the knobs. */
const volatile union dp_abi_types *const volatile dp_abi_types = 0;

#endif
