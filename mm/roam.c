// SPDX-License-Identifier: GPL-2.0-only
/* What both roles share: life, places, and the peers' messages in and out. */
#include "roam.h"

#include <errno.h>
#include <string.h>
#include <sys/param.h>

#include "mnat/clock.h"
#include "roam_internal.h"

struct roam_peer *roam_peer_of(struct roam *roam, uint32_t domain)
{
	for (unsigned int i = 0; i < roam->n_peers; i++)
		if (roam->peers[i].domain == domain)
			return &roam->peers[i];
	return NULL;
}

unsigned int roam_peer_index(const struct roam *roam, const struct roam_peer *peer)
{
	return (unsigned int)(peer - roam->peers);
}

/* ---- Gateways ---- */

bool roam_is_ours(const struct roam *roam, struct in_addr gateway)
{
	for (uint32_t i = 0; i < roam->others.n; i++)
		if (roam->others.addr[i].s_addr == gateway.s_addr)
			return true;
	return gateway.s_addr == roam->tunnel_addr.s_addr;
}

bool roam_is_endpoint(const struct roam *roam, struct in_addr addr)
{
	uint32_t a = ntohl(addr.s_addr);

	return a >> 24 && a >> 24 != 127 && !IN_MULTICAST(a) && !IN_BADCLASS(a) &&
	       !roam_is_ours(roam, addr);
}

bool roam_are_endpoints(const struct roam *roam, const struct peering_others *others)
{
	for (uint32_t i = 0; i < others->n; i++)
		if (!roam_is_endpoint(roam, others->addr[i]))
			return false;
	return true;
}

/* ---- Hosts ---- */

void roam_locate(struct roam *roam, struct in_addr identity)
{
	const struct roam_home *home = home_find(roam, identity);
	struct roam_location location = {.importing = guest_is_importing(roam, identity)};
	const struct roam_peer *peer;

	if (home) {
		location.away = home->r.away;
		location.endpoint = home->r.endpoint;
		location.shift = home->r.shift;
		peer = home->r.away ? roam_peer_of(roam, home->r.domain) : NULL;
		location.one_way = peer && peer->direct;
	}
	roam->ops->locate(identity, &location, home ? home->r.base : 0, roam->user);
}

void roam_bound(struct roam *roam, struct in_addr identity, uint32_t generation,
		const struct dhcp_mnat_arrival *arrivals, unsigned int n)
{
	home_bound(roam, identity, generation, arrivals, n);
	visit_admit(roam, identity, arrivals, n);
	roam_locate(roam, identity);
}

void roam_gone(struct roam *roam, struct in_addr identity, uint32_t generation)
{
	home_on_event(roam, identity, generation);
	visit_gone(roam, identity);
	roam_locate(roam, identity);
}

bool roam_is_away(const struct roam *roam, struct in_addr identity)
{
	const struct roam_home *home = home_find(roam, identity);

	return home && home->r.away;
}

int roam_token(const struct roam *roam, struct in_addr identity, uint32_t generation,
	       struct dhcp_mnat_token *ret_token)
{
	struct ticket ticket = {
		.domain = roam->domain,
		.virt = identity,
		.gateway = roam->tunnel_addr,
		.generation = generation,
		.expires = roam->ops->wall_s(roam->user) + roam->ticket_s,
	};
	int r = ticket_make(&roam->secret, &ticket, ret_token->ticket);

	if (!r)
		ticket_key(&roam->secret, ret_token->ticket, ret_token->key);
	return r;
}

/* ---- Messages out ---- */

int roam_request(struct roam *roam, struct roam_peer *peer, struct peering_message *message,
		 uint32_t *ret_transaction)
{
	int r;

	if (!peer->up)
		return -ENOTCONN;
	if (!++peer->transaction)
		peer->transaction++;
	message->basic = SIMCO_REQUEST;
	message->transaction = peer->transaction;
	r = roam->ops->send(roam_peer_index(roam, peer), message, roam->user);
	if (!r)
		*ret_transaction = message->transaction;
	return r;
}

void roam_reply(struct roam *roam, struct roam_peer *peer, uint32_t transaction,
		struct peering_message *message)
{
	message->transaction = transaction;
	if (message->basic != SIMCO_NEGATIVE)
		message->basic = SIMCO_POSITIVE;
	roam->ops->send(roam_peer_index(roam, peer), message, roam->user);
}

void roam_count_refusal(struct roam *roam, struct roam_peer *peer, uint8_t error)
{
	static const struct {
		uint8_t error;
		enum roam_counter counter;
	} counters[] = {
		{PEERING_E_MALFORMED, ROAM_C_REFUSED_MALFORMED},
		{PEERING_E_UNKNOWN, ROAM_C_REFUSED_UNKNOWN},
		{PEERING_E_TICKET, ROAM_C_REFUSED_TICKET},
		{PEERING_E_PROOF, ROAM_C_REFUSED_PROOF},
		{PEERING_E_REPLAY, ROAM_C_REFUSED_REPLAY},
		{PEERING_E_POLICY, ROAM_C_REFUSED_POLICY},
		{PEERING_E_BUSY, ROAM_C_REFUSED_BUSY},
	};

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		if (counters[i].error == error)
			roam->counters[counters[i].counter]++;
	if (peer)
		peer->refused++;
}

