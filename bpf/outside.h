/* SPDX-License-Identifier: GPL-2.0-only */
/* What comes from outside: from correspondents, and through tunnels. */
#ifndef MNAT_OUTSIDE_H
#define MNAT_OUTSIDE_H

#include "fragment.h"
#include "hairpin.h"
#include "icmp_error.h"
#include "intra.h"
#include "nat.h"
#include "tunnel_relay.h"
#include "unsolicited.h"

/* To a host that is here: its address becomes where it is, its port stays or is given. */
static __always_inline int deliver(ctx_t *ctx, const struct packet *pkt, __be32 addr, __be16 port,
				   enum mnat_counter_id counter)
{
	struct route route;
	int reason = route_lookup(ctx, pkt->saddr, addr, &route);

	if (reason == MNAT_C_TOO_BIG)
		return too_big(ctx, pkt->scope, route.mtu);
	if (reason != PARSE_OK)
		return refuse(ctx, route_reason_in(reason));
	if (rewrite_endpoint(ctx, pkt, DEST, addr, port))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(counter, ctx_len(ctx));
	return route_send(ctx, &route);
}

/* Who gets what came from outside: a host, and its port; 0 and the reason: nobody. */
static __always_inline __u32 recipient(ctx_t *ctx, const struct packet *pkt, __be16 *ret_port,
				       int *ret_reason)
{
	__u64 owner;

	*ret_port = pkt->dport;
	*ret_reason = MNAT_C_NO_BINDING;
	if (pkt->proto == PROTO_CARRIED)
		return carried_host(pkt->daddr, pkt->saddr, carried_id(pkt, false), pkt->ip_proto);
	owner = owner_of(pkt);
	if (!owner) {
		*ret_reason = unsolicited(ctx, pkt);
		return 0;
	}
	*ret_reason = MNAT_C_FILTERED;
	if (!admitted(pkt, owner))
		return 0;
	*ret_port = mnat_owner_port(owner);
	*ret_reason = MNAT_C_HOST_GONE; /* a port may be reserved for nobody yet */
	return mnat_owner_host(owner);
}

static __always_inline int nat_in(ctx_t *ctx, const struct packet *pkt)
{
	__be16 port;
	int reason;
	__u32 host = recipient(ctx, pkt, &port, &reason);
	__u64 where;

	if (!host)
		return refuse(ctx, reason);
	where = host_location(host);
	if (!where)
		return refuse(ctx, MNAT_C_HOST_GONE);
	if (pkt->ttl <= 1)
		return refuse(ctx, MNAT_C_TTL_EXPIRED_IN);
	account_in(ctx, host);
	session_in(pkt, (__u64)host << 32 | (__u32)port << 16);
	if (mnat_location_path(where) == MNAT_PATH_TUNNEL)
		return to_visited(ctx, pkt, host, port, mnat_location_endpoint(where));
	return deliver(ctx, pkt, mnat_location_endpoint(where), port, MNAT_C_IN_TRANSLATED);
}

/* An error from outside about a packet we sent: quoted is its translated form. */
__noinline int icmp_error_in(ctx_t *ctx, const struct packet *pkt)
{
	struct packet inner = {}, sent = {};
	struct mnat_host_info *info;
	struct route route;
	__u64 owner, where;
	__be32 addr;
	__u32 host;
	int reason;

	if (!pkt) /* the verifier looks at a global function alone */
		return VERDICT_DROP;
	reason = parse_quoted(ctx, pkt, &inner);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	sent.proto = inner.proto;
	sent.saddr = inner.daddr;
	sent.sport = inner.dport;
	sent.daddr = inner.saddr;
	sent.dport = inner.sport;
	owner = is_external(inner.saddr) ? owner_of(&sent) : 0;
	if (owner && !admitted(&sent, owner))
		return refuse(ctx, MNAT_C_FILTERED);
	host = mnat_owner_host(owner);
	where = owner ? host_location(host) : 0;
	if (!where)
		return refuse(ctx, MNAT_C_ICMP_ERROR_UNKNOWN);
	addr = mnat_location_endpoint(where);
	reason = route_lookup(ctx, pkt->saddr, addr, &route);
	if (reason != PARSE_OK)
		return refuse(ctx, route_reason_in(reason));
	if (mnat_location_path(where) == MNAT_PATH_TUNNEL) {
		info = bpf_map_lookup_elem(&host_info, &host);
		if (!info)
			return refuse(ctx, MNAT_C_HOST_GONE);
		addr = info->virt;
	}
	if (rewrite_quoted(ctx, pkt, &inner, SOURCE, addr, mnat_owner_port(owner)) ||
	    rewrite_address(ctx, pkt, DEST, addr, true))
		return refuse(ctx, MNAT_C_INTERNAL);
	if (mnat_location_path(where) == MNAT_PATH_TUNNEL &&
	    tunnel_wrap(ctx, cfg.tunnel_addr, mnat_location_endpoint(where), false))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(MNAT_C_ICMP_ERROR_IN, ctx_len(ctx));
	return route_send(ctx, &route);
}

