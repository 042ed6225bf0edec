/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What both halves share: map keys and values, events, reasons, the image of a policy.
 *
 * C# does not repeat these structs: tools/bindgen reads them from the object's BTF. A change here
 * is a change of layout; bump DP_ABI_VERSION, which names the directory of the pins.
 */
#ifndef DP_ABI_H
#define DP_ABI_H

#include <linux/types.h>

#define DP_ABI_VERSION 8

/* ---- The image of a policy ------------------------------------------------------------------
 *
 * A generation is one contiguous run of 64-byte lines in dp_arena. Every reference inside it is a
 * line number relative to its first line, so that the same bytes work wherever they are written and
 * can be read back and compared as a whole. Nothing in a live image changes.
 */
#define DP_LINE_BYTES 64
struct dp_line {
	union {
		__u64 u64[8];
		__u32 u32[16];
		__u16 u16[32];
	};
};

/* Tries. A root is 65,536 entries of 32 bits, indexed by the first 16 bits of the address; an entry
 * is a leaf (bit 31 clear) or the line of a node (bit 31 set, bit 30 for a skip node).
 */
#define DP_ROOT_ENTRIES	  65536
#define DP_ENTRY_NODE	  0x80000000u
#define DP_ENTRY_SKIP	  0x40000000u
#define DP_ENTRY_LINE	  0x3fffffffu
#define DP_LEAF_CLASS	  0x0000ffffu /* peer class */
#define DP_LEAF_UNIT	  0x7fff0000u /* number of the local unit that owns the address; 0 = none */
#define DP_LEAF_UNIT_BIT  16
#define DP_NODE_RUNS_WORD 9 /* a node: 8 words of bitmap, 1 word of counts, then the runs */

/* How the rows of the verdict matrix stand in an image. A table of rows says for each peer class
 * where its row is:
 *
 * - dense: the line of an array of 16-bit cells by port class.
 * - compressed: an entry as in a trie. A leaf is the cell of every port class; a node with
 *   DP_ENTRY_LOW is indexed by the lower eight bits of the port class, one without by the upper
 *   eight, and its entries are leaves and low nodes.
 */
enum dp_row_form {
	DP_ROWS_DENSE = 0,
	DP_ROWS_COMPRESSED = 1,
};
#define DP_ENTRY_LOW 0x40000000u

/* A path of an IPv6 trie along which only one address prefix continues. Words are addresses in host
 * order: hi is the first eight bytes.
 */
struct dp_skip {
	__u64 key_hi;
	__u64 key_lo;
	__u64 mask_hi;
	__u64 mask_lo;
	__u32 otherwise; /* the leaf of every address that leaves the path */
	__u32 child;	 /* the entry where the path ends */
	__u32 depth;	 /* bytes of the address used up when the child is reached */
	__u32 reserved;
	__u64 reserved2[2];
};

/* What a port key means; one table of 16-bit port classes each. */
enum dp_port_table {
	DP_PORTS_TCP = 0,
	DP_PORTS_UDP = 1,
	DP_PORTS_ICMP = 2,	    /* type << 8 | code */
	DP_PORTS_ICMP6 = 3,	    /* type << 8 | code, may have crossed a router */
	DP_PORTS_ICMP6_ON_LINK = 4, /* type << 8 | code, hop limit 255 (RFC 4861, 6.1.1) */
	DP_PORTS_OTHER = 5,	    /* protocol number */
	DP_PORT_TABLES = 6,
};

/* Number of the host's own unit; the others follow. */
#define DP_HOST_UNIT 1

/* One processing unit as a generation sees it, by unit number. */
struct dp_unit {
	__u32 rows[2]; /* by enum dp_direction: line of the table "peer class -> row" */
	__u32 flags;   /* enum dp_unit_flags; 0 = no such unit */
	__u32 reserved;
};

enum dp_unit_flags {
	DP_UNIT_PRESENT = 1,
	/* Some cell depends on the port: a packet whose ports are unknown cannot be judged. */
	DP_UNIT_PORTS_MATTER_IN = 2,
	DP_UNIT_PORTS_MATTER_OUT = 4,
	/* Some peer is allowed one protocol and not another: a packet whose protocol is unknown
	 * cannot be judged. */
	DP_UNIT_PROTOCOL_MATTERS_IN = 8,
	DP_UNIT_PROTOCOL_MATTERS_OUT = 16,
};

