/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract between the BPF programs and user space: maps, their keys and
 * values, counters, and the load-time configuration. Nothing else is shared.
 *
 * Byte order: fields named __be32/__be16 hold network order, as on the wire.
 * All other integers are host order. Times in maps are whole seconds of
 * CLOCK_MONOTONIC (the coarse clock BPF reads for 13 ns).
 *
 * Any change to a struct, a map's meaning or the counter list's order raises
 * MNAT_ABI_VERSION: mnat-load refuses to reuse pinned maps of another version.
 */
#ifndef MNAT_ABI_H
#define MNAT_ABI_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define MNAT_ABI_MAGIC 0x4d4e4154 /* "MNAT" */
#define MNAT_ABI_VERSION 6

enum mnat_role { MNAT_ROLE_GATEWAY = 1, MNAT_ROLE_NODE = 2 };

/* Map "abi", ARRAY[1]: written once by mnat-load when it creates the maps. */
struct mnat_abi {
	__u32 magic;
	__u32 version;
	__u32 role;
	__u32 pad;
};

/* ---- Counters ------------------------------------------------------------
 *
 * Every way out of a program is counted under exactly one of these; EVENT
 * rows are counted besides. X(NAME, class, text). mnatctl prints the lower-case
 * NAME and the text; the number is the position.
 *
 *   FORWARD  translated and sent on      STACK  handed to the kernel untouched
 *   DROP     dropped                     EVENT  something worth counting happened
 */
