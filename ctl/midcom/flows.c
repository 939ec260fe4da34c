// SPDX-License-Identifier: GPL-2.0-only
/* Sessions on their way from one domain's table to another's. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "anchors.h"
#include "elsewhere.h"

#define PIECE 256	/* sessions looked at by one system call */
#define MOST_LOOKED 8192 /* by one request: about 1 ms, what a rebind may wait for it */

/* ---- Export ---- */

/* The sessions that are looked for: a host's own, or those of its anchor. */
struct wanted {
	uint32_t host;
	uint32_t slot; /* of the anchor; 0: anchored here */
	uint32_t now;
};

static void put_external(const struct mnat_gateway *g, uint32_t index, struct simco_flow *flow)
{
	uint32_t port;

	flow->external = htonl(mnat_binding_endpoint(&g->config, index, &port));
	flow->external_port = htons((uint16_t)port);
}

/* What the anchor may forward to instead of the tunnel: false: nothing. */
static bool put_relay(const struct anchors *a, const struct wanted *wanted,
		      const struct mnat_session_key *key, struct simco_flow *flow)
{
	uint32_t flags = a->slots[wanted->slot].flags;
	int64_t index;

	if (!(flags & MNAT_ANCHOR_TRANSLATE)) {
		flow->external = a->gateway->config.tunnel_addr;
		flow->external_port = 0;
		return elsewhere_is_anchored(a->gateway, key) &&
		       !anchors_admit_correspondent(a, wanted->slot, key->remote);
	}
	index = elsewhere_give_port(a->gateway, key, a->slots[wanted->slot].virt,
				    flags & MNAT_ANCHOR_CORRESPONDENT, wanted->now);
	if (index >= 0)
		put_external(a->gateway, (uint32_t)index, flow);
	return index >= 0; /* not known well enough, or no port is free: by tunnel */
}

static bool describe(const struct anchors *a, const struct wanted *wanted,
		     const struct mnat_session_key *key, const struct mnat_session *session,
		     struct simco_flow *ret_flow)
{
	if (key->host != wanted->host ||
	    (wanted->slot ? session->binding != (MNAT_BINDING_ANCHOR | wanted->slot)
			  : session->binding & MNAT_BINDING_ANCHOR))
		return false;
	*ret_flow = (struct simco_flow){
		.proto = key->proto,
		.port = key->port,
		.remote = key->remote,
		.remote_port = key->remote_port,
		.flags = htonl(session->flags & MNAT_SEEN_ALL),
	};
	if (wanted->slot)
		return put_relay(a, wanted, key, ret_flow);
	put_external(a->gateway, session->binding, ret_flow);
	return true;
}

/* The other way round: what is out for the one is in for the other. */
static uint32_t turned(uint32_t flags)
{
	uint32_t other = flags & MNAT_SEEN_RST;

	other |= flags & MNAT_SEEN_SYN_OUT ? MNAT_SEEN_SYN_IN : 0;
	other |= flags & MNAT_SEEN_SYN_IN ? MNAT_SEEN_SYN_OUT : 0;
	other |= flags & MNAT_SEEN_FIN_OUT ? MNAT_SEEN_FIN_IN : 0;
	other |= flags & MNAT_SEEN_FIN_IN ? MNAT_SEEN_FIN_OUT : 0;
	return other;
}

/* Inside the domain, seen from the host: the session's, or its peer. */
static bool describe_intra(const struct anchors *a, const struct mnat_session_key *key,
			   const struct mnat_session *session, uint32_t host,
			   struct simco_flow *ret_flow)
{
	const struct hosts_maps *maps = &a->hosts->maps;
	struct mnat_host_info info;

