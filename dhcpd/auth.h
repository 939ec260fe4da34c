/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a message its sender's? What each client has proved itself by last, for as long as
 * the database lasts: an older message is a thief's. A client that has proved itself by a
 * key is not taken without proof any more, or by another key, while that key is there.
 */
#ifndef DHCPD_AUTH_H
#define DHCPD_AUTH_H

#include <uthash.h>

#include "mnat/dhcp_auth.h"
#include "mnat/store.h"

#define AUTH_CLIENTS_MAX (1u << 21)

struct exchange;
struct reply;
struct server;

struct auth_client {
	uint32_t key; /* its number */
	uint64_t last[DHCP_N_AUTH]; /* counter, by how it was used */
	bool dirty;		    /* its record on disk is not the latest */
	struct auth_client *next_dirty;
	struct auth_client *next_storing;
	UT_hash_handle hh;
	uint8_t id_len;
	uint8_t id[];
};

struct auth {
	struct auth_client *clients; /* by identifier */
	struct auth_client *dirty;
	struct auth_client *storing;
	uint64_t stamp; /* of the last answer by RFC 3118 */
};

/* How a message was proved; its answer will be so too. */
struct proof {
	struct dhcp_auth auth; /* how DHCP_AUTH_NONE: not */
	bool proved;	       /* false: it only asks for RFC 3118 */
};

void auth_done(struct auth *auth);
/* A record of the store's. 0 or -ENOMEM. */
int auth_restore(struct auth *auth, const struct mnat_auth_record *record);

/*
 * One of another server's: nothing older than the newer of both counts, by the key that is
 * known here if there is one. To be stored. 0, or -ENOMEM or -ENOSPC.
 */
int auth_import(struct auth *auth, const struct mnat_auth_record *record);
struct mnat_auth_record auth_to_record(const struct auth_client *client);

/* x->key is its client. False: counted, and it is not to be answered. */
bool auth_check(struct exchange *x);
/* May it have a lease by this message? An RFC 3118 DISCOVER proves nothing. */
bool auth_allows_commit(const struct exchange *x);
/* Bytes to be left free in the answer. */
size_t auth_room(const struct exchange *x);
/* The answer is finished. False: there is no room, counted. */
bool auth_sign(struct exchange *x);
/* It has been changed since. */
void auth_sign_again(struct server *s, struct reply *reply);

/* A replay detection value, higher than any before. */
uint64_t auth_next_stamp(struct auth *auth);

/* As server_commit() and server_stored() of leases. */
int auth_store(struct server *s);
void auth_clean(struct auth *auth);
void auth_stored(struct auth *auth, int result);

#endif