#define MNAT_COUNTERS(X)                                                                       \
	/* gateway */                                                                          \
	X(OUT_TRANSLATED, FORWARD, "inside to outside, translated")                            \
	X(IN_TRANSLATED, FORWARD, "outside to inside, translated")                             \
	X(OTHER_MACHINE, STACK, "Ethernet frame for another machine, the kernel drops it")     \
	X(NOT_IPV4, STACK, "ARP, IPv6 and other ethertypes")                                   \
	X(TO_GATEWAY, STACK, "addressed to the gateway itself, broadcast or multicast")        \
	X(INTRA_DOMAIN, STACK, "from inside to inside, routed by the kernel")                  \
	X(INTRA_TRANSLATED, FORWARD, "from inside to inside, virtual addresses for actual")    \
	X(HAIRPINNED, FORWARD, "from inside to an external port of an inside host")            \
	X(NO_BINDING, STACK, "from outside to an external port no host holds")                 \
	X(OTHER_ADDRESS, STACK, "from outside to an address that is not an external one")      \
	X(TTL_EXPIRED, STACK, "TTL ran out, the kernel answers with ICMP 11")                  \
	X(TTL_EXPIRED_IN, DROP, "TTL ran out on the way in")                                   \
	X(INSIDE_FROM_OUTSIDE, DROP, "from outside straight to an inside address")             \
	X(NO_ROUTE_IN, DROP, "no route to where the host is")                                  \
	X(TUNNEL_OUT, FORWARD, "from a visiting host to the anchor of its session")             \
	X(TUNNEL_IN, FORWARD, "from an anchor to a visiting host")                             \
	X(FORWARDED_AWAY, FORWARD, "to a host behind a tunnel, elsewhere or here")              \
	X(FORWARDED_PORT, FORWARD, "from outside to a host elsewhere, to its session's port")  \
	X(RELAY_IN, FORWARD, "from an anchor to a visiting host, by its session's port here")  \
	X(RELAY_UNKNOWN, DROP, "to a visiting host's port, not from its session's other end")  \
	X(FROM_VISITED, FORWARD, "from a host that visits elsewhere, sent on")                 \
	X(DIRECT_OUT, FORWARD, "from a visiting host straight out, as its anchor")             \
	X(TUNNEL_UNKNOWN, DROP, "tunnel packet of no known peer and host")                     \
	X(TUNNEL_MALFORMED, DROP, "tunnel packet without a good inner packet")                 \
	X(ICMP_ERROR_OUT, FORWARD, "ICMP error to outside, outer and inner translated")        \
	X(ICMP_ERROR_IN, FORWARD, "ICMP error to a host, outer and inner translated")          \
	X(ICMP_ERROR_UNKNOWN, STACK, "ICMP error about no session of a host")                  \
	X(TUNNEL_NARROW, FORWARD, "ICMP 3/4 about a tunnel of ours, told to the sender inside") \
	X(ICMP_ERROR_FRAGMENT, DROP, "ICMP error about a later fragment, whose first one is not known") \
	X(TOO_BIG_TOLD, FORWARD, "larger than the next link, its sender told by ICMP 3/4")     \
	X(TOO_BIG_SPLIT, FORWARD, "larger than the next link, fragmented, each piece sent round") \
	X(SHORT_PACKET, DROP, "truncated, or lengths that contradict each other")              \
	X(BAD_HEADER, DROP, "IP version, header length or TCP offset is impossible")           \
	X(FRAGMENT_HELD, FORWARD, "later fragment before its first one, held for it")          \
	X(FRAGMENT_AGAIN, FORWARD, "first fragment, sent round again with those held for it")  \
	X(FRAGMENT_FULL, DROP, "later fragment before its first one, no room to hold it")      \
	X(FRAGMENT_REFUSED, DROP, "later fragment of a packet that was refused")               \
	X(FRAGMENT_STACK, STACK, "later fragment of a packet that was the kernel's")           \
	X(FRAGMENT_TINY, DROP, "first fragment without the whole transport header")            \
	X(FRAGMENT_OVERLAP, DROP, "later fragment over bytes of the first one")                \
	X(FRAGMENT_BAD, DROP, "fragment of an impossible length or offset")                    \
	X(ICMP_UNSUPPORTED, DROP, "ICMP other than echo, not yet translated")                  \
	X(PROTO_UNSUPPORTED, DROP, "IP protocol that has no ports to translate")               \
	X(AH, DROP, "AH: it authenticates the addresses, no NAT can carry it")                 \
	X(PEER_TAKEN, DROP, "ESP, GRE, IPIP or SCTP: another host has that flow with that peer") \
	X(MARTIAN, DROP, "from outside, with a source that is ours, inside or no unicast address") \
	X(VLAN, STACK, "VLAN tag: for the VLAN's own interface")                               \
	X(NO_HOST, DROP, "source address belongs to no host of this domain")                   \
	X(NO_VIRTUAL, DROP, "to a virtual address that no host has")                           \
	X(HOST_GONE, DROP, "host has left, its grace period is over")                          \
	X(OLD_ACTUAL, DROP, "source is an old actual address after its grace period")          \
	X(FILTERED, DROP, "from outside, from where the inside endpoint has not sent to")      \
	X(SYN_UNSOLICITED, DROP, "SYN to a port nobody holds, answered after six seconds")     \
	X(NO_SESSION, DROP, "of no session, and may not begin one")                            \
	X(PORTS_EXHAUSTED, DROP, "no free block of external ports within the bounded search")  \
	X(PORTS_QUOTA, DROP, "host has as many external ports as it may have")                 \
	X(SESSIONS_QUOTA, DROP, "host has as many sessions as it may have")                    \
	X(SESSIONS_FULL, DROP, "session table is full")                                        \
	X(BINDINGS_FULL, DROP, "binding table is full")                                        \
	X(BINDING_DYING, DROP, "binding was just being freed, the sender will repeat")          \
	X(NO_ROUTE, STACK, "no route, the kernel answers with ICMP 3")                         \
	X(FORWARDING_OFF, DROP, "forwarding is off on the interface")                          \
	X(TOO_BIG, DROP, "larger than the MTU of the next link")                               \
	X(UNTRANSLATED, DROP, "inside source about to leave on the outside, stopped")          \
	X(INTERNAL, DROP, "a kernel helper failed")                                            \
	X(HOST_TUNNEL_OUT, EVENT, "packets of hosts of this domain that came by tunnel")       \
	X(SESSION_NEW, EVENT, "sessions created")                                              \
	X(BINDING_NEW, EVENT, "bindings (external ports) taken")                               \
	X(CREATE_RACE, EVENT, "two CPUs created one flow, the second adopted the first's")     \
	X(SESSION_SWEPT, EVENT, "sessions expired and removed")                                \
	X(BINDING_FREED, EVENT, "bindings (external ports) released")                          \
	X(CARRIED_NEW, EVENT, "flows of ESP, GRE, IPIP and SCTP begun")                        \
	X(SYN_UNTOLD, EVENT, "unsolicited SYNs that get no answer: too many at once")          \
	X(PROHIBITED_TOLD, EVENT, "no session could be made, the sender told by ICMP 3/13")    \
	X(FRAGMENT_RELEASED, EVENT, "held fragments sent after their first one")               \
	X(FRAGMENT_EXPIRED, EVENT, "held fragments dropped, their first one never came")       \
	X(BLOCK_TAKEN, EVENT, "blocks of external ports taken by a host")                      \
	X(BLOCK_FREED, EVENT, "blocks of external ports released by their host")               \
	X(LOG_LOST, EVENT, "events that found no room in the ring to the log")                 \
	/* node */                                                                             \
	X(NODE_OUT, FORWARD, "virtual to actual, sent on the uplink")                          \
	X(NODE_IN, FORWARD, "actual to virtual, given to the stack")                           \
	X(NODE_IN_OLD, FORWARD, "to the previous actual address within its grace, accepted")   \
	X(NODE_DIRECT, FORWARD, "inside the domain, sent with the virtual address")            \
	X(NODE_TUNNEL_OUT, FORWARD, "by tunnel, to the gateway or the session's home gateway") \
	X(NODE_TUNNEL_IN, FORWARD, "by tunnel, from the gateway or the session's home gateway") \
	X(NODE_TUNNEL_ERROR, FORWARD, "ICMP error about a tunnel packet, told to the stack")   \
	X(NODE_GROUP_IN, FORWARD, "broadcast or multicast, given to the stack")                \
	X(NODE_PASS, STACK, "passed as it is: passthrough mode or not for the shim")           \
	X(NODE_DHCP, STACK, "DHCP, left to the client daemon")                                 \
	X(NODE_REBIND, STACK, "a manager's answer to a rebind, left to the client daemon")     \
	X(NODE_VLAN, STACK, "VLAN tag: another network on the same wire")                      \
	X(NODE_DHCP_STACK, STACK, "the stack's own DHCP, handed to the client daemon")         \
	X(NODE_NOT_IPV4, DROP, "other ethertype on mnat0, has no translation")                 \
	X(NODE_NO_LINK, DROP, "no uplink is configured yet")                                   \
	X(NODE_NO_GATEWAY, DROP, "the gateway's MAC address is not known yet")                 \
	X(NODE_NOT_OURS, STACK, "to an address that is not this node's")                       \
	X(NODE_SOURCE, DROP, "source on mnat0 is not the virtual address")                     \
	X(ARP_GATEWAY, FORWARD, "ARP for the gateway answered from the cache")                 \
	X(ARP_OFF_LINK, FORWARD, "ARP for an off-link address answered with the gateway's")    \
	X(ARP_ON_LINK, FORWARD, "ARP for an on-link neighbour sent with the actual address")   \
	X(ARP_ANSWERED, FORWARD, "ARP request for the actual address answered")                \
	X(ARP_TO_STACK, FORWARD, "ARP reply of a neighbour given to the stack")                \
	X(ARP_LEARNED, FORWARD, "ARP reply of the gateway, MAC address learnt")                \
	X(ARP_TO_DAEMON, STACK, "ARP reply to another address, left to the client daemon")     \
	X(ARP_REPLY_OUT, DROP, "ARP reply of the stack, stopped")                              \
	X(ARP_OTHER, DROP, "ARP for someone else")                                             \
	X(ARP_MALFORMED, DROP, "ARP that is not Ethernet and IPv4")                            \
	X(ARP_UNSOLICITED, DROP, "ARP claiming to be the gateway, nobody asked")

