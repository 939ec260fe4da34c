/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From inside to an external endpoint of an inside host (RFC 4787 REQ-9, RFC 5382
 * REQ-8): out and in again in one step. The receiver sees the sender's external
 * endpoint, so that its answer comes back the same way.
 */
#ifndef MNAT_HAIRPIN_H
#define MNAT_HAIRPIN_H

#include "icmp_error.h"
#include "nat.h"
#include "owner.h"

/* The packet as if it had come from outside, for to_tunnel(). */
static __always_inline int hairpin_to_tunnel(ctx_t *ctx, struct packet *pkt, __be32 addr,
					     __be16 port)
{
	if (rewrite_address(ctx, pkt, SOURCE, addr, false) ||
	    rewrite_port(ctx, pkt, SOURCE, port))
		return refuse(ctx, MNAT_C_INTERNAL);
	pkt->saddr = addr, pkt->sport = port;
	return ON_TO_TUNNEL;
}

/* What hairpin() or nat_out() has left to do. host: the sender's id. */
static __always_inline int send_on(ctx_t *ctx, const struct packet *pkt, __u32 host, int verdict)
{
	__u64 owner;

	if (verdict >= 0)
		return verdict;
	if (verdict != ON_TO_TUNNEL)
		return to_anchor(ctx, pkt, host, -verdict);
	owner = owner_of(pkt);
	return to_tunnel(ctx, pkt, owner, host_location(mnat_owner_host(owner)), 0);
}

static __always_inline int hairpin_route(ctx_t *ctx, const struct packet *pkt, __u64 where,
					 struct route *ret_route)
{
	bool away = mnat_location_path(where) == MNAT_PATH_TUNNEL;
	int reason = route_lookup(ctx, away ? cfg.tunnel_addr : pkt->saddr,
				  mnat_location_endpoint(where), ret_route);

	if (reason == PARSE_OK && away && !fits_tunnel(ctx, pkt, ret_route->mtu)) {
		ret_route->mtu -= TUNNEL_OVERHEAD;
		return MNAT_C_TOO_BIG;
	}
	return reason == PARSE_OK || reason == MNAT_C_TOO_BIG ? reason : MNAT_C_NO_ROUTE_IN;
}

/* What the sender's own session says: its external endpoint, or -1 with the reason. */
static __always_inline long hairpin_binding(const struct packet *pkt, __u32 host, int *ret_reason)
{
	struct mnat_session *s = session_find(pkt, host);

	if (!s)
		return session_begin(pkt, host, ret_reason);
	session_touch(s, now_seconds());
	*ret_reason = MNAT_C_NO_SESSION;
	return mnat_binding_is_none(s->binding) ? -1 : s->binding;
}

/* host: the sender's id. The verdict, or ON_TO_TUNNEL. */
static __always_inline int hairpin(ctx_t *ctx, struct packet *pkt, __u32 host)
{
	__u64 owner = owner_of(pkt), where;
	struct route route;
	int reason;
	__be32 addr;
	__be16 port;
	long index;

	if (!owner || pkt->proto == MNAT_ICMP)
		return refuse(ctx, MNAT_C_NO_BINDING);
	where = host_location(mnat_owner_host(owner));
	if (!where)
		return refuse(ctx, MNAT_C_HOST_GONE);
	if (pkt->ttl <= 1)
		return refuse(ctx, MNAT_C_TTL_EXPIRED);
	reason = hairpin_route(ctx, pkt, where, &route);
	if (reason == MNAT_C_TOO_BIG)
		return too_big(ctx, pkt->scope, route.mtu);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	index = hairpin_binding(pkt, host, &reason);
	if (index < 0)
		return refuse(ctx, reason);
	binding_endpoint(index, &addr, &port);
	if (mnat_location_path(where) == MNAT_PATH_TUNNEL)
		return hairpin_to_tunnel(ctx, pkt, addr, port);
	if (rewrite_endpoint(ctx, pkt, SOURCE, addr, port) ||
	    rewrite_address(ctx, pkt, DEST, mnat_location_endpoint(where), false) ||
	    rewrite_port(ctx, pkt, DEST, mnat_owner_port(owner)))
		return refuse(ctx, MNAT_C_INTERNAL);
	pkt->saddr = addr, pkt->sport = port;
	session_in(pkt, mnat_owner_host(owner), mnat_owner_port(owner), NULL);
	count(MNAT_C_HAIRPINNED, ctx_len(ctx));
	return route_send(ctx, &route);
}

/*
 * An error about a hairpinned packet (RFC 5508 REQ-7): what it quotes is as the receiver
 * got it, from one external endpoint to an inside one; the sender knows the reverse.
 */
__noinline int hairpin_error(ctx_t *ctx, const struct packet *pkt)
{
	struct packet inner = {}, sent = {};
	struct mnat_bib_key key = {};
	struct route route;
	__u64 owner, where;
	__u32 *index;
	__be32 addr;
	__be16 port;
	int reason;

	if (!pkt) /* the verifier looks at a global function alone */
		return VERDICT_DROP;
	if (parse_quoted(ctx, pkt, &inner) != PARSE_OK || inner.proto == MNAT_ICMP ||
	    inner.saddr != pkt->daddr)
		return refuse(ctx, MNAT_C_TO_GATEWAY);
	sent.proto = inner.proto;
	sent.daddr = inner.saddr;
	sent.dport = inner.sport;
	owner = owner_of(&sent);
	where = owner ? host_location(mnat_owner_host(owner)) : 0;
	key.host = host_of(inner.daddr, &reason);
	key.port = inner.dport;
	key.proto = inner.proto;
	index = key.host ? bpf_map_lookup_elem(&bib, &key) : NULL;
	if (!index || mnat_location_path(where) != MNAT_PATH_TRANSLATE)
		return refuse(ctx, MNAT_C_TO_GATEWAY);
	binding_endpoint(*index, &addr, &port);
	reason = route_lookup(ctx, pkt->saddr, mnat_location_endpoint(where), &route);
	if (reason != PARSE_OK)
		return refuse(ctx, MNAT_C_NO_ROUTE_IN);
	if (rewrite_quoted(ctx, pkt, &inner, DEST, addr, port) ||
	    rewrite_quoted(ctx, pkt, &inner, SOURCE, mnat_location_endpoint(where),
			   mnat_owner_port(owner)) ||
	    rewrite_address(ctx, pkt, SOURCE, addr, true) ||
	    rewrite_address(ctx, pkt, DEST, mnat_location_endpoint(where), false))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(MNAT_C_HAIRPINNED, ctx_len(ctx));
	return route_send(ctx, &route);
}

/*
 * From inside to an external address: for a host, or for the gateway itself. As hairpin();
 * or ON_TO_ERROR: it is hairpin_error()'s (not called from here, where the stack is deep).
 */
__noinline int to_external(ctx_t *ctx, struct packet *pkt)
{
	__u32 host;
	int reason;

	if (!pkt) /* the verifier looks at a global function alone */
		return VERDICT_DROP;
	if (parse_transport(ctx, pkt) != PARSE_OK)
		return refuse(ctx, MNAT_C_TO_GATEWAY);
	if (is_icmp_error(pkt))
		return ON_TO_ERROR;
	host = host_of(pkt->saddr, &reason);
	if (!host || pkt->proto == MNAT_ICMP || !owner_of(pkt))
		return refuse(ctx, MNAT_C_TO_GATEWAY);
	return hairpin(ctx, pkt, host);
}

#endif
