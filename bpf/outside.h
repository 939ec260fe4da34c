/* SPDX-License-Identifier: GPL-2.0-only */
/* What comes from outside: from correspondents, and through tunnels. */
#ifndef MNAT_OUTSIDE_H
#define MNAT_OUTSIDE_H

#include "fragment.h"
#include "hairpin.h"
#include "intra.h"
#include "nat.h"
#include "quoted.h"
#include "tunnel_relay.h"
#include "unsolicited.h"

/*
 * The relay at the port that a packet is to, by which a visiting host's anchor forwards a
 * session; NULL with the reason if there is none or the packet is not from its other end.
 */
static __always_inline struct mnat_relay *relay_of(const struct packet *pkt, int *ret_reason)
{
	__u32 index = binding_index(pkt->proto, pkt->daddr, pkt->dport);
	struct mnat_relay *relay = bpf_map_lookup_elem(&relays, &index);

	*ret_reason = MNAT_C_HOST_GONE;
	if (!relay)
		return NULL;
	*ret_reason = MNAT_C_RELAY_UNKNOWN;
	if (pkt->saddr != relay->from ||
	    (pkt->proto != MNAT_ICMP && pkt->sport != relay->from_port))
		return NULL;
	return relay;
}

/* The anchor may have put its own endpoint for the correspondent's: that is put back. */
static __always_inline int relay_restore(ctx_t *ctx, struct packet *pkt,
					 const struct mnat_relay *relay)
{
	__be32 addr = relay->session.remote;
	__be16 port = pkt->proto == MNAT_ICMP ? pkt->sport : relay->session.remote_port;

	if (pkt->saddr == addr)
		return 0;
	if (rewrite_source(ctx, pkt, addr, port))
		return -1;
	pkt->saddr = addr, pkt->sport = port;
	return 0;
}

/* Of what an anchor forwards, only what may not be fragmented is its correspondent told. */
static __always_inline bool relay_is_told(const struct packet *pkt, enum mnat_counter_id counter)
{
	return counter != MNAT_C_IN_TRANSLATED && pkt->df;
}

/*
 * Too big for the link to a visiting host: the correspondent is told of the packet as it
 * was sent, to the session's external endpoint at the anchor.
 */
static __always_inline int too_big_for_visitor(ctx_t *ctx, struct packet *pkt, __u64 owner,
					       const struct mnat_relay *relay, __u16 mtu)
{
	struct mnat_elsewhere *there;
	struct mnat_session_key key;

	if (relay)
		key = relay->session;
	else
		session_key_in(pkt, mnat_owner_host(owner), mnat_owner_port(owner), &key);
	there = bpf_map_lookup_elem(&elsewhere, &key);
	if (!there || there->kind != MNAT_ANCHORED)
		return refuse(ctx, MNAT_C_TOO_BIG);
	if ((relay && relay_restore(ctx, pkt, relay)) ||
	    rewrite_address(ctx, pkt, DEST, there->addr, false) ||
	    rewrite_port(ctx, pkt, DEST, there->port))
		return refuse(ctx, MNAT_C_INTERNAL);
	return too_big(ctx, SCOPE_OUTSIDE, mtu);
}

/*
 * To a host that is here: its address becomes where it is, its port stays or is given.
 * Nothing is changed if the packet cannot go from here (CTX_DEFERS).
 */
static __always_inline int deliver(ctx_t *ctx, struct packet *pkt, __u64 owner, __be32 addr,
				   const struct mnat_relay *relay, enum mnat_counter_id counter)
{
	struct route route;
	int reason = route_lookup(ctx, relay ? relay->session.remote : pkt->saddr, addr, &route);
	__be16 port = mnat_owner_port(owner);

	if (reason == MNAT_C_TOO_BIG && relay_is_told(pkt, counter))
		return too_big_for_visitor(ctx, pkt, owner, relay, route.mtu);
	if (reason == MNAT_C_TOO_BIG)
		return too_big(ctx, pkt->scope, route.mtu);
	if (reason != PARSE_OK)
		return refuse(ctx, route_reason_in(reason));
	if (relay && relay_restore(ctx, pkt, relay))
		return refuse(ctx, MNAT_C_INTERNAL);
	if (rewrite_endpoint(ctx, pkt, DEST, addr, port))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(counter, ctx_len(ctx));
	return route_send(ctx, &route);
}