enum mnat_counter_class {
	MNAT_CLASS_FORWARD,
	MNAT_CLASS_STACK,
	MNAT_CLASS_DROP,
	MNAT_CLASS_EVENT,
};

enum mnat_counter_id {
#define X(name, class, text) MNAT_C_##name,
	MNAT_COUNTERS(X)
#undef X
	MNAT_N_COUNTERS,
};

/* Map "counters", PERCPU_ARRAY[MNAT_N_COUNTERS]. Both roles have one. */
struct mnat_counter {
	__u64 packets;
	__u64 bytes;
};

/*
 * Map "port_tries", PERCPU_ARRAY[8] of __u64: how many probes finding a free
 * external port in its block took. Bucket i counts searches of 2^i .. 2^(i+1)-1 probes.
 */
#define MNAT_TRIES_BUCKETS 8

/* ---- Gateway: where hosts are ---------------------------------------------
 *
 * A host is a small id. Ids 1 .. n_actuals stand for plain hosts: the id is one
 * more than the index of the host's own address among the inside prefixes, so
 * that they need no administration. Ids above are handed to mobile nodes by
 * mnat-midcomd.
 *
 * Map "hosts", ARRAY[n_actuals + max_hosts + 1] of __u64, mmapable: a host's
 * location word. 0: no such host, or the host has left. User space changes a
 * location by one 64-bit store through its mapping; that store is the move
 * (seed paragraphs 68, 69).
 *
 *   63            32 31    24 23    16 15           0
 *  +----------------+--------+--------+--------------+
 *  | endpoint, be32 |  path  | flags  |  generation  |
 *  +----------------+--------+--------+--------------+
 */
enum mnat_path {
	MNAT_PATH_NONE = 0,
	MNAT_PATH_TRANSLATE = 1, /* destination becomes the endpoint (figure 3B) */
	/*
	 * IP-in-IP to the endpoint: the host's actual address (figure 3A), the gateway of
	 * the domain it visits (figure 10), or the host itself in public space (figure 11).
	 * The inner destination is the host's virtual address.
	 */
	MNAT_PATH_TUNNEL = 2,
};

#define MNAT_HOST_PLAIN (1 << 0) /* no virtual address: identified by its actual one */
/*
 * The host has arrived from another domain and its sessions there are not all known
 * here yet: packets of no known session go to its default anchor (map "defaults").
 */
#define MNAT_HOST_IMPORTING (1 << 1)
/* Path TUNNEL: map "elsewhere" says more of some of its sessions. */
#define MNAT_HOST_FORWARDED (1 << 3)
/* Path TUNNEL: its packets need not come back this way, so those to it keep sessions alive. */
#define MNAT_HOST_ONE_WAY (1 << 4)

/* Path TUNNEL ends at the host's own actual address, in this domain (figure 3A). */
#define MNAT_HOST_TUNNELLED (1 << 2)

