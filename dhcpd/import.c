// SPDX-License-Identifier: GPL-2.0-only
#include "import.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "mnat/addr.h"

#include "alloc.h"
#include "exchange.h"
#include "record.h"
#include "wire.h"

/* Packed, as there may be a million of them. */
struct entry {
	UT_hash_handle hh; /* by address; they stay in the file's order */
	uint32_t address;
	uint32_t line;
	bool checked;
	bool refused;
	bool same;
	uint16_t len;
	uint8_t packed[];
};

/* A client has at most one of each. */
struct holder {
	UT_hash_handle hh; /* by identifier */
	uint32_t line[2];  /* of its bound actual, and its virtual lease; 0: none */
	uint8_t key_len;
	uint8_t key[];
};

struct proof_entry {
	struct mnat_auth_record record;
	struct proof_entry *next;
};

struct import {
	struct entry *entries;
	struct proof_entry *proofs;
	struct holder *holders;
	uint32_t lines;
	uint32_t refused;
	uint32_t foreign;
};

struct import *import_new(void)
{
	return calloc(1, sizeof(struct import));
}

void import_free(struct import *import)
{
	struct entry *entry, *next;
	struct holder *holder, *next_holder;
	struct proof_entry *proof, *next_proof;

	if (!import)
		return;
	LL_FOREACH_SAFE(import->proofs, proof, next_proof)
		free(proof);
	HASH_ITER(hh, import->entries, entry, next) {
		HASH_DEL(import->entries, entry);
		free(entry);
	}
	HASH_ITER(hh, import->holders, holder, next_holder) {
		HASH_DEL(import->holders, holder);
		free(holder);
	}
	free(import);
}

uint32_t import_lines(const struct import *import)
{
	return import->lines;
}

/* Of one's own packing: it is sound. */
static struct mnat_lease_record record_of(const struct entry *entry)
{
	struct mnat_lease_record record = {0};

	wire_unpack(entry->packed, entry->len, &record);
	return record;
}

static struct entry *find(const struct import *import, uint32_t address)
{
	struct entry *entry;

	HASH_FIND(hh, import->entries, &address, sizeof(address), entry);
	return entry;
}

__attribute__((format(printf, 2, 3))) static bool refuse(char why[IMPORT_WHY_LEN],
							 const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, IMPORT_WHY_LEN, format, ap);
	va_end(ap);
	return false;
}

static const char *text_of(uint32_t address, char buf[MNAT_IP_LEN])
{
	return mnat_ip((struct in_addr){htonl(address)}, buf);
}

/* ---- collecting ---- */

static struct holder *get_holder(struct import *import, const struct mnat_lease_record *record)
{
	struct holder *holder;

	HASH_FIND(hh, import->holders, record->client, record->client_len, holder);
	if (holder)
		return holder;
	holder = calloc(1, sizeof(*holder) + record->client_len);
	if (!holder)
		return NULL;
	holder->key_len = record->client_len;
	memcpy(holder->key, record->client, record->client_len);
	HASH_ADD(hh, import->holders, key, holder->key_len, holder);
	return holder;
}

/* Of free actual addresses a client may have had many. */
static bool note_holder(struct import *import, const struct mnat_lease_record *record,
			uint32_t line, char why[IMPORT_WHY_LEN])
{
	struct holder *holder;
	uint32_t *other;

	if (!record->client_len || (!record->is_virtual && record->state != MNAT_LEASE_BOUND))
		return true;
	holder = get_holder(import, record);
	if (!holder)
		return refuse(why, "no memory");
	other = &holder->line[record->is_virtual];
	if (*other)
		return refuse(why, "its client has another %s address, in line %u",
			      record->is_virtual ? "virtual" : "actual", *other);
	*other = line;
	return true;
}

