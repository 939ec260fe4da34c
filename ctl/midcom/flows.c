// SPDX-License-Identifier: GPL-2.0-only
/* Sessions on their way from one domain's table to another's. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "anchors.h"

#define PIECE 256	/* sessions looked at by one system call */
#define MOST_LOOKED 8192 /* by one request: about 1 ms, what a rebind may wait for it */

/* ---- Export ---- */

static void describe(const struct mnat_gateway *g, const struct mnat_session_key *key,
		     const struct mnat_session *session, struct simco_flow *ret_flow)
{
	enum mnat_proto_class proto;
	uint32_t addr;
	uint16_t port;

	mnat_binding_endpoint(&g->config, session->binding, &proto, &addr, &port);
	*ret_flow = (struct simco_flow){
		.proto = key->proto,
		.port = key->port,
		.remote = key->remote,
		.remote_port = key->remote_port,
		.external = htonl(addr),
		.external_port = htons(port),
		.flags = htonl(session->flags & MNAT_SEEN_ALL),
	};
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

/* Those of the batch that are the host's and anchored here. */
static uint32_t pick(const struct anchors *a, const struct batch *batch, uint32_t host,
		     struct simco_flow *flows, uint32_t room)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < batch->n && n < room; i++) {
		struct mnat_session_key key;
		struct mnat_session session;

		memcpy(&key, batch->keys + i * sizeof(key), sizeof(key));
		memcpy(&session, batch->values + i * sizeof(session), sizeof(session));
		if (mnat_binding_is_intra(session.binding))
			n += describe_intra(a, &key, &session, host, &flows[n]);
		else if (key.host == host && !(session.binding & MNAT_BINDING_ANCHOR))
			describe(a->gateway, &key, &session, &flows[n++]);
	}
	return n;
}

int anchors_export(const struct anchors *a, uint32_t host, uint64_t *cursor,
		   struct simco_flow *flows, uint32_t *ret_n)
{
	uint32_t n = 0, looked = 0;
	struct batch batch;
	int more = 1, r;

	if (*cursor > UINT32_MAX)
		return -EINVAL;
	r = batch_open(&batch, a->gateway->sessions_fd, sizeof(struct mnat_session_key),
		       sizeof(struct mnat_session), PIECE);
	if (r)
		return r;
	if (*cursor)
		batch_seek(&batch, (uint32_t)*cursor);
	while (more > 0 && n + PIECE <= SIMCO_FLOWS_MAX && looked < MOST_LOOKED) {
		more = batch_next(&batch);
		if (more < 0)
			break;
		n += pick(a, &batch, host, flows + n, SIMCO_FLOWS_MAX - n);
		looked += batch.n;
	}
	if (more >= 0) {
		*cursor = more ? batch.position : 0;
		*ret_n = n;
	}
	batch_close(&batch);
	return more < 0 ? more : 0;
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

/* What becomes of a flow whose session is there already. */
enum known { KNOWN_NOT, KNOWN_GUESSED, KNOWN_HERE, KNOWN_ELSEWHERE };

static enum known look_up(const struct anchors *a, const struct mnat_session_key *key,
			  uint32_t binding, struct mnat_session *ret_session)
{
	uint32_t slot;

	if (bpf_map_lookup_elem(a->gateway->sessions_fd, key, ret_session))
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

static int note_direct(const struct anchors *a, const struct mnat_session_key *key,
		       const struct simco_flow *flow)
{
	const struct mnat_endpoint endpoint = {.addr = flow->external,
					       .port = flow->external_port};

	return bpf_map_update_elem(a->gateway->direct_fd, key, &endpoint, BPF_ANY) ? -errno : 0;
}

static int import(const struct anchors *a, uint32_t slot, const struct simco_flow *flow,
		  uint32_t now, uint32_t *new)
{
	struct mnat_session session, seen;
	const struct mnat_session_key key = key_of(a->slots[slot].host, flow);
	enum known known = look_up(a, &key, MNAT_BINDING_ANCHOR | slot, &seen);

	session = (struct mnat_session){
		.binding = MNAT_BINDING_ANCHOR | slot,
		.last_seen = now,
		.created = known == KNOWN_GUESSED ? seen.created : now,
		.flags = ntohl(flow->flags) & MNAT_SEEN_ALL,
	};
	if (known == KNOWN_ELSEWHERE)
		return 0;
	/* first, so that no packet meets the session without it; those in its domain have none */
	if (a->slots[slot].flags & MNAT_ANCHOR_DIRECT && flow->external) {
		int r = note_direct(a, &key, flow);

		if (r)
			return r;
	}
	if (known == KNOWN_HERE)
		return 0;
	if (known == KNOWN_GUESSED)
		session.flags |= seen.flags & MNAT_SEEN_ALL;
	if (!bpf_map_update_elem(a->gateway->sessions_fd, &key, &session,
				 known == KNOWN_GUESSED ? BPF_EXIST : BPF_NOEXIST))
		++*new;
	else if (errno != EEXIST && errno != ENOENT) /* came or went in this moment */
		return -errno;
	return 0;
}

int anchors_import(struct anchors *a, const struct anchor_name *name,
		   const struct simco_flow *flows, uint32_t n, uint32_t now, uint32_t *ret_new)
{
	uint32_t slot = anchors_find(a, name), new = 0;

	if (!slot)
		return -ENOENT;
	for (uint32_t i = 0; i < n; i++)
		if (flows[i].proto >= MNAT_N_PROTO)
			return -EINVAL;
	for (uint32_t i = 0; i < n; i++) {
		int r = import(a, slot, &flows[i], now, &new);

		if (r)
			return r == -E2BIG ? -ENOSPC : r;
	}
	*ret_new = new;
	return 0;
}