static inline __u64 mnat_location(__be32 endpoint, __u8 path, __u8 flags, __u16 gen)
{
	return (__u64)endpoint << 32 | (__u64)path << 24 | (__u64)flags << 16 | gen;
}

static inline __be32 mnat_location_endpoint(__u64 word)
{
	return (__be32)(word >> 32);
}

static inline __u8 mnat_location_path(__u64 word)
{
	return (__u8)(word >> 24);
}

static inline __u8 mnat_location_flags(__u64 word)
{
	return (__u8)(word >> 16);
}

static inline __u16 mnat_location_gen(__u64 word)
{
	return (__u16)word;
}

/* Reached through another domain's gateway, or in public space. */
static inline int mnat_location_is_away(__u64 word)
{
	return mnat_location_path(word) == MNAT_PATH_TUNNEL &&
	       !(mnat_location_flags(word) & MNAT_HOST_TUNNELLED);
}

/*
 * Map "actuals", ARRAY[n_actuals] of __u64, mmapable: who uses an inside
 * address. Index: the address's position among the inside prefixes, in order.
 *
 *   63              32 31             0
 *  +------------------+----------------+
 *  | until, seconds   | host id        |   until 0: current
 *  +------------------+----------------+
 *
 * until != 0: the host has moved away, packets still in flight from here are
 * accepted up to that second. Word 0: no lease known; the address is a plain
 * host's if the configuration admits those.
 */
static inline __u64 mnat_actual(__u32 host, __u32 until)
{
	return (__u64)until << 32 | host;
}

static inline __u32 mnat_actual_host(__u64 word)
{
	return (__u32)word;
}

static inline __u32 mnat_actual_until(__u64 word)
{
	return (__u32)(word >> 32);
}

/*
 * Map "host_info", ARRAY as "hosts": what user space must find again after a
 * restart. Owned by mnat-midcomd; the fast path does not read it.
 * virt 0: id is free, or belongs to a plain host. Slot 0 belongs to no host: its
 * bound_at_ns is the boot epoch midcomd tells managers, drawn when it is 0, that
 * is, when the maps are new.
 */
struct mnat_host_info {
	__be32 virt;
	__be32 actual;	   /* as last bound; 0 when the host has left */
	__u32 gen;	   /* full generation of the last accepted rebind */
	__u32 flags;
	__u64 bound_at_ns; /* CLOCK_BOOTTIME of the last accepted rebind */
	__u32 stay;	   /* another one each time the host goes to another domain */
	__u32 pad;
};

/* Map "virtuals", HASH[max_hosts]: __be32 virtual address -> __u32 host id. */

/* ---- Gateway: between domains ------------------------------------------------
 *
 * A session stays anchored at the gateway where it began (seed paragraph 65). The
 * gateway a host visits sends what belongs to sessions anchored elsewhere to their
 * anchors, in IP-in-IP with the virtual address the host has there as inner source
 * (reverse tunnel), or straight to the correspondent with the anchor's external
 * endpoint as source (direct; paragraph 78). An anchor sends what comes from
 * correspondents by the host's location word, path TUNNEL; a session that map
 * "elsewhere" says more of is translated: its packets go to an external port that it
 * alone has at the visited gateway (map "relays" there), and need no tunnel.
 *
 * Map "anchors", ARRAY[max_anchors]: one a host and gateway where it has sessions.
 * Slot 0 is never used. Written by mnat-midcomd.
 */
struct mnat_anchor {
	__be32 gateway; /* tunnel address there; 0: slot is free, or being freed */
	__be32 virt;	/* the host's virtual address there */
	__u32 host;	/* its id here */
	__u32 flags;	/* MNAT_ANCHOR_* */
};

#define MNAT_ANCHOR_DIRECT (1u << 0) /* straight to the correspondent, not by the anchor */
#define MNAT_ANCHOR_REMOVED (1u << 1) /* midcomd is removing the sessions that name it */
#define MNAT_ANCHOR_TRANSLATE (1u << 2) /* its sessions get ports here */
/* ... to which packets come with the correspondent's endpoint as source, not the anchor's;
 * or, without ports, tunnel packets */
#define MNAT_ANCHOR_CORRESPONDENT (1u << 3)

/* A session's binding, when it is anchored elsewhere: this bit and the anchor's slot. */
#define MNAT_BINDING_ANCHOR 0x80000000u

/*
 * The binding of a session between hosts of the domain: this bit, and the other host's id
 * when it is mobile too. Addresses change, ports do not: there is no external endpoint.
 * Of two mobile hosts the one with the lower id is the session's, the other its remote.
 */
#define MNAT_BINDING_INTRA 0x40000000u

static inline __u32 mnat_intra_peer(__u32 binding)
{
	return binding & ~MNAT_BINDING_INTRA;
}

/* No external endpoint here: the binding is no index. */
static inline int mnat_binding_is_none(__u32 binding)
{
	return !!(binding & (MNAT_BINDING_ANCHOR | MNAT_BINDING_INTRA));
}

