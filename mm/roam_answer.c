// SPDX-License-Identifier: GPL-2.0-only
/* What a visit's home answers, and when it says that the visit has ended. */
#include <string.h>

#include "mnat/addr.h"
#include "mnat/clock.h"
#include "mnat/log.h"
#include "roam_internal.h"

void visit_serve(struct roam *roam, struct roam_visit *visit)
{
	visit_enter(roam, visit, VISIT_SERVED);
	visit_ask_later(roam, visit, ROAM_RENEW_S * 1000);
}

static void on_imported(struct roam *roam, struct roam_visit *visit)
{
	if (visit->r.flags & (SIMCO_HANC_TRANSLATE | SIMCO_HANC_CORRESPONDENT))
		visit_begin_forwarding(roam, visit);
	else
		visit_serve(roam, visit);
	visit_stop_import(roam, visit);
}

/* Its home has no such gateway any more. */
static void remove_others(struct roam *roam, const struct roam_visit *visit,
			  const struct peering_others *stay)
{
	for (uint32_t i = 0; i < visit->r.others.n; i++) {
		struct in_addr gateway = visit->r.others.addr[i];
		bool stays = false;

		for (uint32_t j = 0; j < stay->n; j++)
			stays |= stay->addr[j].s_addr == gateway.s_addr;
		if (!stays)
			roam->ops->anchor(visit->r.identity, gateway, visit->r.virt, SIMCO_REMOVE,
					  roam->user);
	}
}

static void on_arrived(struct roam *roam, struct roam_visit *visit, const struct peering_message *m)
{
	const uint32_t needs = PEERING_HAS_VIRTUAL | PEERING_HAS_GATEWAY | PEERING_HAS_FLAGS;
	const struct roam_peer *peer = roam_peer_of(roam, visit->r.domain);
	uint32_t flags = visit->r.flags & ~VISIT_POLICY;

	if ((m->has & needs) != needs || m->virt.s_addr != visit->r.virt.s_addr ||
	    m->gateway.s_addr != visit->r.gateway.s_addr ||
	    !roam_are_endpoints(roam, &m->others)) {
		roam->counters[ROAM_C_VISITS_REFUSED]++;
		visit_forget(roam, visit); /* not what the ticket says */
		return;
	}
	flags |= visit_policy(peer, m->flags);
	if (flags != visit->r.flags ||
	    memcmp(&visit->r.others, &m->others, sizeof(visit->r.others))) {
		remove_others(roam, visit, &m->others);
		visit->r.flags = flags;
		visit->r.others = m->others;
		visit_send_anchors(roam, visit);
	}
	visit_import_anew(visit);
	visit_enter(roam, visit, VISIT_IMPORTING);
	visit_ask(roam, visit);
}

static void on_flows(struct roam *roam, struct roam_visit *visit, const struct peering_message *m)
{
	const struct roam_peer *peer = roam_peer_of(roam, visit->r.domain);
	const uint32_t needs = PEERING_HAS_FLOWS | PEERING_HAS_CURSOR;

	if ((m->has & needs) != needs || (m->cursor && m->cursor <= visit->cursor)) {
		roam_count_refusal(roam, NULL, PEERING_E_MALFORMED);
		on_imported(roam, visit); /* with what has come */
		return;
	}
	visit->n_flows += m->n_flows;
	if (visit->n_flows > peer->max_flows) {
		roam->counters[ROAM_C_FLOWS_TOO_MANY]++;
		on_imported(roam, visit);
		return;
	}
	roam->counters[ROAM_C_FLOWS_IMPORTED] += m->n_flows;
	if (m->n_flows)
		roam->ops->import_flows(visit->r.identity, visit_source(visit), visit->r.virt,
					m->flows, m->n_flows, roam->user);
	visit->cursor = m->cursor;
	if (m->cursor || visit_next_source(visit, true))
		visit_ask(roam, visit);
	else
		on_imported(roam, visit);
}

/* Not now; of several gateways there another perhaps now. */
static void on_busy(struct roam *roam, struct roam_visit *visit)
{
	uint32_t source = visit->source;

	if (visit->r.state == VISIT_IMPORTING)
		visit_next_source(visit, false);
	if (visit->source > source)
		visit_ask(roam, visit);
	else
		visit_ask_later(roam, visit, ROAM_RETRY_MS);
}

static void on_refused(struct roam *roam, struct roam_visit *visit, uint8_t error)
{
	char ip[MNAT_IP_LEN];

	if (visit_keeps_tunnel(roam, visit, error))
		return;
	if (error == PEERING_E_BUSY) {
		on_busy(roam, visit);
		return;
	}
	if (visit->r.state == VISIT_ARRIVING) {
		roam->counters[ROAM_C_VISITS_REFUSED]++;
		log_info("domain %u does not serve %s here: %s", visit->r.domain,
			 mnat_ip(visit->r.virt, ip), peering_error_text(error));
	} else if (visit->r.state != VISIT_LEAVING) {
		roam->counters[ROAM_C_VISITS_ENDED]++;
	}
	visit_forget(roam, visit);
}

void visit_on_reply(struct roam *roam, struct roam_peer *peer, const struct peering_message *m)
{
	struct roam_question question = {peer->domain, m->transaction};
	struct roam_visit *visit;

	HASH_FIND(hh_pending, roam->questions, &question, sizeof(question), visit);
	if (!visit)
		return; /* to a question that has been asked again, or a farewell */
	visit_unask(roam, visit);
	if (m->basic == SIMCO_NEGATIVE)
		on_refused(roam, visit, m->subtype);
	else if (m->basic != SIMCO_POSITIVE)
		visit_ask_later(roam, visit, ROAM_RETRY_MS);
	else if (visit->r.state == VISIT_ARRIVING)
		on_arrived(roam, visit, m);
	else if (visit->r.state == VISIT_IMPORTING)
		on_flows(roam, visit, m);
	else if (visit->r.state == VISIT_FORWARDING)
		visit_forwarded(roam, visit);
	else if (visit->r.state == VISIT_SERVED)
		visit_ask_later(roam, visit, ROAM_RENEW_S * 1000);
	else
		visit_forget(roam, visit);
}

/* MOVED and ENDED; of an arrival before the last they say nothing. */
uint8_t visit_on_end(struct roam *roam, struct roam_peer *peer, const struct peering_message *m)
{
	struct roam_visit *visit = visit_find(roam, peer->domain, m->virt);
	struct peering_message reply = {.subtype = m->subtype};
	char ip[MNAT_IP_LEN];

	if (visit && visit->r.counter <= m->counter) {
		roam->counters[ROAM_C_VISITS_ENDED]++;
		if (m->has & PEERING_HAS_REASON)
			log_info("domain %u ends its service for %s: %s", peer->domain,
				 mnat_ip(visit->r.virt, ip), m->reason);
		visit_forget(roam, visit);
	}
	roam_reply(roam, peer, m->transaction, &reply);
	return 0;
}
