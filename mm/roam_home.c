// SPDX-License-Identifier: GPL-2.0-only
/*
 * The home's side: a host of ours that is away, or has been. The record of one that
 * came back stays: it holds what keeps an old arrival from being believed again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "mnat/addr.h"
#include "mnat/clock.h"
#include "mnat/log.h"
#include "roam_internal.h"

struct roam_home *home_find(const struct roam *roam, struct in_addr virt)
{
	struct roam_home *home;

	HASH_FIND(hh, roam->homes, &virt, sizeof(virt), home);
	return home;
}

struct roam_home *home_add(struct roam *roam, const struct home_record *record)
{
	struct roam_home *home = calloc(1, sizeof(*home));

	if (!home)
		return NULL;
	home->r = *record;
	home->heard_ns = mnat_clock_now();
	HASH_ADD(hh, roam->homes, r.virt, sizeof(home->r.virt), home);
	return home;
}

static void count_at_peer(struct roam *roam, const struct home_record *record, int change)
{
	struct roam_peer *peer = roam_peer_of(roam, record->domain);

	if (record->away && peer)
		peer->ours += (unsigned int)change;
}

int home_load(const struct home_record *record, void *user)
{
	if (!home_add(user, record))
		return -ENOMEM;
	count_at_peer(user, record, 1);
	return 0;
}

/* On disk first: what cannot be kept is not done. */
int home_update(struct roam *roam, struct roam_home *home, const struct home_record *record)
{
	int r = state_put_home(roam->state, record);

	if (r)
		return r;
	count_at_peer(roam, &home->r, -1);
	home->r = *record;
	count_at_peer(roam, &home->r, 1);
	return 0;
}

/* Tell where it was; a message that is lost is made up for by the peer's next RENEW. */
void home_bid_farewell(struct roam *roam, const struct home_record *was, uint8_t subtype,
		       const char *reason)
{
	struct roam_peer *peer = was->domain ? roam_peer_of(roam, was->domain) : NULL;
	struct peering_message message = {
		.subtype = subtype,
		.has = PEERING_HAS_VIRTUAL | PEERING_HAS_COUNTER |
		       (reason ? PEERING_HAS_REASON : 0),
		.virt = was->virt,
		.counter = was->counter,
	};
	uint32_t transaction;

	if (reason)
		strncpy(message.reason, reason, PEERING_REASON_MAX);
	if (peer)
		roam_request(roam, peer, &message, &transaction);
}

void home_admit(struct roam *roam, const struct home_record *record, uint32_t flags)
{
	roam->ops->arrival(record->virt, record->endpoint, record->virt, flags, roam->user);
	for (uint32_t i = 0; i < record->others.n; i++)
		roam->ops->arrival(record->virt, record->others.addr[i], record->virt, flags,
				   roam->user);
}

/*
 * The host is not away any more; the caller has it located. Whatever comes between, it
 * is made up for: the gateway's part before what is kept, by doing it again, the peer's
 * after it, by its next RENEW. subtype 0: the peer knows.
 */
static void end(struct roam *roam, struct roam_home *home, struct home_record now, uint8_t subtype,
		const char *reason)
{
	struct home_record was = home->r;

	now.away = false;
	now.shift++;
	home_admit(roam, &was, SIMCO_REMOVE);
	if (home_update(roam, home, &now)) {
		/* not on disk: after a restart the host is away again, until this is repeated */
		count_at_peer(roam, &was, -1);
		home->r = now;
	}
	if (subtype)
		home_bid_farewell(roam, &was, subtype, reason);
}

static void end_and_tell(struct roam *roam, struct roam_home *home, const char *reason)
{
	char ip[MNAT_IP_LEN];

	log_info("%s is no longer served in domain %u: %s", mnat_ip(home->r.virt, ip),
		 home->r.domain, reason ? reason : "its last session ended");
	end(roam, home, home->r, PEERING_ENDED, reason);
	roam_locate(roam, home->r.virt);
	roam->ops->keep(home->r.virt, 0, roam->user);
}

/* ---- Lease events ---- */

void home_on_event(struct roam *roam, struct in_addr virt, uint32_t generation)
{
	struct roam_home *home = home_find(roam, virt);
	struct home_record record;

	if (!home || generation <= home->r.base)
		return;
	record = home->r;
	record.base = generation;
	if (home_update(roam, home, &record))
		home->r.base = generation;
}

