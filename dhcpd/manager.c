// SPDX-License-Identifier: GPL-2.0-only
#include "manager.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "mnat/addr.h"
#include "mnat/clock.h"
#include "mnat/control.h"
#include "mnat/log.h"

#include "event_json.h"
#include "io.h"

#define CHUNK 512 /* events in a line */

struct held {
	struct outgoing out;
	struct held *next;
};

enum flight_state { FLIGHT_UP, FLIGHT_CONFIRMED, FLIGHT_LATE };

/*
 * A batch of events sent. It lands, and what is held leaves, when it is both confirmed, or
 * late, and stored.
 */
struct flight {
	uint64_t id;
	uint64_t first; /* batch; there may be more than one if storing had failed */
	uint64_t batch;
	uint64_t deadline;
	enum flight_state state;
	json_t *tokens; /* that came before the batch was stored */
	struct held *held;
	struct flight *prev, *next;
};

/* The hosts that a manager which has just connected is still to be told of. */
struct snapshot {
	uint32_t *identities;
	size_t n;
	size_t next;
	uint64_t id; /* of the chunk it is working on */
};

struct manager {
	struct mnat_peer *peer; /* NULL: none configured */
	uv_timer_t timer;
	struct server *server;
	uint64_t last_id;
	uint64_t stored; /* the last batch that is */
	struct flight *flights; /* oldest first, which is the next deadline */
	struct snapshot snapshot;
	const struct manager_ops *ops;
	void *user;
};

static void snapshot_done(struct manager *m)
{
	free(m->snapshot.identities);
	m->snapshot = (struct snapshot){0};
}

/* The id it was sent under, or 0: not sent. */
static uint64_t send_events(struct manager *m, json_t *events)
{
	uint64_t id = ++m->last_id;
	json_t *line = json_pack("{s:s, s:I, s:o}", "cmd", "lease", "id", (json_int_t)id, "events",
				 events);

	return line && !mnat_peer_send(m->peer, line) ? id : 0;
}

/* ---- flights ---- */

static void land(struct manager *m, struct flight *flight)
{
	struct held *held, *next;

	DL_DELETE(m->flights, flight);
	LL_FOREACH_SAFE(flight->held, held, next) {
		m->ops->send(&held->out, m->user);
		free(held);
	}
	json_decref(flight->tokens);
	free(flight);
}

static void land_all(struct manager *m)
{
	while (m->flights)
		land(m, m->flights);
}

static void on_timer(uv_timer_t *timer);

static void arm(struct manager *m)
{
	const struct flight *flight;
	uint64_t now = mnat_clock_now(), left = 0;

	DL_SEARCH_SCALAR(m->flights, flight, state, FLIGHT_UP);
	if (!flight)
		return;
	if (flight->deadline > now)
		left = flight->deadline - now;
	uv_update_time(m->timer.loop);
	uv_timer_start(&m->timer, on_timer, (left + MNAT_NS_PER_MS - 1) / MNAT_NS_PER_MS, 0);
}

static void land_if_stored(struct manager *m, struct flight *flight)
{
	if (flight->batch <= m->stored)
		land(m, flight);
}

static void on_timer(uv_timer_t *timer)
{
	struct manager *m = timer->data;
	struct flight *flight, *next;
	uint64_t now = mnat_clock_now();

	DL_FOREACH_SAFE(m->flights, flight, next) {
		const struct held *held;
		int n;

		if (flight->deadline > now)
			break;
		if (flight->state != FLIGHT_UP)
			continue;
		LL_COUNT(flight->held, held, n);
		m->server->counters[COUNTER_ack_timeouts] += (uint64_t)n;
		flight->state = FLIGHT_LATE;
		land_if_stored(m, flight);
	}
	arm(m);
}

static void take_off(struct manager *m, uint64_t id, uint64_t batch)
{
	struct flight *flight = calloc(1, sizeof(*flight));

	if (!flight)
		return; /* its replies will not wait */
	flight->id = id;
	flight->first = m->stored + 1;
	flight->batch = batch;
	flight->deadline = mnat_clock_now() + MANAGER_WAIT_MS * MNAT_NS_PER_MS;
	DL_APPEND(m->flights, flight);
	if (m->flights == flight)
		arm(m);
}

/* The next of them that a line holds. */
static json_t *chunk(const struct event *events, size_t n, size_t *at)
{
	json_t *array = json_array();

	for (; *at < n && json_array_size(array) < CHUNK; ++*at)
		if (!events[*at].renewal)
			json_array_append_new(array, event_to_json(&events[*at]));
	return array;
}

void manager_tell(struct manager *m, const struct event *events, size_t n, uint64_t batch)
{
	for (size_t i = 0; m->peer && i < n;) {
		json_t *array = chunk(events, n, &i);
		size_t told = json_array_size(array);
		uint64_t id = 0;

		if (told && mnat_peer_is_connected(m->peer))
			id = send_events(m, array);
		else
			json_decref(array);
		if (id)
			take_off(m, id, batch);
		else
			m->server->counters[COUNTER_ack_unreported] += told;
	}
}