static bool add(struct import *import, const struct mnat_lease_record *record, uint32_t line,
		char why[IMPORT_WHY_LEN])
{
	const struct entry *twin = find(import, record->address);
	uint8_t packed[WIRE_RECORD_MAX];
	struct entry *entry;
	size_t len;

	if (import->lines > IMPORT_MAX)
		return refuse(why, "more than %u leases: divide the file", IMPORT_MAX);
	if (twin)
		return refuse(why, "its address is that of line %u too", twin->line);
	if (!note_holder(import, record, line, why))
		return false;
	len = wire_pack(record, packed);
	entry = calloc(1, sizeof(*entry) + len);
	if (!entry)
		return refuse(why, "no memory");
	entry->address = record->address;
	entry->line = line;
	entry->len = (uint16_t)len;
	memcpy(entry->packed, packed, len);
	HASH_ADD(hh, import->entries, address, sizeof(entry->address), entry);
	return true;
}

bool import_add(struct import *import, const struct mnat_lease_record *record, uint32_t line,
		char why[IMPORT_WHY_LEN])
{
	import->lines++;
	if (add(import, record, line, why))
		return true;
	import->refused++;
	return false;
}

bool import_add_proof(struct import *import, const struct mnat_auth_record *record,
		      char why[IMPORT_WHY_LEN])
{
	struct proof_entry *proof = import->lines < IMPORT_MAX ? malloc(sizeof(*proof)) : NULL;

	import->lines++;
	if (!proof) {
		import->refused++;
		return refuse(why, "no memory, or more than %u lines: divide the file", IMPORT_MAX);
	}
	proof->record = *record;
	LL_PREPEND(import->proofs, proof);
	return true;
}

void import_add_refused(struct import *import)
{
	import->lines++;
	import->refused++;
}

/* ---- looking at them ---- */

static bool same_client(const struct client *client, const struct mnat_lease_record *record)
{
	return client && client->key_len == record->client_len &&
	       !memcmp(client->key, record->client, client->key_len);
}

static bool is_owner(const struct host_conf *host, const struct mnat_lease_record *record)
{
	const struct match *id = &host->key[HOST_CLIENT_ID], *mac = &host->key[HOST_MAC];

	return host->key[HOST_CIRCUIT].len || /* whoever is there */
	       (id->len == record->client_len && !memcmp(id->bytes, record->client, id->len)) ||
	       (mac->len && !memcmp(mac->bytes, record->mac, sizeof(record->mac)));
}

/* Does this server give out the address, to this client? */
static bool is_ours(struct import *import, const struct server *s,
		    const struct mnat_lease_record *record, char why[IMPORT_WHY_LEN])
{
	const struct leases *leases = &s->leases;
	const struct host_conf *owner = hosts_of_address(&s->conf->special, record->address);
	const struct subnet_conf *subnet = leases_subnet(leases, record->address);
	const struct lease *lease = lease_find(leases, record->address);
	const struct pool *pool;

	if (record->is_foreign && !alloc_is_foreign(leases, record->address))
		return refuse(why, "it cannot be another domain's virtual address here");
	if (record->is_foreign)
		return leases->n_foreign + ++import->foreign <= FOREIGN_MAX ||
		       refuse(why, "more than %u addresses of other domains", FOREIGN_MAX);
	if (!record->is_virtual && !subnet)
		return refuse(why, "it is in no subnet here");
	if (owner)
		return !record->client_len || is_owner(owner, record) ||
		       refuse(why, "it is kept for host \"%s\" here", owner->name);
	pool = record->is_virtual ? leases_virtual_pool_of(leases, record->address)
				  : leases_pool(leases, subnet);
	if (!pool_contains(pool, record->address))
		return refuse(why, "it is in no pool of %s addresses here", record_kind(record));
	if (!pool_is_free(pool, record->address) && !(lease && lease_is_held(lease)))
		return refuse(why, "it is not given out here: a router's, a server's, or of "
				   "reserve-first");
	return true;
}

static bool is_short_enough(struct server *s, const struct mnat_lease_record *record,
			    char why[IMPORT_WHY_LEN])
{
	int64_t longest = leases_longest(&s->leases, record->address, record->is_virtual);
	int64_t left = record->expires - s->wall();

	return record->state != MNAT_LEASE_BOUND || left <= longest + IMPORT_CLOCK_SLACK ||
	       refuse(why,
		      "it ends in %lld s, and leases here after %lld: raise lease-time, or "
		      "set the clock",
		      (long long)left, (long long)longest);
}

