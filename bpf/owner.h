/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose an external endpoint is, and what a packet to it says of its session. */
#ifndef MNAT_OWNER_H
#define MNAT_OWNER_H

#include "session.h"

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

/*
 * Only packets that change a TCP session's state look it up: for all others the
 * binding says everything (endpoint-independent filtering), and what comes from
 * outside refreshes nothing (RFC 7857 section 3). relay: not NULL if it came to one.
 */
static __always_inline void session_in(const struct packet *pkt, __u32 host, __be16 port,
				       const struct mnat_relay *relay)
{
	struct mnat_session_key key;
	struct mnat_session *s;

	if (pkt->proto != MNAT_TCP || !(pkt->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)))
		return;
	if (relay)
		key = relay->session;
	else
		session_key_in(pkt, host, port, &key);
	s = session_lookup(&key);
	if (s)
		session_note_tcp(s, pkt->tcp_flags, false);
}

#endif