static inline int mnat_binding_is_intra(__u32 binding)
{
	return (binding & (MNAT_BINDING_ANCHOR | MNAT_BINDING_INTRA)) == MNAT_BINDING_INTRA;
}

/* Map "defaults", ARRAY as "hosts", of __u32: a host's default anchor, 0: none. */

/*
 * Map "elsewhere", HASH: mnat_session_key -> what another gateway has to do with it. Filled
 * by mnat-midcomd, emptied with the session. A session that is forwarded has a second
 * entry, for errors that come back: the same key with the other gateway's endpoint as
 * remote, saying who the correspondent is.
 */
enum mnat_elsewhere_kind {
	MNAT_ANCHORED = 1, /* begun elsewhere: its external endpoint there */
	MNAT_FORWARDED,	   /* begun here: its endpoint at the gateway its host visits now */
	MNAT_CORRESPONDENT,
};

struct mnat_elsewhere {
	__be32 addr;
	__be16 port; /* forwarded: 0: by tunnel after all, only its outer source is another */
	__u8 kind;
	__u8 flags;
	__u32 number; /* anchored: its relay, plus 1; forwarded: the stay it belongs to */
};

#define MNAT_KEEP_SOURCE (1 << 0) /* forwarded with the correspondent's as (outer) source */

/*
 * Map "arrivals", HASH: which tunnel packets are believed. peer: outer source. If the
 * inner destination is virt, the packet is for host, which is here; if the inner
 * source is, it comes from host, which is behind peer (its location says so too).
 * All other tunnel packets are dropped and counted. With MNAT_ARRIVAL_TO the peer is a
 * correspondent, in whose name an anchor sends what it has sent (the outer source is the
 * inner one): to the host only.
 */
#define MNAT_ARRIVAL_TO 0x80000000u
struct mnat_arrival_key {
	__be32 peer;
	__be32 virt;
};

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

/* ---- Gateway: next hops ------------------------------------------------------
 *
 * Asking the kernel where a packet goes costs as much as all else the gateway does with
 * it. So each CPU remembers answers, in map "next_hops", PERCPU_ARRAY[MNAT_NEXT_HOPS]:
 * the destination and the way in choose the place, a new answer replaces what is there.
 * An answer counts while its stamp is that of now: the same second, and the same epoch of
 * the routes, which is in map "route_state", ARRAY[1] of __u64, mmapable:
 *
 *   63              32 31             1  0
 *  +------------------+--------------+----+
 *  | epoch            | 0            | on |
 *  +------------------+--------------+----+
 *
 * mnat-midcomd raises the epoch whenever the kernel tells of a change of a route, rule,
 * neighbour, address or link, so that it is in force with the next packet; without
 * mnat-midcomd it is a second later at most. on 0: each packet asks the kernel, because
 * there are routing rules, which may choose by what "next_hops" does not look at.
 * mnat-load sets it first, mnat-midcomd keeps it right.
 */
#define MNAT_NEXT_HOPS 4096
#define MNAT_ROUTES_ON 1ull

struct mnat_next_hop {
	__be32 daddr;
	__u32 way_in; /* ifindex; the upper bit: as XDP sees it */
	__u64 stamp;  /* 0: no answer */
	__u32 ifindex;
	__u16 mtu;
	__u8 smac[6];
	__u8 dmac[6];
};

static inline __u64 mnat_route_stamp(__u64 state, __u32 seconds)
{
	return (state & ~0xffffffffull) | seconds;
}

/* The state after a change. */
static inline __u64 mnat_route_changed(__u64 state, int rules)
{
	__u64 epoch = ((state >> 32) + 1) << 32;

	return rules ? epoch : epoch | MNAT_ROUTES_ON;
}

/* ---- Gateway: XDP ---------------------------------------------------------------
 *
 * Map "xdp_ports", DEVMAP_HASH[MNAT_MAX_PORTS]: __u32 ifindex -> the interface itself.
 */
#define MNAT_MAX_PORTS 64

/*
 * Map "own_macs", ARRAY[MNAT_OWN_MACS]: by ifindex modulo MNAT_OWN_MACS, the address
 * that frames for this machine have there. TC writes what the kernel took for its own,
 * XDP leaves all else to TC; two interfaces of one slot cost speed only.
 */
#define MNAT_OWN_MACS 256

static inline __u64 mnat_own_mac(__u32 ifindex, const __u8 *mac)
{
	const __u16 *words = (const __u16 *)mac;

	return (__u64)(ifindex / MNAT_OWN_MACS) << 48 | (__u64)words[2] << 32 |
	       (__u64)words[1] << 16 | words[0];
}

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

/* ---- Gateway: load-time configuration (rodata "cfg") ------------------------ */

#define MNAT_MAX_INSIDE 16
#define MNAT_MAX_VIRTUAL 4
#define MNAT_MAX_EXTERNAL_RANGES 16

struct mnat_prefix {
	__u32 first; /* host order */
	__u32 last;
	__u32 base; /* index of first in "actuals" */
};