/* What a cell stands for. Cells share descriptors; cell 0 stands for none: a hole in the tables. */
struct dp_descriptor {
	__u32 rule_index;	   /* the rule that decides; never 0 */
	__u32 observed_rule_index; /* an observing rule that matched too; 0 = none */
	__u8 verdict;		   /* enum dp_verdict */
	__u8 observed_verdict;	   /* enum dp_verdict */
	__u16 flags;		   /* enum dp_descriptor_flags */
	__u32 reserved;
};

enum dp_verdict {
	DP_REJECT = 0,
	DP_ALLOW = 1,
};

enum dp_descriptor_flags {
	DP_LOG = 1,
	DP_BUILT_IN = 2,
	DP_DEFAULT = 4,
	DP_FAILSAFE = 8,
};

/* Who opens the connection, seen from the unit that is judged. */
enum dp_direction {
	DP_INCOMING = 0,
	DP_OUTGOING = 1,
};

/* Three slots: the active generation, the previous one, and the one being written. */
#define DP_GENERATION_SLOTS 3

struct dp_generation {
	__u32 id;	/* never reused; 0 = the slot is empty */
	__u32 base;	/* first line of the image in dp_arena */
	__u32 lines;	/* from base to the end of the image, which may have holes */
	__u32 ip4_root; /* the rest: lines relative to base */
	__u32 ip6_root;
	__u32 ports[DP_PORT_TABLES];
	__u32 units; /* array of struct dp_unit by unit number */
	__u32 unit_count;
	__u32 descriptors;	/* array of struct dp_descriptor by cell */
	__u32 local_descriptor; /* the cell that stands for "a unit with itself" */
	__u32 row_form;		/* enum dp_row_form */
	__u64 checksum;		/* of what the image says: the agent knows its policy again by it */
};

#define DP_INSTANCE_BYTES 32

/* What ends by itself, whether or not the agent lives. */
enum dp_lease {
	DP_LEASE_NONE = 0,    /* nothing does */
	DP_LEASE_CONFIRM = 1, /* unless confirmed, the other slot judges when the time is over */
	DP_LEASE_PAUSE = 2,   /* until then everything passes */
};

/* The switch: one word, stored and loaded as a whole, so that nobody sees half of a change. */
#define DP_SWITCH_SLOT_BITS    8  /* bits 0-7: the slot that judges */
#define DP_SWITCH_LEASE_BIT    16 /* bits 8-15: the slot after a lease; 16-23: enum dp_lease */
#define DP_SWITCH_DEADLINE_BIT 24 /* bits 24-63: the end of the lease */
#define DP_DEADLINE_NS_BITS    20 /* in units of 2^20 ns of CLOCK_BOOTTIME, which counts sleep */

/* The switch, and whose it is. The agent writes the switch with one aligned store, a program reads
 * it once per packet and hook. The rest is written once, before anything is attached: by it purge,
 * and an agent of another version, recognise the programs of an instance without knowing anything
 * else of them, so it stays where it is whatever the version.
 */
struct dp_control {
	__u32 interfaces_epoch;	 /* changes of dp_interfaces, dp_devices, each after it was made */
	__u32 abi_version;	 /* DP_ABI_VERSION */
	__u64 network_namespace; /* inode of /proc/self/ns/net */
	char instance[DP_INSTANCE_BYTES];
	__u64 in_force;	      /* the switch */
	__u64 doubt_until_ns; /* of CLOCK_BOOTTIME: dp_is_doubtful; 0 = never */
};

/* ---- Inventory ------------------------------------------------------------------------------ */

enum dp_role {
	DP_ROLE_NONE = 0, /* excluded: everything passes */
	DP_ROLE_HOST = 1, /* an uplink of the host */
	DP_ROLE_POD = 2,  /* the host's end of a processing unit's veth pair */
};

enum dp_link_type {
	DP_LINK_ETHERNET = 0,
	DP_LINK_IP = 1, /* no MAC header: wireguard, tun, ipip */
};

enum dp_interface_flags {
	/* What is not for the host is passed on, by family. Without, everything is the host's. */
	DP_INTERFACE_FORWARDS_IP4 = 1,
	DP_INTERFACE_FORWARDS_IP6 = 2,
};

/* Whose packets cross an interface. Where that changes with the policy, the entry says both before
 * the switch: a packet is judged by the unit that its generation has there.
 */
