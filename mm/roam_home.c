// SPDX-License-Identifier: GPL-2.0-only
/*
 * The home's side: a host of ours that is away, or has been. The record of one that
 * came back stays: it holds what keeps an old arrival from being believed again.
 */
#include <endian.h>
#include <errno.h>
#include <openssl/crypto.h>
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

static struct roam_home *home_add(struct roam *roam, const struct home_record *record)
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
static int update(struct roam *roam, struct roam_home *home, const struct home_record *record)
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
static void bid_farewell(struct roam *roam, const struct home_record *was, uint8_t subtype,
			 const char *reason)
{
	struct roam_peer *peer = was->domain ? roam_peer_of(roam, was->domain) : NULL;
	struct peering_message message = {
		.subtype = subtype,
		.has = PEERING_HAS_VIRTUAL | PEERING_HAS_COUNTER | (reason ? PEERING_HAS_REASON : 0),
		.virt = was->virt,
		.counter = was->counter,
	};
	uint32_t transaction;

	if (reason)
		strncpy(message.reason, reason, PEERING_REASON_MAX);
	if (peer)
		roam_request(roam, peer, &message, &transaction);
}

static void close_tunnel(struct roam *roam, const struct home_record *was)
{
	roam->ops->arrival(was->virt, was->endpoint, was->virt, SIMCO_REMOVE, roam->user);
}

/* The host is not away any more; the caller has it located. */
static void end(struct roam *roam, struct roam_home *home, bool is_home)
{
	struct home_record was = home->r, now = was;

	now.away = false;
	now.shift++;
	now.since_s = is_home ? 0 : was.since_s;
	if (update(roam, home, &now)) {
		/* not on disk: after a restart the host is away again, until this is repeated */
		count_at_peer(roam, &was, -1);
		home->r = now;
	}
	close_tunnel(roam, &was);
}

static void end_and_tell(struct roam *roam, struct roam_home *home, const char *reason)
{
	char ip[MNAT_IP_LEN];

	log_info("%s is no longer served in domain %u: %s", mnat_ip(home->r.virt, ip),
		 home->r.domain, reason ? reason : "its last session ended");
	bid_farewell(roam, &home->r, PEERING_ENDED, reason);
	end(roam, home, false);
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
	if (update(roam, home, &record))
		home->r.base = generation;
}

/* ---- Arrivals ---- */

static bool is_newer(const struct ticket *ticket, uint64_t counter, const struct home_record *last)
{
	if (ticket->generation != last->generation)
		return ticket->generation > last->generation;
	return counter > last->counter;
}

static bool is_same(const struct ticket *ticket, uint64_t counter, uint32_t domain,
		    struct in_addr endpoint, const struct home_record *last)
{
	return last->away && ticket->generation == last->generation && counter == last->counter &&
	       domain == last->domain && endpoint.s_addr == last->endpoint.s_addr;
}

static bool is_endpoint(struct in_addr addr)
{
	uint32_t a = ntohl(addr.s_addr);

	return a >> 24 && a >> 24 != 127 && !IN_MULTICAST(a) && !IN_BADCLASS(a);
}

static bool is_served_out(const struct roam *roam, const struct roam_peer *peer,
			  const struct home_record *home)
{
	return peer && peer->serve_s && home->since_s &&
	       roam->ops->wall_s(roam->user) >= home->since_s + peer->serve_s;
}

static uint8_t check_policy(const struct roam *roam, const struct roam_peer *peer,
			    const struct roam_home *home, struct in_addr endpoint)
{
	bool counted = home && home->r.away && peer && home->r.domain == peer->domain;

	if (!is_endpoint(endpoint) || endpoint.s_addr == roam->tunnel_addr.s_addr)
		return PEERING_E_POLICY;
	if (peer && !counted && peer->ours >= peer->max_visitors)
		return PEERING_E_POLICY;
	return home && is_served_out(roam, peer, &home->r) ? PEERING_E_POLICY : 0;
}

static uint8_t check_lease(const struct roam *roam, const struct roam_home *home,
			   const struct ticket *ticket, struct roam_lease *ret_lease)
{
	int r = roam->ops->lookup(ticket->virt, ret_lease, roam->user);

	if (r)
		return r == -EAGAIN ? PEERING_E_BUSY : PEERING_E_UNKNOWN;
	if (ticket->generation >= ret_lease->issued ||
	    (home && home->r.proved == ret_lease->issued))
		return 0;
	return PEERING_E_REPLAY;
}