/* External addresses, each with the same ports. Below the line: as mnat_lay_out() finds. */
struct mnat_external {
	__u32 first; /* host order */
	__u32 last;
	__u32 port_first;
	__u32 port_last;
	/* ---- */
	__u32 n_blocks;	  /* of one address */
	__u32 block_base; /* index of the first one's first block */
	__u32 n_low;	  /* of an address's, below MNAT_CLASS_PORTS; 0: there is one class only */
};

struct mnat_gateway_config {
	struct mnat_prefix inside[MNAT_MAX_INSIDE];
	__u32 n_inside;
	__u32 n_actuals;
	struct mnat_external external[MNAT_MAX_EXTERNAL_RANGES];
	__u32 n_external; /* ranges */
	__u32 block_shift;
	__u32 n_blocks;	  /* of all addresses */
	__u32 step;	  /* blocks from one host's place to the next one's: an address's fewest */
	__u32 classes;	  /* 1: some address has ports of both classes */
	__u32 max_blocks; /* a host's */
	__u32 max_host_sessions;
	__u32 hold_down;  /* seconds */
	__u32 arbitrary;  /* 1: blocks of other addresses, too, when the host's has none */
	__u32 fixed;	  /* blocks each host has by formula (RFC 7422), 0: as it needs them */
	__u32 accounting;
	__u32 plain_hosts; /* 1: addresses without a lease get ordinary NAT */
	__be32 tunnel_addr; /* our end of tunnels: the first external address by default */
	__u32 max_anchors;
	__u32 filtering; /* enum mnat_filtering */
	struct mnat_prefix virtuals[MNAT_MAX_VIRTUAL]; /* base is not used */
	__u32 n_virtual;
	__u32 timeouts[MNAT_N_STATES]; /* seconds idle */
	__u32 n_buckets;    /* of the table of sessions */
	__u64 session_seed; /* ... chosen when its maps are made */
};

/* ---- Node: the shim ---------------------------------------------------------
 *
 * Map "shim", ARRAY[MNAT_SHIM_SLOTS] of struct mnat_shim, and map "shim_active",
 * ARRAY[1] of __u32: the slot in force. mnatc fills the next slot, then flips the
 * index: the datapath sees the old state or the new one, never a mixture.
 */
#define MNAT_SHIM_SLOTS 4

enum mnat_shim_mode {
	MNAT_MODE_PASSTHRU = 0,
	MNAT_MODE_TRANSLATE = 1,
	/*
	 * Public space (figure 11): no gateway of ours there. Packets of the sessions in
	 * map "homes" go to their home gateway in IP-in-IP and come from there so; all
	 * others are translated as in MNAT_MODE_TRANSLATE.
	 */
	MNAT_MODE_PUBLIC = 2,
	/*
	 * Figure 3A: what the domain's gateway sends is in IP-in-IP, the virtual address
	 * inside. The way out is as in MNAT_MODE_TRANSLATE, or by tunnel too
	 * (tunnel_out; seed paragraph 56).
	 */
	MNAT_MODE_TUNNEL = 3,
};

/*
 * Map "homes", HASH: a session whose virtual address is not the preferred one, or
 * that is anchored elsewhere in public space -> that address and home gateway. Filled
 * by mnatc from the kernel's sockets when the node moves, and by the shim for packets
 * the stack sends from such an address. Remote 0 and port 0: an unconnected UDP socket.
 */
struct mnat_home_key {
	__be32 remote;
	__be16 port; /* local */
	__be16 remote_port;
	__u8 ip_proto;
	__u8 pad[3];
};

struct mnat_home {
	__be32 virt;
	__be32 gateway; /* 0: no tunnel, translate */
};

/*
 * A TCP connection of the node, as program "node_tcp" tells it, an iterator that mnatc reads
 * rows of this shape from: its sequence numbers (host order) and how its timer stands.
 */
struct mnat_tcp {
	__be32 local;
	__be32 remote;
	__be16 port; /* local */
	__be16 remote_port;
	__u32 snd_una; /* the oldest byte that was sent and not acknowledged */
	__u32 acked;   /* the next byte to come, as the peer was told last */
	__u8 backoff;  /* how often the retransmission timer was doubled; 0: it is not */
	__u8 receives; /* the peer may still send */
	__u8 pad[2];
	__u64 silence_ns; /* since a segment was sent or received */
};

/* intra = direct: to these addresses the virtual one stays the source (figure 9, route 901). */
#define MNAT_MAX_DIRECT 4

struct mnat_net {
	__be32 addr;
	__be32 mask;
};