/* Is it free here, or this client's, and has the client no other? */
static bool is_to_be_had(const struct server *s, struct entry *entry,
			 const struct mnat_lease_record *record, char why[IMPORT_WHY_LEN])
{
	const struct lease *lease = lease_find(&s->leases, record->address), *other;
	const struct client *client = client_find(&s->leases, record->client, record->client_len);
	char text[MNAT_IP_LEN];

	if (lease && lease_is_held(lease) && !same_client(lease->client, record))
		return refuse(why, lease->client ? "another client has it here"
						 : "a stranger uses it here");
	entry->same = lease && lease->state == MNAT_LEASE_BOUND;
	if (entry->same)
		return true;
	if (!client || record->state != MNAT_LEASE_BOUND)
		return true;
	other = record->is_virtual ? client->virt : client->bound;
	return !other || !lease_is_held(other) ||
	       refuse(why, "its client has %s here", text_of(other->address, text));
}

static bool check(struct import *import, struct server *s, struct entry *entry,
		  char why[IMPORT_WHY_LEN]);

/* A bound address's virtual one is the same client's, and not shorter. */
static bool goes_with_its_virtual(struct import *import, struct server *s,
				  const struct mnat_lease_record *record, char why[IMPORT_WHY_LEN])
{
	struct entry *entry = record->virt ? find(import, record->virt) : NULL;
	struct mnat_lease_record virt = {0};
	char text[MNAT_IP_LEN], unused[IMPORT_WHY_LEN];

	if (!record->virt || record->state != MNAT_LEASE_BOUND)
		return true;
	if (entry && check(import, s, entry, unused))
		virt = record_of(entry);
	return (virt.is_virtual && virt.state == MNAT_LEASE_BOUND &&
		virt.client_len == record->client_len &&
		!memcmp(virt.client, record->client, virt.client_len) &&
		virt.expires >= record->expires) ||
	       refuse(why, "it goes with %s, which its client has no lease of for as long",
		      text_of(record->virt, text));
}

static bool check(struct import *import, struct server *s, struct entry *entry,
		  char why[IMPORT_WHY_LEN])
{
	const struct mnat_lease_record record = record_of(entry);

	if (entry->checked && !entry->refused)
		return true;
	entry->checked = true;
	entry->same = false;
	entry->refused = !is_ours(import, s, &record, why) || !is_short_enough(s, &record, why) ||
			 !is_to_be_had(s, entry, &record, why) ||
			 !goes_with_its_virtual(import, s, &record, why);
	return !entry->refused;
}

uint32_t import_check(struct import *import, struct server *s, import_refuse refused, void *user)
{
	char why[IMPORT_WHY_LEN];

	for (struct entry *entry = import->entries; entry; entry = entry->hh.next) {
		if (check(import, s, entry, why))
			continue;
		import->refused++;
		refused(entry->line, why, user);
	}
	return import->refused;
}

/* ---- taking them ---- */

/* It is to be stored, and who manages mobility is to be told. */
static void announce(struct server *s, struct lease *lease)
{
	struct client *client = lease->client;

	lease_mark_dirty(&s->leases, lease);
	server_count(s, COUNTER_imported);
	if (!client || client->bound != lease)
		return;
	client->told = (struct binding){0};
	binding_update(s, client, NULL);
}

int import_apply(const struct import *import, struct server *s, struct import_result *ret_result)
{
	const struct proof_entry *proof;
	int64_t now = s->wall();
	int r = 0;

	*ret_result = (struct import_result){0};
	/* first: nobody is to be served by an old message */
	for (proof = import->proofs; !r && proof; proof = proof->next) {
		r = auth_import(&s->auth, &proof->record);
		ret_result->proofs += !r;
	}
	for (const struct entry *entry = import->entries; entry; entry = entry->hh.next) {
		const struct mnat_lease_record record = record_of(entry);

		ret_result->same += entry->same;
		if (!r && !entry->refused && !entry->same)
			r = leases_restore(&s->leases, &record, now);
	}
	/* now that virtual addresses are there, whose generations these go by */
	for (const struct entry *entry = import->entries; entry; entry = entry->hh.next) {
		struct lease *lease = lease_find(&s->leases, entry->address);

		if (!lease || entry->refused || entry->same)
			continue;
		announce(s, lease);
		ret_result->imported++;
	}
	return r;
}
