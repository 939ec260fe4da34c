/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a packet goes next, asked before it is changed, so that what cannot be
 * forwarded reaches the kernel as it came.
 */
#ifndef MNAT_ROUTE_H
#define MNAT_ROUTE_H

#include "parse.h"

struct route {
	__u32 ifindex;
	__u16 mtu;     /* 0: not known, the kernel tells it with the neighbour */
	bool resolved; /* the MAC addresses are known */
	__u8 smac[ETH_ALEN];
	__u8 dmac[ETH_ALEN];
};

/*
 * PARSE_OK, or the counter of what to do instead. saddr: as routing policy should see it.
 * Out of line: the kernel's structure would be in every caller's stack.
 */
static __noinline int route_lookup(ctx_t *ctx, __be32 saddr, __be32 daddr,
				   struct route *ret_route)
{
	struct bpf_fib_lookup fib = {
		.family = AF_INET,
		.ifindex = ctx_ifindex(ctx),
		.ipv4_src = saddr,
		.ipv4_dst = daddr,
	};

	int r;

	if (!ret_route)
		return MNAT_C_INTERNAL;
	r = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	ret_route->ifindex = fib.ifindex;
	ret_route->mtu = fib.mtu_result;
	switch (r) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		ret_route->resolved = true;
		__builtin_memcpy(ret_route->smac, fib.smac, ETH_ALEN);
		__builtin_memcpy(ret_route->dmac, fib.dmac, ETH_ALEN);
		break;
	case BPF_FIB_LKUP_RET_NO_NEIGH:
		ret_route->resolved = false;
		break;
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		return MNAT_C_TOO_BIG;
	case BPF_FIB_LKUP_RET_NOT_FWDED:
		return MNAT_C_TO_GATEWAY;
	case BPF_FIB_LKUP_RET_FWD_DISABLED:
		return MNAT_C_FORWARDING_OFF;
	default:
		return MNAT_C_NO_ROUTE;
	}
	return PARSE_OK;
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
