/* SPDX-License-Identifier: GPL-2.0-only */
/* Sessions: one record a flow, made by packets from inside only. */
#ifndef MNAT_SESSION_H
#define MNAT_SESSION_H

#include "binding.h"
#include "parse.h"
#include "session_map.h"

static __always_inline void session_key_out(const struct packet *pkt, __u32 host,
					    struct mnat_session_key *ret_key)
{
	*ret_key = (struct mnat_session_key){
		.host = host,
		.remote = pkt->daddr,
		.port = pkt->sport,
		.remote_port = pkt->proto == MNAT_ICMP ? 0 : pkt->dport,
		.proto = pkt->proto,
	};
}

/* The session of a packet to a host's inside port. */
static __always_inline void session_key_in(const struct packet *pkt, __u32 host, __be16 port,
					   struct mnat_session_key *ret_key)
{
	*ret_key = (struct mnat_session_key){
		.host = host,
		.remote = pkt->saddr,
		.port = port,
		.remote_port = pkt->proto == MNAT_ICMP ? 0 : pkt->sport,
		.proto = pkt->proto,
	};
}

/* A new SYN reopens a session that was closing or reset (RFC 7857 2.2). */
static __always_inline void session_note_tcp(struct mnat_session *s, __u8 tcp_flags, bool out)
{
	__u32 seen = 0;

	if (!(tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)))
		return;
	if (tcp_flags & TCP_SYN)
		seen |= out ? MNAT_SEEN_SYN_OUT : MNAT_SEEN_SYN_IN;
	if (tcp_flags & TCP_FIN)
		seen |= out ? MNAT_SEEN_FIN_OUT : MNAT_SEEN_FIN_IN;
	if (tcp_flags & TCP_RST)
		seen |= MNAT_SEEN_RST;
	if (out && tcp_flags & TCP_SYN &&
	    mnat_session_state(MNAT_TCP, s->flags) >= MNAT_STATE_TCP_CLOSING)
		__sync_fetch_and_and(&s->flags, MNAT_SESSION_MARKED);
	__sync_fetch_and_or(&s->flags, seen);
}

/* At most one write a second: other CPUs read this cache line (design 4.1, rule 4). */
static __always_inline void session_touch(struct mnat_session *s, __u32 now)
{
	if (s->last_seen != now)
		s->last_seen = now;
	if (s->flags & MNAT_SESSION_MARKED)
		__sync_fetch_and_and(&s->flags, ~MNAT_SESSION_MARKED);
}

static __always_inline bool may_create(const struct packet *pkt, int *ret_reason)
{
	if (pkt->fragment == LATER_FRAGMENT) {
		*ret_reason = MNAT_C_NO_SESSION;
		return false;
	}
	if (pkt->proto == MNAT_TCP && (pkt->tcp_flags & (TCP_SYN | TCP_RST)) != TCP_SYN) {
		*ret_reason = MNAT_C_NO_SESSION;
		return false;
	}
	if (pkt->proto == MNAT_ICMP && pkt->icmp_type != ICMP_ECHO) {
		*ret_reason = MNAT_C_ICMP_UNSUPPORTED;
		return false;
	}
	return true;
}

/* One session more or less of a host, anchored here. */
static __always_inline void session_uncount(const struct mnat_session_key *key)
{
	struct mnat_host_use *use = bpf_map_lookup_elem(&host_use, &key->host);

	if (use)
		__sync_fetch_and_add(&use->sessions, -1);
}

static __always_inline bool session_count(const struct mnat_session_key *key)
{
	struct mnat_host_use *use = bpf_map_lookup_elem(&host_use, &key->host);

	if (!use || __sync_fetch_and_add(&use->sessions, 1) < cfg.max_host_sessions)
		return true;
	__sync_fetch_and_add(&use->sessions, -1);
	return false;
}

/* Returns the binding's index, or -1 with the reason. */
static __noinline long session_create(const struct mnat_session_key *key, __u8 tcp_flags,
				      int *ret_reason)
{
	struct mnat_session *winner;
	struct search *s;
	long index, r;

	if (!key || !ret_reason)
		return -1;
	*ret_reason = MNAT_C_INTERNAL;
	s = search_begin();
	if (!s)
		return -1;
	if (!session_count(key)) {
		*ret_reason = MNAT_C_SESSIONS_QUOTA;
		return -1;
	}
	s->inside = (struct mnat_bib_key){ key->host, key->port, key->proto, 0 };
	s->now = now_seconds();
	index = binding_get(s, ret_reason);
	if (index < 0) {
		session_uncount(key);
		return -1;
	}
	s->session.binding = index;
	s->session.created = s->session.last_seen = s->now;
	s->session.flags = tcp_flags & TCP_SYN ? MNAT_SEEN_SYN_OUT : 0;
	r = session_insert(key, &s->session);
	if (!r) {
		count(MNAT_C_SESSION_NEW, 0);
		return index;
	}
	binding_drop(index);
	session_uncount(key);
	*ret_reason = r == -TABLE_E2BIG ? MNAT_C_SESSIONS_FULL : MNAT_C_BINDING_DYING;
	winner = r == -TABLE_EEXIST ? session_lookup(key) : NULL;
	if (!winner)
		return -1;
	count(MNAT_C_CREATE_RACE, 0);
	return winner->binding;
}

#endif
