/* SPDX-License-Identifier: GPL-2.0-only */
/* A part of mnat/abi.h, which includes it in its place. Bindings, blocks of ports, sessions, the sweep. */
#ifndef MNAT_ABI_SESSIONS_H
#define MNAT_ABI_SESSIONS_H

/* ---- Gateway: bindings and sessions ----------------------------------------
 *
 * A binding (RFC 6146's BIB entry) is an external port taken by one inside
 * endpoint; it serves all remotes (endpoint-independent mapping and filtering,
 * RFC 4787 REQ-1, REQ-8). Map "bindings", ARRAY[external endpoints], mmapable, is indexed
 * by external endpoint, so that packets from outside need no hash:
 *
 *   index = (proto_class * n_blocks + block) << block_shift | port's place in its block
 *
 * (places of a block that is cut short stay unused).
 *
 * Taking a port is one compare-and-swap of owner from 0. Before it a place for it is
 * taken in the port's block (below).
 */
enum mnat_proto_class { MNAT_TCP, MNAT_UDP, MNAT_ICMP, MNAT_N_PROTO };

struct mnat_binding {
	__u64 owner;   /* host id << 32 | inside port (be16) << 16 | serial; 0: free */
	__u32 refs;    /* sessions that use it; MNAT_BINDING_DYING while being freed */
	__u32 created; /* seconds; of a free one: when it became that */
};

#define MNAT_BINDING_DYING 0x80000000u

/*
 * In the serial of an owner word: one of the references is a policy rule's (midcomd's,
 * which maps "bindings" into its memory and uses the same atomic operations). A port
 * that is reserved for nobody yet, or for a relay, has host 0.
 */
#define MNAT_OWNER_RULE 0x8000ull

static inline __u64 mnat_owner(__u32 host, __be16 port)
{
	return (__u64)host << 32 | (__u32)port << 16;
}

static inline __u32 mnat_owner_host(__u64 owner)
{
	return (__u32)(owner >> 32);
}

static inline __be16 mnat_owner_port(__u64 owner)
{
	return (__be16)(owner >> 16);
}

/* ---- Gateway: blocks of ports --------------------------------------------------
 *
 * A block is 1 << block_shift ports of one external address, for all protocols, in use
 * by one host at a time: what is logged is blocks, not sessions (RFC 6888 REQ-12).
 * Blocks are aligned on the port number, so that none has ports on both sides of 1024;
 * the first and the last of an address may be cut short by the pool's ports.
 *
 * Map "blocks", ARRAY[n_blocks], mmapable: address by address, in the order of the ranges of
 * addresses, of which each has ports of its own. All of a block's state that must be
 * seen together is one word, changed by compare-and-swap:
 *
 *   63            54       44       34       24 23                    0
 *  +----------------+--------+--------+--------+-----------------------+
 *  | (free)         |  icmp  |  udp   |  tcp   | host, 0: nobody yet   |
 *  +----------------+--------+--------+--------+-----------------------+
 *                    ports in use, by protocol
 *
 *   take     no port in use: word -> host, one port. Another host's block only after
 *            hold_down seconds (RFC 6888 REQ-8); the host's own at once.
 *   enter    some in use and the host's: one more, up to the block's size
 *   leave    one less; the last one leaves the host's name standing for the hold-down
 */
#define MNAT_BLOCK_HOST_BITS 24
#define MNAT_BLOCK_COUNT_BITS 10
#define MNAT_BLOCK_MAX 512 /* ports: so that a count never overflows its bits */
#define MNAT_BLOCK_HOST_MASK ((1u << MNAT_BLOCK_HOST_BITS) - 1)
/* The host of blocks out of which rules reserve ports for nobody yet, or for others. */
#define MNAT_BLOCK_RULES MNAT_BLOCK_HOST_MASK
#define MNAT_CLASS_PORTS 1024 /* ports below are a class of their own (RFC 4787 REQ-3a) */

struct mnat_block {
	__u64 word;
	__u32 since;	/* seconds; valid while ports are in use */
	__u32 released; /* seconds; 0: never used. Written before each leave */
};

/*
 * Map "host_use", ARRAY as "hosts", mmapable: what a host uses, for its quotas. Changed
 * by atomic operations only.
 */
