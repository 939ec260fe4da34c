// SPDX-License-Identifier: GPL-2.0-only
/* DISCOVER and INFORM: RFC 2131 sections 4.3.1 and 4.3.5. */
#include <errno.h>
#include <sys/param.h>

#include "mnat/clock.h"

#include "alloc.h"
#include "exchange.h"

bool arrives(const struct exchange *x)
{
	for (unsigned int i = 0; i < x->in->n_arrivals; i++)
		if (!arrival_is_ours(x->server->conf, &x->in->arrivals[i]))
			return true;
	return false;
}

struct lease *lease_here(const struct exchange *x)
{
	const struct client *client = x->client;
	struct lease *candidates[2];

	if (!client)
		return NULL;
	candidates[0] = client->offer;
	candidates[1] = client->bound;
	for (int i = 0; i < 2; i++)
		if (candidates[i] &&
		    leases_subnet(&x->server->leases, candidates[i]->address) == x->subnet)
			return candidates[i];
	return NULL;
}

/* Is the client's lease here still one that its pool gives out? */
static bool still_ours(const struct exchange *x, const struct lease *lease)
{
	return lease && pool_contains(leases_pool(&x->server->leases, x->subnet), lease->address);
}

static int find_actual(struct exchange *x, uint64_t until, struct lease **ret_lease)
{
	struct leases *leases = &x->server->leases;
	struct lease *lease = lease_here(x);

	if (still_ours(x, lease)) {
		if (lease->state == MNAT_LEASE_OFFERED)
			heap_set(&leases->expiry, &lease->expiry, until);
		*ret_lease = lease;
		return 0;
	}
	if (x->client->offer)
		lease_end(leases, x->client->offer, MNAT_LEASE_EXPIRED, 0);
	return alloc_actual(leases, x->client, x->subnet, requested_address(x), until, ret_lease);
}

/* A client that asks for no virtual address, or finds none left, is a plain host. */
static int find_virtual(struct exchange *x, uint64_t until, struct lease **ret_lease)
{
	const struct wish wish = {ntohl(x->in->shim.s_addr), arrives(x)};
	int r;

	*ret_lease = NULL;
	if (!x->in->shim_form)
		return 0;
	r = alloc_virtual(&x->server->leases, x->client, &wish, until, ret_lease);
	if (r != -ENOSPC)
		return r;
	server_count(x->server, COUNTER_virtual_pool_empty);
	return 0;
}

static bool make_offer(struct exchange *x)
{
	uint64_t until = x->now + x->server->conf->offer_time * MNAT_NS_PER_SEC;
	struct lease *lease, *virt = NULL;
	int r = find_actual(x, until, &lease);

	if (!r)
		r = find_virtual(x, until, &virt);
	if (r) {
		server_count(x->server, r == -ENOSPC ? COUNTER_pool_empty : COUNTER_no_memory);
		return false;
	}
	return reply_lease(x, DHCP_OFFER, lease, virt, lease_seconds(x));
}

bool handle_discover(struct exchange *x)
{
	struct leases *leases = &x->server->leases;
	bool sent;

	x->client = client_get(leases, x->key, x->key_len, x->in->header.chaddr);
	if (!x->client) {
		server_count(x->server, COUNTER_no_memory);
		return false;
	}
	sent = make_offer(x);
	client_tidy(leases, x->client);
	return sent;
}

bool handle_inform(struct exchange *x)
{
	if (client_address(x))
		return reply_inform(x);
	server_count(x->server, COUNTER_inform_no_address);
	return false;
}
