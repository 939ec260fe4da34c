/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gateway's translation core (RFC 3022; seed paragraphs 67-69). The same code
 * serves each hook through the context layer.
 */
#ifndef MNAT_NAT_H
#define MNAT_NAT_H

#include "anchor.h"
#include "icmp_error.h"

static __always_inline bool is_external(__be32 addr)
{
	return bpf_ntohl(addr) - cfg.ext_first < cfg.n_ext;
}

static __always_inline bool is_broadcast_or_multicast(__be32 addr)
{
	return bpf_ntohl(addr) >= 0xe0000000 || !addr;
}

/* An existing session's record, touched. */
static __always_inline struct mnat_session *session_find(const struct packet *pkt, __u32 host)
{
	struct mnat_session_key key;
	struct mnat_session *s;

	session_key_out(pkt, host, &key);
	s = bpf_map_lookup_elem(&sessions, &key);
	if (!s)
		return NULL;
	session_touch(s);
	if (pkt->proto == MNAT_TCP)
		session_note_tcp(s, pkt->tcp_flags, true);
	return s;
}

/* A new session's binding: its index, or -1 with the reason. */
static __always_inline long session_begin(const struct packet *pkt, __u32 host, int *ret_reason)
{
	struct mnat_session_key key;

	if (!may_create(pkt, ret_reason))
		return -1;
	session_key_out(pkt, host, &key);
	host_note_plain(host, pkt->saddr);
	return session_create(&key, pkt->tcp_flags, ret_reason);
}

/*
 * While a host's sessions are being imported an unknown one belongs to its default
 * anchor, and stays there: the import may never name it, if it began just now. What
 * begins with this very packet begins here.
 */
static __always_inline __u32 session_by_default(const struct packet *pkt, __u32 host)
{
	__u32 slot = default_anchor(host);
	struct mnat_session_key key;
	struct mnat_session s = {};

	if (!slot || (pkt->proto == MNAT_TCP &&
		      (pkt->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN))
		return 0;
	session_key_out(pkt, host, &key);
	s.binding = MNAT_BINDING_ANCHOR | slot;
	s.created = s.last_seen = now_seconds();
	s.flags = MNAT_SEEN_SYN_OUT | MNAT_ANCHOR_GUESSED;
	if (!(pkt->tcp_flags & TCP_SYN))
		s.flags |= MNAT_SEEN_SYN_IN;
	bpf_map_update_elem(&sessions, &key, &s, BPF_NOEXIST);
	return slot;
}

/* A packet of host, here or behind a tunnel, to outside. */
static __always_inline int nat_out(ctx_t *ctx, const struct packet *pkt, __u32 host,
				   enum mnat_counter_id counter)
{
	struct mnat_session *s;
	struct route route;
	__u32 anchor = 0;
	int reason;
	__be32 addr;
	__be16 port;
	long index;

	if (pkt->ttl <= 1)
		return refuse(ctx, MNAT_C_TTL_EXPIRED);
	s = session_find(pkt, host);
	if (!s)
		anchor = session_by_default(pkt, host);
	else if (s->binding & MNAT_BINDING_ANCHOR)
		anchor = s->binding & ~MNAT_BINDING_ANCHOR;
	if (anchor)
		return to_anchor(ctx, pkt, host, anchor);
	reason = route_lookup(ctx, pkt->saddr, pkt->daddr, &route);
	if (reason == MNAT_C_TOO_BIG && counter == MNAT_C_OUT_TRANSLATED)
		return tell_too_big(ctx, cfg.tunnel_addr, route.mtu);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	index = s ? s->binding : session_begin(pkt, host, &reason);
	if (index < 0)
		return refuse(ctx, reason);
	binding_endpoint(index, &addr, &port);
	if (rewrite_endpoint(ctx, pkt, SOURCE, addr, port))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(counter, ctx_len(ctx));
	return route_send(ctx, &route);
}

/* What both ways in have in common: an IPv4 packet, or the reason it is none. */
static __always_inline int receive(ctx_t *ctx, struct packet *pkt)
{
	__be16 ethertype;
	int reason = parse_ethertype(ctx, &ethertype);

	if (reason != PARSE_OK)
		return reason;
	if (ethertype != bpf_htons(ETH_P_IP))
		return MNAT_C_NOT_IPV4;
	return parse_ipv4(ctx, pkt);
}

/*
 * An error from inside about a packet that came in: quoted is what the host got. Who
 * speaks, host or router, shows outside as the external address.
 */
static __always_inline int icmp_error_out(ctx_t *ctx, const struct packet *pkt)
{
	struct mnat_bib_key key = {};
	struct packet inner = {};
	struct route route;
	__u32 *index;
	__be32 addr;
	__be16 port;
	int reason = parse_quoted(ctx, pkt, &inner);

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	key.host = host_of(inner.daddr, &reason);
	key.port = inner.dport;
	key.proto = inner.proto;
	index = key.host ? bpf_map_lookup_elem(&bib, &key) : NULL;
	if (!index)
		return refuse(ctx, MNAT_C_ICMP_UNSUPPORTED);
	binding_endpoint(*index, &addr, &port);
	reason = route_lookup(ctx, pkt->saddr, pkt->daddr, &route);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (rewrite_quoted(ctx, pkt, &inner, DEST, addr, port) ||
	    rewrite_address(ctx, pkt, SOURCE, addr, true))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(MNAT_C_ICMP_ERROR_OUT, ctx_len(ctx));
	return route_send(ctx, &route);
}

static __always_inline int from_inside(ctx_t *ctx)
{
	struct packet pkt = {};
	int reason = receive(ctx, &pkt);
	__u32 host;

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (is_broadcast_or_multicast(pkt.daddr) || is_external(pkt.daddr))
		return refuse(ctx, MNAT_C_TO_GATEWAY);
	if (actual_index(pkt.daddr) >= 0)
		return refuse(ctx, MNAT_C_INTRA_DOMAIN);
	reason = parse_transport(ctx, &pkt);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (is_icmp_error(&pkt))
		return icmp_error_out(ctx, &pkt);
	host = host_of(pkt.saddr, &reason);
	if (!host)
		return refuse(ctx, reason);
	return nat_out(ctx, &pkt, host, MNAT_C_OUT_TRANSLATED);
}

/*
 * Only packets that change a TCP session's state look it up: for all others the
 * binding says everything (endpoint-independent filtering), and what comes from
 * outside refreshes nothing (RFC 7857 section 3).
 */
static __always_inline void session_in(const struct packet *pkt, __u64 owner)
{
	struct mnat_session_key key = {
		.host = mnat_owner_host(owner),
		.remote = pkt->saddr,
		.port = mnat_owner_port(owner),
		.remote_port = pkt->sport,
		.proto = MNAT_TCP,
	};
	struct mnat_session *s;

	if (pkt->proto != MNAT_TCP || !(pkt->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)))
		return;
	s = bpf_map_lookup_elem(&sessions, &key);
	if (s)
		session_note_tcp(s, pkt->tcp_flags, false);
}

