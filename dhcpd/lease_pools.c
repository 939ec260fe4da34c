// SPDX-License-Identifier: GPL-2.0-only
/* The lease tables: made and freed, and tied to the pools of a configuration. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lease.h"

static int compare_address(const void *key, const void *element)
{
	const uint32_t *address = key;
	const struct subnet_conf *subnet = element;

	return *address < subnet->prefix.first ? -1 : *address > subnet->prefix.last;
}

const struct subnet_conf *leases_subnet(const struct leases *leases, uint32_t address)
{
	return bsearch(&address, leases->conf->subnets, leases->conf->n_subnets,
		       sizeof(*leases->conf->subnets), compare_address);
}

struct pool *leases_pool(const struct leases *leases, const struct subnet_conf *subnet)
{
	return &leases->pools[subnet - leases->conf->subnets];
}

struct pool *leases_virtual_pool(const struct leases *leases, bool is_public)
{
	return &leases->pools[leases->conf->n_subnets + is_public];
}

struct pool *leases_share_pool(const struct leases *leases, const struct share_conf *share)
{
	const struct conf *conf = leases->conf;

	return &leases->pools[conf->n_subnets + 2 + (size_t)(share - conf->virt.shares.share)];
}

struct pool *leases_virtual_pool_of(const struct leases *leases, uint32_t address)
{
	const struct share_conf *share = shares_of(&leases->conf->virt.shares, address);
	struct pool *publics = leases_virtual_pool(leases, true);

	if (share)
		return leases_share_pool(leases, share);
	return pool_contains(publics, address) ? publics : leases_virtual_pool(leases, false);
}

static void free_pools(struct pool *pools, const struct conf *conf)
{
	for (size_t i = 0; pools && i < conf_n_pools(conf); i++)
		pool_done(&pools[i]);
	free(pools);
}

static void reserve_listed(struct pool *pool, const struct option_set *set, uint8_t code)
{
	const struct option_value *value = options_find(set, code);

	for (size_t at = 0; value && at + sizeof(uint32_t) <= value->len; at += sizeof(uint32_t)) {
		uint32_t address;

		memcpy(&address, value->data + at, sizeof(address));
		pool_reserve(pool, ntohl(address));
	}
}

static void reserve_hosts(struct pool *pool, const struct hosts_conf *hosts)
{
	for (size_t i = 0; i < hosts->n_by_address; i++)
		pool_reserve(pool, hosts->by_address[i].address);
}

static void reserve_fixed(struct pool *pool, const struct conf *conf,
			  const struct subnet_conf *subnet)
{
	pool_reserve(pool, ntohl(conf->server_id.s_addr));
	reserve_listed(pool, &subnet->options, DHCP_OPT_ROUTER);
	reserve_listed(pool, &subnet->options, DHCP_OPT_DNS);
	reserve_listed(pool, &conf->options, DHCP_OPT_DNS);
	reserve_hosts(pool, &conf->special);
	if (conf_prefix_length(&subnet->prefix) > 30)
		return; /* RFC 3021: no network or broadcast address */
	pool_reserve(pool, subnet->prefix.first);
	pool_reserve(pool, subnet->prefix.last);
}

static struct pool *make_pools(const struct conf *conf)
{
	struct pool *pools = calloc(conf_n_pools(conf), sizeof(*pools));

	if (!pools)
		return NULL;
	for (size_t i = 0; i < conf->n_subnets; i++) {
		if (pool_init(&pools[i], &conf->subnets[i].pools, conf->reserve_first))
			goto free_pools;
		reserve_fixed(&pools[i], conf, &conf->subnets[i]);
	}
	if (pool_init(&pools[conf->n_subnets], &conf->virt.pools, conf->reserve_first) ||
	    pool_init(&pools[conf->n_subnets + 1], &conf->virt.publics, 0))
		goto free_pools;
	for (size_t i = 0; i < conf->virt.shares.n; i++)
		if (pool_init(&pools[conf->n_subnets + 2 + i],
			      &conf->virt.shares.share[i].identities, 0))
			goto free_pools;
	reserve_hosts(&pools[conf->n_subnets], &conf->special);
	reserve_hosts(&pools[conf->n_subnets + 1], &conf->special);
	return pools;

free_pools:
	free_pools(pools, conf);
	return NULL;
}

int leases_set_conf(struct leases *leases, const struct conf *conf)
{
	struct pool *pools = make_pools(conf);

	if (!pools)
		return -ENOMEM;
	if (leases->conf)
		free_pools(leases->pools, leases->conf);
	leases->pools = pools;
	leases->conf = conf;
	for (struct lease *lease = leases->addresses; lease; lease = lease->hh.next) {
		lease->taken = false;
		if (lease_is_held(lease))
			lease_take(leases, lease);
	}
	return 0;
}

int leases_init(struct leases *leases, const struct conf *conf)
{
	uint64_t clients = 0;
	int r;

	*leases = (struct leases){0};
	r = leases_set_conf(leases, conf);
	if (r)
		return r;
	for (size_t i = 0; i < conf->n_subnets; i++)
		clients += leases->pools[i].size;
	return hardware_counts_init(&leases->hardware, clients);
}

void leases_done(struct leases *leases)
{
	struct client *client, *next_client;
	struct lease *lease, *next;

	HASH_ITER(hh, leases->addresses, lease, next)
		lease_forget(leases, lease);
	HASH_ITER(hh, leases->clients, client, next_client)
		client_tidy(leases, client);
	heap_done(&leases->expiry);
	hardware_counts_done(&leases->hardware);
	free_pools(leases->pools, leases->conf);
	*leases = (struct leases){0};
}
