/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A header of the generator's own tests: everything that a border may hold, once. */
#ifndef BORDER_H
#define BORDER_H

#include <linux/types.h>

#define DP_BORDER_VERSION 7
#define DP_BORDER_MASK	  0xf0000000u
#define DP_BORDER_SUM	  (1 + 2) /* not one number: left out */

enum dp_colour {
	DP_COLOUR_RED = 0,
	DP_COLOUR_DARK_BLUE = 2,
	DP_COLOURS = 3,
};

enum dp_signed {
	DP_SIGNED_BELOW = -1,
	DP_SIGNED_ABOVE = 1,
};

/* Nested: by name, by member and without either. */
struct dp_inner {
	__u16 first;
	__u8 second[2];
};

struct dp_nested {
	struct dp_inner named;
	struct dp_inner many[3];
	struct {
		__u32 left;
		__u32 right;
	} by_member;
	struct {
		__u64 flat_first;
		__u64 flat_second;
	};
	__u32 grid[2][3];
};

/* Members that share bytes, also without a name. */
struct dp_shared {
	__u32 kind;
	union {
		__u32 whole;
		__u8 parts[4];
		struct {
			__u16 low;
			__u16 high;
		};
	};
};

union dp_either {
	__u64 number;
	char text[8];
};

/* Bit-fields: neighbours in one unit, an unnamed gap, a signed one, and one of an enum. */
struct dp_bits {
	__u32 one : 1;
	__u32 seven : 7;
	__u32 : 4;
	__s32 temperature : 12;
	enum dp_colour colour : 2;
	__u64 wide : 40;
	__u8 narrow : 3;
};

/* Numbers in network byte order say so in their name. */
struct dp_wire {
	__be16 port;
	__u16 host_port;
	__be32 address;
	__be32 long_address[4];
	__be64 cookie;
};

/* Functions as libraries have them. */
struct border_opaque;

struct border_opts {
	unsigned long sz;
	const char *base;
	enum dp_signed direction;
	_Bool enabled;
};

typedef int (*border_callback)(void *context, const struct dp_wire *wire, unsigned long size);

struct border_opaque *border_open(const char *path, const struct border_opts *opts);
int border_walk(struct border_opaque *object, border_callback callback, void *context);
void border_close(struct border_opaque *object);
long border_missing(long long value);

static inline int border_inline(int value)
{
	return value + 1;
}

#endif
