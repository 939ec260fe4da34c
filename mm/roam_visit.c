// SPDX-License-Identifier: GPL-2.0-only
/*
 * The visited domain's side: a host here whose sessions are anchored elsewhere. Each
 * visit asks its home for one thing at a time; what that is follows from its state, so
 * that asking again after any loss is the same as asking for the first time.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "mnat/clock.h"
#include "roam_internal.h"

struct roam_visit *visit_find(const struct roam *roam, uint32_t domain, struct in_addr virt)
{
	struct roam_visit_key key = {domain, virt};
	struct roam_visit *visit;

	HASH_FIND(hh, roam->visits, &key, sizeof(key), visit);
	return visit;
}

static struct roam_guest *guest_find(const struct roam *roam, struct in_addr identity)
{
	struct roam_guest *guest;

	HASH_FIND(hh, roam->guests, &identity, sizeof(identity), guest);
	return guest;
}

const struct roam_guest *roam_find_guest(const struct roam *roam, struct in_addr identity)
{
	return guest_find(roam, identity);
}

bool guest_is_importing(const struct roam *roam, struct in_addr identity)
{
	const struct roam_guest *guest = guest_find(roam, identity);
	const struct roam_visit *visit;

	DL_FOREACH(guest ? guest->visits : NULL, visit)
		if (visit->importing)
			return true;
	return false;
}

/* ---- Tables ---- */

static struct roam_guest *guest_obtain(struct roam *roam, struct in_addr identity)
{
	struct roam_guest *guest = guest_find(roam, identity);

	if (guest)
		return guest;
	guest = calloc(1, sizeof(*guest));
	if (!guest)
		return NULL;
	guest->identity = identity;
	HASH_ADD(hh, roam->guests, identity, sizeof(identity), guest);
	return guest;
}

static struct roam_visit *add(struct roam *roam, const struct visit_record *record)
{
	struct roam_guest *guest = guest_obtain(roam, record->identity);
	struct roam_visit *visit = guest ? calloc(1, sizeof(*visit)) : NULL;
	struct roam_peer *peer = roam_peer_of(roam, record->domain);

	if (!visit)
		return NULL;
	visit->key = (struct roam_visit_key){record->domain, record->virt};
	visit->r = *record;
	HASH_ADD(hh, roam->visits, key, sizeof(visit->key), visit);
	DL_APPEND(guest->visits, visit);
	if (peer)
		peer->visitors++;
	return visit;
}

static void start_import(struct roam_visit *visit)
{
	visit->importing = true;
	visit->import_until_ns = mnat_clock_now() + ROAM_IMPORT_MS * MNAT_NS_PER_MS;
	visit_import_anew(visit);
}

/* What was being fetched when the manager ended is being fetched still. */
int visit_load(const struct visit_record *record, void *user)
{
	struct roam_visit *visit = add(user, record);

	if (!visit)
		return -ENOMEM;
	if (record->state == VISIT_ARRIVING || record->state == VISIT_IMPORTING)
		start_import(visit);
	return 0;
}

/* The answer to what was asked is of no more interest. */
void visit_unask(struct roam *roam, struct roam_visit *visit)
{
	if (!visit->pending.transaction)
		return;
	HASH_DELETE(hh_pending, roam->questions, visit);
	visit->pending.transaction = 0;
}

static void drop(struct roam *roam, struct roam_visit *visit)
{
	struct roam_guest *guest = guest_find(roam, visit->r.identity);
	struct roam_peer *peer = roam_peer_of(roam, visit->r.domain);

	if (peer)
		peer->visitors--;
	visit_unask(roam, visit);
	HASH_DEL(roam->visits, visit);
	DL_DELETE(guest->visits, visit);
	free(visit);
	if (guest->visits)
		return;
	HASH_DEL(roam->guests, guest);
	free(guest);
}

/* Forget the anchor, here and on disk. */
void visit_forget(struct roam *roam, struct roam_visit *visit)
{
	struct in_addr identity = visit->r.identity;
	bool importing = visit->importing;

	if (visit->r.state != VISIT_LEAVING)
		visit_remove_anchors(roam, visit);
	state_drop_visit(roam->state, visit->r.domain, visit->r.virt);
	drop(roam, visit);
	if (importing)
		roam_locate(roam, identity);
}

