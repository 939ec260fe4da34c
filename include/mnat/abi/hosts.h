/* SPDX-License-Identifier: GPL-2.0-only */
/* A part of mnat/abi.h, which includes it in its place. Where hosts are. */
#ifndef MNAT_ABI_HOSTS_H
#define MNAT_ABI_HOSTS_H

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
 * restart. Owned by mnat-midcomd; the data path reads virt of hosts behind a tunnel, and
 * identity inside the domain.
 * identity: what managers and people know the host by. virt: the address its sockets
 * have, which in packets it is known by. They are the same, but for hosts that share a
 * virtual address (seed paragraph 58): their identities are of MNAT_IDENTITIES.
 * identity 0: id is free, or belongs to a plain host. Slot 0 belongs to no host: its
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
	__be32 identity;
};

/*
 * Map "virtuals", HASH[max_hosts + MNAT_MAX_SHARED]: __be32 identity -> __u32 host id; and a
 * shared virtual address, which is no host's alone, -> MNAT_HOST_SHARED.
 */
#define MNAT_HOST_SHARED 0xffffffff
#define MNAT_MAX_SHARED 16

/*
 * Identities of hosts that share a virtual address are of 240.0.0.0/4 (RFC 1112 section 4):
 * such an address is never on a wire. addr: host order.
 */
#define MNAT_IDENTITIES 0xf0000000

static inline int mnat_is_sharing_identity(__u32 addr)
{
	return addr >= MNAT_IDENTITIES && addr != 0xffffffff;
}

#endif