static struct roam_home *obtain(struct roam *roam, struct in_addr virt)
{
	struct roam_home *home = home_find(roam, virt);

	return home ? home : home_add(roam, &(struct home_record){.virt = virt});
}

/* The arrival is believed: from here the host is there. */
static uint8_t depart(struct roam *roam, struct roam_home *home, const struct ticket *ticket,
		      uint64_t counter, uint32_t domain, struct in_addr endpoint, uint32_t base)
{
	struct home_record was = home->r, now = was;
	bool same_place = was.away && was.domain == domain &&
			  was.endpoint.s_addr == endpoint.s_addr;

	now.generation = ticket->generation;
	now.counter = counter;
	now.base = MAX(was.base, base);
	now.shift += !same_place;
	now.since_s = was.since_s ? was.since_s : roam->ops->wall_s(roam->user);
	now.away = true;
	now.domain = domain;
	now.endpoint = endpoint;
	if (update(roam, home, &now))
		return PEERING_E_BUSY;
	roam->counters[ROAM_C_ARRIVED]++;
	if (was.away && was.domain != domain) {
		roam->counters[ROAM_C_MOVED_ON]++;
		bid_farewell(roam, &was, PEERING_MOVED, NULL);
	}
	if (was.away && was.endpoint.s_addr != endpoint.s_addr)
		close_tunnel(roam, &was);
	roam->ops->arrival(now.virt, endpoint, now.virt, 0, roam->user);
	if (!same_place)
		roam_locate(roam, now.virt);
	return 0;
}

/* The ticket is ours and the node's proof holds. peer NULL: the node itself. */
static uint8_t arrive(struct roam *roam, struct roam_peer *peer, const struct ticket *ticket,
		      uint64_t counter, struct in_addr endpoint)
{
	struct roam_home *home = home_find(roam, ticket->virt);
	uint32_t domain = peer ? peer->domain : 0;
	struct roam_lease lease;
	uint8_t error;

	if (home && is_same(ticket, counter, domain, endpoint, &home->r)) {
		roam->counters[ROAM_C_ARRIVED_AGAIN]++;
		home->heard_ns = mnat_clock_now();
		return 0;
	}
	if (home && !is_newer(ticket, counter, &home->r))
		return PEERING_E_REPLAY;
	error = check_lease(roam, home, ticket, &lease);
	if (!error)
		error = check_policy(roam, peer, home, endpoint);
	if (error)
		return error;
	home = obtain(roam, ticket->virt);
	if (!home)
		return PEERING_E_BUSY;
	home->heard_ns = mnat_clock_now();
	return depart(roam, home, ticket, counter, domain, endpoint, lease.generation);
}

static uint32_t lifetime(const struct roam *roam, const struct roam_peer *peer,
			 const struct roam_home *home)
{
	uint64_t end_s = home->r.since_s + (peer ? peer->serve_s : 0);
	uint64_t now_s = roam->ops->wall_s(roam->user);

	if (!peer || !peer->serve_s || end_s > now_s + ROAM_SILENCE_S)
		return ROAM_SILENCE_S;
	return end_s > now_s ? (uint32_t)(end_s - now_s) : 0;
}

static struct peering_message accepted(const struct roam *roam, const struct roam_peer *peer,
				       const struct roam_home *home)
{
	return (struct peering_message){
		.basic = SIMCO_POSITIVE,
		.subtype = PEERING_ARRIVE,
		.has = PEERING_HAS_VIRTUAL | PEERING_HAS_GATEWAY | PEERING_HAS_FLAGS |
		       PEERING_HAS_LIFETIME,
		.virt = home->r.virt,
		.gateway = roam->tunnel_addr,
		.flags = peer && peer->direct ? PEERING_DIRECT : 0,
		.lifetime = lifetime(roam, peer, home),
	};
}

static void keep_lease(struct roam *roam, const struct roam_home *home)
{
	roam->ops->keep(home->r.virt, ROAM_SILENCE_S, roam->user);
}

uint8_t home_on_arrive(struct roam *roam, struct roam_peer *peer, const struct peering_message *m)
{
	struct peering_message reply;
	struct roam_home *home;
	struct ticket ticket;
	uint8_t error;

	if (!ticket_verify(&roam->secret, roam->domain, roam->ops->wall_s(roam->user), m->ticket,
			   &ticket))
		return PEERING_E_TICKET;
	if (!ticket_proves(&roam->secret, m->ticket, m->counter, m->proof))
		return PEERING_E_PROOF;
	error = arrive(roam, peer, &ticket, m->counter, m->endpoint);
	if (error)
		return error;
	home = home_find(roam, ticket.virt);
	keep_lease(roam, home);
	reply = accepted(roam, peer, home);
	roam_reply(roam, peer, m->transaction, &reply);
	return 0;
}

