/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The node's own tunnels (figure 3A and figure 11): with the domain's gateway in tunnel
 * mode, in public space with the home gateways of its sessions. The virtual address
 * stays inside.
 */
#ifndef MNAT_NODE_TUNNEL_H
#define MNAT_NODE_TUNNEL_H

#include "node_ends.h"
#include "tunnel_error.h"

static __always_inline int wrap_out(ctx_t *ctx, const struct packet *pkt, struct mnat_shim *s,
				    __be32 gateway)
{
	int reason = address_link(ctx, gateway, s);

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (tunnel_wrap(ctx, s->actual, gateway, pkt->ip_proto == IPPROTO_UDP))
		return refuse(ctx, MNAT_C_INTERNAL);
	shim_note(&s->first_out_ns);
	count(MNAT_C_NODE_TUNNEL_OUT, ctx_len(ctx));
	return ctx_redirect(s->uplink);
}

/* Whose tunnel a packet to virt came through, as far as we have one. */
static __always_inline bool is_tunnel_of_ours(const struct mnat_shim *s,
					      const struct mnat_home *home,
					      const struct packet *outer, const struct packet *pkt)
{
	if (s->mode == MNAT_MODE_PUBLIC)
		return home && home->gateway == outer->saddr && home->virt == pkt->daddr;
	/* the gateway speaks as itself or as the correspondent (seed paragraph 56) */
	return (outer->saddr == s->tunnel || outer->saddr == pkt->saddr) &&
	       pkt->daddr == (home ? home->virt : s->virt);
}

static __always_inline int wrapped_in(ctx_t *ctx, const struct packet *outer, struct mnat_shim *s)
{
	struct packet pkt = {};
	int reason = tunnel_peek(ctx, outer, &pkt);

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	reason = tunnel_unwrap(ctx, &pkt);
	if (reason == PARSE_OK)
		reason = parse_checksum(ctx, &pkt);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (!is_tunnel_of_ours(s, home_about(ctx, s, &pkt, false), outer, &pkt))
		return refuse(ctx, MNAT_C_TUNNEL_UNKNOWN);
	return give_to_stack(ctx, s, MNAT_C_NODE_TUNNEL_IN);
}

/* A tunnel of ours is narrower on its way than at its start: the stack shall know. */
static __noinline int tunnel_error_in(ctx_t *ctx, struct mnat_shim *s, __be32 end)
{
	struct packet pkt = {}, inner = {};
	struct mnat_home *home;
	int reason;

	if (!s)
		return refuse(ctx, MNAT_C_INTERNAL);
	reason = parse_error(ctx, &pkt, &inner);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	home = home_of(s, &inner, true);
	if (inner.saddr != (home ? home->virt : s->virt) ||
	    end != (home && home->gateway ? home->gateway : s->tunnel))
		return refuse(ctx, MNAT_C_TUNNEL_UNKNOWN);
	if (rewrite_address(ctx, &pkt, DEST, inner.saddr, false))
		return refuse(ctx, MNAT_C_INTERNAL);
	return give_to_stack(ctx, s, MNAT_C_NODE_TUNNEL_ERROR);
}

#endif
