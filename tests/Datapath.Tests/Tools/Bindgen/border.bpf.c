// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An object of the generator's own tests: maps, and a list of types that no map speaks of. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "border.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct dp_wire);
	__type(value, struct dp_nested);
} dp_wires SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, union dp_either);
} dp_eithers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} dp_ring SEC(".maps");

union dp_abi_types {
	struct dp_shared shared;
	struct dp_bits bits;
};

const volatile union dp_abi_types *const volatile dp_abi_types = 0;