/* ---- snapshot ---- */

/* What is so now, not what was when the snapshot began. */
static json_t *host_to_json(struct manager *m, uint32_t identity)
{
	struct lease *lease = lease_find(&m->server->leases, identity);
	const struct client *client = lease ? lease->client : NULL;
	struct event event;

	if (!client || !client->told.actual ||
	    (client->told.virt ? client->told.virt : client->told.actual) != identity)
		return NULL;
	event = binding_told(m->server->conf, client);
	if (event.virt && !event.shows && !shown_address(m->server->conf, event.virt))
		return NULL; /* it will have another when it renews */
	return event_to_json(&event);
}

/* A chunk each time the manager has taken the one before; others' events go between. */
static void snapshot_step(struct manager *m)
{
	struct snapshot *s = &m->snapshot;
	json_t *events = json_array();

	while (s->next < s->n && json_array_size(events) < CHUNK) {
		json_t *host = host_to_json(m, s->identities[s->next++]);

		if (host)
			json_array_append_new(events, host);
	}
	if (json_array_size(events)) {
		s->id = send_events(m, events);
		return;
	}
	json_decref(events);
	snapshot_done(m);
	mnat_peer_send(m->peer, json_pack("{s:s}", "cmd", "snapshot-end"));
}

static void on_connected(struct mnat_peer *peer, void *user)
{
	struct manager *m = user;
	struct snapshot *s = &m->snapshot;
	const struct leases *leases = &m->server->leases;

	snapshot_done(m);
	s->identities = calloc(HASH_COUNT(leases->clients) + 1, sizeof(*s->identities));
	if (!s->identities) {
		log_err("no memory to tell the mobility manager of the leases");
		return;
	}
	for (const struct client *c = leases->clients; c; c = c->hh.next)
		if (c->told.actual)
			s->identities[s->n++] = c->told.virt ? c->told.virt : c->told.actual;
	log_info("mobility manager connected; telling it of %zu hosts", s->n);
	mnat_peer_send(peer, json_pack("{s:s}", "cmd", "snapshot"));
	snapshot_step(m);
}

static void on_lost(struct mnat_peer *peer, void *user)
{
	struct manager *m = user;

	log_warn("the mobility manager is gone; leases go on and it will be told of them when it "
		 "is back");
	snapshot_done(m);
	land_all(m);
}

/* ---- tokens ---- */

static void give_token(struct manager *m, const json_t *tokens, struct reply *reply)
{
	const struct dhcp_codec *codec = &m->server->conf->virt.codec;
	struct dhcp_mnat_token token;

	if (!reply->token_for || token_from_json(tokens, reply->token_for, &token))
		return;
	server_count(m->server,
		     dhcp_add_token(codec, reply->bytes, reply->room, &token, &reply->len)
			     ? COUNTER_token_no_room
			     : COUNTER_token_given);
	auth_sign_again(m->server, reply);
}

/* Those of a batch come with the answers to each of its lines. */
static void give_tokens(struct manager *m, const json_t *tokens, const struct flight *answered)
{
	struct flight *flight;
	struct held *held;

	DL_FOREACH(m->flights, flight) {
		if (flight->batch != answered->batch)
			continue;
		LL_FOREACH(flight->held, held)
			give_token(m, tokens, &held->out.reply);
	}
}

static void give_early_tokens(struct manager *m, uint64_t batch, struct reply *reply)
{
	const struct flight *flight;

	DL_FOREACH(m->flights, flight)
		if (flight->batch == batch && flight->tokens)
			give_token(m, flight->tokens, reply);
}

static struct flight *before(const struct manager *m, struct flight *flight)
{
	return flight == m->flights ? NULL : flight->prev;
}

/* A reply goes with the last line of its batch. */
static bool hold(struct manager *m, struct outgoing *out)
{
	struct flight *flight;
	struct held *held;

	if (!out->reply.batch)
		return false;
	for (flight = m->flights ? m->flights->prev : NULL; flight; flight = before(m, flight))
		if (flight->first <= out->reply.batch && out->reply.batch <= flight->batch)
			break;
	if (!flight)
		return false;
	give_early_tokens(m, flight->batch, &out->reply);
	m->server->counters[COUNTER_ack_timeouts] += flight->state == FLIGHT_LATE;
	held = flight->state == FLIGHT_UP ? malloc(sizeof(*held)) : NULL;
	if (!held)
		return false;
	held->out = *out;
	LL_PREPEND(flight->held, held);
	return true;
}

