/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between gateways: sessions of a visiting host that are anchored elsewhere, and
 * hosts of ours that visit elsewhere (seed paragraphs 74-79, figure 10).
 */
#ifndef MNAT_ANCHOR_H
#define MNAT_ANCHOR_H

#include "rewrite.h"
#include "route.h"
#include "session.h"
#include "too_big.h"
#include "tunnel.h"

/* The slot of a host's default anchor while its sessions are being imported, or 0. */
static __always_inline __u32 default_anchor(__u32 host)
{
	__u32 *slot;

	if (!(mnat_location_flags(host_location(host)) & MNAT_HOST_IMPORTING))
		return 0;
	slot = bpf_map_lookup_elem(&defaults, &host);
	return slot ? *slot : 0;
}

/* Does the packet, one header longer, fit the link? */
static __always_inline bool fits_tunnel(const ctx_t *ctx, const struct packet *pkt, __u16 mtu)
{
	if (!mtu)
		return true;
	if (!ctx_is_gso(ctx))
		return pkt->total + TUNNEL_OVERHEAD <= mtu;
	if (pkt->ip_proto == IPPROTO_TCP)
		return true; /* ctx_grow() makes the segments smaller */
	return pkt->l4_offset - ETH_HLEN + sizeof(struct udp_fixed) + ctx_gso_size(ctx) +
		       TUNNEL_OVERHEAD <= mtu;
}

/*
 * Replace one side's address and port, wrap, send to the other end of the tunnel.
 * Nothing is changed if the packet cannot go.
 */
static __always_inline int send_wrapped(ctx_t *ctx, const struct packet *pkt, enum side side,
					__be32 addr, __be16 port, __be32 from, __be32 end,
					enum mnat_counter_id counter)
{
	struct route route;
	int reason = route_lookup(ctx, cfg.tunnel_addr, end, &route);

	if (reason != PARSE_OK && reason != MNAT_C_TOO_BIG)
		return refuse(ctx, route_reason_in(reason));
	if (reason == MNAT_C_TOO_BIG || !fits_tunnel(ctx, pkt, route.mtu))
		return too_big(ctx, pkt->scope, route.mtu - TUNNEL_OVERHEAD);
	if (rewrite_endpoint(ctx, pkt, side, addr, port) ||
	    tunnel_wrap(ctx, from, end, pkt->ip_proto == IPPROTO_UDP))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(counter, ctx_len(ctx));
	return route_send(ctx, &route);
}

/*
 * In the place of a verdict, from functions that are deep in the stack already: the caller
 * is to call to_tunnel(), or, if less than 0 otherwise, to_anchor() with minus this slot.
 */
#define ON_TO_TUNNEL (-__INT_MAX__ - 1)
#define ON_TO_ERROR (ON_TO_TUNNEL + 1) /* hairpin_error() */

/* Straight to the correspondent, with the anchor's external endpoint as source. */
static __always_inline int send_direct(ctx_t *ctx, const struct packet *pkt,
				       const struct mnat_elsewhere *as)
{
	struct route route;
	int reason = route_lookup(ctx, pkt->saddr, pkt->daddr, &route);

	if (reason == MNAT_C_TOO_BIG)
		return too_big(ctx, pkt->scope, route.mtu);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (rewrite_endpoint(ctx, pkt, SOURCE, as->addr, as->port))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(MNAT_C_DIRECT_OUT, ctx_len(ctx));
	return route_send(ctx, &route);
}

/* A visiting host's packet, to where its session is anchored. */
__noinline int to_anchor(ctx_t *ctx, const struct packet *pkt, __u32 host, __u32 slot)
{
	struct mnat_anchor *anchor = bpf_map_lookup_elem(&anchors, &slot);
	struct mnat_session_key key;
	struct mnat_elsewhere *as;

	if (!pkt) /* the verifier looks at a global function alone */
		return VERDICT_DROP;
	if (!anchor || !anchor->gateway || anchor->host != host)
		return refuse(ctx, MNAT_C_NO_SESSION);
	if (anchor->flags & MNAT_ANCHOR_DIRECT) {
		session_key_out(pkt, host, &key);
		as = bpf_map_lookup_elem(&elsewhere, &key);
		if (as && as->kind == MNAT_ANCHORED)
			return send_direct(ctx, pkt, as);
	}
	return send_wrapped(ctx, pkt, SOURCE, anchor->virt, pkt->sport, cfg.tunnel_addr,
			    anchor->gateway, MNAT_C_TUNNEL_OUT);
}

