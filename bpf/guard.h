/* SPDX-License-Identifier: GPL-2.0-only */
/* The last look at what is about to leave. */
#ifndef MNAT_GUARD_H
#define MNAT_GUARD_H

#include "host.h"
#include "parse.h"
#include "refuse.h"

/* On the way out of an outside interface: no inside source may pass (design 4.1, rule 5). */
static __always_inline int guard(ctx_t *ctx)
{
	struct iphdr *ip;
	__be16 ethertype;

	if (parse_ethertype(ctx, &ethertype) != PARSE_OK || ctx_is_tagged(ctx) ||
	    ethertype != bpf_htons(ETH_P_IP) || !ctx_pull(ctx, ETH_HLEN + sizeof(*ip)))
		return VERDICT_STACK;
	ip = ctx_data(ctx) + ETH_HLEN;
	if ((void *)(ip + 1) > ctx_data_end(ctx) || !is_in_domain(ip->saddr))
		return VERDICT_STACK;
	return refuse(ctx, MNAT_C_UNTRANSLATED);
}

#endif