void roam_refuse(struct roam *roam, struct roam_peer *peer, uint32_t transaction, uint8_t error)
{
	struct peering_message reply = {.basic = SIMCO_NEGATIVE, .subtype = error};

	roam_count_refusal(roam, peer, error);
	roam_reply(roam, peer, transaction, &reply);
}

/* ---- Messages in ---- */

/* since_ns 0, the start of the clock: all of it is there. */
bool roam_afford(struct roam_credit *credit, unsigned int a_second)
{
	uint64_t now = mnat_clock_now(), cost = MNAT_NS_PER_SEC / a_second;

	credit->ns = MIN(MNAT_NS_PER_SEC, credit->ns + now - credit->since_ns);
	credit->since_ns = now;
	if (credit->ns < cost)
		return false;
	credit->ns -= cost;
	return true;
}

/* 0: answered or to be answered; otherwise why not. */
static const struct {
	uint8_t subtype;
	uint32_t needs;
	uint8_t (*handle)(struct roam *roam, struct roam_peer *peer,
			  const struct peering_message *m);
} requests[] = {
	{PEERING_ARRIVE,
	 PEERING_HAS_TICKET | PEERING_HAS_COUNTER | PEERING_HAS_PROOF | PEERING_HAS_ENDPOINT,
	 home_on_arrive},
	{PEERING_FLOWS, PEERING_HAS_VIRTUAL | PEERING_HAS_CURSOR, home_on_flows},
	{PEERING_RENEW, PEERING_HAS_VIRTUAL, home_on_renew},
	{PEERING_LEFT, PEERING_HAS_VIRTUAL | PEERING_HAS_COUNTER, home_on_left},
	{PEERING_MOVED, PEERING_HAS_VIRTUAL | PEERING_HAS_COUNTER, visit_on_end},
	{PEERING_ENDED, PEERING_HAS_VIRTUAL | PEERING_HAS_COUNTER, visit_on_end},
	{PEERING_FORWARD, PEERING_HAS_VIRTUAL | PEERING_HAS_COUNTER | PEERING_HAS_FLOWS,
	 home_on_forward},
};

static uint8_t on_request(struct roam *roam, struct roam_peer *peer,
			  const struct peering_message *m)
{
	if (!roam_afford(&peer->credit, peer->rate))
		return PEERING_E_BUSY;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (requests[i].subtype == m->subtype)
			return (m->has & requests[i].needs) == requests[i].needs
				       ? requests[i].handle(roam, peer, m)
				       : PEERING_E_MALFORMED;
	return PEERING_E_MALFORMED;
}

void roam_message(struct roam *roam, unsigned int index, const struct peering_message *m)
{
	struct roam_peer *peer = &roam->peers[index];
	uint8_t error;

	if (peer->revoked)
		return;
	if (m->basic != SIMCO_REQUEST) {
		visit_on_reply(roam, peer, m);
		return;
	}
	error = on_request(roam, peer, m);
	if (error)
		roam_refuse(roam, peer, m->transaction, error);
}

void roam_peer_up(struct roam *roam, unsigned int index)
{
	struct roam_peer *peer = &roam->peers[index];

	if (peer->revoked)
		return;
	peer->up = true;
	peer->session++;
	peer->exports = 0;
	visit_peer_up(roam, peer);
}

void roam_peer_down(struct roam *roam, unsigned int index)
{
	roam->peers[index].up = false;
	visit_peer_down(roam, &roam->peers[index]);
}

/* ---- Revocation ---- */

int roam_revoke_host(struct roam *roam, struct in_addr identity)
{
	int r = home_revoke(roam, identity);

	roam->counters[ROAM_C_REVOKED] += !r;
	return r;
}

int roam_revoke_peer(struct roam *roam, uint32_t domain)
{
	struct roam_peer *peer = roam_peer_of(roam, domain);

	if (!peer)
		return -ENOENT;
	roam->counters[ROAM_C_REVOKED]++;
	home_revoke_peer(roam, peer);
	visit_revoke_peer(roam, peer);
	peer->revoked = true;
	peer->up = false;
	return 0;
}

/* ---- Life ---- */

void roam_tell_gateway(struct roam *roam)
{
	home_tell_gateway(roam);
	visit_tell_gateway(roam);
}

void roam_gateway_up(struct roam *roam)
{
	visit_gateway_up(roam);
}

void roam_tick(struct roam *roam)
{
	home_tick(roam);
	visit_tick(roam);
}

int roam_start(struct roam *roam)
{
	static const struct state_loader loader = {home_load, visit_load};
	struct roam_home *home, *next;
	int r;

	r = roam->state ? state_load(roam->state, &loader, roam) : 0;
	if (r)
		return r;
	HASH_ITER(hh, roam->homes, home, next)
		roam_locate(roam, home->r.virt);
	return 0;
}

const struct roam_home *roam_find_home(const struct roam *roam, struct in_addr identity)
{
	return home_find(roam, identity);
}