/* ---- Its home's gateways ---- */

static void send_anchor(struct roam *roam, const struct roam_visit *visit, struct in_addr gateway,
			uint32_t flags)
{
	roam->ops->anchor(visit->r.identity, gateway, visit->r.virt, flags, roam->user);
}

void visit_send_anchors(struct roam *roam, const struct roam_visit *visit)
{
	send_anchor(roam, visit, visit->r.gateway, visit->r.flags);
	for (uint32_t i = 0; i < visit->r.others.n; i++)
		send_anchor(roam, visit, visit->r.others.addr[i],
			    visit->r.flags & ~SIMCO_HANC_DEFAULT);
}

void visit_remove_anchors(struct roam *roam, const struct roam_visit *visit)
{
	send_anchor(roam, visit, visit->r.gateway, SIMCO_REMOVE);
	for (uint32_t i = 0; i < visit->r.others.n; i++)
		send_anchor(roam, visit, visit->r.others.addr[i], SIMCO_REMOVE);
}

struct in_addr visit_source(const struct roam_visit *visit)
{
	return visit->source ? visit->r.others.addr[visit->source - 1] : visit->r.gateway;
}

void visit_import_anew(struct roam_visit *visit)
{
	visit->source = 0;
	visit->fetched = 0;
	visit->cursor = 0;
	visit->n_flows = 0;
}

bool visit_next_source(struct roam_visit *visit, bool fetched)
{
	const uint32_t n = 1 + visit->r.others.n;

	if (fetched)
		visit->fetched |= 1u << visit->source;
	visit->cursor = 0;
	for (uint32_t i = 1; i <= n; i++) {
		uint32_t next = (visit->source + i) % n;

		if (visit->fetched & 1u << next)
			continue;
		visit->source = next;
		return true;
	}
	return false;
}

/* ---- What is asked ---- */

static struct peering_message next_question(const struct roam *roam, const struct roam_visit *visit)
{
	struct peering_message m = {.virt = visit->r.virt, .counter = visit->r.counter};

	switch (visit->r.state) {
	case VISIT_ARRIVING:
		m.subtype = PEERING_ARRIVE;
		m.has = PEERING_HAS_TICKET | PEERING_HAS_COUNTER | PEERING_HAS_PROOF |
			PEERING_HAS_ENDPOINT | (roam->others.n ? PEERING_HAS_OTHER : 0);
		m.endpoint = roam->tunnel_addr;
		m.others = roam->others;
		memcpy(m.ticket, visit->r.ticket, sizeof(m.ticket));
		memcpy(m.proof, visit->r.proof, sizeof(m.proof));
		break;
	case VISIT_IMPORTING:
		m.subtype = PEERING_FLOWS;
		m.has = PEERING_HAS_VIRTUAL | PEERING_HAS_CURSOR |
			(visit->source ? PEERING_HAS_GATEWAY : 0);
		m.gateway = visit_source(visit);
		m.cursor = visit->cursor;
		break;
	case VISIT_SERVED:
		m.subtype = PEERING_RENEW;
		m.has = PEERING_HAS_VIRTUAL;
		break;
	case VISIT_LEAVING:
		m.subtype = PEERING_LEFT;
		m.has = PEERING_HAS_VIRTUAL | PEERING_HAS_COUNTER;
		break;
	case VISIT_FORWARDING:
		break; /* made when the gateway has said what to ask for */
	}
	return m;
}

void visit_send(struct roam *roam, struct roam_visit *visit, struct roam_peer *peer,
		struct peering_message *message)
{
	uint32_t transaction;

	visit_unask(roam, visit);
	if (roam_request(roam, peer, message, &transaction))
		return;
	visit->pending = (struct roam_question){peer->domain, transaction};
	HASH_ADD(hh_pending, roam->questions, pending, sizeof(visit->pending), visit);
	visit->next_ns = mnat_clock_now() + ROAM_ANSWER_MS * MNAT_NS_PER_MS;
}

