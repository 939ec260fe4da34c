/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a packet goes next, asked before it is changed, so that what cannot be
 * forwarded reaches the kernel as it came. Answers are kept for a moment (abi.h,
 * struct mnat_next_hop).
 */
#ifndef MNAT_ROUTE_H
#define MNAT_ROUTE_H

#include "host.h"
#include "parse.h"
#include "refuse.h"

struct route {
	__u32 ifindex;
	__u16 mtu;     /* 0: not known, the kernel tells it with the neighbour */
	bool resolved; /* the MAC addresses are known */
	__u32 now;     /* seconds; also where there is no way */
	__u8 smac[ETH_ALEN];
	__u8 dmac[ETH_ALEN];
};

/* Ask the kernel. PARSE_OK with the answer in *hop, or the counter of what to do instead. */
static __noinline int route_ask(ctx_t *ctx, __be32 saddr, __be32 daddr, struct mnat_next_hop *hop)
{
	struct bpf_fib_lookup fib = {
		.family = AF_INET,
		.tot_len = 1, /* less than any MTU: tell it, the caller compares */
		.ifindex = ctx_ifindex(ctx),
		.ipv4_src = saddr,
		.ipv4_dst = daddr,
	};
	int r = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);

	if (!hop)
		return MNAT_C_INTERNAL;
	hop->stamp = 0;
	hop->ifindex = fib.ifindex;
	switch (r) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		hop->mtu = fib.mtu_result;
		__builtin_memcpy(hop->smac, fib.smac, ETH_ALEN);
		__builtin_memcpy(hop->dmac, fib.dmac, ETH_ALEN);
		return ctx_may_send(fib.ifindex) ? PARSE_OK : DEFER;
	case BPF_FIB_LKUP_RET_NO_NEIGH:
		hop->mtu = 0;
		return CTX_DEFERS ? DEFER : PARSE_OK;
	case BPF_FIB_LKUP_RET_NOT_FWDED:
		return MNAT_C_TO_GATEWAY;
	case BPF_FIB_LKUP_RET_FWD_DISABLED:
		return MNAT_C_FORWARDING_OFF;
	}
	return MNAT_C_NO_ROUTE;
}

/*
 * The place of an answer. Multiplying spreads neighbouring addresses (Knuth); way_in
 * comes from few interfaces.
 */
static __always_inline struct mnat_next_hop *route_place(__be32 daddr, __u32 way_in)
{
	__u32 place = ((daddr ^ way_in) * 2654435761u) >> 20;

	_Static_assert(MNAT_NEXT_HOPS == 1 << (32 - 20), "all places are used");
	return bpf_map_lookup_elem(&next_hops, &place);
}

static __always_inline int route_answer(ctx_t *ctx, __be32 saddr, __be32 daddr,
					struct mnat_next_hop *hop, __u32 now)
{
	__u32 zero = 0, way_in = ctx_ifindex(ctx) | (__u32)CTX_DEFERS << 31;
	__u64 *state = bpf_map_lookup_elem(&route_state, &zero), stamp;
	int reason;

	if (!state || !(*state & MNAT_ROUTES_ON))
		return route_ask(ctx, saddr, daddr, hop);
	stamp = mnat_route_stamp(*state, now);
	if (hop->stamp == stamp && hop->daddr == daddr && hop->way_in == way_in)
		return PARSE_OK;
	reason = route_ask(ctx, saddr, daddr, hop);
	if (reason != PARSE_OK || !hop->mtu)
		return reason;
	hop->daddr = daddr;
	hop->way_in = way_in;
	hop->stamp = stamp;
	return PARSE_OK;
}

/* PARSE_OK, or the counter of what to do instead. saddr: as routing policy should see it. */
static __noinline int route_lookup(ctx_t *ctx, __be32 saddr, __be32 daddr,
				   struct route *ret_route)
{
	struct mnat_next_hop *hop = route_place(daddr, ctx_ifindex(ctx));
	int reason;

	if (!hop || !ret_route)
		return MNAT_C_INTERNAL;
	ret_route->now = now_seconds();
	reason = route_answer(ctx, saddr, daddr, hop, ret_route->now);
	ret_route->ifindex = hop->ifindex;
	ret_route->mtu = hop->mtu;
	ret_route->resolved = hop->mtu;
	__builtin_memcpy(ret_route->smac, hop->smac, ETH_ALEN);
	__builtin_memcpy(ret_route->dmac, hop->dmac, ETH_ALEN);
	if (reason == PARSE_OK && hop->mtu && !ctx_is_gso(ctx) &&
	    ctx_len(ctx) > ETH_HLEN + hop->mtu)
		return CTX_DEFERS ? DEFER : MNAT_C_TOO_BIG;
	return reason;
}

/* On the way in the kernel is not to answer for what it may not deliver. */
static __always_inline int route_reason_in(int reason)
{
	return reason == DEFER ? DEFER : MNAT_C_NO_ROUTE_IN;
}

static __always_inline int route_send(ctx_t *ctx, const struct route *route)
{
	struct ethhdr *eth = ctx_data(ctx);

	if (!route->resolved)
		return ctx_redirect_neigh(route->ifindex);
	if ((void *)(eth + 1) > ctx_data_end(ctx))
		return VERDICT_DROP;
	__builtin_memcpy(eth->h_source, route->smac, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, route->dmac, ETH_ALEN);
	return ctx_redirect(route->ifindex);
}

#endif
