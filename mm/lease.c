// SPDX-License-Identifier: GPL-2.0-only
#include "lease.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manager.h"
#include "mnat/addr.h"
#include "mnat/cleanup.h"

/* A batch in one line of MNAT_CONTROL_LINE bytes cannot hold more. */
#define MAX_EVENTS 65536

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

int lease_parse(const json_t *json, struct event *ret_event, const char **ret_why)
{
	const json_t *generation = json_object_get(json, "gen");
	const char *mac = json_string_value(json_object_get(json, "mac"));
	struct event event = {0};
	struct in_addr virtual;

	if (!json_is_object(json)) {
		*ret_why = "is not an object";
	} else if (get_ip(json, "virtual", &virtual)) {
		*ret_why = "\"virtual\" is neither an IPv4 address nor null";
	} else if (get_ip(json, "actual", &event.actual)) {
		*ret_why = "\"actual\" is neither an IPv4 address nor null";
	} else if (get_ip(json, "old", &event.old)) {
		*ret_why = "\"old\" is neither an IPv4 address nor null";
	} else if (!json_is_integer(generation) || json_integer_value(generation) < 0 ||
		   json_integer_value(generation) > UINT32_MAX) {
		*ret_why = "\"gen\" is not a number from 0 to 4294967295";
	} else if (mac && strlen(mac) >= sizeof(event.mac)) {
		*ret_why = "\"mac\" is too long";
	} else if (identify(virtual, &event)) {
		*ret_why = "names no host: one of \"virtual\", \"actual\" and \"old\" is needed";
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
	struct mnat_control_client *client;
	json_t *id;
};

static void on_answer(struct batch *batch, unsigned int pending)
{
	struct waiter *waiter = batch->user;

	mnat_control_done(waiter->client, json_pack("{s:o?, s:i}", "id", waiter->id, "pending",
						    (int)pending));
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
	*waiter = (struct waiter){mnat_control_client_ref(client), json_deep_copy(id)};
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
	manager_snapshot_begin(user);
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