void manager_stored(struct manager *m, uint64_t batch, struct outgoing *replies, size_t n)
{
	struct flight *flight, *next;

	m->stored = batch;
	for (size_t i = 0; i < n; i++)
		if (!hold(m, &replies[i]))
			m->ops->send(&replies[i], m->user);
	DL_FOREACH_SAFE(m->flights, flight, next)
		if (flight->state != FLIGHT_UP)
			land_if_stored(m, flight);
}

/* ---- what the manager says unasked ---- */

/* The node waits for this one: gateways must know before it hears. */
static bool move_host(struct manager *m, struct in_addr virt, const json_t *line)
{
	const char *text = json_string_value(json_object_get(line, "actual"));
	struct in_addr actual;

	if (!text || mnat_parse_ip(text, &actual) ||
	    !server_rebind(m->server, ntohl(virt.s_addr), ntohl(actual.s_addr)))
		return false;
	m->ops->changed(m->user);
	return true;
}

/* The others are stored with the next batch, at the latest in a second. */
static void on_notify(struct manager *m, const char *what, const json_t *line)
{
	const char *text = json_string_value(json_object_get(line, "virtual"));
	json_int_t seconds = json_integer_value(json_object_get(line, "seconds"));
	struct in_addr virt;
	bool done = false;

	if (!text || mnat_parse_ip(text, &virt))
		log_warn("the mobility manager's \"%s\" names no address and is ignored", what);
	else if (!strcmp(what, "release"))
		done = server_release_virtual(m->server, ntohl(virt.s_addr));
	else if (!strcmp(what, "renew") && seconds > 0 && seconds <= UINT32_MAX)
		done = server_renew_virtual(m->server, ntohl(virt.s_addr), (uint32_t)seconds);
	else if (!strcmp(what, "rebind"))
		done = move_host(m, virt, line);
	log_debug("%s of %s by the mobility manager: %s", what, text ? text : "?",
		  done ? "done" : "not done");
}

/* Of some hosts the manager knows what is not in the database (manager.h). */
static void on_stale(struct manager *m, const json_t *stale)
{
	const char *text;
	json_t *next;
	bool behind = false;

	json_object_foreach((json_t *)stale, text, next) {
		json_int_t generation = json_integer_value(next);
		struct in_addr identity;

		if (!mnat_parse_ip(text, &identity) && generation > 0 && generation <= UINT32_MAX)
			behind |= server_catch_up(m->server, ntohl(identity.s_addr),
						(uint32_t)generation);
	}
	if (behind)
		m->ops->changed(m->user);
}

static void on_confirmed(struct manager *m, struct flight *flight, const json_t *line)
{
	json_t *tokens = json_object_get(line, "tokens");

	if (flight->batch <= m->stored) {
		give_tokens(m, tokens, flight);
		land(m, flight);
		return;
	}
	flight->state = FLIGHT_CONFIRMED;
	flight->tokens = json_incref(tokens);
}

static void on_message(struct mnat_peer *peer, const json_t *line, void *user)
{
	struct manager *m = user;
	uint64_t id = (uint64_t)json_integer_value(json_object_get(line, "id"));
	const char *notify = json_string_value(json_object_get(line, "notify"));
	const char *error = json_string_value(json_object_get(line, "error"));
	struct flight *flight;

	if (error) {
		server_count(m->server, COUNTER_manager_refused);
		log_err("the mobility manager refuses: %s", error);
	}
	if (notify)
		on_notify(m, notify, line);
	if (!id)
		return;
	on_stale(m, json_object_get(line, "stale"));
	if (id == m->snapshot.id) {
		snapshot_step(m);
		return;
	}
	DL_SEARCH_SCALAR(m->flights, flight, id, id);
	if (!flight)
		return; /* it came too late */
	on_confirmed(m, flight, line);
	arm(m);
}

static const struct mnat_peer_ops peer_ops = {
	.connected = on_connected,
	.message = on_message,
	.lost = on_lost,
};

int manager_new(uv_loop_t *loop, const char *path, struct server *server,
		const struct manager_ops *ops, void *user, struct manager **ret_manager)
{
	struct manager *m = calloc(1, sizeof(*m));
	int r = 0;

	if (!m)
		return -ENOMEM;
	m->server = server;
	m->ops = ops;
	m->user = user;
	if (*path)
		r = mnat_peer_new(loop, path, &peer_ops, m, &m->peer);
	if (r) {
		free(m);
		return r;
	}
	uv_timer_init(loop, &m->timer);
	m->timer.data = m;
	*ret_manager = m;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void manager_free(struct manager *m)
{
	land_all(m);
	snapshot_done(m);
	if (m->peer)
		mnat_peer_free(m->peer);
	uv_close((uv_handle_t *)&m->timer, on_closed);
}

bool manager_is_wanted(const struct manager *m)
{
	return m->peer;
}

bool manager_is_connected(const struct manager *m)
{
	return m->peer && mnat_peer_is_connected(m->peer);
}
