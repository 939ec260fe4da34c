/* SPDX-License-Identifier: GPL-2.0-only */
/* What comes from the domain. */
#ifndef MNAT_INSIDE_H
#define MNAT_INSIDE_H

#include "fragment.h"
#include "hairpin.h"
#include "host_tunnel.h"
#include "intra.h"
#include "nat.h"
#include "quoted.h"
#include "tunnel_relay.h"

/*
 * The external endpoint that a packet which came in for the host was sent to: here, or at
 * the anchor of its session. *ret_from: the address that speaks of it.
 */
static __always_inline bool external_of(const struct packet *in, __u32 host, __be32 *ret_addr,
					__be16 *ret_port, __be32 *ret_from)
{
	struct mnat_bib_key inside = { .host = host, .port = in->dport, .proto = in->proto };
	struct mnat_elsewhere *there;
	struct mnat_session_key key;
	__u32 *index;

	session_key_in(in, host, in->dport, &key);
	there = bpf_map_lookup_elem(&elsewhere, &key);
	if (there && there->kind == MNAT_ANCHORED) {
		*ret_addr = there->addr;
		*ret_port = there->port;
		*ret_from = cfg.tunnel_addr;
		return true;
	}
	index = bpf_map_lookup_elem(&bib, &inside);
	if (!index)
		return false;
	binding_endpoint(*index, ret_addr, ret_port);
	*ret_from = *ret_addr;
	return true;
}

/*
 * An error from inside about a packet that came in: quoted is what the host got. Who
 * speaks, host or router, shows outside as the external address.
 */
__noinline int icmp_error_out(ctx_t *ctx, const struct packet *pkt)
{
	struct packet inner = {};
	struct route route;
	__be32 addr, from;
	__be16 port;
	__u32 host;
	int reason;

	if (!pkt) /* the verifier looks at a global function alone */
		return VERDICT_DROP;
	reason = quoted_find(ctx, pkt, &inner);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	host = host_of(inner.daddr, &reason);
	if (!host || !external_of(&inner, host, &addr, &port, &from))
		return refuse(ctx, MNAT_C_ICMP_UNSUPPORTED);
	reason = route_lookup(ctx, pkt->saddr, pkt->daddr, &route);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (rewrite_quoted(ctx, pkt, &inner, DEST, addr, port) ||
	    rewrite_address(ctx, pkt, SOURCE, from, true))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(MNAT_C_ICMP_ERROR_OUT, ctx_len(ctx));
	return route_send(ctx, &route);
}

/* Is it about a tunnel of ours to a host of this domain? */
static __always_inline bool is_own_tunnel_error(ctx_t *ctx, struct packet *pkt, __be32 *ret_end)
{
	return pkt->ip_proto == IPPROTO_ICMP && pkt->daddr == cfg.tunnel_addr &&
	       pkt->fragment != LATER_FRAGMENT && parse_transport(ctx, pkt) == PARSE_OK &&
	       is_tunnel_error(ctx, pkt, cfg.tunnel_addr, ret_end);
}

static __always_inline int inside_packet(ctx_t *ctx, struct packet *pkt)
{
	int reason, verdict;
	__be32 end;
	__u32 host;

	if (is_own_tunnel_error(ctx, pkt, &end))
		return relay_tunnel_error(ctx, end);
	if (is_in_domain(pkt->daddr)) {
		verdict = intra(ctx, pkt);
		return verdict >= 0 ? verdict :
				      to_anchor(ctx, pkt, host_of(pkt->saddr, &reason), -verdict);
	}
	if (is_external(pkt->daddr)) {
		verdict = to_external(ctx, pkt);
		return verdict == ON_TO_ERROR ? hairpin_error(ctx, pkt) :
						send_on(ctx, pkt, 0, verdict);
	}
	reason = parse_transport(ctx, pkt);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (is_icmp_error(pkt))
		return icmp_error_out(ctx, pkt);
	host = host_of(pkt->saddr, &reason);
	if (!host)
		return refuse(ctx, reason);
	return send_on(ctx, pkt, host, nat_out(ctx, pkt, host, MNAT_C_OUT_TRANSLATED));
}

static __always_inline int from_inside(ctx_t *ctx)
{
	struct packet pkt = {};
	int reason = receive(ctx, &pkt);

	if (reason == PARSE_OK && pkt.ip_proto == IPPROTO_IPIP && pkt.daddr == cfg.tunnel_addr)
		reason = host_unwrap(ctx, &pkt);
	if (reason == PARSE_OK && is_broadcast_or_multicast(pkt.daddr))
		reason = MNAT_C_TO_GATEWAY;
	pkt.scope = SCOPE_INSIDE;
	if (reason == PARSE_OK)
		reason = fragment_begin(ctx, &pkt);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	return fragment_end(ctx, &pkt, inside_packet(ctx, &pkt));
}

#endif
