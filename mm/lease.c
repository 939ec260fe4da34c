// SPDX-License-Identifier: GPL-2.0-only
#include "lease.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manager.h"
#include "mnat/addr.h"
#include "mnat/cleanup.h"
#include "mnat/hex.h"

/* A batch in one line of MNAT_CONTROL_LINE bytes cannot hold more. */
#define MAX_EVENTS 65536
#define MAX_TOKENS 2048 /* in one answer, by its length */

/* An address, or null (also absent): 0.0.0.0. */
static int get_ip(const json_t *json, const char *name, struct in_addr *ret_addr)
{
	const json_t *value = json_object_get(json, name);
	struct in_addr addr = {0};

	if (value && !json_is_null(value) &&
	    (!json_is_string(value) || mnat_parse_ip(json_string_value(value), &addr) ||
	     !addr.s_addr))
		return -EINVAL;
	*ret_addr = addr;
	return 0;
}

static int identify(struct in_addr virtual, struct event *event)
{
	event->plain = !virtual.s_addr;
	event->identity = virtual;
	if (event->plain)
		event->identity = event->actual.s_addr ? event->actual : event->old;
	return event->identity.s_addr ? 0 : -EINVAL;
}

static int get_arrival(const json_t *json, struct dhcp_mnat_arrival *ret_arrival)
{
	const json_t *counter = json_object_get(json, "counter");
	struct dhcp_mnat_arrival arrival;
	struct in_addr manager;

	if (get_ip(json, "manager", &manager) || !json_is_integer(counter) ||
	    mnat_unhex(json_string_value(json_object_get(json, "ticket")), arrival.ticket,
		       sizeof(arrival.ticket)) ||
	    mnat_unhex(json_string_value(json_object_get(json, "proof")), arrival.proof,
		       sizeof(arrival.proof)))
		return -EINVAL;
	arrival.manager = manager;
	arrival.counter = htobe64((uint64_t)json_integer_value(counter));
	*ret_arrival = arrival;
	return 0;
}

static int get_arrivals(const json_t *json, struct event *event)
{
	const json_t *list = json_object_get(json, "arrivals");

	if (!list)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > DHCP_MNAT_MAX_ARRIVALS)
		return -EINVAL;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (get_arrival(json_array_get(list, i), &event->arrivals[i]))
			return -EINVAL;
	event->n_arrivals = (unsigned int)json_array_size(list);
	return 0;
}

int lease_parse(const json_t *json, struct event *ret_event, const char **ret_why)
{
	const json_t *generation = json_object_get(json, "gen");
	const char *mac = json_string_value(json_object_get(json, "mac"));
	struct event event = {.tunnel = json_is_true(json_object_get(json, "tunnel"))};
	struct in_addr virtual;

	if (!json_is_object(json)) {
		*ret_why = "is not an object";
	} else if (get_ip(json, "virtual", &virtual)) {
		*ret_why = "\"virtual\" is neither an IPv4 address nor null";
	} else if (get_ip(json, "actual", &event.actual)) {
		*ret_why = "\"actual\" is neither an IPv4 address nor null";
	} else if (get_ip(json, "old", &event.old)) {
		*ret_why = "\"old\" is neither an IPv4 address nor null";
	} else if (get_ip(json, "shows", &event.shows)) {
		*ret_why = "\"shows\" is neither an IPv4 address nor null";
	} else if (!json_is_integer(generation) || json_integer_value(generation) < 0 ||
		   json_integer_value(generation) > UINT32_MAX) {
		*ret_why = "\"gen\" is not a number from 0 to 4294967295";
	} else if (mac && strlen(mac) >= sizeof(event.mac)) {
		*ret_why = "\"mac\" is too long";
	} else if (get_arrivals(json, &event)) {
		*ret_why = "\"arrivals\" is not a list of at most 3 with manager, ticket, "
			   "counter and proof";
	} else if (identify(virtual, &event)) {
		*ret_why = "names no host: one of \"virtual\", \"actual\" and \"old\" is needed";
	} else if (event_check_shared(&event)) {
		*ret_why = "has \"shows\" without \"tunnel\" and a \"virtual\" of 240.0.0.0/4, "
			   "or the other way round, or beside \"arrivals\": who shares a virtual "
			   "address has no sessions in other domains";
	} else {
		event.generation = (uint32_t)json_integer_value(generation);
		strcpy(event.mac, mac ? mac : "");
		*ret_event = event;
		return 0;
	}
	return -EINVAL;
}

/* Who waits for a batch. */
struct waiter {
	struct manager *manager;
	struct mnat_control_client *client;
	json_t *id;
};