void visit_ask(struct roam *roam, struct roam_visit *visit)
{
	struct roam_peer *peer = roam_peer_of(roam, visit->r.domain);
	struct peering_message message;

	visit_unask(roam, visit);
	if (!peer || !peer->up)
		return;
	if (visit->r.state == VISIT_FORWARDING) {
		visit_ask_ports(roam, visit, peer);
		return;
	}
	message = next_question(roam, visit);
	visit_send(roam, visit, peer, &message);
}

void visit_ask_later(struct roam *roam, struct roam_visit *visit, uint64_t ms)
{
	visit_unask(roam, visit);
	visit->next_ns = mnat_clock_now() + ms * MNAT_NS_PER_MS;
}

void visit_enter(struct roam *roam, struct roam_visit *visit, enum visit_state state)
{
	visit->r.state = state;
	visit_unask(roam, visit);
	state_put_visit(roam->state, &visit->r);
}

/* ---- Arrival ---- */

void visit_stop_import(struct roam *roam, struct roam_visit *visit)
{
	if (!visit->importing)
		return;
	visit->importing = false;
	roam_locate(roam, visit->r.identity);
}

/* NULL: it cannot be. */
static struct roam_visit *obtain(struct roam *roam, struct roam_peer *peer,
				 const struct visit_record *record)
{
	struct roam_visit *visit = visit_find(roam, record->domain, record->virt);

	if (visit && visit->r.identity.s_addr != record->identity.s_addr) {
		visit_forget(roam, visit); /* it has another address here now */
		visit = NULL;
	}
	if (visit)
		return visit;
	if (peer->visitors >= peer->max_visitors) {
		roam->counters[ROAM_C_VISITS_TOO_MANY]++;
		return NULL;
	}
	visit = add(roam, record);
	if (visit)
		visit->r.state = VISIT_LEAVING; /* nothing of it is known here */
	return visit;
}

/* With the ticket it has shown before it brings nothing that is not known. */
static bool is_known(const struct roam_visit *visit, const struct visit_record *record)
{
	return visit->r.state == VISIT_SERVED &&
	       !memcmp(visit->r.ticket, record->ticket, sizeof(record->ticket));
}

static void admit(struct roam *roam, struct roam_peer *peer, struct visit_record *record)
{
	struct roam_visit *visit = obtain(roam, peer, record);
	bool known;

	if (!visit || (visit->r.state != VISIT_LEAVING && record->counter < visit->r.counter))
		return;
	known = is_known(visit, record);
	if (visit->r.state != VISIT_LEAVING && visit->r.gateway.s_addr != record->gateway.s_addr)
		visit_remove_anchors(roam, visit);
	else
		record->others = visit->r.others;
	if (known)
		record->flags |= visit->r.flags & VISIT_POLICY;
	visit->r = *record;
	if (!known)
		start_import(visit);
	visit_enter(roam, visit, VISIT_ARRIVING);
	visit->next_ns = 0;
	roam->counters[ROAM_C_VISITS]++;
}

void visit_admit(struct roam *roam, struct in_addr identity,
		 const struct dhcp_mnat_arrival *arrivals, unsigned int n)
{
	uint32_t flags = SIMCO_HANC_DEFAULT;

	for (unsigned int i = 0; i < n; i++) {
		struct visit_record record = {.identity = identity, .flags = flags};
		struct roam_peer *peer;
		struct ticket ticket;

		ticket_read(arrivals[i].ticket, &ticket);
		peer = roam_peer_of(roam, ticket.domain);
		if (ticket.domain == roam->domain)
			continue; /* our own sessions, which have not gone */
		if (!peer || peer->revoked) {
			roam->counters[ROAM_C_VISITS_NO_PEER]++;
			continue;
		}
		record.domain = ticket.domain;
		record.virt = ticket.virt;
		record.gateway = ticket.gateway;
		record.counter = be64toh(arrivals[i].counter);
		memcpy(record.ticket, arrivals[i].ticket, sizeof(record.ticket));
		memcpy(record.proof, arrivals[i].proof, sizeof(record.proof));
		admit(roam, peer, &record);
		flags = 0;
	}
}