struct mnat_host_use {
	__u32 current;	 /* the block looked at first: index + 1, 0: none */
	__u32 blocks;	 /* in use */
	__u32 sessions;	 /* anchored here */
	__u32 ports[MNAT_N_PROTO]; /* in blocks of its own */
};

/* Map "host_traffic", PERCPU_ARRAY as "hosts"; 1 entry when accounting is off. */
struct mnat_host_traffic {
	__u64 packets_out; /* inside to outside */
	__u64 bytes_out;
	__u64 packets_in;
	__u64 bytes_in;
};

/* Map "events", RINGBUF: what is to be logged. Read by mnat-midcomd. */
enum mnat_event_kind { MNAT_EVENT_BLOCK_TAKEN = 1, MNAT_EVENT_BLOCK_FREED = 2 };

struct mnat_event {
	__u32 kind;
	__u32 host;
	__u32 block;   /* index */
	__u32 seconds;
	__u64 lost; /* events that found no room since the maps were made */
};

/* Map "events_lost", ARRAY[1] of __u64. */

static inline __u32 mnat_block_host(__u64 word)
{
	return (__u32)word & MNAT_BLOCK_HOST_MASK;
}

/* Zero: no port in use. */
static inline __u64 mnat_block_counts(__u64 word)
{
	return word >> MNAT_BLOCK_HOST_BITS;
}

static inline __u64 mnat_block_unit(__u32 proto)
{
	return 1ull << (MNAT_BLOCK_HOST_BITS + proto * MNAT_BLOCK_COUNT_BITS);
}

static inline __u32 mnat_block_count(__u64 word, __u32 proto)
{
	return (__u32)(word >> (MNAT_BLOCK_HOST_BITS + proto * MNAT_BLOCK_COUNT_BITS)) &
	       ((1u << MNAT_BLOCK_COUNT_BITS) - 1);
}

/* Map "bib", HASH: an inside endpoint -> the index of its binding. */
struct mnat_bib_key {
	__u32 host;
	__be16 port; /* ICMP: identifier */
	__u8 proto;  /* enum mnat_proto_class */
	__u8 pad;
};

/*
 * Sessions: the one record of a flow, for both directions. Keyed on the host's identity,
 * never on its actual address. Created by packets from inside only. The value points at
 * its binding by index; sessions inside the domain and those anchored elsewhere have none.
 *
 * Map "sessions", ARRAY of struct mnat_session_slot[8 * n_buckets], and map "session_tags",
 * ARRAY of __u64[n_buckets], both mmapable, are a table of our own, since the kernel's hash
 * map touches three cache lines and this one. session_table.h has its rules.
 */
struct mnat_session_key {
	__u32 host;
	__be32 remote;
	__be16 port;	    /* inside port; ICMP: identifier */
	__be16 remote_port; /* ICMP: 0 */
	__u8 proto;	    /* enum mnat_proto_class */
	__u8 pad[3];
};

struct mnat_session {
	__u32 binding;
	__u32 last_seen; /* seconds, written at most once a second */
	__u32 created;	 /* seconds */
	__u32 flags;	 /* MNAT_SEEN_*, changed by atomic operations only */
};

struct mnat_session_slot {
	struct mnat_session_key key;
	struct mnat_session session;
};

#define MNAT_BUCKET_SLOTS 8

/* Twice the room that is asked for: then two buckets are never both full before. */
static inline __u32 mnat_session_buckets(__u32 max_sessions)
{
	__u32 n = (max_sessions + 3) / 4;

	return n < 2 ? 2 : n;
}

/*
 * Map "relays", HASH: the index of a binding that an anchor forwards a session to -> the
 * session, and from where its packets come: its external endpoint at the anchor, or
 * the correspondent's. The owner of such a binding is host 0.
 */
struct mnat_relay {
	struct mnat_session_key session;
	__be32 from;
	__be16 from_port; /* ICMP: 0 */
	__u16 pad;
	__be32 virt; /* the host's at the anchor */
};

