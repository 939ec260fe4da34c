/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A host's own tunnel with its gateway (figure 3A; seed paragraph 56). What a host sends
 * through it becomes here what the host would have sent without: so all that follows knows
 * one kind of packet from inside.
 */
#ifndef MNAT_HOST_TUNNEL_H
#define MNAT_HOST_TUNNEL_H

#include "icmp_error.h"
#include "nat.h"

/* The host said what it got: by the virtual address here, by the actual one without. */
static __always_inline int quoted_as(ctx_t *ctx, const struct packet *pkt, __be32 actual)
{
	struct packet inner = {};

	if (parse_quoted(ctx, pkt, &inner) != PARSE_OK || inner.daddr != pkt->saddr)
		return 0;
	return rewrite_quoted(ctx, pkt, &inner, DEST, actual, inner.dport);
}

/*
 * pkt: a tunnel packet to us; PARSE_OK: afterwards the one that was inside. A function of
 * its own, for its locals are many.
 */
__noinline int host_unwrap(ctx_t *ctx, struct packet *pkt)
{
	struct mnat_host_info *info;
	struct packet inner = {};
	__be32 actual;
	int reason;
	__u32 host;

	if (!pkt) /* the verifier looks at a global function alone */
		return MNAT_C_INTERNAL;
	actual = pkt->saddr;
	host = host_of(actual, &reason);
	if (!host)
		return reason;
	info = bpf_map_lookup_elem(&host_info, &host);
	reason = tunnel_peek(ctx, pkt, &inner);
	if (reason != PARSE_OK)
		return reason;
	if (!info || !info->virt)
		return MNAT_C_TUNNEL_UNKNOWN;
	reason = tunnel_unwrap(ctx, &inner);
	if (reason == PARSE_OK)
		reason = parse_checksum(ctx, &inner);
	if (reason != PARSE_OK)
		return reason;
	if ((is_icmp_error(&inner) && quoted_as(ctx, &inner, actual)) ||
	    rewrite_address(ctx, &inner, SOURCE, actual, false))
		return MNAT_C_INTERNAL;
	count(MNAT_C_HOST_TUNNEL_OUT, ctx_len(ctx));
	*pkt = inner;
	pkt->saddr = actual;
	return PARSE_OK;
}

#endif
