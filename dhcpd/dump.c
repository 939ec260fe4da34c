// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/addr.h"
#include "mnat/clock.h"
#include "mnat/hex.h"

#include "control.h"
#include "record.h"

#define ROWS 256 /* a piece: about MNAT_CONTROL_PIECE bytes */

/* ---- leases ---- */

/* The actual address that matters, or the last one there was. */
static struct lease *actual_of(const struct client *client)
{
	struct lease *lease = client->bound ? client->bound : client->offer;

	if (lease)
		return lease;
	for (lease = client->leases; lease; lease = lease->next)
		if (!lease->is_virtual)
			return lease;
	return NULL;
}

/* By which a client is known between two pieces of a dump. */
static struct lease *foremost(const struct client *client)
{
	struct lease *lease = actual_of(client);

	return lease ? lease : client->virt;
}

static json_t *ip_or_null(uint32_t address)
{
	char text[MNAT_IP_LEN];

	return address ? json_string(mnat_ip((struct in_addr){htonl(address)}, text)) : json_null();
}

/* The virtual address it shares with others; 0: its own is nobody else's. */
static uint32_t shared_address(const struct server *s, const struct client *client)
{
	uint32_t identity = client->virt ? client->virt->address : 0;
	uint32_t shown = shown_address(s->conf, identity);

	return shown != identity ? shown : 0;
}

static json_t *subnet_or_null(const struct server *s, const struct lease *lease)
{
	const struct subnet_conf *subnet = lease ? leases_subnet(&s->leases, lease->address) : NULL;
	char text[MNAT_IP_LEN];

	if (!subnet)
		return json_null();
	return json_sprintf("%s/%d", mnat_ip((struct in_addr){htonl(subnet->prefix.first)}, text),
			    conf_prefix_length(&subnet->prefix));
}

static json_int_t seconds_left(const struct lease *lease)
{
	uint64_t now = mnat_clock_now();

	if (!lease_is_held(lease) || lease->expiry.when <= now)
		return 0;
	return (json_int_t)((lease->expiry.when - now) / MNAT_NS_PER_SEC);
}

/* The circuit that the client is behind: text if it is text, or hexadecimal. */
static json_t *circuit_or_null(const struct client *client)
{
	const struct place_key *key = client->place ? &client->place->key : NULL;
	char hex[MNAT_HEX_LEN(PLACE_CIRCUIT_MAX)];

	if (!key || !key->circuit_len)
		return json_null();
	for (size_t i = 0; i < key->circuit_len; i++)
		if (!isgraph(key->circuit[i]))
			return json_sprintf("hex:%s",
					    mnat_hex(key->circuit, key->circuit_len, hex));
	return json_stringn((const char *)key->circuit, key->circuit_len);
}

json_t *lease_row(const struct server *s, const struct client *client)
{
	const struct lease *actual = actual_of(client), *lease = foremost(client);
	char mac[MNAT_MAC_LEN], id[MNAT_HEX_LEN(MNAT_CLIENT_MAX)];

	return json_pack(
		"{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:I, s:I, s:s?}", "mac",
		mnat_mac(client->mac, mac), "client", mnat_hex(client->key, client->key_len, id),
		"actual", ip_or_null(actual ? actual->address : 0), "virtual",
		ip_or_null(client->virt ? client->virt->address : 0), "shows",
		ip_or_null(shared_address(s, client)), "subnet", subnet_or_null(s, actual),
		"circuit", circuit_or_null(client), "state", record_state_name(lease->state),
		"expires_s", seconds_left(lease), "generation", (json_int_t)client->generation,
		"hostname", client->hostname);
}

/* All leases, or some, a row each. */
struct lease_walk {
	const struct server *server;
	const struct lease_rows *rows;
	json_int_t given;
	const struct auth_client *proof; /* the next one: they stay as long as we */
	size_t n;
	size_t next;
	uint32_t addresses[];
};

static void give_row(struct mnat_control_client *client, struct lease_walk *walk, json_t *row)
{
	if (!row)
		return;
	mnat_control_row(client, row);
	walk->given++;
}

/* The next lease, or after all of them the next proof. False: there is none. */
static bool step_one(struct mnat_control_client *client, struct lease_walk *walk)
{
	const struct lease *lease;

	if (walk->next < walk->n) {
		lease = lease_find(&walk->server->leases, walk->addresses[walk->next++]);
		give_row(client, walk, lease ? walk->rows->lease(walk->server, lease) : NULL);
	} else if (walk->proof) {
		give_row(client, walk, walk->rows->proof(walk->proof));
		walk->proof = walk->proof->hh.next;
	}
	return walk->next < walk->n || walk->proof;
}

static bool step_leases(struct mnat_control_client *client, void *state)
{
	struct lease_walk *walk = state;

	for (int i = 0; i < ROWS; i++)
		if (!step_one(client, walk)) {
			mnat_control_done(client, json_pack("{s:I}", "rows", walk->given));
			return false;
		}
	return true;
}

void control_walk_leases(struct mnat_control_client *client, const struct server *s,
			 const struct lease_rows *rows)
{
	const struct leases *leases = &s->leases;
	struct lease_walk *walk =
		malloc(sizeof(*walk) + HASH_COUNT(leases->addresses) * sizeof(walk->addresses[0]));

	if (!walk) {
		mnat_control_fail(client, MNAT_E_FAILED, "no memory for a list of the leases");
		return;
	}
	*walk = (struct lease_walk){.server = s, .rows = rows};
	walk->proof = rows->proof ? s->auth.clients : NULL;
	for (const struct lease *lease = leases->addresses; lease; lease = lease->hh.next)
		walk->addresses[walk->n++] = lease->address;
	mnat_control_stream(client, step_leases, free, walk);
}

/* A client's row comes with the foremost of its leases. */
static json_t *client_row(const struct server *s, const struct lease *lease)
{
	const struct client *client = lease->client;

	return client && foremost(client) == lease ? lease_row(s, client) : NULL;
}

static void dump_leases(struct mnat_control_client *client, const struct control_source *source)
{
	static const struct lease_rows rows = {.lease = client_row};

	control_walk_leases(client, source->server, &rows);
}

/* ---- counters ---- */

static void dump_counters(struct mnat_control_client *client, const struct control_source *source)
{
	for (int i = DHCP_E_NONE + 1; i < N_COUNTERS; i++)
		mnat_control_row(client, json_pack("{s:s, s:s, s:I, s:n, s:s}", "name",
						   counter_name((enum counter)i), "class",
						   counter_class((enum counter)i), "packets",
						   (json_int_t)source->server->counters[i], "bytes",
						   "text", counter_text((enum counter)i)));
	mnat_control_done(client, NULL);
}

static const struct {
	const char *what;
	void (*dump)(struct mnat_control_client *client, const struct control_source *source);
} dumps[] = {
	{"leases", dump_leases},
	{"counters", dump_counters},
};

void control_dump(struct mnat_control_client *client, const json_t *request, void *user)
{
	const char *what = json_string_value(json_object_get(request, "what"));

	for (size_t i = 0; what && i < sizeof(dumps) / sizeof(dumps[0]); i++)
		if (!strcmp(dumps[i].what, what)) {
			dumps[i].dump(client, user);
			return;
		}
	mnat_control_fail(client, MNAT_E_ARGUMENT, "mnat-dhcpd dumps leases and counters");
}