/* To a host that is here: its address becomes where it is, its port stays or is given. */
static __always_inline int deliver(ctx_t *ctx, const struct packet *pkt, __be32 addr, __be16 port,
				   enum mnat_counter_id counter)
{
	struct route route;
	int reason = route_lookup(ctx, pkt->saddr, addr, &route);

	if (reason == MNAT_C_TOO_BIG && counter == MNAT_C_IN_TRANSLATED)
		return tell_too_big(ctx, cfg.tunnel_addr, route.mtu);
	if (reason != PARSE_OK)
		return refuse(ctx, reason == MNAT_C_TOO_BIG ? reason : MNAT_C_NO_ROUTE_IN);
	if (rewrite_endpoint(ctx, pkt, DEST, addr, port))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(counter, ctx_len(ctx));
	return route_send(ctx, &route);
}

/* The owner of an external endpoint, 0: nobody. */
static __always_inline __u64 owner_of(const struct packet *pkt)
{
	long index = binding_index(pkt->proto, pkt->daddr, pkt->dport);
	struct mnat_binding *b;
	__u32 key = index;

	if (index < 0)
		return 0;
	b = bpf_map_lookup_elem(&bindings, &key);
	return b ? b->owner : 0;
}

static __always_inline int nat_in(ctx_t *ctx, const struct packet *pkt)
{
	__u64 owner = owner_of(pkt), where;
	__u32 host = mnat_owner_host(owner);
	__be16 port = mnat_owner_port(owner);

	if (!owner)
		return refuse(ctx, MNAT_C_NO_BINDING);
	where = host_location(host);
	if (!where)
		return refuse(ctx, MNAT_C_HOST_GONE);
	if (pkt->ttl <= 1)
		return refuse(ctx, MNAT_C_TTL_EXPIRED_IN);
	session_in(pkt, owner);
	if (mnat_location_path(where) == MNAT_PATH_TUNNEL)
		return to_visited(ctx, pkt, host, port, mnat_location_endpoint(where));
	return deliver(ctx, pkt, mnat_location_endpoint(where), port, MNAT_C_IN_TRANSLATED);
}