/* How long it is served there, 0: no limit. */
static uint32_t serve_s(const struct roam *roam, const struct roam_peer *peer)
{
	return peer ? peer->serve_s : roam->serve_s;
}

bool home_is_served_out(const struct roam *roam, const struct roam_peer *peer,
			const struct home_record *home)
{
	uint32_t limit_s = serve_s(roam, peer);

	return limit_s && home->since_s &&
	       roam->ops->wall_s(roam->user) >= home->since_s + limit_s;
}

uint32_t home_lifetime(const struct roam *roam, const struct roam_peer *peer,
		       const struct roam_home *home)
{
	uint64_t end_s = home->r.since_s + serve_s(roam, peer);
	uint64_t now_s = roam->ops->wall_s(roam->user);

	if (!serve_s(roam, peer) || end_s > now_s + ROAM_SILENCE_S)
		return ROAM_SILENCE_S;
	return end_s > now_s ? (uint32_t)(end_s - now_s) : 0;
}

void home_keep_lease(struct roam *roam, const struct roam_home *home)
{
	roam->ops->keep(home->r.virt, ROAM_SILENCE_S, roam->user);
}

/* ---- Homecoming ---- */

/*
 * A new lease event, all of it kept at once. Of a node that has been here all the time nothing
 * is: its move would wait for the disk, and the DHCP server's snapshot tells it again.
 */
static void come_home(struct roam *roam, struct roam_home *home, uint32_t generation)
{
	struct home_record record = home->r;

	record.base = generation;
	record.since_s = 0;
	if (!home->r.away) {
		home->r = record;
		return;
	}
	roam->counters[ROAM_C_CAME_HOME]++;
	end(roam, home, record, PEERING_MOVED, NULL);
}

/*
 * It was here, but has left again before the DHCP server could tell of it: its arrival
 * elsewhere came first, and stands.
 */
static void note_visit_home(struct roam *roam, struct roam_home *home, uint32_t generation)
{
	struct home_record record = home->r;

	record.base = generation;
	record.proved = generation;
	if (home_update(roam, home, &record))
		home->r = record;
}

/* The lease it left with, told again, is no homecoming. */
void home_bound(struct roam *roam, struct in_addr virt, uint32_t generation,
		const struct dhcp_mnat_arrival *arrivals, unsigned int n)
{
	struct roam_home *home = home_find(roam, virt);

	if (home && home->r.away && generation > home->r.base &&
	    home_is_overtaken(roam, home, arrivals, n)) {
		note_visit_home(roam, home, generation);
		return;
	}
	if (home && generation > home->r.base)
		come_home(roam, home, generation);
	else if (home && home->r.away)
		return;
	for (unsigned int i = 0; i < n; i++)
		home_prove(roam, virt, generation, &arrivals[i]);
}

/* ---- The peer where it is asks ---- */

struct roam_home *home_there(struct roam *roam, const struct roam_peer *peer, struct in_addr virt)
{
	struct roam_home *home = home_find(roam, virt);

	return home && home->r.away && home->r.domain == peer->domain ? home : NULL;
}

uint8_t home_on_flows(struct roam *roam, struct roam_peer *peer, const struct peering_message *m)
{
	struct roam_home *home = home_there(roam, peer, m->virt);
	struct roam_query query = {
		.peer = roam_peer_index(roam, peer),
		.session = peer->session,
		.transaction = m->transaction,
		.virt = m->virt,
		.gateway = m->has & PEERING_HAS_GATEWAY ? m->gateway : roam->tunnel_addr,
	};

	if (!home || !roam_is_ours(roam, query.gateway))
		return PEERING_E_UNKNOWN;
	home->heard_ns = mnat_clock_now();
	if (peer->exports >= ROAM_MAX_EXPORTS)
		return PEERING_E_BUSY;
	peer->exports++;
	if (roam->ops->export_flows(&query, m->cursor, roam->user)) {
		peer->exports--;
		return PEERING_E_BUSY;
	}
	return 0;
}