struct dp_interface {
	__u16 unit;
	__u8 role;	 /* enum dp_role */
	__u8 link;	 /* enum dp_link_type */
	__u8 flags;	 /* enum dp_interface_flags */
	__u8 next_role;	 /* enum dp_role: role and unit from generation next_from on */
	__u16 next_unit; /* idem */
	__u32 next_from; /* 0 = nothing is to change */
};

/* Frames of a VLAN as the device below sees them. */
struct dp_vlan_key {
	__u32 lower;	 /* interface index */
	__u16 id;	 /* 1 to 4094 */
	__be16 protocol; /* EtherType of the tag */
};

/* An address of either family; IPv4 is written ::ffff:a.b.c.d. */
struct dp_address {
	__be32 word[4];
};

/* A network: the family first, so that no network of one holds addresses of the other. */
struct dp_network {
	__u32 prefix_bits; /* of what follows: DP_NETWORK_FAMILY_BITS, and those of the address */
	__be32 family;	   /* 4 or 6 */
	struct dp_address address;
};
#define DP_NETWORK_FAMILY_BITS 32

/* ---- Flows ---------------------------------------------------------------------------------- */

/* Lower (address, port) first, so that both directions have one key. ICMP echo: both ports are the
 * identifier. Zone is the number of the unit that judges: a packet between two local units has two
 * entries, each judged by its own unit's policy.
 */
struct dp_flow_key4 {
	__be32 low_address;
	__be32 high_address;
	__be16 low_port;
	__be16 high_port;
	__u16 zone;
	__u8 protocol;
	__u8 reserved;
};

struct dp_flow_key6 {
	__be32 low_address[4];
	__be32 high_address[4];
	__be16 low_port;
	__be16 high_port;
	__u16 zone;
	__u8 protocol;
	__u8 reserved;
};

/* A flow that policy allowed to open. It stands in one of two tables: what nobody has proved yet in
 * one that forgets the least recently used, what both ends agreed on in one that forgets nothing.
 */
struct dp_flow {
	__u64 seen_jiffies;	/* written at most once a second */
	__u32 generation;	/* the one that last allowed the opener's direction; 0 = none yet */
	__u32 rule_index;	/* the rule that did, or DP_RULE_UNKNOWN */
	__u32 next_sequence[2]; /* TCP, by enum dp_flow_side: where its words are about to be */
	__u16 opener_key;	/* port key of the opener's packet, to judge it again */
	__u8 opener_table;	/* enum dp_port_table of that key */
	__u8 direction;		/* enum dp_direction: who opened it */
	__u8 state;		/* enum dp_flow_state */
	__u8 flags;		/* enum dp_flow_flags */
	__u8 reserved[2];
};

enum dp_flow_side {
	DP_OPENER = 0,
	DP_ANSWERER = 1,
};

/* TCP as nf_conntrack has it; the others know "opening" and "established". */
enum dp_flow_state {
	DP_FLOW_OPENING = 0,	  /* no answer seen */
	DP_FLOW_SYN_RECEIVED = 1, /* SYN was answered, and nothing came after */
	DP_FLOW_ESTABLISHED = 2,  /* both ends agreed; without a handshake: answered */
	DP_FLOW_FIN_WAIT = 3,	  /* one side has said FIN; the other may speak on */
	DP_FLOW_CLOSE_WAIT = 4,	  /* and has spoken since */
	DP_FLOW_LAST_ACK = 5,	  /* both have said FIN */
	DP_FLOW_TIME_WAIT = 6,	  /* and something came after */
	DP_FLOW_CLOSED = 7,	  /* RST */
	DP_FLOW_STATES = 8,
};

/* By enum dp_flow_side where there are two of a kind. */
enum dp_flow_flags {
	DP_FLOW_FIN_OPENER = 1,
	DP_FLOW_FIN_ANSWERER = 2,
	DP_FLOW_KNOWS_OPENER = 4, /* next_sequence is filled */
	DP_FLOW_KNOWS_ANSWERER = 8,
	DP_FLOW_UNPROMOTED = 16, /* is proved, and found no room in the other table */
};

#define DP_FLOW_FIN	3
#define DP_FLOW_KNOWS	12
#define DP_RULE_UNKNOWN 0xffffffffu /* of a flow that is older than we are, until it is judged */

