// SPDX-License-Identifier: GPL-2.0-only
#include "lease.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "mnat/clock.h"

bool lease_is_held(const struct lease *lease)
{
	return lease->state == MNAT_LEASE_OFFERED || lease->state == MNAT_LEASE_BOUND ||
	       lease->state == MNAT_LEASE_DECLINED;
}

struct client *client_find(const struct leases *leases, const uint8_t *key, size_t len)
{
	struct client *client;

	HASH_FIND(hh, leases->clients, key, len, client);
	return client;
}

struct client *client_get(struct leases *leases, const uint8_t *key, size_t len,
			  const uint8_t mac[6])
{
	struct client *client = client_find(leases, key, len);

	if (!client) {
		client = calloc(1, sizeof(*client) + len);
		if (!client)
			return NULL;
		memcpy(client->key, key, len);
		client->key_len = (uint8_t)len;
		HASH_ADD(hh, leases->clients, key, len, client);
	}
	memcpy(client->mac, mac, sizeof(client->mac));
	return client;
}

void client_tidy(struct leases *leases, struct client *client)
{
	if (client->leases)
		return;
	place_leave(leases, client);
	HASH_DEL(leases->clients, client);
	free(client->arrivals);
	free(client->hostname);
	free(client->nonce);
	free(client);
}

void client_set_hostname(struct client *client, const char *name)
{
	char *copy;

	if (!strcmp(name, client->hostname ? client->hostname : ""))
		return;
	copy = *name ? strndup(name, MNAT_HOSTNAME_LEN - 1) : NULL;
	if (*name && !copy)
		return;
	free(client->hostname);
	client->hostname = copy;
}

struct lease *lease_find(const struct leases *leases, uint32_t address)
{
	struct lease *lease;

	HASH_FIND(hh, leases->addresses, &address, sizeof(address), lease);
	return lease;
}

void lease_detach(struct lease *lease)
{
	struct client *client = lease->client;

	if (!client)
		return;
	lease->client = NULL;
	DL_DELETE(client->leases, lease);
	if (client->bound == lease)
		client->bound = NULL;
	if (client->offer == lease)
		client->offer = NULL;
	if (client->virt == lease)
		client->virt = NULL;
}

void lease_attach(struct lease *lease, struct client *client)
{
	lease->client = client;
	DL_PREPEND(client->leases, lease);
	if (lease->is_virtual)
		client->virt = lease;
}

struct lease *lease_new(struct leases *leases, uint32_t address, bool is_virtual)
{
	struct lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		return NULL;
	lease->address = address;
	lease->is_virtual = is_virtual;
	lease->state = MNAT_LEASE_EXPIRED;
	HASH_ADD(hh, leases->addresses, address, sizeof(lease->address), lease);
	return lease;
}

void lease_set_foreign(struct leases *leases, struct lease *lease, bool foreign)
{
	leases->n_foreign += (size_t)foreign - (size_t)lease->foreign;
	lease->foreign = foreign;
}

void lease_forget(struct leases *leases, struct lease *lease)
{
	lease_set_foreign(leases, lease, false);
	heap_remove(&leases->expiry, &lease->expiry);
	lease_detach(lease);
	HASH_DEL(leases->addresses, lease);
	free(lease);
}

static struct pool *pool_of(const struct leases *leases, const struct lease *lease)
{
	const struct subnet_conf *subnet;

	if (lease->is_virtual)
		return leases_virtual_pool_of(leases, lease->address);
	subnet = leases_subnet(leases, lease->address);
	return subnet ? leases_pool(leases, subnet) : NULL;
}

void lease_take(const struct leases *leases, struct lease *lease)
{
	struct pool *pool = pool_of(leases, lease);

	if (!lease->taken)
		lease->taken = pool && pool_take(pool, lease->address);
}

