/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A tunnel of ours is narrower on its way than at its start: whoever sent the packet inside
 * is told, in the addresses it knows (RFC 2003 section 4).
 */
#ifndef MNAT_TUNNEL_RELAY_H
#define MNAT_TUNNEL_RELAY_H

#include "intra.h"
#include "nat.h"
#include "tunnel_error.h"

/* The packet was for a host of ours, here or away: its correspondent sent it to a binding. */
static __always_inline int relay_to_correspondent(ctx_t *ctx, const struct packet *pkt,
						  const struct packet *inner, __u32 host)
{
	struct mnat_bib_key key = {.host = host, .port = inner->dport, .proto = inner->proto};
	__u32 *index = bpf_map_lookup_elem(&bib, &key);
	struct route route;
	__be32 addr;
	__be16 port;
	int reason;

	if (!index)
		return refuse(ctx, MNAT_C_ICMP_ERROR_UNKNOWN);
	binding_endpoint(*index, &addr, &port);
	reason = route_lookup(ctx, cfg.tunnel_addr, inner->saddr, &route);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (rewrite_quoted(ctx, pkt, inner, DEST, addr, port) ||
	    rewrite_address(ctx, pkt, SOURCE, cfg.tunnel_addr, false) ||
	    rewrite_address(ctx, pkt, DEST, inner->saddr, true))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(MNAT_C_TUNNEL_NARROW, ctx_len(ctx));
	return route_send(ctx, &route);
}

/* The packet was a visiting host's, on its way to the session's anchor. */
static __always_inline int relay_to_host(ctx_t *ctx, const struct packet *pkt,
					 const struct packet *inner, __u64 where)
{
	__be32 actual = mnat_location_endpoint(where);
	bool tunnel = mnat_location_path(where) != MNAT_PATH_TRANSLATE;
	__be32 addr = tunnel ? inner->saddr : actual;
	struct route route;
	int reason = route_lookup(ctx, pkt->saddr, actual, &route);

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if ((!tunnel && rewrite_quoted(ctx, pkt, inner, SOURCE, addr, inner->sport)) ||
	    rewrite_address(ctx, pkt, DEST, addr, true) ||
	    (tunnel && tunnel_wrap(ctx, cfg.tunnel_addr, actual, false)))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(MNAT_C_TUNNEL_NARROW, ctx_len(ctx));
	return route_send(ctx, &route);
}

/* An error about a tunnel packet that we sent to end; its outer header is out of it. */
static __noinline int relay_error(ctx_t *ctx, __be32 end)
{
	struct packet pkt = {}, inner = {};
	int reason = parse_error(ctx, &pkt, &inner);
	__u32 *found, host, visitor;

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	found = bpf_map_lookup_elem(&virtuals, &inner.daddr);
	if (found && is_in_domain(inner.saddr))
		return intra_narrow(ctx, &pkt, &inner);
	host = found && *found == MNAT_HOST_SHARED ? host_of(end, &reason) : found ? *found : 0;
	if (host)
		return relay_to_correspondent(ctx, &pkt, &inner, host);
	visitor = arrival(end, inner.saddr);
	if (!visitor || !host_location(visitor))
		return refuse(ctx, MNAT_C_ICMP_ERROR_UNKNOWN);
	return relay_to_host(ctx, &pkt, &inner, host_location(visitor));
}

static __always_inline int relay_tunnel_error(ctx_t *ctx, __be32 end)
{
	int reason = tunnel_error_unwrap(ctx);

	return reason == PARSE_OK ? relay_error(ctx, end) : refuse(ctx, reason);
}

#endif