/* An error from outside about a packet we sent: quoted is its translated form. */
static __always_inline int icmp_error_in(ctx_t *ctx, const struct packet *pkt)
{
	struct packet inner = {}, sent = {};
	struct mnat_host_info *info;
	struct route route;
	__u64 owner, where;
	__be32 addr;
	__u32 host;
	int reason = parse_quoted(ctx, pkt, &inner);

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	sent.proto = inner.proto;
	sent.daddr = inner.saddr;
	sent.dport = inner.sport;
	owner = is_external(inner.saddr) ? owner_of(&sent) : 0;
	host = mnat_owner_host(owner);
	where = owner ? host_location(host) : 0;
	if (!where)
		return refuse(ctx, MNAT_C_ICMP_ERROR_UNKNOWN);
	addr = mnat_location_endpoint(where);
	reason = route_lookup(ctx, pkt->saddr, addr, &route);
	if (reason != PARSE_OK)
		return refuse(ctx, MNAT_C_NO_ROUTE_IN);
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
static __always_inline int icmp_error_deliver(ctx_t *ctx, const struct packet *pkt, __be32 addr)
{
	struct packet inner = {};
	struct route route;
	int reason = parse_quoted(ctx, pkt, &inner);

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	reason = route_lookup(ctx, pkt->saddr, addr, &route);
	if (reason != PARSE_OK)
		return refuse(ctx, MNAT_C_NO_ROUTE_IN);
	if (rewrite_quoted(ctx, pkt, &inner, SOURCE, addr, inner.sport) ||
	    rewrite_address(ctx, pkt, DEST, addr, true))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(MNAT_C_ICMP_ERROR_IN, ctx_len(ctx));
	return route_send(ctx, &route);
}

/*
 * A tunnel packet, believed only if an arrival says so: to a host that is here, or
 * from a host of ours that is behind the peer.
 */
static __always_inline int from_tunnel(ctx_t *ctx, const struct packet *outer)
{
	struct packet pkt = {};
	int reason = tunnel_peek(ctx, outer, &pkt);
	__u32 host, sender;
	__u64 where;

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	host = arrival(outer->saddr, pkt.daddr);
	sender = host ? 0 : arrival(outer->saddr, pkt.saddr);
	if (!host && !sender)
		return refuse(ctx, MNAT_C_TUNNEL_UNKNOWN);
	reason = tunnel_unwrap(ctx, &pkt);
	if (reason == PARSE_OK)
		reason = parse_transport(ctx, &pkt);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (sender)
		return nat_out(ctx, &pkt, sender, MNAT_C_FROM_VISITED);
	where = host_location(host);
	if (!where)
		return refuse(ctx, MNAT_C_HOST_GONE);
	if (is_icmp_error(&pkt) && mnat_location_path(where) == MNAT_PATH_TRANSLATE)
		return icmp_error_deliver(ctx, &pkt, mnat_location_endpoint(where));
	if (pkt.ttl <= 1)
		return refuse(ctx, MNAT_C_TTL_EXPIRED_IN);
	session_in(&pkt, (__u64)host << 32 | (__u32)pkt.dport << 16);
	/* it has moved on: after it, by the address it has at the anchor */
	if (mnat_location_path(where) == MNAT_PATH_TUNNEL)
		return send_wrapped(ctx, &pkt, DEST, pkt.daddr, pkt.dport,
				    mnat_location_endpoint(where), MNAT_C_FORWARDED_AWAY);
	return deliver(ctx, &pkt, mnat_location_endpoint(where), pkt.dport, MNAT_C_TUNNEL_IN);
}

static __always_inline int from_outside(ctx_t *ctx)
{
	struct packet pkt = {};
	int reason = receive(ctx, &pkt);

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (actual_index(pkt.daddr) >= 0)
		return refuse(ctx, MNAT_C_INSIDE_FROM_OUTSIDE);
	if (pkt.ip_proto == IPPROTO_IPIP && pkt.daddr == cfg.tunnel_addr)
		return from_tunnel(ctx, &pkt);
	if (!is_external(pkt.daddr))
		return refuse(ctx, MNAT_C_OTHER_ADDRESS);
	reason = parse_transport(ctx, &pkt);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (is_icmp_error(&pkt))
		return icmp_error_in(ctx, &pkt);
	if (pkt.proto == MNAT_ICMP && pkt.icmp_type != ICMP_ECHOREPLY)
		return refuse(ctx, MNAT_C_TO_GATEWAY);
	return nat_in(ctx, &pkt);
}

/* On the way out of an outside interface: no inside source may pass (design 4.1, rule 5). */
static __always_inline int guard(ctx_t *ctx)
{
	struct iphdr *ip;
	__be16 ethertype;

	if (parse_ethertype(ctx, &ethertype) != PARSE_OK || ethertype != bpf_htons(ETH_P_IP) ||
	    !ctx_pull(ctx, ETH_HLEN + sizeof(*ip)))
		return VERDICT_STACK;
	ip = ctx_data(ctx) + ETH_HLEN;
	if ((void *)(ip + 1) > ctx_data_end(ctx) || actual_index(ip->saddr) < 0)
		return VERDICT_STACK;
	return refuse(ctx, MNAT_C_UNTRANSLATED);
}

#endif
