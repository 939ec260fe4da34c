// SPDX-License-Identifier: GPL-2.0-only
#include "alloc.h"

#include <arpa/inet.h>
#include <errno.h>

#include "mnat/abi.h"

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
	const struct subnet_conf *its = leases_subnet(leases, requested);

	return its && (conf_same_link(its, subnet) || leases->conf->policy == POLICY_STRICT_SEED) &&
	       pool_is_free(leases_pool(leases, its), requested);
}

/* The address to be had in one subnet: held before, or else the lowest. */
static bool earlier_in(const struct leases *leases, const struct client *client,
		       const struct subnet_conf *subnet, uint32_t *ret_address)
{
	const struct lease *earlier = client_earlier(leases, client, subnet);

	if (!earlier || !pool_is_free(leases_pool(leases, subnet), earlier->address))
		return false;
	*ret_address = earlier->address;
	return true;
}

static bool lowest_in(const struct leases *leases, const struct client *client,
		      const struct subnet_conf *subnet, uint32_t *ret_address)
{
	return pool_lowest(leases_pool(leases, subnet), ret_address);
}

/* ... in any of the link's, this one first. */
static bool on_link(const struct leases *leases, const struct client *client,
		    const struct subnet_conf *subnet,
		    bool (*find)(const struct leases *leases, const struct client *client,
				 const struct subnet_conf *subnet, uint32_t *ret_address),
		    uint32_t *ret_address)
{
	const struct conf *conf = leases->conf;

	if (find(leases, client, subnet, ret_address))
		return true;
	for (size_t i = 0; *subnet->link && i < conf->n_subnets; i++)
		if (&conf->subnets[i] != subnet && conf_same_link(&conf->subnets[i], subnet) &&
		    find(leases, client, &conf->subnets[i], ret_address))
			return true;
	return false;
}

int alloc_actual(struct leases *leases, struct client *client, const struct subnet_conf *subnet,
		 uint32_t requested, uint64_t until, struct lease **ret_lease)
{
	uint32_t address;

	if (requested && may_have(leases, subnet, requested))
		address = requested;
	else if (!on_link(leases, client, subnet, earlier_in, &address) &&
		 !on_link(leases, client, subnet, lowest_in, &address))
		return -ENOSPC;
	return offer(leases, client, address, false, until, ret_lease);
}

/* Virtual addresses are private ones (RFC 1918, RFC 6598), whatever domain gave them out. */
static bool is_private(uint32_t address)
{
	return address >> 24 == 10 || address >> 20 == 0xac1 || address >> 16 == 0xc0a8 ||
	       address >> 22 == 0x191;
}

bool alloc_is_foreign(const struct leases *leases, uint32_t address)
{
	return !pool_contains(leases_virtual_pool_of(leases, address), address) &&
	       is_private(address) && !leases_subnet(leases, address) &&
	       !shares_at(&leases->conf->virt.shares, address) &&
	       address != ntohl(leases->conf->server_id.s_addr);
}

/* An address of another domain's that nobody has here. */
static bool is_free_foreign(const struct leases *leases, uint32_t address)
{
	const struct lease *lease = lease_find(leases, address);

	if (!alloc_is_foreign(leases, address))
		return false;
	return lease ? !lease_is_held(lease) : leases->n_foreign < FOREIGN_MAX;
}

/* The pool to look in first. */
static struct pool *wished_pool(const struct leases *leases, const struct wish *wish)
{
	return wish->share ? leases_share_pool(leases, wish->share)
			   : leases_virtual_pool(leases, wish->is_public);
}

static bool can_have(const struct leases *leases, const struct wish *wish, uint32_t address)
{
	return pool_is_free(wished_pool(leases, wish), address) ||
	       (wish->arrives && is_free_foreign(leases, address));
}

static bool has(const struct lease *own, const struct wish *wish)
{
	return own->taken ||
	       (lease_is_held(own) && (own->foreign || own->address == wish->reserved));
}

/* What is kept for the client, if nobody else has it yet. */
static bool can_have_reserved(const struct leases *leases, const struct client *client,
			      const struct wish *wish)
{
	const struct lease *lease = wish->reserved ? lease_find(leases, wish->reserved) : NULL;

	return wish->reserved && (!lease || lease->client == client || !lease_is_held(lease));
}

int alloc_virtual(struct leases *leases, struct client *client, const struct wish *wish,
		  uint64_t until, struct lease **ret_lease)
{
	struct lease *own = client->virt;
	uint32_t address;

	if (own && mnat_is_sharing_identity(own->address) && lease_is_held(own) && !wish->tunnels)
		return -EOPNOTSUPP;
	if (own && has(own, wish) && own->state == MNAT_LEASE_BOUND) {
		*ret_lease = own;
		return 0;
	}
	if (can_have_reserved(leases, client, wish))
		address = wish->reserved;
	else if (own && (has(own, wish) || can_have(leases, wish, own->address)))
		address = own->address;
	else if (wish->address && can_have(leases, wish, wish->address))
		address = wish->address;
	else if (!pool_lowest(wished_pool(leases, wish), &address) &&
		 !pool_lowest(leases_virtual_pool(leases, false), &address))
		return -ENOSPC;
	if (own && own->address != address) {
		/* no longer in the pool: the configuration has changed */
		lease_end(leases, own, MNAT_LEASE_EXPIRED, 0);
		if (client->virt)
			lease_detach(client->virt);
	}
	return offer(leases, client, address, true, until, ret_lease);
}
