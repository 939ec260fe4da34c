// SPDX-License-Identifier: GPL-2.0-only
/* REQUEST, DECLINE and RELEASE: RFC 2131 sections 4.3.2 to 4.3.4. */
#include <errno.h>
#include <string.h>
#include <sys/param.h>

#include "mnat/clock.h"

#include "decide.h"
#include "exchange.h"

uint32_t lease_seconds(const struct exchange *x)
{
	uint32_t seconds = x->subnet->lease_time, asked;

	if (x->class && x->class->lease_time)
		seconds = x->class->lease_time;
	if (dhcp_get_u32(x->in, DHCP_OPT_LEASE_TIME, &asked) && asked)
		seconds = MIN(seconds, asked);
	return seconds;
}

/* ---- what a REQUEST is: the decision table's inputs ---- */

/* The lease to be had: a client that something is kept for is to have that. */
static uint32_t due_lease(const struct exchange *x, const struct lease *lease)
{
	uint32_t reserved = lease && lease == lease_here(x) ? reserved_here(x) : 0;

	if (reserved)
		return reserved;
	return lease ? lease->address : 0;
}

static struct facts gather(const struct exchange *x, const struct lease *lease)
{
	const struct conf *conf = x->server->conf;
	struct facts facts = {
		.shim_zero = x->in->shim_form && !x->in->shim.s_addr,
		.lease = due_lease(x, lease),
		.requested = requested_address(x),
		.ciaddr = client_address(x),
		.authoritative = conf->authoritative,
	};
	struct in_addr server;
	uint32_t spoken_of;

	facts.server_named = dhcp_get_ip(x->in, DHCP_OPT_SERVER_ID, &server);
	facts.server_ours = facts.server_named && (server.s_addr == x->server_id.s_addr ||
						   server.s_addr == conf->server_id.s_addr);
	spoken_of = facts.requested ? facts.requested : facts.ciaddr;
	if (!spoken_of)
		spoken_of = facts.lease;
	facts.inside = !spoken_of ||
		       conf_same_link(leases_subnet(&x->server->leases, spoken_of), x->subnet);
	/* of an address we gave out, also: does its pool still have it? */
	if (facts.inside && spoken_of && spoken_of == facts.lease)
		facts.inside = may_hold(x, spoken_of);
	return facts;
}

/* Bound elsewhere is a lease too, though not one that can be used here. */
static struct lease *lease_spoken_of(const struct exchange *x)
{
	struct lease *lease = lease_here(x);

	if (!lease && x->client)
		lease = x->client->bound ? x->client->bound : x->client->offer;
	return lease;
}

/* ---- answers ---- */

/* The virtual address that the client has; NULL: none, or it shares one no more. */
static struct lease *virtual_kept(const struct exchange *x)
{
	struct lease *virt = x->client->virt;

	return virt && shown_address(x->server->conf, virt->address) ? virt : NULL;
}

/*
 * Bind the virtual address to go with lease. A client that only renews and does
 * not mention it keeps it: it is the session's, not the message's.
 */
static struct lease *bind_virtual(struct exchange *x, struct lease *lease, uint64_t until)
{
	struct leases *leases = &x->server->leases;
	uint64_t virtual_until = x->now + x->server->conf->virt.lease_time * MNAT_NS_PER_SEC;
	bool renews = client_address(x) == lease->address && lease->virt;
	struct lease *virt = renews ? virtual_kept(x) : NULL;
	const struct wish wish = virtual_wish(x);
	int r = 0;

	if (x->in->shim_form)
		r = alloc_virtual(leases, x->client, &wish, until, &virt);
	if (r == -ENOSPC)
		server_count(x->server, COUNTER_virtual_pool_empty);
	lease->tunnel =
		virt && (renews && !x->in->shim_form ? lease->tunnel : uses_tunnel(x, virt));
	if (r || !virt) {
		lease->virt = 0;
		return NULL;
	}
	/* never shorter than the actual one's: a bound host keeps its identity */
	lease_bind(leases, virt, MAX(virtual_until, until));
	lease->virt = virt->address;
	return virt;
}

