// SPDX-License-Identifier: GPL-2.0-only
#include "place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/random.h>

#include "lease.h"

/* ---- by hardware address ---- */

#define SPARSE	    4 /* entries a client: two that share one are rare */
#define MIN_ENTRIES (1 << 10)
#define MAX_ENTRIES (1 << 22)

int hardware_counts_init(struct hardware_counts *counts, uint64_t clients)
{
	size_t n = MIN_ENTRIES;

	while (n < clients * SPARSE && n < MAX_ENTRIES)
		n *= 2;
	*counts =
		(struct hardware_counts){.count = calloc(n, sizeof(*counts->count)), .mask = n - 1};
	if (getrandom(&counts->key, sizeof(counts->key), GRND_NONBLOCK) < 0)
		counts->key = (uintptr_t)counts->count;
	return counts->count ? 0 : -ENOMEM;
}

void hardware_counts_done(struct hardware_counts *counts)
{
	free(counts->count);
	*counts = (struct hardware_counts){0};
}

static uint16_t *entry(const struct hardware_counts *counts, const uint8_t mac[6])
{
	uint64_t hash = 0;

	memcpy(&hash, mac, 6);
	/* two rounds of a multiplicative mix, keyed: neighbours spread, strangers cannot aim */
	hash = (hash ^ counts->key) * 0x9e3779b97f4a7c15ull;
	hash = (hash ^ hash >> 32 ^ counts->key) * 0xd6e8feb86659fd93ull;
	return &counts->count[hash >> 40 & counts->mask];
}

uint32_t hardware_count(const struct hardware_counts *counts, const uint8_t mac[6])
{
	return *entry(counts, mac);
}

/* ---- by place ---- */

static struct place *find(const struct leases *leases, const struct place_key *key)
{
	struct place *place;

	HASH_FIND(hh, leases->places, key, sizeof(*key), place);
	return place;
}

uint32_t place_clients(const struct leases *leases, const struct place_key *key)
{
	const struct place *place = find(leases, key);

	return place ? place->clients : 0;
}

void place_discount(struct leases *leases, struct client *client)
{
	if (!client->counted)
		return;
	client->counted = false;
	--*entry(&leases->hardware, client->mac);
	if (client->place)
		client->place->clients--;
}

void place_count(struct leases *leases, struct client *client)
{
	uint16_t *hardware = entry(&leases->hardware, client->mac);

	if (client->counted || (!client->bound && !client->offer) || *hardware == UINT16_MAX)
		return;
	client->counted = true;
	++*hardware;
	if (client->place)
		client->place->clients++;
}

void place_leave(struct leases *leases, struct client *client)
{
	struct place *place = client->place;

	place_discount(leases, client);
	client->place = NULL;
	if (!place || --place->users)
		return;
	HASH_DEL(leases->places, place);
	free(place);
}

void place_set(struct leases *leases, struct client *client, const struct place_key *key)
{
	struct place *place = find(leases, key);

	place_discount(leases, client);
	if (place && place == client->place)
		return;
	if (!place) {
		place = calloc(1, sizeof(*place));
		if (!place)
			return;
		place->key = *key;
		HASH_ADD(hh, leases->places, key, sizeof(place->key), place);
	}
	place->users++;
	place_leave(leases, client);
	client->place = place;
}