static void give_back(const struct leases *leases, struct lease *lease)
{
	if (lease->taken)
		pool_give_back(pool_of(leases, lease), lease->address);
	lease->taken = false;
}

struct lease *client_earlier(const struct leases *leases, const struct client *client,
			     const struct subnet_conf *subnet)
{
	struct lease *lease;

	DL_FOREACH(client->leases, lease)
		if (!lease->is_virtual && !lease_is_held(lease) &&
		    leases_subnet(leases, lease->address) == subnet)
			return lease;
	return NULL;
}

struct lease *lease_offer(struct leases *leases, struct client *client, uint32_t address,
			  bool is_virtual, uint64_t until)
{
	struct lease *lease = lease_find(leases, address);

	if (!lease)
		lease = lease_new(leases, address, is_virtual);
	if (!lease)
		return NULL;
	if (heap_set(&leases->expiry, &lease->expiry, until)) {
		if (!lease->stored && !lease->dirty)
			lease_forget(leases, lease);
		return NULL;
	}
	if (lease->client != client) {
		struct client *last = lease->client;

		lease_detach(lease);
		if (last)
			client_tidy(leases, last);
		lease->is_virtual = is_virtual;
		lease->fresh = true;
		lease_attach(lease, client);
	}
	lease_set_foreign(leases, lease,
			  is_virtual && !pool_contains(leases_virtual_pool_of(leases, address), address));
	lease->state = MNAT_LEASE_OFFERED;
	lease->virt = 0;
	if (!is_virtual)
		client->offer = lease;
	lease_take(leases, lease);
	return lease;
}

static uint32_t now_seconds(void)
{
	return (uint32_t)(mnat_clock_now() / MNAT_NS_PER_SEC);
}

void lease_bind(struct leases *leases, struct lease *lease, uint64_t until)
{
	struct client *client = lease->client;

	lease->heard = now_seconds();
	if (lease->state != MNAT_LEASE_BOUND)
		lease->since = lease->heard;
	lease->state = MNAT_LEASE_BOUND;
	lease->fresh = false;
	/* it is in the heap already, offered or bound: this cannot fail */
	heap_set(&leases->expiry, &lease->expiry, until);
	if (!lease->is_virtual) {
		client->bound = lease;
		if (client->offer == lease)
			client->offer = NULL;
	}
	lease_mark_dirty(leases, lease);
}

void lease_end(struct leases *leases, struct lease *lease, enum mnat_lease_state state,
	       uint64_t until)
{
	struct client *client = lease->client;
	bool was_bound = lease->state != MNAT_LEASE_OFFERED;

	if (client && client->bound == lease)
		client->bound = NULL;
	if (client && client->offer == lease)
		client->offer = NULL;
	lease->state = state;
	lease->since = now_seconds();
	lease->virt = 0;
	if (state == MNAT_LEASE_DECLINED) {
		lease_detach(lease);
		heap_set(&leases->expiry, &lease->expiry, until);
		lease_mark_dirty(leases, lease);
		return;
	}
	heap_remove(&leases->expiry, &lease->expiry);
	give_back(leases, lease);
	if (was_bound)
		lease_mark_dirty(leases, lease);
	else if (!lease->stored && !lease->dirty)
		lease_forget(leases, lease);
}

struct lease_times lease_times(const struct lease *lease)
{
	return (struct lease_times){
		.until = lease->expiry.when, .since = lease->since, .heard = lease->heard};
}

bool lease_is_durable(const struct lease *lease)
{
	return !lease->dirty && !lease->storing;
}

void lease_mark_dirty(struct leases *leases, struct lease *lease)
{
	if (lease->dirty)
		return;
	lease->dirty = true;
	lease->next_dirty = leases->dirty;
	leases->dirty = lease;
}

struct lease *leases_due(const struct leases *leases, uint64_t now)
{
	struct heap_node *first = heap_first(&leases->expiry);

	return first && first->when <= now ? (struct lease *)first : NULL;
}