struct mnat_shim {
	__u32 mode;
	__u32 generation;
	__be32 virt;
	__be32 actual;
	__be32 mask;		/* of the actual subnet */
	__be32 gateway;		/* router on the actual subnet */
	__be32 virt_gateway;	/* the gateway the stack believes in (10.0.0.1) */
	__u32 uplink;		/* ifindex; 0: none */
	__u32 device;		/* ifindex of mnat0 */
	__be32 old_actual;	/* still accepted ... */
	__u64 old_until_ns;	/* ... up to this CLOCK_BOOTTIME */
	__u64 gateway_mac;	/* first 6 bytes; 0: not known yet. One store, never torn */
	__u8 uplink_mac[6];
	__u8 device_mac[6];
	__u32 arp_pending;	/* mnatc has asked for the gateway; one reply is welcome */
	__u32 homes;		/* 1: map "homes" is in use */
	__be32 tunnel;		/* MNAT_MODE_TUNNEL: the gateway's end */
	__be32 virt_mask;	/* of the network the stack believes in (255.0.0.0) */
	__u8 tunnel_out;	/* MNAT_MODE_TUNNEL: 1: the way out is by tunnel too */
	__u8 consumer;		/* 1: a daemon takes DHCP, the stack's own too; 0: it passes */
	__u8 n_direct;
	__u8 pad;
	struct mnat_net direct[MNAT_MAX_DIRECT];
	__u64 first_out_ns;	/* CLOCK_BOOTTIME of the first packet under this slot */
	__u64 first_in_ns;
};

/* ---- Blocks of external addresses; the same sums in BPF and in user space ---- */

#ifdef __bpf__
#define MNAT_INLINE __attribute__((always_inline)) inline /* a call costs stack, which is short */
#else
#define MNAT_INLINE inline
#endif

/* The range of a block's address. */
static MNAT_INLINE const volatile struct mnat_external *
mnat_block_range(const volatile struct mnat_gateway_config *c, __u32 block)
{
	__u32 i = 0;

	while (i + 1 < MNAT_MAX_EXTERNAL_RANGES && i + 1 < c->n_external &&
	       c->external[i + 1].block_base <= block)
		i++;
	return &c->external[i];
}

/* First port of an address's nth block, and how many it has. */
static MNAT_INLINE __u32 mnat_block_ports(const volatile struct mnat_external *e, __u32 shift,
					  __u32 nth, __u32 *ret_n)
{
	__u32 first = ((e->port_first >> shift) + nth) << shift, last = first + (1u << shift) - 1;

	if (first < e->port_first)
		first = e->port_first;
	if (last > e->port_last)
		last = e->port_last;
	*ret_n = last - first + 1;
	return first;
}

static MNAT_INLINE __u32 mnat_binding_at(const volatile struct mnat_gateway_config *c, __u32 proto,
					 __u32 block, __u32 port)
{
	__u32 size = 1u << c->block_shift;

	return ((proto * c->n_blocks + block) << c->block_shift) + (port & (size - 1));
}

static MNAT_INLINE __u32 mnat_binding_proto(const volatile struct mnat_gateway_config *c,
					    __u32 index)
{
	return (index >> c->block_shift) / c->n_blocks;
}

static MNAT_INLINE __u32 mnat_binding_block(const volatile struct mnat_gateway_config *c,
					    __u32 index)
{
	return (index >> c->block_shift) % c->n_blocks;
}

/* The external endpoint of a binding, in host order. */
static MNAT_INLINE __u32 mnat_binding_endpoint(const volatile struct mnat_gateway_config *c,
					       __u32 index, __u32 *ret_port)
{
	__u32 shift = c->block_shift, block = mnat_binding_block(c, index);
	const volatile struct mnat_external *e = mnat_block_range(c, block);
	__u32 nth = block - e->block_base, address = nth / e->n_blocks;

	nth -= address * e->n_blocks;
	*ret_port = (((e->port_first >> shift) + nth) << shift) + (index & ((1u << shift) - 1));
	return e->first + address;
}

/* The index of an external endpoint (host order), or -1. */
static MNAT_INLINE long mnat_binding_index(const volatile struct mnat_gateway_config *c,
					   __u32 proto, __u32 addr, __u32 port)
{
	__u32 shift = c->block_shift;

	for (__u32 i = 0; i < MNAT_MAX_EXTERNAL_RANGES && i < c->n_external; i++) {
		const volatile struct mnat_external *e = &c->external[i];

		if (addr < e->first || addr > e->last)
			continue;
		if (port < e->port_first || port > e->port_last)
			return -1;
		return mnat_binding_at(c, proto,
				       e->block_base + (addr - e->first) * e->n_blocks +
					       (port >> shift) - (e->port_first >> shift),
				       port);
	}
	return -1;
}

/* By formula (RFC 7422), for mnat_block_home(): *ret_n 0: none, the host is no host. */
static MNAT_INLINE __u32 mnat_block_fixed(const volatile struct mnat_gateway_config *c, __u32 host,
					  __u32 *ret_n)
{
	__u32 place = host - 1;

	*ret_n = c->fixed;
	for (__u32 i = 0; i < MNAT_MAX_EXTERNAL_RANGES && i < c->n_external; i++) {
		const volatile struct mnat_external *e = &c->external[i];
		__u32 hosts = e->n_blocks / c->fixed; /* of one address */
		__u32 n = (e->last - e->first + 1) * hosts;

		if (place < n)
			return e->block_base + place / hosts * e->n_blocks +
			       place % hosts * c->fixed;
		place -= n;
	}
	*ret_n = 0;
	return 0;
}