void roam_exported(struct roam *roam, const struct roam_query *query, bool ok,
		   const struct simco_flow *flows, uint32_t n, uint64_t cursor)
{
	struct roam_peer *peer = &roam->peers[query->peer];
	struct peering_message reply = {
		.subtype = PEERING_FLOWS,
		.has = PEERING_HAS_FLOWS | PEERING_HAS_CURSOR,
		.flows = flows,
		.n_flows = n,
		.cursor = cursor,
	};

	if (!peer->up || peer->session != query->session)
		return;
	peer->exports--;
	if (!ok) {
		roam_refuse(roam, peer, query->transaction, PEERING_E_BUSY);
	} else if (!home_there(roam, peer, query->virt)) {
		roam_refuse(roam, peer, query->transaction, PEERING_E_UNKNOWN);
	} else {
		roam->counters[ROAM_C_FLOWS_EXPORTED] += n;
		roam_reply(roam, peer, query->transaction, &reply);
	}
}

uint8_t home_on_renew(struct roam *roam, struct roam_peer *peer, const struct peering_message *m)
{
	struct roam_home *home = home_there(roam, peer, m->virt);
	struct peering_message reply = {.subtype = PEERING_RENEW, .has = PEERING_HAS_LIFETIME};

	if (!home)
		return PEERING_E_UNKNOWN;
	home->heard_ns = mnat_clock_now();
	roam->counters[ROAM_C_RENEWED]++;
	home_keep_lease(roam, home);
	reply.lifetime = home_lifetime(roam, peer, home);
	roam_reply(roam, peer, m->transaction, &reply);
	return 0;
}

uint8_t home_on_left(struct roam *roam, struct roam_peer *peer, const struct peering_message *m)
{
	struct roam_home *home = home_there(roam, peer, m->virt);
	struct peering_message reply = {.subtype = PEERING_LEFT};

	if (!home || home->r.counter > m->counter)
		return PEERING_E_UNKNOWN;
	roam->counters[ROAM_C_LEFT]++;
	end(roam, home, home->r, 0, NULL);
	roam_locate(roam, home->r.virt);
	roam_reply(roam, peer, m->transaction, &reply);
	return 0;
}

/* ---- Gateways and time ---- */

void roam_sessions_ended(struct roam *roam, struct in_addr identity, unsigned int gateway)
{
	const uint32_t all = (2u << roam->others.n) - 1;
	struct roam_home *home = home_find(roam, identity);

	if (!home || !home->r.away)
		return;
	home->ended |= 1u << gateway;
	if (home->ended != all)
		return;
	roam->counters[ROAM_C_ENDED]++;
	end_and_tell(roam, home, NULL);
}

void home_tell_gateway(struct roam *roam)
{
	struct roam_home *home, *next;

	HASH_ITER(hh, roam->homes, home, next)
		if (home->r.away)
			home_admit(roam, &home->r, 0);
}

/* ---- Revocation ---- */

/* As if its last arrival with any ticket it can have had been believed. */
int home_revoke(struct roam *roam, struct in_addr virt)
{
	struct roam_home *home = home_find(roam, virt);
	struct home_record record;
	struct roam_lease lease;
	int r = roam->ops->lookup(virt, &lease, roam->user);

	if (!r && !home)
		home = home_add(roam, &(struct home_record){.virt = virt});
	if (r || !home)
		return r ? r : -ENOMEM;
	record = home->r;
	record.generation = MAX(lease.generation, record.generation);
	record.counter = UINT64_MAX;
	record.proved = 0;
	r = home_update(roam, home, &record);
	if (!r && record.away)
		end_and_tell(roam, home, "its home has revoked it");
	return r;
}

void home_revoke_peer(struct roam *roam, const struct roam_peer *peer)
{
	struct roam_home *home, *next;

	HASH_ITER(hh, roam->homes, home, next)
		if (home->r.away && home->r.domain == peer->domain)
			end_and_tell(roam, home, "its home has no dealings with that domain any more");
}

void home_tick(struct roam *roam)
{
	uint64_t now = mnat_clock_now();
	struct roam_home *home, *next;

	HASH_ITER(hh, roam->homes, home, next) {
		struct roam_peer *peer = roam_peer_of(roam, home->r.domain);

		if (!home->r.away)
			continue;
		if (home_is_served_out(roam, peer, &home->r)) {
			roam->counters[ROAM_C_SERVED_OUT]++;
			end_and_tell(roam, home, "its home serves it no longer than agreed");
		} else if (now - home->heard_ns > ROAM_SILENCE_S * MNAT_NS_PER_SEC) {
			roam->counters[ROAM_C_SILENT]++;
			end_and_tell(roam, home, "nothing was heard of it");
		}
	}
}