static __always_inline int relay_to_tunnel(ctx_t *ctx, struct packet *pkt, __u64 owner,
					   __u64 where, const struct mnat_relay *relay)
{
	if (CTX_DEFERS)
		return refuse(ctx, DEFER);
	if (relay_restore(ctx, pkt, relay))
		return refuse(ctx, MNAT_C_INTERNAL);
	return to_tunnel(ctx, pkt, owner, where, relay->virt);
}

/*
 * Who gets what came from outside: an inside endpoint, by a relay perhaps; 0 and the
 * reason: nobody.
 */
static __always_inline __u64 recipient(ctx_t *ctx, const struct packet *pkt,
				       struct mnat_relay **ret_relay, int *ret_reason)
{
	__u64 owner;

	*ret_reason = MNAT_C_NO_BINDING;
	if (pkt->proto == PROTO_CARRIED)
		return mnat_owner(carried_host(pkt->daddr, pkt->saddr, carried_id(pkt, false),
					       pkt->ip_proto), pkt->dport);
	owner = owner_of(pkt);
	if (!owner) {
		*ret_reason = unsolicited(ctx, pkt);
		return 0;
	}
	if (!mnat_owner_host(owner)) {
		*ret_relay = relay_of(pkt, ret_reason);
		return *ret_relay ? mnat_owner((*ret_relay)->session.host,
					       (*ret_relay)->session.port) : 0;
	}
	*ret_reason = MNAT_C_FILTERED;
	return admitted(pkt, owner) ? owner : 0;
}

static __always_inline int nat_in(ctx_t *ctx, struct packet *pkt)
{
	struct mnat_relay *relay = NULL;
	int reason;
	__u64 owner = recipient(ctx, pkt, &relay, &reason), where;
	__u32 host = mnat_owner_host(owner);

	if (!host)
		return refuse(ctx, reason);
	where = host_location(host);
	if (!where)
		return refuse(ctx, MNAT_C_HOST_GONE);
	if (pkt->ttl <= 1)
		return refuse(ctx, MNAT_C_TTL_EXPIRED_IN);
	account_in(ctx, host);
	session_in(pkt, host, mnat_owner_port(owner), relay);
	if (mnat_location_path(where) == MNAT_PATH_TUNNEL)
		return relay ? relay_to_tunnel(ctx, pkt, owner, where, relay) :
			       to_tunnel(ctx, pkt, owner, where, 0);
	return deliver(ctx, pkt, owner, mnat_location_endpoint(where), relay,
		       relay ? MNAT_C_RELAY_IN : MNAT_C_IN_TRANSLATED);
}

/* The correspondent of a forwarded session, by a packet of its that we translated; or NULL. */
static __always_inline struct mnat_elsewhere *correspondent_of(const struct packet *translated,
							       __u64 owner, __u64 where)
{
	struct mnat_session_key key = {
		.host = mnat_owner_host(owner),
		.remote = translated->daddr,
		.port = mnat_owner_port(owner),
		.remote_port = translated->dport,
		.proto = translated->proto,
	};
	struct mnat_elsewhere *e;

	if (!(mnat_location_flags(where) & MNAT_HOST_FORWARDED))
		return NULL;
	e = bpf_map_lookup_elem(&elsewhere, &key);
	return e && e->kind == MNAT_CORRESPONDENT ? e : NULL;
}

/*
 * An error about a packet forwarded with our endpoint as source: to the correspondent,
 * about the packet as it was sent.
 */