/* To the port that the session has at the gateway its host visits. */
static __always_inline int send_translated(ctx_t *ctx, const struct packet *pkt,
					   const struct mnat_elsewhere *there)
{
	struct route route;
	int reason = route_lookup(ctx, cfg.tunnel_addr, there->addr, &route);

	if (reason == MNAT_C_TOO_BIG)
		return too_big(ctx, pkt->scope, route.mtu);
	if (reason != PARSE_OK)
		return refuse(ctx, route_reason_in(reason));
	if (rewrite_endpoint(ctx, pkt, DEST, there->addr, there->port))
		return refuse(ctx, MNAT_C_INTERNAL);
	if (!(there->flags & MNAT_KEEP_SOURCE) &&
	    rewrite_source(ctx, pkt, pkt->daddr, pkt->dport))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(MNAT_C_FORWARDED_PORT, ctx_len(ctx));
	return route_send(ctx, &route);
}

/*
 * To the inside endpoint owner, of a host that is behind a tunnel, as where says. virt: the
 * address that the host here has for the session, 0: its own one.
 */
__noinline int to_tunnel(ctx_t *ctx, const struct packet *pkt, __u64 owner, __u64 where,
			 __be32 virt)
{
	__u32 host = mnat_owner_host(owner);
	struct mnat_host_info *info = bpf_map_lookup_elem(&host_info, &host);
	__be16 port = mnat_owner_port(owner);
	__be32 from = cfg.tunnel_addr;
	struct mnat_elsewhere *there;
	struct mnat_session_key key;
	struct mnat_session *s;

	if (!pkt) /* the verifier looks at a global function alone */
		return VERDICT_DROP;
	if (!info || !info->virt)
		return refuse(ctx, MNAT_C_HOST_GONE);
	if (!virt || mnat_location_is_away(where))
		virt = info->virt;
	session_key_in(pkt, host, port, &key);
	if (mnat_location_flags(where) & MNAT_HOST_ONE_WAY) {
		s = session_lookup(&key);
		if (s)
			session_touch(s, now_seconds());
	}
	if (mnat_location_flags(where) & MNAT_HOST_FORWARDED) {
		there = bpf_map_lookup_elem(&elsewhere, &key);
		if (there && there->kind == MNAT_FORWARDED && there->number == info->stay) {
			if (there->port)
				return send_translated(ctx, pkt, there);
			from = pkt->saddr;
		}
	}
	return send_wrapped(ctx, pkt, DEST, virt, port, from, mnat_location_endpoint(where),
			    MNAT_C_FORWARDED_AWAY);
}

static __always_inline __u32 arrival(__be32 peer, __be32 virt)
{
	struct mnat_arrival_key key = { peer, virt };
	__u32 *host = bpf_map_lookup_elem(&arrivals, &key);

	return host ? *host : 0;
}

/* The host that a packet out of a tunnel is for, 0: none. */
static __always_inline __u32 arrival_to(const struct packet *pkt)
{
	__u32 host = arrival(pkt->scope, pkt->daddr);

	if (host & MNAT_ARRIVAL_TO && pkt->scope != pkt->saddr)
		return 0;
	return host & ~MNAT_ARRIVAL_TO;
}

/* The host that it comes from, 0: none. */
static __always_inline __u32 arrival_from(const struct packet *pkt)
{
	__u32 host = arrival(pkt->scope, pkt->saddr);

	return host & MNAT_ARRIVAL_TO ? 0 : host;
}

#endif