static void add_token(json_t *tokens, const struct roam *roam, const struct host *host)
{
	char ip[MNAT_IP_LEN], ticket[MNAT_HEX_LEN(DHCP_MNAT_TICKET_LEN)],
		key[MNAT_HEX_LEN(sizeof(((struct dhcp_mnat_token *)0)->key))];
	struct dhcp_mnat_token token;

	if (roam_token(roam, host->key.identity, host->generation, &token))
		return; /* its sessions stay in this domain */
	json_object_set_new(tokens, mnat_ip(host->key.identity, ip),
			    json_pack("{s:s, s:s}", "ticket",
				      mnat_hex(token.ticket, sizeof(token.ticket), ticket), "key",
				      mnat_hex(token.key, sizeof(token.key), key)));
	explicit_bzero(&token, sizeof(token));
	explicit_bzero(key, sizeof(key));
}

/* For the mobile hosts bound; NULL: none. */
static json_t *make_tokens(const struct roam *roam, const struct batch *batch)
{
	json_t *tokens;

	if (!roam->domain || batch->n_entries > MAX_TOKENS)
		return NULL;
	tokens = json_object();
	for (unsigned int i = 0; i < batch->n_entries; i++) {
		const struct batch_entry *entry = &batch->entries[i];
		const struct host *host = entry->host;

		if (!host->key.plain && host->actual.s_addr && !host_shares(host) &&
		    !entry->later && host->generation == entry->generation)
			add_token(tokens, roam, host);
	}
	return tokens;
}

/* NULL: none */
static json_t *make_stale(const struct batch *batch)
{
	json_t *stale = NULL;

	for (unsigned int i = 0; i < batch->n_entries; i++) {
		const struct batch_entry *entry = &batch->entries[i];
		char ip[MNAT_IP_LEN];

		if (!entry->later)
			continue;
		stale = stale ? stale : json_object();
		json_object_set_new(stale, mnat_ip(entry->host->key.identity, ip),
				    json_integer(entry->later));
	}
	return stale;
}

static void on_answer(struct batch *batch, unsigned int pending)
{
	struct waiter *waiter = batch->user;

	mnat_control_done(waiter->client,
			  json_pack("{s:o?, s:i, s:o*, s:o*}", "id", waiter->id, "pending",
				    (int)pending, "tokens",
				    make_tokens(&waiter->manager->roam, batch), "stale",
				    make_stale(batch)));
	mnat_control_client_unref(waiter->client);
	free(waiter);
}

static int apply(struct manager *m, struct mnat_control_client *client, const json_t *id,
		 const struct event *events, unsigned int n)
{
	struct waiter *waiter = malloc(sizeof(*waiter));
	int r;

	if (!waiter)
		return -ENOMEM;
	*waiter = (struct waiter){m, mnat_control_client_ref(client), json_deep_copy(id)};
	r = manager_apply(m, events, n, on_answer, waiter);
	if (r) {
		mnat_control_client_unref(client);
		json_decref(waiter->id);
		free(waiter);
	}
	return r;
}

void lease_on_batch(struct mnat_control_client *client, const json_t *request, void *user)
{
	const json_t *list = json_object_get(request, "events");
	size_t n = json_array_size(list);
	_cleanup_free_ struct event *events = calloc(n + 1, sizeof(*events));

	if (!json_is_array(list) || n > MAX_EVENTS)
		return mnat_control_fail(client, MNAT_E_ARGUMENT,
					 "lease needs \"events\", a list of at most %d",
					 MAX_EVENTS);
	for (size_t i = 0; events && i < n; i++) {
		const char *why;

		if (lease_parse(json_array_get(list, i), &events[i], &why))
			return mnat_control_fail(client, MNAT_E_ARGUMENT,
						 "event %zu %s; none of the batch was applied", i,
						 why);
	}
	if (!events || apply(user, client, json_object_get(request, "id"), events, (unsigned int)n))
		mnat_control_fail(client, MNAT_E_FAILED, "out of memory");
}

void lease_on_snapshot(struct mnat_control_client *client, const json_t *request, void *user)
{
	struct manager *m = user;

	if (m->dhcp_server)
		mnat_control_client_unref(m->dhcp_server);
	m->dhcp_server = mnat_control_client_ref(client);
	manager_snapshot_begin(m);
	mnat_control_done(client, NULL);
}

void lease_on_snapshot_end(struct mnat_control_client *client, const json_t *request, void *user)
{
	struct manager *m = user;

	if (!m->registry.in_snapshot)
		return mnat_control_fail(client, MNAT_E_FAILED,
					 "no snapshot was begun; begin one and send all leases");
	mnat_control_done(client, json_pack("{s:i}", "gone", (int)manager_snapshot_end(m)));
}