	if (session->flags & MNAT_INTRA_ACTUAL)
		return false;
	*ret_flow = (struct simco_flow){
		.proto = key->proto,
		.port = key->port,
		.remote = key->remote,
		.remote_port = key->remote_port,
		.flags = htonl(session->flags & MNAT_SEEN_ALL),
	};
	if (key->host == host)
		return true;
	if (mnat_intra_peer(session->binding) != host ||
	    maps->ops->get_info(maps->store, key->host, &info) || !info.virt)
		return false;
	ret_flow->remote = info.virt;
	ret_flow->flags = htonl(turned(session->flags));
	if (key->proto != MNAT_ICMP) {
		ret_flow->port = key->remote_port;
		ret_flow->remote_port = key->port;
	}
	return true;
}

static uint32_t pick(const struct anchors *a, const struct batch *batch,
		     const struct wanted *wanted, struct simco_flow *flows, uint32_t room)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < batch->n && n < room; i++) {
		struct mnat_session_key key;
		struct mnat_session session;

		memcpy(&key, batch->keys + i * sizeof(key), sizeof(key));
		memcpy(&session, batch->values + i * sizeof(session), sizeof(session));
		if (!mnat_binding_is_intra(session.binding))
			n += describe(a, wanted, &key, &session, &flows[n]);
		else if (!wanted->slot)
			n += describe_intra(a, &key, &session, wanted->host, &flows[n]);
	}
	return n;
}

static int walk(const struct anchors *a, const struct wanted *wanted, uint64_t *cursor,
		struct simco_flow *flows, uint32_t *ret_n)
{
	uint32_t n = 0, looked = 0;
	struct batch batch;
	int more = 1, r;

	if (*cursor > UINT32_MAX)
		return -EINVAL;
	r = batch_open_sessions(&batch, a->gateway, PIECE);
	if (r)
		return r;
	if (*cursor)
		batch_seek(&batch, (uint32_t)*cursor);
	while (more > 0 && n + PIECE <= SIMCO_FLOWS_MAX && looked < MOST_LOOKED) {
		more = batch_next(&batch);
		if (more < 0)
			break;
		n += pick(a, &batch, wanted, flows + n, SIMCO_FLOWS_MAX - n);
		looked += batch.n;
	}
	if (more >= 0) {
		*cursor = more ? batch.position : 0;
		*ret_n = n;
	}
	batch_close(&batch);
	return more < 0 ? more : 0;
}

int anchors_export(const struct anchors *a, uint32_t host, uint64_t *cursor,
		   struct simco_flow *flows, uint32_t *ret_n)
{
	return walk(a, &(struct wanted){.host = host}, cursor, flows, ret_n);
}

int anchors_relay(const struct anchors *a, const struct anchor_name *name, uint64_t *cursor,
		  uint32_t now, struct simco_flow *flows, uint32_t *ret_n)
{
	const struct wanted wanted = {name->host, anchors_find(a, name), now};

	if (!wanted.slot)
		return -ENOENT;
	if (a->slots[wanted.slot].flags & (MNAT_ANCHOR_TRANSLATE | MNAT_ANCHOR_CORRESPONDENT))
		return walk(a, &wanted, cursor, flows, ret_n);
	*cursor = 0;
	*ret_n = 0;
	return 0;
}

/* ---- Import ---- */

static struct mnat_session_key key_of(uint32_t host, const struct simco_flow *flow)
{
	return (struct mnat_session_key){
		.host = host,
		.remote = flow->remote,
		.port = flow->port,
		.remote_port = flow->remote_port,
		.proto = flow->proto,
	};
}

static bool are_flows(const struct simco_flow *flows, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (flows[i].proto >= MNAT_N_PROTO)
			return false;
	return true;
}

/* What becomes of a flow whose session is there already. */
enum known { KNOWN_NOT, KNOWN_GUESSED, KNOWN_HERE, KNOWN_ELSEWHERE };

