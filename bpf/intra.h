/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions inside the domain (seed paragraphs 70-72 and 117, figure 9). To the other
 * hosts of the domain a mobile host is its virtual address, wherever it is: its actual
 * one becomes the virtual one as its packets pass, and back. Ports stay, so nothing
 * need be known of a flow to translate it. Its record is for those who ask what the host
 * has open: dumps, the sweep, another domain when the host goes there.
 */
#ifndef MNAT_INTRA_H
#define MNAT_INTRA_H

#include "icmp_error.h"
#include "nat.h"
#include "party.h"

/* ---- The record ---- */

/* The flow's key; true: the packet goes out from the host in it. */
static __always_inline bool intra_key(const struct packet *pkt, const struct party *from,
				      const struct party *to, struct mnat_session_key *ret_key)
{
	bool out = from->host && (!to->host || from->host <= to->host);

	*ret_key = (struct mnat_session_key){
		.host = out ? from->host : to->host,
		.remote = out ? to->addr : from->addr,
		.port = out ? pkt->sport : pkt->dport,
		.remote_port = out ? pkt->dport : pkt->sport,
		.proto = pkt->proto,
	};
	if (pkt->proto == MNAT_ICMP)
		ret_key->remote_port = 0;
	return out;
}

static __always_inline bool opens(__u8 proto, __u8 tcp_flags)
{
	return proto != MNAT_TCP || (tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

static __always_inline void intra_touch(struct mnat_session *s, __u8 proto, __u8 tcp_flags,
					bool out)
{
	session_touch(s, now_seconds());
	if (proto != MNAT_TCP)
		return;
	if (opens(proto, tcp_flags) &&
	    mnat_session_state(MNAT_TCP, s->flags) >= MNAT_STATE_TCP_CLOSING)
		__sync_fetch_and_and(&s->flags, MNAT_SESSION_MARKED);
	session_note_tcp(s, tcp_flags, out);
}

/* A segment in the middle of a stream makes one too: the gateway may have been started anew. */
static __always_inline int intra_create(const struct mnat_session_key *key, __u8 tcp_flags,
					struct mnat_session *s, bool out)
{
	long r;

	if (key->proto == MNAT_TCP && tcp_flags & TCP_RST)
		return PARSE_OK;
	if (key->proto == MNAT_TCP)
		s->flags |= !opens(MNAT_TCP, tcp_flags) ? MNAT_SEEN_SYN_OUT | MNAT_SEEN_SYN_IN :
			    out			       ? MNAT_SEEN_SYN_OUT :
							 MNAT_SEEN_SYN_IN;
	s->created = s->last_seen = now_seconds();
	r = session_insert(key, s);
	if (r)
		return r == -TABLE_E2BIG ? MNAT_C_SESSIONS_FULL : PARSE_OK;
	count(MNAT_C_SESSION_NEW, 0);
	return PARSE_OK;
}

/*
 * Note a packet in its flow's record, made as new_flags say if there is none. PARSE_OK, or
 * the reason not to translate it.
 */
static __noinline int intra_note(const struct mnat_session_key *key, __u32 peer, __u8 tcp_flags,
				 bool out, __u32 new_flags)
{
	struct mnat_session *s, new = { .binding = MNAT_BINDING_INTRA | peer, .flags = new_flags };

	if (!key)
		return MNAT_C_INTERNAL;
	s = session_lookup(key);
	if (!s)
		return intra_create(key, tcp_flags, &new, out);
	if (!mnat_binding_is_intra(s->binding))
		return PARSE_OK;
	intra_touch(s, key->proto, tcp_flags, out);
	return s->flags & MNAT_INTRA_ACTUAL ? MNAT_C_INTRA_DOMAIN : PARSE_OK;
}

static __always_inline int intra_note_packet(const struct packet *pkt, const struct party *from,
					     const struct party *to)
{
	struct mnat_session_key key;
	bool out = intra_key(pkt, from, to, &key);

	return intra_note(&key, out ? to->host : from->host, pkt->tcp_flags, out, 0);
}

/*
 * Somebody speaks to a mobile host by the address it has for the moment, to look after
 * it perhaps. The answers must come from there, so the flow is marked.
 */
static __always_inline void intra_note_actual(ctx_t *ctx, struct packet *pkt)
{
	struct party from = { .addr = pkt->saddr }, to;
	struct mnat_session_key key;

	if (party_at(pkt->daddr, &to) != PARSE_OK || !to.host ||
	    parse_transport(ctx, pkt) != PARSE_OK || pkt->proto == PROTO_CARRIED ||
	    (pkt->proto == MNAT_ICMP && pkt->icmp_type != ICMP_ECHO))
		return;
	intra_key(pkt, &from, &to, &key);
	if (opens(pkt->proto, pkt->tcp_flags) || session_lookup(&key))
		intra_note(&key, 0, pkt->tcp_flags, false, MNAT_INTRA_ACTUAL);
}

/* ---- Sending ---- */

/* Where the receiver is on the wire; by tunnel: what the packet inside is to. */
static __always_inline __be32 wire_address(const struct party *to)
{
	return to->host && !by_tunnel(to) ? mnat_location_endpoint(to->where) : to->addr;
}

static __always_inline int intra_rewrite(ctx_t *ctx, const struct packet *pkt,
					 const struct party *from, const struct party *to)
{
	__be32 addr = wire_address(to);

	if (rewrite_address(ctx, pkt, SOURCE, from->addr, true))
		return -1;
	return addr == pkt->daddr ? 0 : rewrite_address(ctx, pkt, DEST, addr, false);
}

/* here: the sender is, and can be told what is too big. */
static __always_inline int intra_send(ctx_t *ctx, const struct packet *pkt, const struct party *from,
				 const struct party *to, bool here)
{
	enum mnat_counter_id counter = here ? MNAT_C_INTRA_TRANSLATED : MNAT_C_FROM_VISITED;
	struct route route;
	int reason;

	if (by_tunnel(to)) {
		reason = intra_note_packet(pkt, from, to);
		if (reason != PARSE_OK)
			return refuse(ctx, reason);
		return send_wrapped(ctx, pkt, SOURCE, from->addr, pkt->sport,
				    cfg.tunnel_addr, mnat_location_endpoint(to->where),
				    mnat_location_is_away(to->where) ? MNAT_C_FORWARDED_AWAY :
								       counter);
	}
	reason = route_lookup(ctx, pkt->saddr, wire_address(to), &route);
	if (reason == MNAT_C_TOO_BIG && here)
		return too_big(ctx, pkt->scope, route.mtu);
	if (reason == PARSE_OK)
		reason = intra_note_packet(pkt, from, to);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (intra_rewrite(ctx, pkt, from, to))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(counter, ctx_len(ctx));
	return route_send(ctx, &route);
}

/* ---- Errors ---- */

/*
 * An error from a host or router of the domain about a flow inside it. What it quotes is
 * as it was behind us: its source an identity, its destination a place.
 */
static __always_inline int intra_error(ctx_t *ctx, const struct packet *pkt, const struct party *from,
				  const struct party *to)
{
	struct packet inner = {};
	struct party about, sender;
	struct mnat_session_key key;
	struct mnat_session *s;
	struct route route;
	int reason = parse_quoted(ctx, pkt, &inner);

	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (party_at(inner.daddr, &about) != PARSE_OK)
		about = (struct party){ .addr = inner.daddr };
	sender = (struct party){ .host = to->host, .addr = inner.saddr };
	if (inner.saddr != pkt->daddr || (!to->host && !about.host))
		return refuse(ctx, MNAT_C_INTRA_DOMAIN);
	intra_key(&inner, &sender, &about, &key);
	s = session_lookup(&key);
	if (s && s->flags & MNAT_INTRA_ACTUAL)
		return refuse(ctx, MNAT_C_INTRA_DOMAIN);
	reason = route_lookup(ctx, pkt->saddr,
			      by_tunnel(to) ? mnat_location_endpoint(to->where) : wire_address(to),
			      &route);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (rewrite_quoted(ctx, pkt, &inner, SOURCE, wire_address(to), inner.sport) ||
	    rewrite_quoted(ctx, pkt, &inner, DEST, about.addr, inner.dport) ||
	    intra_rewrite(ctx, pkt, from, to))
		return refuse(ctx, MNAT_C_INTERNAL);
	if (by_tunnel(to) &&
	    tunnel_wrap(ctx, cfg.tunnel_addr, mnat_location_endpoint(to->where), false))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(MNAT_C_ICMP_ERROR_IN, ctx_len(ctx));
	return route_send(ctx, &route);
}

/* An error about a tunnel of ours (tunnel_relay.h), for the sender in the domain. */
static __always_inline int intra_narrow(ctx_t *ctx, const struct packet *pkt,
					const struct packet *inner)
{
	struct route route;
	struct party to;
	int reason = party_named(inner->saddr, &to);

	if (reason == PARSE_OK && by_tunnel(&to))
		reason = MNAT_C_ICMP_ERROR_UNKNOWN;
	if (reason == PARSE_OK)
		reason = route_lookup(ctx, cfg.tunnel_addr, wire_address(&to), &route);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (rewrite_quoted(ctx, pkt, inner, SOURCE, wire_address(&to), inner->sport) ||
	    rewrite_address(ctx, pkt, SOURCE, cfg.tunnel_addr, false) ||
	    rewrite_address(ctx, pkt, DEST, wire_address(&to), true))
		return refuse(ctx, MNAT_C_INTERNAL);
	count(MNAT_C_TUNNEL_NARROW, ctx_len(ctx));
	return route_send(ctx, &route);
}

/* ---- Ways in ---- */

/* Where the flow of a host that has come from another domain is anchored, or 0. */
static __always_inline __u32 intra_anchor(const struct packet *pkt, __u32 host)
{
	struct mnat_session_key key;
	struct mnat_session *s;

	session_key_out(pkt, host, &key);
	s = session_lookup(&key);
	if (!s)
		return session_by_default(pkt, host);
	if (!(s->binding & MNAT_BINDING_ANCHOR))
		return 0;
	session_touch(s, now_seconds());
	return s->binding & ~MNAT_BINDING_ANCHOR;
}

/*
 * From a host that shares its address: nobody in the domain could tell whose it is. But we
 * ourselves hear it from its actual address, as does who spoke to that.
 */
static __always_inline int from_shared(ctx_t *ctx, const struct packet *pkt,
				       const struct party *from, const struct party *to)
{
	struct mnat_session_key key;
	struct mnat_session *s;
	struct route route;

	if (route_lookup(ctx, pkt->saddr, pkt->daddr, &route) == MNAT_C_TO_GATEWAY)
		return MNAT_C_TO_GATEWAY;
	intra_key(pkt, from, to, &key);
	s = session_lookup(&key);
	return s && s->flags & MNAT_INTRA_ACTUAL ? MNAT_C_INTRA_DOMAIN : MNAT_C_SHARED_IN_DOMAIN;
}

/*
 * From inside, to an address of the domain. The verdict; less than 0: minus the slot of
 * the anchor the packet belongs to (not sent from here, where the stack is deep).
 */
__noinline int intra(ctx_t *ctx, struct packet *pkt)
{
	struct party from, to, there;
	__u32 anchor = 0;
	int reason, dest;

	if (!pkt) /* the verifier looks at a global function alone */
		return VERDICT_DROP;
	reason = party_at(pkt->saddr, &from);
	dest = party_named(pkt->daddr, &to);
	/* a node with intra = direct, whose shortest way is through here */
	if (reason == MNAT_C_NO_HOST && is_virtual(pkt->saddr) && !is_virtual(pkt->daddr))
		return refuse(ctx, is_shared(pkt->saddr) ? MNAT_C_SHARED_IN_DOMAIN :
							   MNAT_C_INTRA_DOMAIN);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (!from.host && !is_virtual(pkt->daddr) && pkt->ip_proto != IPPROTO_ICMP) {
		intra_note_actual(ctx, pkt);
		return refuse(ctx, MNAT_C_INTRA_DOMAIN);
	}
	reason = parse_transport(ctx, pkt);
	if (reason == PARSE_OK && pkt->proto == PROTO_CARRIED)
		reason = MNAT_C_PROTO_UNSUPPORTED;
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (from.host && !is_icmp_error(pkt))
		anchor = intra_anchor(pkt, from.host);
	if (pkt->ttl <= 1)
		return refuse(ctx, MNAT_C_TTL_EXPIRED);
	if (anchor)
		return -(int)anchor;
	if (dest != PARSE_OK)
		return refuse(ctx, dest);
	if (from.shares && !is_dhcp(pkt))
		return refuse(ctx, from_shared(ctx, pkt, &from, &to));
	if (is_icmp_error(pkt))
		return intra_error(ctx, pkt, &from, &to);
	if (!from.host && !to.host)
		intra_note_actual(ctx, pkt);
	if ((!from.host && !to.host) || is_dhcp(pkt))
		return refuse(ctx, MNAT_C_INTRA_DOMAIN);
	/* one mobile host by the actual address of another: so it goes, and so come answers */
	if (!to.host && party_at(pkt->daddr, &there) == PARSE_OK && there.host)
		return refuse(ctx, MNAT_C_INTRA_DOMAIN);
	return intra_send(ctx, pkt, &from, &to, true);
}

static __always_inline bool intra_goes_on(const struct packet *pkt, const struct party *from,
					  const struct party *to)
{
	struct mnat_session_key key;
	struct mnat_session *s;

	intra_key(pkt, from, to, &key);
	s = session_lookup(&key);
	return s && mnat_binding_is_intra(s->binding) && !(s->flags & MNAT_INTRA_ACTUAL);
}

/*
 * From a host of ours that visits elsewhere to one in the domain. What has begun here
 * goes on; nothing begins from there, for the other gateway could speak in any host's
 * place.
 */
__noinline int intra_departed(ctx_t *ctx, const struct packet *pkt, __u32 host)
{
	struct party from, to;
	int reason;

	if (!pkt) /* the verifier looks at a global function alone */
		return VERDICT_DROP;
	from = (struct party){ .host = host, .addr = pkt->saddr };
	reason = party_named(pkt->daddr, &to);
	if (reason != PARSE_OK)
		return refuse(ctx, reason);
	if (pkt->ttl <= 1)
		return refuse(ctx, MNAT_C_TTL_EXPIRED_IN);
	if (is_icmp_error(pkt))
		return intra_error(ctx, pkt, &from, &to);
	if (pkt->proto == PROTO_CARRIED || !intra_goes_on(pkt, &from, &to))
		return refuse(ctx, MNAT_C_NO_SESSION);
	return intra_send(ctx, pkt, &from, &to, false);
}

#endif