/* An error that came through the tunnel for a host that is here. */
__noinline int icmp_error_deliver(ctx_t *ctx, const struct packet *pkt, __be32 addr)
{
	struct packet inner = {};
	struct route route;
	int reason;

	if (!pkt) /* the verifier looks at a global function alone */
		return VERDICT_DROP;
	reason = parse_quoted(ctx, pkt, &inner);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	reason = route_lookup(ctx, pkt->saddr, addr, &route);
	if (reason != PARSE_OK)
		return refuse(ctx, route_reason_in(reason));
	if (rewrite_quoted(ctx, pkt, &inner, SOURCE, addr, inner.sport) ||
	    rewrite_address(ctx, pkt, DEST, addr, true))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(MNAT_C_ICMP_ERROR_IN, ctx_len(ctx));
	return route_send(ctx, &route);
}

/* What a host of ours sends from where it visits. */
__noinline int from_departed(ctx_t *ctx, struct packet *pkt, __u32 host)
{
	if (!pkt) /* the verifier looks at a global function alone */
		return VERDICT_DROP;
	if (is_external(pkt->daddr) && owner_of(pkt))
		return hairpin(ctx, pkt, host);
	return nat_out(ctx, pkt, host, MNAT_C_FROM_VISITED);
}

/* A believed tunnel packet: to host, which is or was here, or from sender. */
static __always_inline int tunnel_packet(ctx_t *ctx, struct packet *pkt, __u32 host, __u32 sender)
{
	__u64 where = host ? host_location(host) : 0;
	int reason = tunnel_unwrap(ctx, pkt);

	if (reason == PARSE_OK)
		reason = parse_transport(ctx, pkt);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (sender)
		return is_in_domain(pkt->daddr) ? intra_departed(ctx, pkt, sender) :
						  from_departed(ctx, pkt, sender);
	if (!where)
		return refuse(ctx, MNAT_C_HOST_GONE);
	if (is_icmp_error(pkt) && mnat_location_path(where) == MNAT_PATH_TRANSLATE)
		return icmp_error_deliver(ctx, pkt, mnat_location_endpoint(where));
	if (pkt->ttl <= 1)
		return refuse(ctx, MNAT_C_TTL_EXPIRED_IN);
	account_in(ctx, host);
	session_in(pkt, (__u64)host << 32 | (__u32)pkt->dport << 16);
	/* it has moved on: after it, by the address it has at the anchor */
	if (mnat_location_path(where) == MNAT_PATH_TUNNEL)
		return send_wrapped(ctx, pkt, DEST, pkt->daddr, pkt->dport,
				    mnat_location_endpoint(where), MNAT_C_FORWARDED_AWAY);
	return deliver(ctx, pkt, mnat_location_endpoint(where), pkt->dport, MNAT_C_TUNNEL_IN);
}

/*
 * A tunnel packet, believed only if an arrival says so: to a host that is here, or
 * from a host of ours that is behind the peer. Fragments are held as they came.
 */
static __always_inline int from_tunnel(ctx_t *ctx, const struct packet *outer)
{
	struct packet pkt = {};
	int reason = tunnel_peek(ctx, outer, &pkt);
	__u32 host, sender;

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	host = arrival(outer->saddr, pkt.daddr);
	sender = host ? 0 : arrival(outer->saddr, pkt.saddr);
	reason = host || sender ? fragment_begin(ctx, &pkt) : MNAT_C_TUNNEL_UNKNOWN;
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	return fragment_end(&pkt, tunnel_packet(ctx, &pkt, host, sender));
}

/* LAND, and others whose answer would go nowhere or to ourselves (RFC 1812 5.3.7). */
static __always_inline bool is_martian(__be32 saddr)
{
	__u32 first = bpf_ntohl(saddr) >> 24;

	return !first || first == 127 || first >= 224 || is_external(saddr) || is_in_domain(saddr);
}

/* To an external address. */
static __always_inline int outside_packet(ctx_t *ctx, struct packet *pkt)
{
	int reason = parse_transport(ctx, pkt);
	__be32 end;

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (pkt->fragment != LATER_FRAGMENT && is_tunnel_error(ctx, pkt, cfg.tunnel_addr, &end))
		return relay_tunnel_error(ctx, end);
	if (is_icmp_error(pkt))
		return icmp_error_in(ctx, pkt);
	if (pkt->proto == MNAT_ICMP && pkt->icmp_type != ICMP_ECHOREPLY)
		return refuse(ctx, MNAT_C_TO_GATEWAY);
	return nat_in(ctx, pkt);
}

static __always_inline int from_outside(ctx_t *ctx)
{
	struct packet pkt = {};
	int reason = receive(ctx, &pkt);

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (is_in_domain(pkt.daddr))
		return refuse(ctx, MNAT_C_INSIDE_FROM_OUTSIDE);
	if (is_external(pkt.daddr) && is_martian(pkt.saddr))
		return refuse(ctx, MNAT_C_MARTIAN);
	if (pkt.ip_proto == IPPROTO_IPIP && pkt.daddr == cfg.tunnel_addr)
		return from_tunnel(ctx, &pkt);
	if (!is_external(pkt.daddr))
		return refuse(ctx, MNAT_C_OTHER_ADDRESS);
	reason = fragment_begin(ctx, &pkt);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	return fragment_end(&pkt, outside_packet(ctx, &pkt));
}

#endif