/* What becomes of an address of another domain's, and how often. */
static void count_arrival(struct exchange *x, const struct lease *lease)
{
	uint32_t wanted = ntohl(x->in->shim.s_addr);

	if (!arrives(x) || client_address(x))
		return;
	server_count(x->server, COUNTER_arrived);
	if (wanted && lease->virt != wanted)
		server_count(x->server, COUNTER_foreign_taken);
	else if (lease->virt && x->client->virt->foreign)
		server_count(x->server, COUNTER_foreign_granted);
}

bool acknowledge(struct exchange *x, struct lease *lease)
{
	struct leases *leases = &x->server->leases;
	struct client *client = x->client;
	struct lease *virt;
	uint32_t seconds;
	uint64_t until;

	x->subnet = leases_subnet(leases, lease->address);
	seconds = lease_seconds(x);
	until = x->now + seconds * MNAT_NS_PER_SEC;
	if (client->bound && client->bound != lease) {
		server_count(x->server, COUNTER_moved);
		lease_end(leases, client->bound, MNAT_LEASE_RELEASED, 0);
	}
	memcpy(client->mac, x->in->header.chaddr, sizeof(client->mac));
	remember_name(x);
	lease_bind(leases, lease, until);
	virt = bind_virtual(x, lease, until);
	count_arrival(x, lease);
	binding_update(x->server, client, x->in);
	x->reply->batch = client->batch;
	x->reply->token_for = x->in->shim_form & DHCP_SHIM_VIVSO ? lease->virt : 0;
	return reply_lease(x, DHCP_ACK, lease, virt, seconds);
}

static bool refuse(struct exchange *x, enum counter counter)
{
	server_count(x->server, counter);
	return reply_nak(x, counter_text(counter) + strlen("NAK: "));
}

static bool ignore(struct exchange *x, enum counter counter)
{
	server_count(x->server, counter);
	return false;
}

/* The client has taken another server's offer: ours is free again. */
static bool lose(struct exchange *x)
{
	if (x->client && x->client->offer) {
		lease_end(&x->server->leases, x->client->offer, MNAT_LEASE_EXPIRED, 0);
		client_tidy(&x->server->leases, x->client);
	}
	return ignore(x, COUNTER_ignored_other_server);
}

bool handle_request(struct exchange *x)
{
	struct lease *lease = lease_spoken_of(x);
	struct facts facts = gather(x, lease);

	switch (decide_request(x->server->conf->policy, &facts)) {
	case VERDICT_ACK:
		return acknowledge(x, lease);
	case VERDICT_NAK_SUBNET:
		return refuse(x, COUNTER_nak_wrong_subnet);
	case VERDICT_NAK_ADDRESS:
		return refuse(x, COUNTER_nak_wrong_address);
	case VERDICT_NAK_NO_OFFER:
		return refuse(x, COUNTER_nak_no_offer);
	case VERDICT_NAK_NO_LEASE:
		return refuse(x, COUNTER_nak_no_lease);
	case VERDICT_IGNORE_OTHER_SERVER:
		return lose(x);
	case VERDICT_AS_DISCOVER:
		return handle_discover(x);
	case VERDICT_IGNORE_NO_LEASE:
		break;
	}
	return ignore(x, COUNTER_ignored_no_lease);
}

/* The lease that a DECLINE or RELEASE speaks of, if the sender holds it. */
static struct lease *held(const struct exchange *x, uint32_t address)
{
	struct client *client = x->client;

	if (client && client->bound && client->bound->address == address)
		return client->bound;
	if (client && client->offer && client->offer->address == address)
		return client->offer;
	return NULL;
}

static bool end_lease(struct exchange *x, uint32_t address, enum mnat_lease_state state,
		      enum counter counter)
{
	struct server *s = x->server;
	struct lease *lease = held(x, address);

	if (!lease)
		return ignore(x, COUNTER_not_holder);
	lease_end(&s->leases, lease, state, x->now + QUARANTINE_SECONDS * MNAT_NS_PER_SEC);
	binding_update(s, x->client, NULL);
	client_tidy(&s->leases, x->client);
	return ignore(x, counter);
}

bool handle_decline(struct exchange *x)
{
	return end_lease(x, requested_address(x), MNAT_LEASE_DECLINED, COUNTER_declined);
}

bool handle_release(struct exchange *x)
{
	return end_lease(x, client_address(x), MNAT_LEASE_RELEASED, COUNTER_released);
}