void roam_announce(struct roam *roam, struct in_addr identity)
{
	struct roam_guest *guest = guest_find(roam, identity);
	struct roam_visit *visit;

	DL_FOREACH(guest ? guest->visits : NULL, visit) {
		if (visit->r.state != VISIT_LEAVING)
			visit_send_anchors(roam, visit);
		if (!visit->next_ns)
			visit_ask(roam, visit);
	}
}

void visit_gone(struct roam *roam, struct in_addr identity)
{
	struct roam_guest *guest = guest_find(roam, identity);
	struct roam_visit *visit;

	DL_FOREACH(guest ? guest->visits : NULL, visit) {
		if (visit->r.state == VISIT_LEAVING)
			continue;
		visit_remove_anchors(roam, visit);
		visit->importing = false;
		visit_enter(roam, visit, VISIT_LEAVING);
		visit_ask(roam, visit);
	}
}

/* ---- Peers, gateways, time ---- */

void visit_peer_up(struct roam *roam, const struct roam_peer *peer)
{
	struct roam_visit *visit, *next;

	HASH_ITER(hh, roam->visits, visit, next) {
		if (visit->r.domain != peer->domain)
			continue;
		visit_import_anew(visit);
		visit_ask(roam, visit);
	}
}

void visit_peer_down(struct roam *roam, const struct roam_peer *peer)
{
	struct roam_visit *visit, *next;

	HASH_ITER(hh, roam->visits, visit, next)
		if (visit->r.domain == peer->domain)
			visit_unask(roam, visit);
}

void roam_gateway_reset(struct roam *roam)
{
	struct roam_visit *visit, *next;

	HASH_ITER(hh, roam->visits, visit, next) {
		if (visit->r.state == VISIT_LEAVING)
			continue;
		start_import(visit);
		roam_locate(roam, visit->r.identity);
	}
}

void roam_drop_absent(struct roam *roam)
{
	struct roam_guest *guest, *next;
	struct roam_lease lease;

	HASH_ITER(hh, roam->guests, guest, next)
		if (roam->ops->lookup(guest->identity, &lease, roam->user) == -ENOENT)
			visit_gone(roam, guest->identity);
}

void visit_tell_gateway(struct roam *roam)
{
	const struct roam_visit *visit;

	for (visit = roam->visits; visit; visit = visit->hh.next)
		if (visit->r.state != VISIT_LEAVING)
			visit_send_anchors(roam, visit);
}

void visit_gateway_up(struct roam *roam)
{
	struct roam_visit *visit, *next;

	HASH_ITER(hh, roam->visits, visit, next) {
		if (visit->r.state == VISIT_LEAVING || visit->r.state == VISIT_ARRIVING)
			continue;
		visit_import_anew(visit);
		visit->r.state = VISIT_IMPORTING;
		visit_ask(roam, visit);
	}
}

void visit_revoke_peer(struct roam *roam, const struct roam_peer *peer)
{
	struct roam_visit *visit, *next;

	HASH_ITER(hh, roam->visits, visit, next)
		if (visit->r.domain == peer->domain)
			visit_forget(roam, visit);
}

void visit_tick(struct roam *roam)
{
	uint64_t now = mnat_clock_now();
	struct roam_visit *visit, *next;

	HASH_ITER(hh, roam->visits, visit, next) {
		if (visit->importing && now > visit->import_until_ns) {
			roam->counters[ROAM_C_VISITS_LATE]++;
			visit_stop_import(roam, visit);
		}
		if (now < visit->next_ns)
			continue;
		if (visit->r.state == VISIT_IMPORTING && visit->pending.transaction)
			visit_import_anew(visit); /* an answer was lost: from the start */
		visit_ask(roam, visit);
	}
}

void roam_free(struct roam *roam)
{
	struct roam_visit *visit, *next_visit;
	struct roam_home *home, *next_home;

	HASH_ITER(hh, roam->visits, visit, next_visit)
		drop(roam, visit);
	HASH_ITER(hh, roam->homes, home, next_home) {
		HASH_DEL(roam->homes, home);
		free(home);
	}
}
