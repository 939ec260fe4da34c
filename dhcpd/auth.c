// SPDX-License-Identifier: GPL-2.0-only
#include "auth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <time.h>

#include "exchange.h"

#define NTP_EPOCH 2208988800u /* seconds from 1900 to 1970 */

/* ---- clients ---- */

static struct auth_client *find(const struct auth *auth, const uint8_t *id, size_t len)
{
	struct auth_client *client;

	HASH_FIND(hh, auth->clients, id, len, client);
	return client;
}

static struct auth_client *get(struct auth *auth, const uint8_t *id, size_t len)
{
	struct auth_client *client = find(auth, id, len);

	if (client || HASH_COUNT(auth->clients) >= AUTH_CLIENTS_MAX)
		return client;
	client = calloc(1, sizeof(*client) + len);
	if (!client)
		return NULL;
	memcpy(client->id, id, len);
	client->id_len = (uint8_t)len;
	HASH_ADD(hh, auth->clients, id, len, client);
	return client;
}

void auth_done(struct auth *auth)
{
	struct auth_client *client, *next;

	HASH_ITER(hh, auth->clients, client, next) {
		HASH_DEL(auth->clients, client);
		free(client);
	}
}

int auth_restore(struct auth *auth, const struct mnat_auth_record *record)
{
	struct auth_client *client = get(auth, record->client, record->client_len);

	if (!client)
		return -ENOMEM;
	client->key = record->key;
	client->last[DHCP_AUTH_MNAT] = record->counter;
	client->last[DHCP_AUTH_RFC3118] = record->replay;
	return 0;
}

static void mark_dirty(struct auth *auth, struct auth_client *client)
{
	if (client->dirty)
		return;
	client->dirty = true;
	client->next_dirty = auth->dirty;
	auth->dirty = client;
}

int auth_import(struct auth *auth, const struct mnat_auth_record *record)
{
	bool known = find(auth, record->client, record->client_len);
	struct auth_client *client = get(auth, record->client, record->client_len);

	if (!client)
		return HASH_COUNT(auth->clients) >= AUTH_CLIENTS_MAX ? -ENOSPC : -ENOMEM;
	if (known && client->key != record->key)
		return 0; /* counters are a key's */
	client->key = record->key;
	client->last[DHCP_AUTH_MNAT] = MAX(client->last[DHCP_AUTH_MNAT], record->counter);
	client->last[DHCP_AUTH_RFC3118] = MAX(client->last[DHCP_AUTH_RFC3118], record->replay);
	mark_dirty(auth, client);
	return 0;
}

struct mnat_auth_record auth_to_record(const struct auth_client *client)
{
	struct mnat_auth_record record = {
		.key = client->key,
		.counter = client->last[DHCP_AUTH_MNAT],
		.replay = client->last[DHCP_AUTH_RFC3118],
		.client_len = client->id_len,
	};

	memcpy(record.client, client->id, client->id_len);
	return record;
}

/* ---- a message ---- */

static bool drop(struct exchange *x, enum counter counter)
{
	server_count(x->server, counter);
	return false;
}

/* The key that it is known by, if that is still one of its. */
static bool is_bound(const struct exchange *x, const struct auth_client *client, uint32_t to)
{
	const struct dhcp_key *key =
		client ? dhcp_keys_find(x->server->conf->auth.keys, client->key) : NULL;
	struct dhcp_secret secret;

	return key && key->id != to && dhcp_key_secret(key, x->key, x->key_len, &secret);
}

static bool check_unproved(struct exchange *x)
{
	const struct server *s = x->server;

	if (s->conf->auth.policy == AUTH_REQUIRE ||
	    is_bound(x, find(&s->auth, x->key, x->key_len), 0))
		return drop(x, COUNTER_auth_missing);
	return true;
}

/* Of a visitor, by allow, who has a key of another domain: here it proves nothing. */
static bool check_unknown(struct exchange *x)
{
	if (x->server->conf->auth.policy == AUTH_REQUIRE)
		return drop(x, COUNTER_auth_unknown_key);
	x->proof.auth.how = DHCP_AUTH_NONE;
	return check_unproved(x);
}

/* RFC 3118 section 5.4: the server picks the key, the answer names it. */
static bool check_asking(struct exchange *x)
{
	const struct dhcp_keys *keys = x->server->conf->auth.keys;
	const struct auth_client *client = find(&x->server->auth, x->key, x->key_len);
	const struct dhcp_key *key;

	key = is_bound(x, client, 0) ? dhcp_keys_find(keys, client->key)
				     : dhcp_keys_for(keys, x->key, x->key_len);
	if (!key)
		return check_unknown(x);
	x->proof.auth.id = key->id;
	return true;
}

