/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets larger than the next link, or tunnel, takes. They are as they came. */
#ifndef MNAT_TOO_BIG_H
#define MNAT_TOO_BIG_H

#include "icmp_send.h"
#include "split.h"

/*
 * What may be fragmented is; for the rest the sender is told by ICMP 3/4 (RFC 1191),
 * where it can be reached the way the packet came: not through a tunnel. A sender on
 * this machine, whose checksum is unfinished, is told whatever its packet allows: it
 * fragments the next one itself.
 */
static __noinline int too_big(ctx_t *ctx, __be32 scope, __u32 mtu)
{
	int counter;

	if (CTX_DEFERS)
		return refuse(ctx, DEFER);
	counter = split_packet(ctx, scope, mtu);
	if (counter != MNAT_C_TOO_BIG_TOLD)
		return refuse(ctx, counter);
	if ((scope != SCOPE_INSIDE && scope != SCOPE_OUTSIDE) ||
	    icmp_become(ctx, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu))
		return refuse(ctx, MNAT_C_TOO_BIG);
	count(MNAT_C_TOO_BIG_TOLD, ctx_len(ctx));
	return ctx_redirect(ctx_ifindex(ctx));
}

#endif
