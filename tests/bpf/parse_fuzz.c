/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The shipped parser on the host, under libFuzzer and sanitizers.
 *
 * Input: one byte for the link type, two for what the kernel says the buffer carries, then the
 * bytes themselves, in a buffer of exactly their size, so that one byte too far is seen.
 *
 * What the parser says is compared with what a second, slow reader of our own says, which walks the
 * packet with checked offsets instead of pointers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include "../../bpf/lib/parse.h"
#include "../../bpf/lib/plain.h"

struct reading {
	int result;
	int defect;
	int protocol;
	int ports_at; /* offset of the transport header, or -1 */
};

static int byte_at(const __u8 *data, size_t size, size_t offset)
{
	return offset < size ? data[offset] : -1;
}

static int half_at(const __u8 *data, size_t size, size_t offset)
{
	return offset + 2 <= size ? data[offset] << 8 | data[offset + 1] : -1;
}

static int has(size_t size, size_t offset, size_t bytes)
{
	return offset <= 4096 && offset + bytes <= size;
}

/* The transport header at an offset: whether the ports can be read. */
static void read_transport(const __u8 *data, size_t size, size_t offset, int first, int later,
			   struct reading *to)
{
	size_t need;

	if (to->protocol == 6)
		need = 20;
	else if (to->protocol == 17 || to->protocol == 1 || to->protocol == 58)
		need = 8;
	else
		return;
	(void)data;
	if (later)
		to->defect = DP_REASON_PORTS_UNKNOWN;
	else if (!has(size, offset, need))
		to->defect = first ? DP_REASON_PORTS_UNKNOWN : DP_REASON_SHORT_HEADER;
	else
		to->ports_at = offset;
}

/* What lies behind the length that a header says is padding; 0 says nothing. */
static size_t end_of(size_t size, size_t offset, int bytes)
{
	return bytes > 0 && offset + bytes < size ? offset + bytes : size;
}

static void read_ip4(const __u8 *data, size_t size, size_t offset, struct reading *to)
{
	int fragment, words, total;

	if (!has(size, offset, 20)) {
		to->result = -DP_REASON_SHORT_HEADER;
		return;
	}
	words = byte_at(data, size, offset) & 15;
	total = half_at(data, size, offset + 2);
	if (byte_at(data, size, offset) >> 4 != 4 || words < 5 ||
	    (total > 0 && total < words * 4)) {
		to->result = -DP_REASON_BAD_HEADER;
		return;
	}
	if (!has(size, offset, words * 4)) {
		to->result = -DP_REASON_SHORT_HEADER;
		return;
	}
	fragment = half_at(data, size, offset + 6);
	size = end_of(size, offset, total);
	to->protocol = byte_at(data, size, offset + 9);
	read_transport(data, size, offset + words * 4, fragment & 0x2000, fragment & 0x1fff, to);
}

static int is_extension(int next)
{
	return next == 0 || next == 43 || next == 44 || next == 51 || next == 60;
}

static void read_ip6(const __u8 *data, size_t size, size_t offset, struct reading *to)
{
	int first = 0, later = 0, next, walked = 0, field;

	if (!has(size, offset, 40)) {
		to->result = -DP_REASON_SHORT_HEADER;
		return;
	}
	if (byte_at(data, size, offset) >> 4 != 6) {
		to->result = -DP_REASON_BAD_HEADER;
		return;
	}
	next = byte_at(data, size, offset + 6);
	size = end_of(size, offset + 40, half_at(data, size, offset + 4));
	offset += 40;
	while (is_extension(next) && !later) {
		if (walked++ == DP_MAX_EXTENSION_HEADERS) {
			to->defect = DP_REASON_EXTENSION_LIMIT;
			return;
		}
		if (!has(size, offset, 8)) {
			to->defect = DP_REASON_SHORT_HEADER;
			return;
		}
		field = byte_at(data, size, offset + 1);
		if (next == 44) {
			later = half_at(data, size, offset + 2) >> 3;
			first = first || (!later && half_at(data, size, offset + 2) & 1);
			next = byte_at(data, size, offset);
			offset += 8;
		} else if (next == 51) {
			next = byte_at(data, size, offset);
			offset += (field + 2) * 4;
		} else {
			next = byte_at(data, size, offset);
			offset += (field + 1) * 8;
		}
	}
	to->protocol = next;
	read_transport(data, size, offset, first, later, to);
}

