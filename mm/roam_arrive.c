// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the home believes: arrivals told by a visited domain or by the node itself in
 * public space, and the proof of a host that comes back.
 */
#include <endian.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/param.h>

#include "mnat/clock.h"
#include "roam_internal.h"

static bool is_newer(const struct ticket *ticket, uint64_t counter, const struct home_record *last)
{
	if (ticket->generation != last->generation)
		return ticket->generation > last->generation;
	return counter > last->counter;
}

/* Where a host arrives. */
struct place {
	uint32_t domain; /* 0: public space */
	struct in_addr endpoint;
	struct peering_others others;
};

static bool is_same(const struct ticket *ticket, uint64_t counter, const struct place *place,
		    const struct home_record *last)
{
	return last->away && ticket->generation == last->generation && counter == last->counter &&
	       place->domain == last->domain && place->endpoint.s_addr == last->endpoint.s_addr;
}

static uint8_t check_policy(const struct roam *roam, const struct roam_peer *peer,
			    const struct roam_home *home, const struct place *place)
{
	bool counted = home && home->r.away && peer && home->r.domain == peer->domain;

	if (!roam_is_endpoint(roam, place->endpoint) || !roam_are_endpoints(roam, &place->others))
		return PEERING_E_POLICY;
	if (peer && !counted && peer->ours >= peer->max_visitors)
		return PEERING_E_POLICY;
	return home && home_is_served_out(roam, peer, &home->r) ? PEERING_E_POLICY : 0;
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
		      uint64_t counter, const struct place *place, uint32_t base)
{
	struct home_record was = home->r, now = was;
	bool same_place = was.away && was.domain == place->domain &&
			  was.endpoint.s_addr == place->endpoint.s_addr;
	bool same_others = same_place && !memcmp(&was.others, &place->others, sizeof(was.others));

	now.generation = ticket->generation;
	now.counter = counter;
	now.base = MAX(was.base, base);
	now.shift += !same_place;
	now.since_s = was.since_s ? was.since_s : roam->ops->wall_s(roam->user);
	now.away = true;
	now.domain = place->domain;
	now.endpoint = place->endpoint;
	now.others = place->others;
	if (was.away && !same_others)
		home_admit(roam, &was, SIMCO_REMOVE);
	if (home_update(roam, home, &now)) {
		if (was.away)
			home_admit(roam, &was, 0);
		return PEERING_E_BUSY;
	}
	roam->counters[ROAM_C_ARRIVED]++;
	if (!same_place)
		home->ended = 0;
	if (was.away && was.domain != place->domain) {
		roam->counters[ROAM_C_MOVED_ON]++;
		home_bid_farewell(roam, &was, PEERING_MOVED, NULL);
	}
	home_admit(roam, &now, 0);
	if (!same_place)
		roam_locate(roam, now.virt);
	return 0;
}

/* The ticket is ours and the node's proof holds. peer NULL: the node itself. */
static uint8_t arrive(struct roam *roam, struct roam_peer *peer, const struct ticket *ticket,
		      uint64_t counter, const struct place *place)
{
	struct roam_home *home = home_find(roam, ticket->virt);
	struct roam_lease lease;
	uint8_t error;

	if (home && is_same(ticket, counter, place, &home->r)) {
		roam->counters[ROAM_C_ARRIVED_AGAIN]++;
		home->heard_ns = mnat_clock_now();
		return 0;
	}
	if (home && !is_newer(ticket, counter, &home->r))
		return PEERING_E_REPLAY;
	error = check_lease(roam, home, ticket, &lease);
	if (!error)
		error = check_policy(roam, peer, home, place);
	if (error)
		return error;
	home = obtain(roam, ticket->virt);
	if (!home)
		return PEERING_E_BUSY;
	home->heard_ns = mnat_clock_now();
	return depart(roam, home, ticket, counter, place, lease.generation);
}

static uint32_t offered(const struct roam_peer *peer)
{
	if (!peer)
		return 0;
	return (peer->direct ? PEERING_DIRECT : 0) | (peer->translate ? PEERING_TRANSLATE : 0) |
	       (peer->correspondent ? PEERING_CORRESPONDENT : 0);
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
		.others = roam->others,
		.flags = offered(peer),
		.lifetime = home_lifetime(roam, peer, home),
	};
}

uint8_t home_on_arrive(struct roam *roam, struct roam_peer *peer, const struct peering_message *m)
{
	const struct place place = {peer->domain, m->endpoint, m->others};
	struct peering_message reply;
	struct roam_home *home;
	struct ticket ticket;
	uint8_t error;

	if (!ticket_verify(&roam->secret, roam->domain, roam->ops->wall_s(roam->user), m->ticket,
			   &ticket))
		return PEERING_E_TICKET;
	if (!ticket_proves(&roam->secret, m->ticket, m->counter, m->proof))
		return PEERING_E_PROOF;
	error = arrive(roam, peer, &ticket, m->counter, &place);
	if (error)
		return error;
	home = home_find(roam, ticket.virt);
	home_keep_lease(roam, home);
	reply = accepted(roam, peer, home);
	if (roam->others.n)
		reply.has |= PEERING_HAS_OTHER;
	roam_reply(roam, peer, m->transaction, &reply);
	return 0;
}