static __always_inline int icmp_error_back(ctx_t *ctx, const struct packet *pkt,
					   const struct packet *inner, __be32 addr, __be16 port)
{
	struct route route;

	if (route_lookup(ctx, cfg.tunnel_addr, addr, &route) != PARSE_OK)
		return refuse(ctx, MNAT_C_NO_ROUTE_IN);
	if (rewrite_quoted(ctx, pkt, inner, SOURCE, addr, port) ||
	    rewrite_quoted(ctx, pkt, inner, DEST, inner->saddr, inner->sport) ||
	    rewrite_address(ctx, pkt, DEST, addr, true) ||
	    rewrite_address(ctx, pkt, SOURCE, cfg.tunnel_addr, false))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(MNAT_C_ICMP_ERROR_OUT, ctx_len(ctx));
	return route_send(ctx, &route);
}

/* An error from outside about a packet we sent: quoted is its translated form. */
__noinline int icmp_error_in(ctx_t *ctx, const struct packet *pkt)
{
	struct packet inner = {}, sent = {};
	struct mnat_elsewhere *correspondent;
	struct mnat_host_info *info;
	struct route route;
	__u64 owner, where;
	__be32 addr;
	__u32 host;
	int reason;

	if (!pkt) /* the verifier looks at a global function alone */
		return VERDICT_DROP;
	reason = quoted_find(ctx, pkt, &inner);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	sent.proto = inner.proto;
	sent.saddr = inner.daddr;
	sent.sport = inner.dport;
	sent.daddr = inner.saddr;
	sent.dport = inner.sport;
	owner = is_external(inner.saddr) ? owner_of(&sent) : 0;
	host = mnat_owner_host(owner);
	where = owner ? host_location(host) : 0;
	if (!where)
		return refuse(ctx, MNAT_C_ICMP_ERROR_UNKNOWN);
	correspondent = correspondent_of(&inner, owner, where);
	if (correspondent)
		return icmp_error_back(ctx, pkt, &inner, correspondent->addr, correspondent->port);
	if (!admitted(&sent, owner))
		return refuse(ctx, MNAT_C_FILTERED);
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
	reason = quoted_find(ctx, pkt, &inner);
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

/* What a host of ours sends from where it visits. The verdict, or as ON_TO_TUNNEL says. */
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
		return is_in_domain(pkt->daddr)
			       ? intra_departed(ctx, pkt, sender)
			       : send_on(ctx, pkt, sender, from_departed(ctx, pkt, sender));
	if (!where)
		return refuse(ctx, MNAT_C_HOST_GONE);
	if (is_icmp_error(pkt) && mnat_location_path(where) == MNAT_PATH_TRANSLATE)
		return icmp_error_deliver(ctx, pkt, mnat_location_endpoint(where));
	if (pkt->ttl <= 1)
		return refuse(ctx, MNAT_C_TTL_EXPIRED_IN);
	account_in(ctx, host);
	session_in(pkt, host, pkt->dport, NULL);
	/* it has moved on: after it, as to one of our own */
	if (mnat_location_path(where) == MNAT_PATH_TUNNEL)
		return to_tunnel(ctx, pkt, mnat_owner(host, pkt->dport), where, pkt->daddr);
	return deliver(ctx, pkt, mnat_owner(host, pkt->dport), mnat_location_endpoint(where),
		       NULL, MNAT_C_TUNNEL_IN);
}

/*
 * A tunnel packet, believed only if an arrival says so: to a host that is here, or
 * from a host of ours that is behind the peer. Fragments are held as they came.
 */
static __always_inline int from_tunnel(ctx_t *ctx, struct packet *pkt)
{
	int reason = tunnel_peek(ctx, pkt, pkt);
	__u32 host, sender;

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	host = arrival_to(pkt);
	sender = host ? 0 : arrival_from(pkt);
	reason = host || sender ? fragment_begin(ctx, pkt) : MNAT_C_TUNNEL_UNKNOWN;
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	return fragment_end(ctx, pkt, tunnel_packet(ctx, pkt, host, sender));
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
	return fragment_end(ctx, &pkt, outside_packet(ctx, &pkt));
}

#endif
