// SPDX-License-Identifier: GPL-2.0-only
/* Leases to and from the store's records. */
#include <errno.h>
#include <string.h>
#include <sys/param.h>

#include "mnat/clock.h"

#include "lease.h"

void lease_to_record(const struct lease *lease, int64_t now_wall,
		     struct mnat_lease_record *ret_record)
{
	uint64_t now = mnat_clock_now();
	uint64_t left =
		lease_is_held(lease) && lease->expiry.when > now ? lease->expiry.when - now : 0;
	const struct client *client = lease->client;

	*ret_record = (struct mnat_lease_record){
		.address = lease->address,
		.is_virtual = lease->is_virtual,
		.is_foreign = lease->foreign,
		/* offers are not kept; what was there before is over */
		.state = lease->state == MNAT_LEASE_OFFERED ? MNAT_LEASE_EXPIRED : lease->state,
		.generation = lease->generation,
		.virt = lease->virt,
		.tunnel = lease->state == MNAT_LEASE_BOUND && lease->tunnel,
		.expires = now_wall + (int64_t)(left / MNAT_NS_PER_SEC),
	};
	if (!client)
		return;
	ret_record->client_len = client->key_len;
	memcpy(ret_record->client, client->key, client->key_len);
	memcpy(ret_record->mac, client->mac, sizeof(ret_record->mac));
	if (client->hostname)
		strcpy(ret_record->hostname, client->hostname);
}

/*
 * A wall clock that was wrong, then or now, must not make a lease eternal. A virtual
 * address is never cut shorter than the actual one it goes with.
 */
int64_t leases_longest(const struct leases *leases, uint32_t address, bool is_virtual)
{
	const struct subnet_conf *subnet = leases_subnet(leases, address);

	if (is_virtual)
		return leases->conf->longest_lease;
	return subnet ? MAX(subnet->lease_time, leases->conf->longest_of_class) : 0;
}

static void restore_holder(struct lease *lease, struct client *client)
{
	if (lease->is_virtual) {
		/* an earlier virtual address of a client that has another now */
		if (client->virt && lease->state != MNAT_LEASE_BOUND)
			return;
		if (client->virt)
			lease_detach(client->virt);
	}
	lease_attach(lease, client);
	if (lease->generation > client->generation)
		client->generation = lease->generation;
	if (lease->state != MNAT_LEASE_BOUND || lease->is_virtual)
		return;
	client->bound = lease;
	client->told = (struct binding){
		.virt = lease->virt, .actual = lease->address, .tunnel = lease->tunnel};
}

/* The address's lease, nobody's: a new one, or one that was free, whose last client forgets it. */
static struct lease *lease_afresh(struct leases *leases, const struct mnat_lease_record *record)
{
	struct lease *lease = lease_find(leases, record->address);
	struct client *last = lease ? lease->client : NULL;

	if (!lease)
		return lease_new(leases, record->address, record->is_virtual);
	lease_detach(lease);
	if (last)
		client_tidy(leases, last);
	lease->is_virtual = record->is_virtual;
	return lease;
}

int leases_restore(struct leases *leases, const struct mnat_lease_record *record, int64_t now_wall)
{
	struct lease *lease = lease_afresh(leases, record);
	struct client *client;
	int64_t left = record->expires - now_wall;

	if (!lease)
		return -ENOMEM;
	lease->state = record->state;
	lease->tunnel = record->tunnel;
	lease->generation = MAX(lease->generation, record->generation);
	lease_set_foreign(leases, lease, record->is_foreign);
	lease->stored = true;
	left = MIN(left, leases_longest(leases, lease->address, lease->is_virtual));
	if (lease_is_held(lease) && left <= 0)
		lease->state = MNAT_LEASE_EXPIRED;
	if (lease_is_held(lease)) {
		lease->virt = record->virt;
		if (heap_set(&leases->expiry, &lease->expiry,
			     mnat_clock_now() + (uint64_t)left * MNAT_NS_PER_SEC))
			return -ENOMEM;
		lease_take(leases, lease);
	}
	if (!record->client_len)
		return 0;
	client = client_get(leases, record->client, record->client_len, record->mac);
	if (!client)
		return -ENOMEM;
	client_set_hostname(client, record->hostname);
	restore_holder(lease, client);
	place_discount(leases, client);
	place_count(leases, client);
	client_tidy(leases, client);
	return 0;
}
