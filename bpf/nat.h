/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gateway's translation core (RFC 3022; seed paragraphs 67-69). The same code
 * serves each hook through the context layer.
 */
#ifndef MNAT_NAT_H
#define MNAT_NAT_H

#include "account.h"
#include "anchor.h"
#include "carried.h"
#include "filter.h"
#include "own_mac.h"

static __always_inline bool is_broadcast_or_multicast(__be32 addr)
{
	return bpf_ntohl(addr) >= 0xe0000000 || !addr;
}

/* An existing session's record, to be touched. */
static __always_inline struct mnat_session *session_find(const struct packet *pkt, __u32 host)
{
	struct mnat_session_key key;
	struct mnat_session *s;

	session_key_out(pkt, host, &key);
	s = session_lookup(&key);
	if (s && pkt->proto == MNAT_TCP)
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

#define DHCP_SERVER 67
#define DHCP_CLIENT 68

static __always_inline bool is_dhcp(const struct packet *pkt)
{
	return pkt->proto == MNAT_UDP && pkt->sport == bpf_htons(DHCP_CLIENT) &&
	       pkt->dport == bpf_htons(DHCP_SERVER);
}

/* A node's words with the domain it is in: for a lease, or to its manager. */
static __always_inline bool is_of_domain(const struct packet *pkt)
{
	return is_dhcp(pkt) ||
	       (pkt->proto == MNAT_UDP && pkt->dport == bpf_htons(MNAT_PORT_MANAGER));
}

/*
 * While a host's sessions are being imported an unknown one belongs to its default
 * anchor, and stays there: the import may never name it, if it began just now. What
 * begins with this very packet begins here; so does what is for this domain.
 */
static __always_inline __u32 session_by_default(const struct packet *pkt, __u32 host)
{
	__u32 slot = default_anchor(host);
	struct mnat_session_key key;
	struct mnat_session s = {};

	if (!slot || is_of_domain(pkt) ||
	    (pkt->proto == MNAT_TCP && (pkt->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN))
		return 0;
	session_key_out(pkt, host, &key);
	s.binding = MNAT_BINDING_ANCHOR | slot;
	s.created = s.last_seen = now_seconds();
	s.flags = MNAT_SEEN_SYN_OUT | MNAT_ANCHOR_GUESSED;
	if (!(pkt->tcp_flags & TCP_SYN))
		s.flags |= MNAT_SEEN_SYN_IN;
	session_insert(&key, &s);
	return slot;
}

/* ... of a protocol whose ports, if any, stay. */
static __always_inline int carried_out(ctx_t *ctx, const struct packet *pkt, __u32 host,
				       enum mnat_counter_id counter)
{
	struct route route;
	int reason = route_lookup(ctx, pkt->saddr, pkt->daddr, &route);

	if (reason == MNAT_C_TOO_BIG)
		return too_big(ctx, pkt->scope, route.mtu);
	if (reason == PARSE_OK)
		reason = carried_claim(pkt->daddr, carried_id(pkt, true), host, pkt->ip_proto);
	if (reason != PARSE_OK)
		return refuse_telling(ctx, pkt->scope, reason);
	host_note_plain(host, pkt->saddr);
	if (rewrite_address(ctx, pkt, SOURCE, carried_external(host), true))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(counter, ctx_len(ctx));
	return route_send(ctx, &route);
}

/* A packet of host, here or behind a tunnel, to outside: the verdict, or ON_TO_TUNNEL etc. */
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
	if (pkt->proto == PROTO_CARRIED)
		return carried_out(ctx, pkt, host, counter);
	s = session_find(pkt, host);
	if (!s)
		anchor = session_by_default(pkt, host);
	else if (s->binding & MNAT_BINDING_ANCHOR)
		anchor = s->binding & ~MNAT_BINDING_ANCHOR;
	if (anchor) {
		if (s)
			session_touch(s, now_seconds());
		account_out(ctx, host);
		return -(int)anchor;
	}
	reason = route_lookup(ctx, pkt->saddr, pkt->daddr, &route);
	if (s)
		session_touch(s, route.now);
	if (reason == MNAT_C_TOO_BIG)
		return too_big(ctx, pkt->scope, route.mtu);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	index = s ? s->binding : session_begin(pkt, host, &reason);
	if (index < 0)
		return refuse_telling(ctx, pkt->scope, reason);
	permit_note(pkt, host);
	account_out(ctx, host);
	binding_endpoint(index, &addr, &port);
	if (rewrite_endpoint(ctx, pkt, SOURCE, addr, port))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(counter, ctx_len(ctx));
	return route_send(ctx, &route);
}

/* XDP is for the many: whole TCP and UDP packets. The TC programs do all else. */
static __always_inline bool is_deferred(const struct packet *pkt)
{
	return CTX_DEFERS && (pkt->fragment || (pkt->ip_proto != IPPROTO_TCP &&
						pkt->ip_proto != IPPROTO_UDP));
}

/* What both ways in have in common: an IPv4 packet, or the reason it is none. */
static __always_inline int receive(ctx_t *ctx, struct packet *pkt)
{
	__be16 ethertype;
	int reason = parse_ethertype(ctx, &ethertype);

	if (reason != PARSE_OK)
		return reason;
	if (is_for_another(ctx))
		return MNAT_C_OTHER_MACHINE;
	if (ctx_is_tagged(ctx))
		return MNAT_C_VLAN;
	if (ethertype != bpf_htons(ETH_P_IP))
		return MNAT_C_NOT_IPV4;
	reason = parse_ipv4(ctx, pkt);
	return reason == PARSE_OK && is_deferred(pkt) ? DEFER : reason;
}

#endif
