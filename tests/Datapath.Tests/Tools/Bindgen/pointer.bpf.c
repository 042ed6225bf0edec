// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A border with a pointer in it, which the other side could not follow. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct dp_broken {
	void *next;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dp_broken);
} dp_brokens SEC(".maps");