/* ---- Homecoming ---- */

/*
 * Back home a host shows its last ticket once more: it is the one that had the address
 * before, not a new holder, and that ticket stays good, should the next one be lost.
 */
static void prove(struct roam *roam, struct in_addr virt, uint32_t generation,
		  const struct dhcp_mnat_arrival *arrival)
{
	uint64_t counter = be64toh(arrival->counter);
	struct roam_home *home;
	struct home_record record;
	struct ticket ticket;

	if (!ticket_verify(&roam->secret, roam->domain, roam->ops->wall_s(roam->user),
			   arrival->ticket, &ticket) ||
	    ticket.virt.s_addr != virt.s_addr ||
	    !ticket_proves(&roam->secret, arrival->ticket, counter, arrival->proof))
		return;
	home = obtain(roam, virt);
	if (!home || !is_newer(&ticket, counter, &home->r))
		return;
	record = home->r;
	record.generation = ticket.generation;
	record.counter = counter;
	record.proved = generation;
	update(roam, home, &record);
}

static void come_home(struct roam *roam, struct roam_home *home)
{
	struct home_record record = home->r;

	if (home->r.away) {
		roam->counters[ROAM_C_CAME_HOME]++;
		bid_farewell(roam, &home->r, PEERING_MOVED, NULL);
		end(roam, home, true);
	} else if (home->r.since_s) {
		record.since_s = 0;
		update(roam, home, &record);
	}
}

/* The lease it left with, told again, is no homecoming. */
void home_bound(struct roam *roam, struct in_addr virt, uint32_t generation,
		const struct dhcp_mnat_arrival *arrivals, unsigned int n)
{
	struct roam_home *home = home_find(roam, virt);
	bool comes = home && generation > home->r.base;

	/* in this order: killed in between, we see it come once more */
	if (comes)
		come_home(roam, home);
	home_on_event(roam, virt, generation);
	if (roam_is_away(roam, virt))
		return;
	for (unsigned int i = 0; i < n; i++)
		prove(roam, virt, generation, &arrivals[i]);
}

/* ---- The peer where it is asks ---- */

static struct roam_home *there(struct roam *roam, const struct roam_peer *peer,
			       struct in_addr virt)
{
	struct roam_home *home = home_find(roam, virt);

	return home && home->r.away && home->r.domain == peer->domain ? home : NULL;
}

uint8_t home_on_flows(struct roam *roam, struct roam_peer *peer, const struct peering_message *m)
{
	struct roam_query query = {
		.peer = roam_peer_index(roam, peer),
		.session = peer->session,
		.transaction = m->transaction,
		.virt = m->virt,
	};

	if (!there(roam, peer, m->virt))
		return PEERING_E_UNKNOWN;
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
	} else if (!there(roam, peer, query->virt)) {
		roam_refuse(roam, peer, query->transaction, PEERING_E_UNKNOWN);
	} else {
		roam->counters[ROAM_C_FLOWS_EXPORTED] += n;
		roam_reply(roam, peer, query->transaction, &reply);
	}
}

uint8_t home_on_renew(struct roam *roam, struct roam_peer *peer, const struct peering_message *m)
{
	struct roam_home *home = there(roam, peer, m->virt);
	struct peering_message reply = {.subtype = PEERING_RENEW, .has = PEERING_HAS_LIFETIME};

	if (!home)
		return PEERING_E_UNKNOWN;
	home->heard_ns = mnat_clock_now();
	roam->counters[ROAM_C_RENEWED]++;
	keep_lease(roam, home);
	reply.lifetime = lifetime(roam, peer, home);
	roam_reply(roam, peer, m->transaction, &reply);
	return 0;
}

uint8_t home_on_left(struct roam *roam, struct roam_peer *peer, const struct peering_message *m)
{
	struct roam_home *home = there(roam, peer, m->virt);
	struct peering_message reply = {.subtype = PEERING_LEFT};

	if (!home || home->r.counter > m->counter)
		return PEERING_E_UNKNOWN;
	roam->counters[ROAM_C_LEFT]++;
	end(roam, home, false);
	roam_locate(roam, home->r.virt);
	roam_reply(roam, peer, m->transaction, &reply);
	return 0;
}

