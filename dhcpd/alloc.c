// SPDX-License-Identifier: GPL-2.0-only
#include "alloc.h"

#include <arpa/inet.h>
#include <errno.h>

static int offer(struct leases *leases, struct client *client, uint32_t address, bool is_virtual,
		 uint64_t until, struct lease **ret_lease)
{
	struct lease *lease = lease_offer(leases, client, address, is_virtual, until);

	if (!lease)
		return -ENOMEM;
	*ret_lease = lease;
	return 0;
}

/*
 * The seed's step 1514 asks nothing of a requested address. Even its strict form
 * never gives out one that is in use, or in no pool.
 */
static bool may_have(const struct leases *leases, const struct subnet_conf *subnet,
		     uint32_t requested)
{
	if (leases->conf->policy == POLICY_STRICT_SEED)
		subnet = leases_subnet(leases, requested);
	return subnet && pool_is_free(leases_pool(leases, subnet), requested);
}

int alloc_actual(struct leases *leases, struct client *client, const struct subnet_conf *subnet,
		 uint32_t requested, uint64_t until, struct lease **ret_lease)
{
	struct pool *pool = leases_pool(leases, subnet);
	struct lease *earlier = client_earlier(leases, client, subnet);
	uint32_t address;

	if (requested && may_have(leases, subnet, requested))
		address = requested;
	else if (earlier && pool_is_free(pool, earlier->address))
		address = earlier->address;
	else if (!pool_lowest(pool, &address))
		return -ENOSPC;
	return offer(leases, client, address, false, until, ret_lease);
}

/* Virtual addresses are private ones (RFC 1918, RFC 6598), whatever domain gave them out. */
static bool is_private(uint32_t address)
{
	return address >> 24 == 10 || address >> 20 == 0xac1 || address >> 16 == 0xc0a8 ||
	       address >> 22 == 0x191;
}

/* An address of another domain's that nobody has here. */
static bool is_free_foreign(const struct leases *leases, uint32_t address)
{
	const struct lease *lease = lease_find(leases, address);

	if (pool_contains(leases_virtual_pool(leases), address) || !is_private(address) ||
	    leases_subnet(leases, address) || address == ntohl(leases->conf->server_id.s_addr))
		return false;
	return lease ? !lease_is_held(lease) : leases->n_foreign < FOREIGN_MAX;
}

static bool can_have(const struct leases *leases, const struct wish *wish, uint32_t address)
{
	return pool_is_free(leases_virtual_pool(leases), address) ||
	       (wish->arrives && is_free_foreign(leases, address));
}

static bool has(const struct lease *own)
{
	return own->taken || (own->foreign && lease_is_held(own));
}

int alloc_virtual(struct leases *leases, struct client *client, const struct wish *wish,
		  uint64_t until, struct lease **ret_lease)
{
	struct lease *own = client->virt;
	uint32_t address;

	if (own && has(own) && own->state == MNAT_LEASE_BOUND) {
		*ret_lease = own;
		return 0;
	}
	if (own && (has(own) || can_have(leases, wish, own->address)))
		address = own->address;
	else if (wish->address && can_have(leases, wish, wish->address))
		address = wish->address;
	else if (!pool_lowest(leases_virtual_pool(leases), &address))
		return -ENOSPC;
	if (own && own->address != address) {
		/* no longer in the pool: the configuration has changed */
		lease_end(leases, own, MNAT_LEASE_EXPIRED, 0);
		if (client->virt)
			lease_detach(client->virt);
	}
	return offer(leases, client, address, true, until, ret_lease);
}