/*
 * The first of the blocks where a host looks for ports, and how many there are: by
 * formula its own, else those of one external address (RFC 4787 REQ-2). Addresses get hosts
 * in proportion to their blocks.
 */
static MNAT_INLINE __u32 mnat_block_home(const volatile struct mnat_gateway_config *c, __u32 host,
					 __u32 *ret_n)
{
	const volatile struct mnat_external *e;
	__u32 block;

	if (c->fixed)
		return mnat_block_fixed(c, host, ret_n);
	block = (__u32)((__u64)host * c->step % c->n_blocks);
	e = mnat_block_range(c, block);
	*ret_n = e->n_blocks;
	return block - (block - e->block_base) % e->n_blocks;
}

/* ---- A block's steps, each atomic. b: a record of map "blocks" ---- */

#define MNAT_BLOCK_RETRIES 8 /* against other CPUs at the same block */

static MNAT_INLINE int mnat_block_enter(struct mnat_block *b, __u32 host, __u32 proto, __u32 size)
{
	for (int i = 0; i < MNAT_BLOCK_RETRIES; i++) {
		__u64 word = *(volatile __u64 *)&b->word;

		if (mnat_block_host(word) != host || !mnat_block_counts(word) ||
		    mnat_block_count(word, proto) >= size)
			return 0;
		if (__sync_val_compare_and_swap(&b->word, word,
						word + mnat_block_unit(proto)) == word)
			return 1;
	}
	return 0;
}

/* May host take the block, whose word was read, at this second? */
static inline int mnat_block_is_free(const struct mnat_block *b, __u64 word, __u32 host,
				     __u32 now, __u32 hold_down)
{
	if (mnat_block_counts(word))
		return 0;
	return mnat_block_host(word) == host || !b->released || now - b->released >= hold_down;
}

static inline int mnat_block_take(struct mnat_block *b, __u64 word, __u32 host, __u32 proto,
				  __u32 now)
{
	if (__sync_val_compare_and_swap(&b->word, word, host | mnat_block_unit(proto)) != word)
		return 0;
	b->since = now;
	return 1;
}

/* The host whose last port that was, or 0. */
static inline __u32 mnat_block_leave(struct mnat_block *b, __u32 proto, __u32 now)
{
	__u64 word;

	b->released = now ? now : 1;
	word = __sync_fetch_and_add(&b->word, -mnat_block_unit(proto)) - mnat_block_unit(proto);
	return mnat_block_counts(word) ? 0 : mnat_block_host(word);
}

#ifdef __cplusplus
#define MNAT_ASSERT(c, m) static_assert(c, m)
#else
#define MNAT_ASSERT(c, m) _Static_assert(c, m)
#endif
MNAT_ASSERT(sizeof(struct mnat_abi) == 16, "abi");
MNAT_ASSERT(sizeof(struct mnat_host_info) == 32, "host info");
MNAT_ASSERT(sizeof(struct mnat_anchor) == 16, "anchor");
MNAT_ASSERT(sizeof(struct mnat_elsewhere) == 12, "elsewhere");
MNAT_ASSERT(sizeof(struct mnat_relay) == 28, "relay");
MNAT_ASSERT(sizeof(struct mnat_arrival_key) == 8, "arrival key");
MNAT_ASSERT(sizeof(struct mnat_binding) == 16, "binding");
MNAT_ASSERT(sizeof(struct mnat_block) == 16, "block");
MNAT_ASSERT(MNAT_BLOCK_HOST_BITS + MNAT_N_PROTO * MNAT_BLOCK_COUNT_BITS <= 64, "block word");
MNAT_ASSERT(sizeof(struct mnat_host_use) == 12 + 4 * MNAT_N_PROTO, "host use");
MNAT_ASSERT(sizeof(struct mnat_event) == 24, "event");
MNAT_ASSERT(sizeof(struct mnat_bib_key) == 8, "bib key");
MNAT_ASSERT(sizeof(struct mnat_session_key) == 16, "session key");
MNAT_ASSERT(sizeof(struct mnat_session) == 16, "session");
MNAT_ASSERT(sizeof(struct mnat_session_slot) == 32, "session slot");
MNAT_ASSERT(sizeof(struct mnat_next_hop) == 40, "next hop");
MNAT_ASSERT(sizeof(struct mnat_carried_key) == 16, "carried key");
MNAT_ASSERT(sizeof(struct mnat_carried) == 8, "carried");
MNAT_ASSERT(sizeof(struct mnat_syn) == 32, "syn");
MNAT_ASSERT(sizeof(struct mnat_sweep) == 32 + 16 * MNAT_SWEEP_KEYS, "sweep");
MNAT_ASSERT(sizeof(struct mnat_shim) == 136, "shim");
MNAT_ASSERT(sizeof(struct mnat_home_key) == 12, "home key");
MNAT_ASSERT(sizeof(struct mnat_home) == 8, "home");

#endif
