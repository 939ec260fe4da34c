/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who holds which address. A lease belongs to one address and one client; a
 * client has at most one actual address bound, one offered and one virtual one,
 * and beside those the free addresses it held last and gets first.
 * Addresses are host order, times CLOCK_BOOTTIME in nanoseconds.
 */
#ifndef DHCPD_LEASE_H
#define DHCPD_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "mnat/store.h"

#include "conf.h"
#include "heap.h"
#include "place.h"
#include "pool.h"

struct client;

struct lease_times {
	uint64_t until; /* it ends */
	/* seconds of CLOCK_BOOTTIME; 0: before the start, nobody knows when */
	uint32_t since; /* it has been in its state */
	uint32_t heard; /* its client last had it confirmed */
};

struct lease {
	struct heap_node expiry; /* first: the heap's nodes are leases */
	uint32_t address;
	uint32_t generation; /* of the host whose identity this address is */
	enum mnat_lease_state state;
	bool is_virtual;
	bool foreign;		   /* virtual, and of another domain's pool, not of ours */
	bool taken;		   /* its bit in a pool is set, by us */
	bool stored;		   /* there is a record of it on disk */
	bool dirty;		   /* ... which is not the latest */
	bool storing;		   /* ... and is under way there */
	bool fresh;		   /* offered to a client that has not had it before */
	bool tunnel;		   /* actual, bound: its host is reached by tunnel */
	uint32_t virt;		   /* actual, bound: the virtual address it goes with, or 0 */
	uint32_t since, heard;	   /* as struct lease_times has them */
	struct client *client;	   /* NULL: nobody's */
	struct lease *prev, *next; /* utlist of the client */
	struct lease *next_dirty;
	UT_hash_handle hh;
};

/* Where a mobility manager was last told the client is. actual 0: nowhere. */
struct binding {
	uint32_t virt; /* 0: a plain host, whose identity is its actual address */
	uint32_t actual;
	bool tunnel;
};

struct client {
	struct lease *leases; /* all of them */
	struct lease *bound;  /* actual */
	struct lease *offer;  /* actual */
	struct lease *virt;   /* in use, or the one it gets first */
	struct binding told;
	uint32_t generation; /* of the last change */
	uint64_t batch;	     /* in which that was */
	/* what it last proved of other domains and of this: for a manager that starts anew */
	struct dhcp_mnat_arrival *arrivals;
	char *hostname; /* NULL: it has told none */
	struct nonce *nonce; /* by which a FORCERENEW is proved; NULL: it takes none */
	UT_hash_handle hh;
	uint8_t n_arrivals;
	bool counted;	     /* at its place and hardware address: place.h */
	struct place *place; /* NULL: not known since the start */
	uint8_t mac[6];
	uint8_t key_len;
	uint8_t key[]; /* of a million clients few have a long one */
};

struct leases {
	struct client *clients;	 /* by client identifier */
	struct lease *addresses; /* by address */
	struct heap expiry;
	struct lease *dirty;
	struct place *places;
	struct hardware_counts hardware;
	size_t n_foreign;   /* leases of other domains' addresses, held or not */
	struct pool *pools; /* of conf->subnets, then virtual ones: private, public, shared */
	const struct conf *conf;
};

/* 0 or -ENOMEM */
int leases_init(struct leases *leases, const struct conf *conf);
void leases_done(struct leases *leases);

/* Use another configuration; every lease is kept. On failure nothing has changed. */
int leases_set_conf(struct leases *leases, const struct conf *conf);

/* Seconds that a lease of the address can last. */
int64_t leases_longest(const struct leases *leases, uint32_t address, bool is_virtual);

/*
 * A record read from the store, or of an address that is free; `now_wall`: the wall clock, by
 * which it expires. 0 or -ENOMEM.
 */
int leases_restore(struct leases *leases, const struct mnat_lease_record *record, int64_t now_wall);

/* What is to be stored about lease. */
void lease_to_record(const struct lease *lease, int64_t now_wall,
		     struct mnat_lease_record *ret_record);

/* The subnet whose prefix holds address, or NULL. */
const struct subnet_conf *leases_subnet(const struct leases *leases, uint32_t address);
struct pool *leases_pool(const struct leases *leases, const struct subnet_conf *subnet);
/* The pool of private virtual addresses, or of public ones. */
struct pool *leases_virtual_pool(const struct leases *leases, bool is_public);
/* ... of the identities of hosts that share an address. */
struct pool *leases_share_pool(const struct leases *leases, const struct share_conf *share);
/* ... that address is of, or else the private one's. */
struct pool *leases_virtual_pool_of(const struct leases *leases, uint32_t address);

struct client *client_find(const struct leases *leases, const uint8_t *key, size_t len);
/* Found or made; NULL: no memory. One that ends up without leases goes by client_tidy(). */
struct client *client_get(struct leases *leases, const uint8_t *key, size_t len,
			  const uint8_t mac[6]);
void client_tidy(struct leases *leases, struct client *client);
/* name: printable, "" for none; cut at MNAT_HOSTNAME_LEN. Without memory it stays as it was. */
void client_set_hostname(struct client *client, const char *name);

struct lease *lease_find(const struct leases *leases, uint32_t address);
/* A record of a free address, nobody's. NULL: no memory. */
struct lease *lease_new(struct leases *leases, uint32_t address, bool is_virtual);
void lease_forget(struct leases *leases, struct lease *lease);
void lease_attach(struct lease *lease, struct client *client);
void lease_detach(struct lease *lease); /* client_tidy() is the caller's */
/* Set its bit in its pool. */
void lease_take(const struct leases *leases, struct lease *lease);
/* It is of another domain's pool, or is not any more. */
void lease_set_foreign(struct leases *leases, struct lease *lease, bool foreign);
/* Nobody else can have the address. */
bool lease_is_held(const struct lease *lease);

/* The client's free lease in subnet, held earlier, or NULL. */
struct lease *client_earlier(const struct leases *leases, const struct client *client,
			     const struct subnet_conf *subnet);

/*
 * Hold address, free in its pool, for the client until `until`. The last holder
 * forgets it. NULL: no memory.
 */
struct lease *lease_offer(struct leases *leases, struct client *client, uint32_t address,
			  bool is_virtual, uint64_t until);
/* The client has it until `until`; to be stored. */
void lease_bind(struct leases *leases, struct lease *lease, uint64_t until);
/*
 * Back to the free ones, or (DECLINED) to nobody until `until`. One that was never
 * bound goes without trace. client_tidy() is the caller's.
 */
void lease_end(struct leases *leases, struct lease *lease, enum mnat_lease_state state,
	       uint64_t until);

struct lease_times lease_times(const struct lease *lease);
/* All that we know of it is on disk. */
bool lease_is_durable(const struct lease *lease);

void lease_mark_dirty(struct leases *leases, struct lease *lease);

/* The first lease whose time has come, or NULL. */
struct lease *leases_due(const struct leases *leases, uint64_t now);

#endif