/* How deep a unit's cgroup may lie (dp_abi_cgroup.h), and how many processes be in a program. */
#define DP_CGROUP_DEPTHS  16
#define DP_PROCESS_VISITS 64

/* Ports of a datagram whose first fragment was seen. */
struct dp_fragment_key {
	__be32 source[4];
	__be32 destination[4];
	__u32 id;
	__u16 zone;
	__u8 protocol;
	__u8 reserved;
};

struct dp_fragment {
	__u64 seen_jiffies;
	__be16 source_port;
	__be16 destination_port;
	__u16 key; /* port key, host order */
	__u16 reserved;
};

/* ---- Counters and events -------------------------------------------------------------------- */

struct dp_counter {
	__u64 packets;
	__u64 bytes;
};

/* Why a packet was dropped. A retired number stays reserved. */
enum dp_reason {
	DP_REASON_NONE = 0,	       /* it was not */
	DP_REASON_POLICY = 1,	       /* a rule, or the default, rejects */
	DP_REASON_REVOKED = 2,	       /* the rule that let the flow open is gone */
	DP_REASON_SHORT_HEADER = 3,    /* the packet ends inside a header */
	DP_REASON_BAD_HEADER = 4,      /* a header contradicts itself */
	DP_REASON_EXTENSION_LIMIT = 5, /* more IPv6 extension headers or tags than we follow */
	DP_REASON_PORTS_UNKNOWN = 6,   /* a fragment whose ports nobody saw, where ports matter */
	DP_REASON_LINK_TYPE = 7,       /* the frame and the kernel disagree on what it carries */
	DP_REASON_NO_POLICY = 8, /* no tables, or a hole in them: must not happen, fails closed */
	DP_REASONS = 9,
};

/* Things counted besides verdicts. */
enum dp_statistic {
	DP_STAT_EVENTS_SUPPRESSED = 0, /* by the token bucket */
	DP_STAT_EVENTS_LOST = 1,       /* the ring was full */
	DP_STAT_FLOW_INSERT_FAILED = 2,
	DP_STAT_NOT_IP_PASSED = 3,
	DP_STAT_FORWARDED = 4,	   /* passed a host interface on its way to somebody else */
	DP_STAT_OTHER_STATION = 5, /* for another MAC address: the host's stack does not take it */
	DP_STAT_VLAN_PASSED = 6,   /* judged at the VLAN interface instead */
	DP_STAT_FLOW_UNPROMOTED = 7, /* a proved flow found no room and stays with the unproved */
	DP_STAT_PAUSED = 8,	     /* passed only because enforcement is paused */
	DP_STAT_DOUBT_PASSED = 9,    /* may answer a flow that is older than we are */
	DP_STAT_CGROUP_PASSED = 10,  /* judged at the cgroup of its socket instead */
	DP_STAT_FLOW_INSERTED = 11,  /* entries of flows that were made */
	DP_STAT_RESETS = 12,	     /* denied connections that were answered with a reset */
	DP_STATISTICS = 13,
};

enum dp_hook {
	DP_HOOK_TC_INGRESS = 0,
	DP_HOOK_TC_EGRESS = 1,
	DP_HOOK_CGROUP_INGRESS = 2,
	DP_HOOK_CGROUP_EGRESS = 3,
	DP_HOOK_CONNECT = 4,
	DP_HOOK_XDP = 5,
	DP_HOOKS = 6,
};

/* What verdicts are counted by: enum dp_hook * 2 + enum dp_direction. */
#define DP_PLACES (DP_HOOKS * 2)

/* A new flow or a drop. */
struct dp_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	struct dp_address source;
	struct dp_address destination;
	__be16 source_port;    /* ICMP echo: the identifier */
	__u16 destination_key; /* port or type << 8 | code, host order */
	__u16 unit;
	__u8 protocol;
	__u8 hook;	/* enum dp_hook */
	__u8 direction; /* enum dp_direction: of the packet, seen from the unit */
	__u8 verdict;	/* bit 0: enum dp_verdict; bit 1: observed verdict */
	__u8 reason;	/* enum dp_reason */
	__u8 flags;	/* enum dp_descriptor_flags; bit 7: IPv6 */
	__u32 rule_index;
	__u32 observed_rule_index;
	__u32 generation;
};
#define DP_EVENT_OBSERVED_ALLOW 2
#define DP_EVENT_IP6		0x80

#endif