/* Does the holder of that address show a ticket of it? */
static bool is_proof_of(const struct roam *roam, struct in_addr virt,
			const struct dhcp_mnat_arrival *arrival, struct ticket *ret_ticket)
{
	return ticket_verify(&roam->secret, roam->domain, roam->ops->wall_s(roam->user),
			     arrival->ticket, ret_ticket) &&
	       ret_ticket->virt.s_addr == virt.s_addr &&
	       ticket_proves(&roam->secret, arrival->ticket, be64toh(arrival->counter),
			     arrival->proof);
}

bool home_is_overtaken(const struct roam *roam, const struct roam_home *home,
		       const struct dhcp_mnat_arrival *arrivals, unsigned int n)
{
	struct ticket ticket;

	for (unsigned int i = 0; i < n; i++)
		if (is_proof_of(roam, home->r.virt, &arrivals[i], &ticket) &&
		    !is_newer(&ticket, be64toh(arrivals[i].counter), &home->r))
			return true;
	return false;
}

void home_prove(struct roam *roam, struct in_addr virt, uint32_t generation,
		const struct dhcp_mnat_arrival *arrival)
{
	uint64_t counter = be64toh(arrival->counter);
	struct roam_home *home;
	struct home_record record;
	struct ticket ticket;

	if (!is_proof_of(roam, virt, arrival, &ticket))
		return;
	home = obtain(roam, virt);
	if (!home || !is_newer(&ticket, counter, &home->r))
		return;
	record = home->r;
	record.generation = ticket.generation;
	record.counter = counter;
	record.proved = generation;
	home_update(roam, home, &record);
}

/* ---- A node in public space ---- */

/* Which networks share one is not for others to know: the secret says it. */
static struct roam_credit *prefix_of(struct roam *roam, struct in_addr source)
{
	uint64_t keys[2], mixed;

	memcpy(keys, roam->secret.bytes, sizeof(keys));
	mixed = ((ntohl(source.s_addr) >> 8) + keys[0]) * (keys[1] | 1) * 0x9e3779b97f4a7c15;
	return &roam->prefixes[mixed >> 32 & (ROAM_PREFIXES - 1)];
}

/* A network's own limit comes first, so that it spends nothing of what all have. */
static bool afford_datagram(struct roam *roam, struct in_addr source)
{
	return roam_afford(prefix_of(roam, source), ROAM_PREFIX_RATE) &&
	       roam_afford(&roam->datagrams, ROAM_DATAGRAM_RATE);
}

/* Is it a node's ARRIVE or REBIND with ticket and seal of ours? */
static bool is_authentic(const struct roam *roam, const uint8_t *buf, size_t len,
			 struct peering_message *ret_message, struct ticket *ret_ticket,
			 uint8_t ret_key[PEERING_MAC_LEN])
{
	const uint32_t needs =
		PEERING_HAS_TICKET | PEERING_HAS_COUNTER | PEERING_HAS_PROOF | PEERING_HAS_ENDPOINT;
	size_t skip;

	if (peering_decode(buf, len, ret_message, &skip) != (int)len ||
	    ret_message->basic != SIMCO_REQUEST || ret_message->has != needs ||
	    (ret_message->subtype != PEERING_ARRIVE && ret_message->subtype != PEERING_REBIND))
		return false;
	if (!ticket_verify(&roam->secret, roam->domain, roam->ops->wall_s(roam->user),
			   ret_message->ticket, ret_ticket))
		return false;
	ticket_key(&roam->secret, ret_message->ticket, ret_key);
	return peering_is_sealed(ret_key, buf, len);
}

/* Answered later, if at all: when the gateways know. */
static void pass_rebind(struct roam *roam, const struct peering_message *m,
			const struct ticket *ticket, const uint8_t key[PEERING_MAC_LEN],
			const struct sockaddr_in *source)
{
	struct roam_rebind rebind = {
		.virt = ticket->virt,
		.actual = m->endpoint,
		.generation = ticket->generation,
		.transaction = m->transaction,
		.from = *source,
	};

	memcpy(rebind.key, key, sizeof(rebind.key));
	roam->ops->rebind(&rebind, roam->user);
	OPENSSL_cleanse(rebind.key, sizeof(rebind.key));
}

size_t roam_datagram(struct roam *roam, const uint8_t *buf, size_t len,
		     const struct sockaddr_in *source, uint8_t *reply_buf)
{
	struct peering_message m, reply = {.basic = SIMCO_NEGATIVE};
	uint8_t key[PEERING_MAC_LEN], error;
	struct ticket ticket;
	struct place place;
	int n;

	if (!afford_datagram(roam, source->sin_addr)) {
		roam->counters[ROAM_C_DATAGRAMS_TOO_MANY]++;
		return 0;
	}
	if (!is_authentic(roam, buf, len, &m, &ticket, key)) {
		roam->counters[ROAM_C_DATAGRAMS_SILENT]++;
		return 0;
	}
	if (m.subtype == PEERING_REBIND) {
		if (m.endpoint.s_addr == source->sin_addr.s_addr)
			pass_rebind(roam, &m, &ticket, key, source);
		OPENSSL_cleanse(key, sizeof(key));
		return 0;
	}
	place = (struct place){.endpoint = m.endpoint};
	error = m.endpoint.s_addr == source->sin_addr.s_addr
			? arrive(roam, NULL, &ticket, m.counter, &place)
			: PEERING_E_POLICY;
	if (error) {
		roam_count_refusal(roam, NULL, error);
		reply.subtype = error;
	} else {
		const struct roam_home *home = home_find(roam, ticket.virt);

		home_keep_lease(roam, home);
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