static bool check_proof(struct exchange *x)
{
	const struct dhcp_auth *auth = &x->proof.auth;
	struct server *s = x->server;
	const struct dhcp_key *key = dhcp_keys_find(s->conf->auth.keys, auth->id);
	struct auth_client *client = find(&s->auth, x->key, x->key_len);
	struct dhcp_secret secret;

	if (!key)
		return check_unknown(x);
	if (!dhcp_key_secret(key, x->key, x->key_len, &secret) || is_bound(x, client, auth->id))
		return drop(x, COUNTER_auth_unknown_key);
	if (!dhcp_auth_verify(x->in->bytes, x->in->len, auth, &secret))
		return drop(x, COUNTER_auth_bad_mac);
	if (client && auth->counter <= client->last[auth->how])
		return drop(x, COUNTER_auth_replay);
	client = get(&s->auth, x->key, x->key_len);
	if (!client)
		return drop(x, COUNTER_auth_full);
	client->key = key->id;
	client->last[auth->how] = auth->counter;
	mark_dirty(&s->auth, client);
	server_count(s, COUNTER_auth_proved);
	return x->proof.proved = true;
}

bool auth_check(struct exchange *x)
{
	const struct conf *conf = x->server->conf;
	int r;

	if (conf->auth.policy == AUTH_OFF)
		return true;
	r = dhcp_auth_find(&conf->virt.codec, x->in->bytes, x->in->len, &x->proof.auth);
	if (r == -ENOENT)
		return check_unproved(x);
	if (r)
		return drop(x, COUNTER_auth_malformed);
	return x->proof.auth.asks ? check_asking(x) : check_proof(x);
}

bool auth_allows_commit(const struct exchange *x)
{
	return x->proof.proved || x->proof.auth.how == DHCP_AUTH_NONE;
}

/* ---- its answer ---- */

size_t auth_room(const struct exchange *x)
{
	return x->proof.auth.how == DHCP_AUTH_NONE ? 0 : DHCP_AUTH_ROOM;
}

/* RFC 3118 section 5.3: the time as NTP has it, and rising whatever the clock does. */
uint64_t auth_next_stamp(struct auth *auth)
{
	struct timespec now;
	uint64_t stamp;

	clock_gettime(CLOCK_REALTIME, &now);
	stamp = ((uint64_t)now.tv_sec + NTP_EPOCH) << 32 |
		((uint64_t)now.tv_nsec << 32) / 1000000000;
	auth->stamp = stamp > auth->stamp ? stamp : auth->stamp + 1;
	return auth->stamp;
}

static int sign(const struct server *s, struct reply *reply, const struct dhcp_auth *auth,
		const uint8_t *id, size_t id_len)
{
	const struct dhcp_key *key = dhcp_keys_find(s->conf->auth.keys, auth->id);
	struct dhcp_secret secret;

	if (!key || !dhcp_key_secret(key, id, id_len, &secret))
		return -ENOENT;
	return dhcp_auth_sign(&s->conf->virt.codec, reply->bytes, reply->room, auth, &secret,
			      &reply->len);
}

bool auth_sign(struct exchange *x)
{
	struct dhcp_auth auth = x->proof.auth;

	if (auth.how == DHCP_AUTH_NONE)
		return true;
	auth.asks = false;
	if (auth.how == DHCP_AUTH_RFC3118)
		auth.counter = auth_next_stamp(&x->server->auth);
	if (!sign(x->server, x->reply, &auth, x->key, x->key_len))
		return true;
	return drop(x, COUNTER_reply_too_big);
}

/* Whose it is, is in it (RFC 6842); and which key. */
void auth_sign_again(struct server *s, struct reply *reply)
{
	const struct conf *conf = s->conf;
	struct dhcp_message message;
	uint8_t hardware[CLIENT_HARDWARE_LEN];
	struct dhcp_auth auth;
	const uint8_t *id;
	size_t id_len;

	if (conf->auth.policy == AUTH_OFF ||
	    dhcp_auth_find(&conf->virt.codec, reply->bytes, reply->len, &auth) ||
	    dhcp_parse(&conf->virt.codec, DHCP_BOOTREPLY, reply->bytes, reply->len, &message))
		return;
	id_len = client_identifier(&message, hardware, &id);
	sign(s, reply, &auth, id, id_len);
}

/* ---- storing ---- */

int auth_store(struct server *s)
{
	int r = 0;

	for (const struct auth_client *c = s->auth.dirty; !r && c; c = c->next_dirty) {
		const struct mnat_auth_record record = auth_to_record(c);

		r = s->store_ops->put_auth(s->store, &record);
	}
	return r;
}

void auth_clean(struct auth *auth)
{
	auth->storing = NULL;
	while (auth->dirty) {
		struct auth_client *client = auth->dirty;

		auth->dirty = client->next_dirty;
		client->dirty = false;
		client->next_storing = auth->storing;
		auth->storing = client;
	}
}

void auth_stored(struct auth *auth, int result)
{
	for (struct auth_client *c = auth->storing; result && c; c = c->next_storing)
		mark_dirty(auth, c);
	auth->storing = NULL;
}
