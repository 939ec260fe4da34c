/* SPDX-License-Identifier: GPL-2.0-only */
/* A part of mnat/abi.h, which includes it in its place. Next hops and XDP. */
#ifndef MNAT_ABI_NEXT_HOPS_H
#define MNAT_ABI_NEXT_HOPS_H

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

#endif