#define MNAT_SEEN_SYN_OUT (1u << 0)
#define MNAT_SEEN_SYN_IN (1u << 1)
#define MNAT_SEEN_FIN_OUT (1u << 2)
#define MNAT_SEEN_FIN_IN (1u << 3)
#define MNAT_SEEN_RST (1u << 4)
#define MNAT_SEEN_ALL ((1u << 5) - 1)
/* Its anchor was taken to be the default one; an import may tell a better one. */
#define MNAT_ANCHOR_GUESSED (1u << 8)
/* In the domain, begun towards the host's actual address: is not translated. */
#define MNAT_INTRA_ACTUAL (1u << 9)
#define MNAT_SESSION_MARKED (1u << 31) /* first phase of the sweep found it idle */

/* The state of a session follows from what was seen: it needs no machine. */
enum mnat_state {
	MNAT_STATE_UDP,
	MNAT_STATE_ICMP,
	MNAT_STATE_TCP_OPENING,
	MNAT_STATE_TCP_ESTABLISHED,
	MNAT_STATE_TCP_CLOSING,
	MNAT_STATE_TCP_RESET,
	MNAT_STATE_OTHER, /* of map "carried" */
	MNAT_N_STATES,
};

static inline enum mnat_state mnat_session_state(__u8 proto, __u32 flags)
{
	const __u32 syn = MNAT_SEEN_SYN_OUT | MNAT_SEEN_SYN_IN;
	const __u32 fin = MNAT_SEEN_FIN_OUT | MNAT_SEEN_FIN_IN;

	if (proto == MNAT_UDP)
		return MNAT_STATE_UDP;
	if (proto == MNAT_ICMP)
		return MNAT_STATE_ICMP;
	if (flags & MNAT_SEEN_RST)
		return MNAT_STATE_TCP_RESET;
	if ((flags & fin) == fin)
		return MNAT_STATE_TCP_CLOSING;
	if ((flags & syn) == syn)
		return MNAT_STATE_TCP_ESTABLISHED;
	return MNAT_STATE_TCP_OPENING;
}

/*
 * The sweep: mnat-midcomd walks "sessions" and runs program "gw_sweep" by
 * BPF_PROG_TEST_RUN with some keys at a time as packet data, which it reads back: a
 * run lasts some ten microseconds, so that a full table holds up no packet. Sessions
 * idle beyond their time-out are marked; those still idle and marked at the next
 * sweep are deleted, with their binding when it was the last user.
 */
#define MNAT_SWEEP_KEYS 128

struct mnat_sweep {
	__u32 now;    /* in: seconds; 0: the kernel's own clock. Tests set it */
	__u32 n;      /* in: keys given */
	__u32 live;   /* out */
	__u32 marked; /* out: newly marked */
	__u32 deleted;
	__u32 freed; /* out: bindings released */
	__u32 pad[2];
	struct mnat_session_key keys[MNAT_SWEEP_KEYS];
};

/*
 * Map "carried", HASH: a flow of a protocol without ports to translate, by what its
 * packets show outside -> whose it is. mnat-midcomd removes idle ones.
 */
struct mnat_carried_key {
	__be32 external;
	__be32 remote;
	__u32 id;	  /* SCTP: ports, ESP: SPI, 0: it waits for its SPI; others: 0 */
	__u8 ip_proto;
	__u8 direction; /* ESP: 1 out, 2 in */
	__u16 pad;
};

struct mnat_carried {
	__u32 host;
	__u32 last_seen; /* seconds */
};

/*
 * Map "syns", RINGBUF: SYNs to external ports that nobody holds. mnat-midcomd looks
 * once a second and answers each six seconds after it came (RFC 5382 REQ-4).
 */
#define MNAT_SYNS_BYTES 65536

struct mnat_syn {
	__u32 at;	/* seconds */
	__be32 quote[7]; /* IP header without options, 8 bytes of TCP's */
};

/*
 * Map "permits", LRU_HASH: mnat_session_key with remote_port 0 -> __u32, when the inside
 * endpoint last sent to that address. Only for MNAT_FILTERING_ADDRESS; one that is pushed
 * out comes again with the next packet from inside.
 */
enum mnat_filtering { /* RFC 4787 section 5 */
	MNAT_FILTERING_NONE, /* endpoint-independent */
	MNAT_FILTERING_ADDRESS,
	MNAT_FILTERING_ADDRESS_PORT,
};

#endif