static void read_slowly(const __u8 *data, size_t size, int ethernet, int type, struct reading *to)
{
	size_t offset = 0;
	int inner = type, tags = 0;

	memset(to, 0, sizeof(*to));
	to->protocol = -1;
	to->ports_at = -1;
	if (ethernet) {
		if (!has(size, 0, 14)) {
			to->result = -DP_REASON_SHORT_HEADER;
			return;
		}
		inner = half_at(data, size, 12);
		offset = 14;
		int outer = inner;

		while ((inner == 0x8100 || inner == 0x88a8) && tags++ < DP_MAX_VLAN_TAGS) {
			if (!has(size, offset, 4)) {
				to->result = -DP_REASON_SHORT_HEADER;
				return;
			}
			inner = half_at(data, size, offset + 2);
			offset += 4;
		}
		if (inner == 0x8100 || inner == 0x88a8) {
			to->result = -DP_REASON_EXTENSION_LIMIT;
			return;
		}
		if (outer != type && (dp_is_ip(outer) || dp_is_ip(type))) {
			to->result = -DP_REASON_LINK_TYPE;
			return;
		}
	} else if (has(size, 0, 1) && dp_is_ip(type) &&
		   byte_at(data, size, 0) >> 4 != (type == 0x0800 ? 4 : 6)) {
		to->result = -DP_REASON_LINK_TYPE;
		return;
	}
	if (inner == 0x0800)
		read_ip4(data, size, offset, to);
	else if (inner == 0x86dd)
		read_ip6(data, size, offset, to);
	else
		to->result = DP_NOT_IP;
}

static void disagree(const char *what, int expected, int actual)
{
	fprintf(stderr, "%s: the slow reader says %d, the parser %d\n", what, expected, actual);
	abort();
}

/* Whether a frame is plain: the transport header follows a bare IP header, all of it is there, and
 * nothing else was cut off.
 */
static int is_plain(const __u8 *data, size_t size, int type, const struct reading *slow)
{
	if (slow->protocol != 6 && slow->protocol != 17)
		return 0;
	if (type == 0x0800)
		return slow->ports_at == 34 && half_at(data, size, 16) &&
		       !(half_at(data, size, 20) & 0x2000);
	return slow->ports_at == 54 && half_at(data, size, 18);
}

/* The short way through the frames that are plain says of them what the long one does. */
static void compare_plain(__u8 *data, size_t size, int type, int result,
			  const struct dp_packet *full, const struct reading *slow)
{
	int expected = result == 0 && is_plain(data, size, type, slow);
	struct dp_packet plain;
	int actual;

	memset(&plain, 0x5a, sizeof(plain));
	actual = dp_parse_plain(data, data + size, type, &plain);
	if (actual != expected)
		disagree("plain", expected, actual);
	if (!actual)
		return;
	if (memcmp(&plain.tuple, &full->tuple, sizeof(plain.tuple)))
		disagree("plain tuple", full->tuple.protocol, plain.tuple.protocol);
	if (plain.key != full->key || plain.table != full->table)
		disagree("plain key", full->key, plain.key);
	if (plain.tcp_flags != full->tcp_flags || plain.flags != full->flags)
		disagree("plain flags", full->tcp_flags, plain.tcp_flags);
	if (plain.hop_limit != full->hop_limit)
		disagree("plain hop limit", full->hop_limit, plain.hop_limit);
	if (plain.defect != full->defect || plain.quoted.is_known != full->quoted.is_known)
		disagree("plain defect", full->defect, plain.defect);
}

int LLVMFuzzerTestOneInput(const __u8 *input, size_t size);

int LLVMFuzzerTestOneInput(const __u8 *input, size_t size)
{
	struct dp_packet packet;
	struct reading slow;
	int ethernet, type, result;
	__u8 *data;

	if (size < 3)
		return 0;
	ethernet = input[0] & 1;
	type = input[1] << 8 | input[2];
	size -= 3;
	data = malloc(size ? size : 1);
	memcpy(data, input + 3, size);
	memset(&packet, 0xa5, sizeof(packet));

	result = dp_parse(data, data + size, ethernet ? DP_LINK_ETHERNET : DP_LINK_IP, type,
			  &packet);
	read_slowly(data, size, ethernet, type, &slow);
	if (result != slow.result)
		disagree("result", slow.result, result);
	if (result == 0) {
		if (packet.defect != slow.defect)
			disagree("defect", slow.defect, packet.defect);
		if (slow.protocol >= 0 && packet.tuple.protocol != slow.protocol)
			disagree("protocol", slow.protocol, packet.tuple.protocol);
		if (slow.ports_at >= 0 && (slow.protocol == 6 || slow.protocol == 17) &&
		    packet.key != half_at(data, size, slow.ports_at + 2))
			disagree("port", half_at(data, size, slow.ports_at + 2), packet.key);
		if (slow.ports_at >= 0 && (slow.protocol == 1 || slow.protocol == 58) &&
		    packet.key != half_at(data, size, slow.ports_at))
			disagree("type and code", half_at(data, size, slow.ports_at), packet.key);
		if (slow.ports_at >= 0 && slow.protocol == 6 &&
		    packet.tcp_flags != data[slow.ports_at + 13])
			disagree("flags", data[slow.ports_at + 13], packet.tcp_flags);
	}
	if (ethernet && dp_is_ip(type) && half_at(data, size, 12) == type)
		compare_plain(data, size, type, result, &packet, &slow);
	free(data);
	return 0;
}
