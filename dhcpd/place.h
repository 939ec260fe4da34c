/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where clients are: behind a circuit (a port, an access point) of a relay, behind a
 * relay that names none, or on a link. How many of them hold addresses is counted by
 * place and by hardware address, so that one that invents identities cannot empty a pool.
 *
 * A client counts while it has an actual address, bound or offered. Whoever changes
 * that, its hardware address or its place, does so between place_discount() and
 * place_count().
 */
#ifndef DHCPD_PLACE_H
#define DHCPD_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#define PLACE_CIRCUIT_MAX 64 /* bytes of a circuit-id that tell places apart */

struct client;
struct leases;

struct place_key {
	uint32_t where; /* the relay's address, host order, or the interface's index */
	bool relayed;
	uint8_t circuit_len; /* 0: no circuit */
	uint8_t circuit[PLACE_CIRCUIT_MAX];
};

struct place {
	struct place_key key;
	uint32_t clients; /* that count */
	uint32_t users;	  /* clients that are, or were last, here */
	UT_hash_handle hh;
};

/* Clients by hardware address: a table of counts, by a keyed hash. */
struct hardware_counts {
	uint16_t *count;
	size_t mask;
	uint64_t key;
};

/* For about so many clients. 0 or -ENOMEM. */
int hardware_counts_init(struct hardware_counts *counts, uint64_t clients);
void hardware_counts_done(struct hardware_counts *counts);
uint32_t hardware_count(const struct hardware_counts *counts, const uint8_t mac[6]);

/* How many clients count there; 0: none has been seen. */
uint32_t place_clients(const struct leases *leases, const struct place_key *key);

void place_discount(struct leases *leases, struct client *client);
void place_count(struct leases *leases, struct client *client);

/* The client is there now, and does not count; without memory it stays where it was. */
void place_set(struct leases *leases, struct client *client, const struct place_key *key);
/* The client ends. */
void place_leave(struct leases *leases, struct client *client);

#endif