static enum known look_up(const struct anchors *a, const struct mnat_session_key *key,
			  uint32_t binding, struct mnat_session *ret_session)
{
	uint32_t slot;

	if (!mnat_session_get(a->gateway, key, ret_session))
		return KNOWN_NOT;
	slot = ret_session->binding & ~MNAT_BINDING_ANCHOR;
	if (!(ret_session->binding & MNAT_BINDING_ANCHOR))
		return KNOWN_ELSEWHERE;
	/* the removal of its old anchor must not take it along */
	if (slot >= a->n || a->slots[slot].flags & MNAT_ANCHOR_REMOVED ||
	    ret_session->flags & MNAT_ANCHOR_GUESSED)
		return KNOWN_GUESSED;
	return ret_session->binding == binding ? KNOWN_HERE : KNOWN_ELSEWHERE;
}

static int import(const struct anchors *a, uint32_t slot, const struct simco_flow *flow,
		  uint32_t now, uint32_t *new)
{
	struct mnat_session session, seen;
	const struct mnat_session_key key = key_of(a->slots[slot].host, flow);
	const struct elsewhere_endpoint external = {flow->external, flow->external_port};
	enum known known = look_up(a, &key, MNAT_BINDING_ANCHOR | slot, &seen);
	int r;

	session = (struct mnat_session){
		.binding = MNAT_BINDING_ANCHOR | slot,
		.last_seen = now,
		.created = known == KNOWN_GUESSED ? seen.created : now,
		.flags = ntohl(flow->flags) & MNAT_SEEN_ALL,
	};
	if (known == KNOWN_ELSEWHERE)
		return 0;
	/* first, so that no packet meets the session without it; those in its domain have none */
	r = flow->external ? elsewhere_anchor(a->gateway, &key, external) : 0;
	if (r)
		return r;
	if (known == KNOWN_HERE)
		return 0;
	if (known == KNOWN_GUESSED)
		session.flags |= seen.flags & MNAT_SEEN_ALL;
	r = known == KNOWN_GUESSED ? mnat_session_change(a->gateway, &key, &session)
				   : mnat_session_add(a->gateway, &key, &session);
	*new += !r;
	return r == -ENOSPC ? r : 0; /* else it came or went in this moment */
}

int anchors_import(struct anchors *a, const struct anchor_name *name,
		   const struct simco_flow *flows, uint32_t n, uint32_t now, uint32_t *ret_new)
{
	uint32_t slot = anchors_find(a, name), new = 0;

	if (!slot)
		return -ENOENT;
	if (!are_flows(flows, n))
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++) {
		int r = import(a, slot, &flows[i], now, &new);

		if (r)
			return r == -E2BIG ? -ENOSPC : r;
	}
	*ret_new = new;
	return 0;
}

/* ---- Forwarding ---- */

/* From here packets of the host's sessions are looked for in map "elsewhere". */
static void mark_forwarded(const struct anchors *a, uint32_t host)
{
	__atomic_fetch_or(&a->hosts->maps.hosts[host], (uint64_t)MNAT_HOST_FORWARDED << 16,
			  __ATOMIC_RELEASE);
}

int anchors_forward(const struct anchors *a, uint32_t host, __be32 end, bool keep_source,
		    const struct simco_flow *flows, uint32_t n, uint32_t *ret_n)
{
	uint64_t word = a->hosts->maps.hosts[host];
	struct mnat_host_info info;
	uint32_t done = 0;
	int r = 0;

	if (!mnat_location_is_away(word) || mnat_location_endpoint(word) != end)
		return -ENOENT;
	if (!are_flows(flows, n))
		return -EINVAL;
	r = a->hosts->maps.ops->get_info(a->hosts->maps.store, host, &info);
	for (uint32_t i = 0; i < n && (!r || r == -ENOENT); i++) {
		const struct mnat_session_key key = key_of(host, &flows[i]);
		const struct elsewhere_endpoint there = {flows[i].external,
							 flows[i].external_port};

		r = elsewhere_forward(a->gateway, &key, there, info.stay, keep_source);
		done += !r;
	}
	if (done)
		mark_forwarded(a, host);
	*ret_n = done;
	return r && r != -ENOENT ? -ENOSPC : 0;
}