/* ---- A node in public space ---- */

static bool afford_datagram(struct roam *roam)
{
	const uint64_t cost = MNAT_NS_PER_SEC / 200;
	uint64_t now = mnat_clock_now();

	roam->datagram_credit_ns = MIN(MNAT_NS_PER_SEC, roam->datagram_credit_ns + now -
								roam->datagram_credited_ns);
	roam->datagram_credited_ns = now;
	if (roam->datagram_credit_ns < cost)
		return false;
	roam->datagram_credit_ns -= cost;
	return true;
}

/* Is it a node's ARRIVE with ticket and seal of ours? */
static bool is_authentic(const struct roam *roam, const uint8_t *buf, size_t len,
			 struct peering_message *ret_message, struct ticket *ret_ticket,
			 uint8_t ret_key[PEERING_MAC_LEN])
{
	const uint32_t needs = PEERING_HAS_TICKET | PEERING_HAS_COUNTER | PEERING_HAS_PROOF |
			       PEERING_HAS_ENDPOINT;
	size_t skip;

	if (peering_decode(buf, len, ret_message, &skip) != (int)len ||
	    ret_message->basic != SIMCO_REQUEST || ret_message->subtype != PEERING_ARRIVE ||
	    ret_message->has != needs)
		return false;
	if (!ticket_verify(&roam->secret, roam->domain, roam->ops->wall_s(roam->user),
			   ret_message->ticket, ret_ticket))
		return false;
	ticket_key(&roam->secret, ret_message->ticket, ret_key);
	return peering_is_sealed(ret_key, buf, len);
}

size_t roam_datagram(struct roam *roam, const uint8_t *buf, size_t len, struct in_addr source,
		     uint8_t *reply_buf)
{
	struct peering_message m, reply = {.basic = SIMCO_NEGATIVE};
	uint8_t key[PEERING_MAC_LEN], error;
	struct ticket ticket;
	int n;

	if (!afford_datagram(roam) || !is_authentic(roam, buf, len, &m, &ticket, key)) {
		roam->counters[ROAM_C_DATAGRAMS_SILENT]++;
		return 0;
	}
	error = m.endpoint.s_addr == source.s_addr ?
			arrive(roam, NULL, &ticket, m.counter, m.endpoint) :
			PEERING_E_POLICY;
	if (error) {
		roam_count_refusal(roam, NULL, error);
		reply.subtype = error;
	} else {
		const struct roam_home *home = home_find(roam, ticket.virt);

		keep_lease(roam, home);
		reply = accepted(roam, NULL, home);
	}
	reply.transaction = m.transaction;
	reply.has |= PEERING_HAS_PROOF;
	n = peering_encode(&reply, reply_buf, SIMCO_MAX_MESSAGE);
	if (n > 0)
		peering_seal(key, reply_buf, (size_t)n);
	OPENSSL_cleanse(key, sizeof(key));
	return n > 0 ? (size_t)n : 0;
}

/* ---- Gateways and time ---- */

void roam_sessions_ended(struct roam *roam, struct in_addr identity)
{
	struct roam_home *home = home_find(roam, identity);

	if (!home || !home->r.away)
		return;
	roam->counters[ROAM_C_ENDED]++;
	end_and_tell(roam, home, NULL);
}

void home_gateway_up(struct roam *roam)
{
	struct roam_home *home, *next;

	HASH_ITER(hh, roam->homes, home, next)
		if (home->r.away)
			roam->ops->arrival(home->r.virt, home->r.endpoint, home->r.virt, 0,
					   roam->user);
}

void home_tick(struct roam *roam)
{
	uint64_t now = mnat_clock_now();
	struct roam_home *home, *next;

	HASH_ITER(hh, roam->homes, home, next) {
		struct roam_peer *peer = roam_peer_of(roam, home->r.domain);

		if (!home->r.away)
			continue;
		if (is_served_out(roam, peer, &home->r)) {
			roam->counters[ROAM_C_SERVED_OUT]++;
			end_and_tell(roam, home, "its home serves it no longer than agreed");
		} else if (now - home->heard_ns > ROAM_SILENCE_S * MNAT_NS_PER_SEC) {
			roam->counters[ROAM_C_SILENT]++;
			end_and_tell(roam, home, "nothing was heard of it");
		}
	}
}
