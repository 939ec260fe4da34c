/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Protocols without ports of their own to translate: only the address changes, and what
 * comes back is told by what the packets have: SCTP its ports, ESP its SPI, GRE and
 * IP-in-IP nothing, so that one host at a time speaks with a peer. Keyed on the host, so
 * that all of it follows a move. AH covers the addresses: no NAT can carry it.
 */
#ifndef MNAT_CARRIED_H
#define MNAT_CARRIED_H

#include "binding.h"
#include "parse.h"

#define CARRIED_SAME 0 /* both directions go by the same id */
#define CARRIED_OUT 1  /* ESP: each direction has an SPI of its own */
#define CARRIED_IN 2
#define ESP_WAIT 30 /* seconds for which the first packet back is expected */

static __always_inline __be32 carried_external(__u32 host)
{
	__u32 n, home = mnat_block_home(&cfg, host, &n);
	__be32 addr;
	__be16 port;

	binding_endpoint(mnat_binding_at(&cfg, MNAT_TCP, home, 0), &addr, &port);
	return addr;
}

/* The id in the order of a packet from inside. */
static __always_inline __u32 carried_id(const struct packet *pkt, bool out)
{
	if (out || pkt->ip_proto != IPPROTO_SCTP)
		return (__u32)pkt->sport << 16 | pkt->dport;
	return (__u32)pkt->dport << 16 | pkt->sport;
}

static __always_inline __u32 carried_direction(__u8 ip_proto, bool out)
{
	if (ip_proto != IPPROTO_ESP)
		return CARRIED_SAME;
	return out ? CARRIED_OUT : CARRIED_IN;
}

/* The entry, if it is not idle for longer than life. */
static __always_inline struct mnat_carried *carried_find(const struct mnat_carried_key *key,
							 __u32 life)
{
	struct mnat_carried *c = bpf_map_lookup_elem(&carried, key);

	return c && now_seconds() - c->last_seen <= life ? c : NULL;
}

static __always_inline int carried_put(const struct mnat_carried_key *key, __u32 host)
{
	struct mnat_carried c = { .host = host, .last_seen = now_seconds() };

	return bpf_map_update_elem(&carried, key, &c, BPF_ANY) ? MNAT_C_SESSIONS_FULL : PARSE_OK;
}

/*
 * host sends to remote: PARSE_OK if the flow is its own, or the reason it cannot be. A new
 * ESP flow waits for the first SPI back, and only one host at a time waits for a peer's.
 */
static __noinline int carried_claim(__be32 remote, __u32 id, __u32 host, __u8 ip_proto)
{
	struct mnat_carried_key key = {
		.external = carried_external(host),
		.remote = remote,
		.id = id,
		.ip_proto = ip_proto,
		.direction = carried_direction(ip_proto, true),
	};
	struct mnat_carried *c = carried_find(&key, cfg.timeouts[MNAT_STATE_OTHER]);
	int reason;

	if (c && c->host != host)
		return MNAT_C_PEER_TAKEN;
	if (c) {
		if (c->last_seen != now_seconds())
			c->last_seen = now_seconds();
		return PARSE_OK;
	}
	if (ip_proto == IPPROTO_ESP) {
		struct mnat_carried_key wait = key;

		wait.id = 0;
		wait.direction = CARRIED_IN;
		c = carried_find(&wait, ESP_WAIT);
		if (c && c->host != host)
			return MNAT_C_PEER_TAKEN;
		reason = carried_put(&wait, host);
		if (reason != PARSE_OK)
			return reason;
	}
	count(MNAT_C_CARRIED_NEW, 0);
	return carried_put(&key, host);
}

/* Whose is what came from remote? 0: nobody's. */
static __noinline __u32 carried_host(__be32 external, __be32 remote, __u32 id, __u8 ip_proto)
{
	struct mnat_carried_key key = {
		.external = external,
		.remote = remote,
		.id = id,
		.ip_proto = ip_proto,
		.direction = carried_direction(ip_proto, false),
	};
	struct mnat_carried *c = carried_find(&key, cfg.timeouts[MNAT_STATE_OTHER]);
	struct mnat_carried_key wait = key;
	__u32 host;

	if (c) { /* ESP's own: it has nothing from inside that would refresh it */
		if (ip_proto == IPPROTO_ESP && c->last_seen != now_seconds())
			c->last_seen = now_seconds();
		return c->host;
	}
	if (ip_proto != IPPROTO_ESP)
		return 0;
	wait.id = 0;
	c = carried_find(&wait, ESP_WAIT);
	if (!c)
		return 0;
	host = c->host;
	if (bpf_map_delete_elem(&carried, &wait) || carried_put(&key, host) != PARSE_OK)
		return 0;
	return host;
}

#endif
