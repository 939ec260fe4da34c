/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gateway's translation core (RFC 3022; seed paragraphs 67-69). The same code
 * serves each hook through the context layer.
 */
#ifndef MNAT_NAT_H
#define MNAT_NAT_H

#include "refuse.h"
#include "rewrite.h"
#include "route.h"
#include "session.h"

static __always_inline bool is_external(__be32 addr)
{
	return bpf_ntohl(addr) - cfg.ext_first < cfg.n_ext;
}

static __always_inline bool is_broadcast_or_multicast(__be32 addr)
{
	return bpf_ntohl(addr) >= 0xe0000000 || !addr;
}

/* Session and binding of a packet from inside. Returns the binding's index or -1. */
static __always_inline long session_out(const struct packet *pkt, __u32 host, int *ret_reason)
{
	struct mnat_session_key key;
	struct mnat_session *s;

	session_key_out(pkt, host, &key);
	s = bpf_map_lookup_elem(&sessions, &key);
	if (s) {
		session_touch(s);
		if (pkt->proto == MNAT_TCP)
			session_note_tcp(s, pkt->tcp_flags, true);
		return s->binding;
	}
	if (!may_create(pkt, ret_reason))
		return -1;
	host_note_plain(host, pkt->saddr);
	return session_create(&key, pkt->tcp_flags, ret_reason);
}

static __always_inline int nat_out(ctx_t *ctx, const struct packet *pkt)
{
	struct route route;
	int reason = MNAT_C_INTERNAL;
	__be32 addr;
	__be16 port;
	__u32 host;
	long index;

	host = host_of(pkt->saddr, &reason);
	if (!host)
		return refuse(ctx, reason);
	if (pkt->ttl <= 1)
		return refuse(ctx, MNAT_C_TTL_EXPIRED);
	reason = route_lookup(ctx, pkt->saddr, pkt->daddr, &route);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	index = session_out(pkt, host, &reason);
	if (index < 0)
		return refuse(ctx, reason);
	binding_endpoint(index, &addr, &port);
	if (rewrite_endpoint(ctx, pkt, SOURCE, addr, port))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(MNAT_C_OUT_TRANSLATED, ctx_len(ctx));
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

static __always_inline int from_inside(ctx_t *ctx)
{
	struct packet pkt = {};
	int reason = receive(ctx, &pkt);

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (is_broadcast_or_multicast(pkt.daddr) || is_external(pkt.daddr))
		return refuse(ctx, MNAT_C_TO_GATEWAY);
	if (actual_index(pkt.daddr) >= 0)
		return refuse(ctx, MNAT_C_INTRA_DOMAIN);
	reason = parse_transport(ctx, &pkt);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	return nat_out(ctx, &pkt);
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

static __always_inline int nat_in(ctx_t *ctx, const struct packet *pkt)
{
	long index = binding_index(pkt->proto, pkt->daddr, pkt->dport);
	struct mnat_binding *b;
	struct route route;
	__u64 owner, where;
	__u32 key = index;
	__be32 addr;
	int reason;

	if (index < 0)
		return refuse(ctx, MNAT_C_NO_BINDING);
	b = bpf_map_lookup_elem(&bindings, &key);
	if (!b)
		return refuse(ctx, MNAT_C_NO_BINDING);
	owner = b->owner;
	if (!owner)
		return refuse(ctx, MNAT_C_NO_BINDING);
	where = host_location(mnat_owner_host(owner));
	if (mnat_location_path(where) != MNAT_PATH_TRANSLATE)
		return refuse(ctx, MNAT_C_HOST_GONE);
	addr = mnat_location_endpoint(where);
	if (pkt->ttl <= 1)
		return refuse(ctx, MNAT_C_TTL_EXPIRED_IN);
	reason = route_lookup(ctx, pkt->saddr, addr, &route);
	if (reason != PARSE_OK)
		return refuse(ctx, reason == MNAT_C_TOO_BIG ? reason : MNAT_C_NO_ROUTE_IN);
	session_in(pkt, owner);
	if (rewrite_endpoint(ctx, pkt, DEST, addr, mnat_owner_port(owner)))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(MNAT_C_IN_TRANSLATED, ctx_len(ctx));
	return route_send(ctx, &route);
}

static __always_inline int from_outside(ctx_t *ctx)
{
	struct packet pkt = {};
	int reason = receive(ctx, &pkt);

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (actual_index(pkt.daddr) >= 0)
		return refuse(ctx, MNAT_C_INSIDE_FROM_OUTSIDE);
	if (!is_external(pkt.daddr))
		return refuse(ctx, MNAT_C_OTHER_ADDRESS);
	reason = parse_transport(ctx, &pkt);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
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
