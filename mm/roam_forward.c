// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translation between gateways (figure 10's first column), where both managers want it: the
 * visited gateway gives each session a port of its own, its manager tells home's, and the
 * home gateway forwards there. Until it knows, and where there is no port, by tunnel. In the
 * same way it learns from whose tunnel it may leave the correspondent as outer source. Of
 * several gateways of a domain the first one does so; the others use the tunnel.
 */
#include <string.h>

#include "mnat/clock.h"
#include "roam_internal.h"

#define MAX_TRIES 30

/* ---- At home ---- */

static bool are_sane(const struct roam *roam, const struct roam_peer *peer,
		     const struct peering_message *m)
{
	for (uint32_t i = 0; i < m->n_flows; i++)
		if (!roam_is_endpoint(roam, (struct in_addr){m->flows[i].external}) ||
		    !(m->flows[i].external_port ? peer->translate : peer->correspondent))
			return false;
	return true;
}

uint8_t home_on_forward(struct roam *roam, struct roam_peer *peer, const struct peering_message *m)
{
	const struct roam_home *home = home_there(roam, peer, m->virt);
	struct roam_query query = {
		.peer = roam_peer_index(roam, peer),
		.session = peer->session,
		.transaction = m->transaction,
		.virt = m->virt,
		.gateway = roam->tunnel_addr,
	};
	uint32_t flags = peer->correspondent ? SIMCO_HFWD_KEEP_SOURCE : 0;

	if (!home || home->r.counter != m->counter)
		return PEERING_E_UNKNOWN;
	if ((!peer->translate && !peer->correspondent) || !are_sane(roam, peer, m))
		return PEERING_E_POLICY;
	if (peer->exports >= ROAM_MAX_EXPORTS)
		return PEERING_E_BUSY;
	peer->exports++;
	if (roam->ops->forward_flows(&query, home->r.endpoint, flags, m->flows, m->n_flows,
				     roam->user)) {
		peer->exports--;
		return PEERING_E_BUSY;
	}
	return 0;
}

void roam_forwarded(struct roam *roam, const struct roam_query *query, bool ok, uint32_t n)
{
	struct roam_peer *peer = &roam->peers[query->peer];
	struct peering_message reply = {.subtype = PEERING_FORWARD};

	if (!peer->up || peer->session != query->session)
		return;
	peer->exports--;
	if (!ok) {
		roam_refuse(roam, peer, query->transaction, PEERING_E_BUSY);
		return;
	}
	roam->counters[ROAM_C_FLOWS_FORWARDED] += n;
	roam_reply(roam, peer, query->transaction, &reply);
}

/* ---- In the visited domain ---- */

uint32_t visit_policy(const struct roam_peer *peer, uint32_t home_flags)
{
	bool translate = home_flags & PEERING_TRANSLATE && peer && peer->translate;

	return (home_flags & PEERING_DIRECT ? SIMCO_HANC_DIRECT : 0) |
	       (translate ? SIMCO_HANC_TRANSLATE : 0) |
	       (home_flags & PEERING_CORRESPONDENT ? SIMCO_HANC_CORRESPONDENT : 0);
}

void visit_begin_forwarding(struct roam *roam, struct roam_visit *visit)
{
	visit->cursor = 0;
	visit->tries = 0;
	visit_enter(roam, visit, VISIT_FORWARDING);
	visit_ask(roam, visit);
}

/* First the gateway is asked for ports, then home to use them. */
void visit_ask_ports(struct roam *roam, struct roam_visit *visit, const struct roam_peer *peer)
{
	const struct roam_query query = {
		.peer = roam_peer_index(roam, peer),
		.session = peer->session,
		.transaction = ++visit->asked,
		.virt = visit->r.virt,
		.gateway = roam->tunnel_addr,
	};

	visit->next_ns = mnat_clock_now() + ROAM_ANSWER_MS * MNAT_NS_PER_MS;
	roam->ops->relay_flows(&query, visit->r.identity, visit->r.gateway, visit->cursor,
			       roam->user);
}

static void tell_home(struct roam *roam, struct roam_visit *visit, struct roam_peer *peer,
		      const struct simco_flow *flows, uint32_t n)
{
	struct peering_message message = {
		.subtype = PEERING_FORWARD,
		.has = PEERING_HAS_VIRTUAL | PEERING_HAS_COUNTER | PEERING_HAS_FLOWS,
		.virt = visit->r.virt,
		.counter = visit->r.counter,
		.flows = flows,
		.n_flows = n,
	};

	visit_send(roam, visit, peer, &message);
}

void roam_relayed(struct roam *roam, const struct roam_query *query, bool ok,
		  const struct simco_flow *flows, uint32_t n, uint64_t cursor)
{
	struct roam_peer *peer = &roam->peers[query->peer];
	struct roam_visit *visit = visit_find(roam, peer->domain, query->virt);

	if (!visit || visit->r.state != VISIT_FORWARDING || visit->asked != query->transaction ||
	    !peer->up || peer->session != query->session)
		return;
	if (!ok) {
		visit_serve(roam, visit);
		return;
	}
	visit->next_cursor = cursor;
	if (n)
		tell_home(roam, visit, peer, flows, n);
	else
		visit_forwarded(roam, visit);
}

/* A piece is done. */
void visit_forwarded(struct roam *roam, struct roam_visit *visit)
{
	visit->cursor = visit->next_cursor;
	if (visit->cursor)
		visit_ask(roam, visit);
	else
		visit_serve(roam, visit);
}

bool visit_keeps_tunnel(struct roam *roam, struct roam_visit *visit, uint8_t error)
{
	if (visit->r.state != VISIT_FORWARDING || error == PEERING_E_UNKNOWN)
		return false;
	if (error == PEERING_E_BUSY && visit->tries++ < MAX_TRIES)
		return false;
	visit_serve(roam, visit);
	return true;
}
