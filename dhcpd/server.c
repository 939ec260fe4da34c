// SPDX-License-Identifier: GPL-2.0-only
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mnat/clock.h"
#include "mnat/log.h"

#include "exchange.h"

#define EXPIRE_AT_ONCE 1000 /* clients that ask meanwhile wait for these to be stored */

static bool (*const handlers[])(struct exchange *x) = {
	[DHCP_DISCOVER] = handle_discover, [DHCP_REQUEST] = handle_request,
	[DHCP_DECLINE] = handle_decline,   [DHCP_RELEASE] = handle_release,
	[DHCP_INFORM] = handle_inform,
};

static int64_t wall_clock(void)
{
	return time(NULL);
}

struct restoring {
	struct leases *leases;
	int64_t now;
};

static int restore(const struct mnat_lease_record *record, void *user)
{
	struct restoring *r = user;

	return leases_restore(r->leases, record, r->now);
}

int server_init(struct server *s, const struct conf *conf, const struct mnat_store_ops *ops,
		struct mnat_store *store, int64_t (*wall)(void))
{
	struct restoring restoring = {.leases = &s->leases};
	int r;

	*s = (struct server){
		.conf = conf, .store_ops = ops, .store = store, .wall = wall, .batch = 1};
	if (!wall)
		s->wall = wall_clock;
	restoring.now = s->wall();
	r = leases_init(&s->leases, conf);
	if (r) {
		log_err("no memory for the address pools");
		return r;
	}
	r = ops->load(store, restore, &restoring);
	if (r)
		server_done(s);
	return r;
}

void server_done(struct server *s)
{
	leases_done(&s->leases);
	free(s->events);
	free(s->storing);
	s->events = NULL;
	s->storing = NULL;
}

bool server_set_conf(struct server *s, const struct conf *conf)
{
	if (leases_set_conf(&s->leases, conf))
		return false;
	s->conf = conf;
	return true;
}

/*
 * The subnet the client is in. A relay's address says so; without a relay, one that
 * unicasts uses the address it has (section 4.3.2, RENEWING), others are on the link.
 */
static const struct subnet_conf *current_subnet(const struct exchange *x)
{
	const struct dhcp_header *header = &x->in->header;
	uint32_t where = x->arrival->local;

	if (header->giaddr.s_addr)
		where = ntohl(header->giaddr.s_addr);
	else if (header->ciaddr.s_addr && !x->arrival->broadcast)
		where = ntohl(header->ciaddr.s_addr);
	return leases_subnet(&x->server->leases, where);
}

/* Its identifier or else, in the same form, its hardware address (RFC 2132 section 9.14). */
static bool identify(struct exchange *x, uint8_t hardware[7])
{
	const struct dhcp_option *id = &x->in->options[DHCP_OPT_CLIENT_ID];

	hardware[0] = x->in->header.htype;
	memcpy(hardware + 1, x->in->header.chaddr, 6);
	x->key = id->len ? id->data : hardware;
	x->key_len = id->len ? id->len : 7;
	if (x->key_len > MNAT_CLIENT_MAX)
		return false;
	x->client = client_find(&x->server->leases, x->key, x->key_len);
	return true;
}

bool server_handle(struct server *s, const struct arrival *arrival, const void *data, size_t len,
		   struct reply *ret_reply)
{
	struct dhcp_message in;
	struct exchange x = {.server = s, .arrival = arrival, .in = &in, .now = mnat_clock_now()};
	uint8_t hardware[7];
	enum dhcp_error error = dhcp_parse(&s->conf->virt.codec, DHCP_BOOTREQUEST, data, len, &in);

	if (error) {
		server_count(s, (enum counter)error);
		return false;
	}
	server_count(s, counter_received(in.type));
	x.subnet = current_subnet(&x);
	if (!x.subnet) {
		server_count(s, COUNTER_unknown_subnet);
		return false;
	}
	if (!identify(&x, hardware)) {
		server_count(s, COUNTER_client_id_long);
		return false;
	}
	x.reply = ret_reply;
	x.reply->batch = 0;
	x.reply->token_for = 0;
	return handlers[in.type](&x);
}

static void expire(struct server *s, struct lease *lease)
{
	struct client *client = lease->client;

	if (lease->state == MNAT_LEASE_BOUND)
		server_count(s, COUNTER_expired);
	lease_end(&s->leases, lease, MNAT_LEASE_EXPIRED, 0);
	if (!client)
		return;
	binding_update(s, client, NULL);
	client_tidy(&s->leases, client);
}

void server_expire(struct server *s)
{
	uint64_t now = mnat_clock_now();
	struct lease *lease;

	for (int i = 0; i < EXPIRE_AT_ONCE && (lease = leases_due(&s->leases, now)); i++)
		expire(s, lease);
}

static int note_storing(struct server *s, uint32_t address)
{
	if (s->n_storing == s->room_storing) {
		size_t room = s->room_storing ? 2 * s->room_storing : 256;
		uint32_t *bigger = reallocarray(s->storing, room, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		s->storing = bigger;
		s->room_storing = room;
	}
	s->storing[s->n_storing++] = address;
	return 0;
}

static int store_all(struct server *s)
{
	int64_t now = s->wall();
	int r = s->store_ops->begin(s->store);

	s->n_storing = 0;
	for (struct lease *lease = s->leases.dirty; !r && lease; lease = lease->next_dirty) {
		struct mnat_lease_record record;

		lease_to_record(lease, now, &record);
		r = s->store_ops->put(s->store, &record);
		if (!r)
			r = note_storing(s, lease->address);
	}
	return r ? r : s->store_ops->commit(s->store);
}

int server_commit(struct server *s)
{
	int r;

	if (!s->leases.dirty)
		return 0;
	r = store_all(s);
	if (r != -EINPROGRESS) {
		s->store_fails = r;
		if (r)
			return r;
	}
	while (s->leases.dirty) {
		struct lease *lease = s->leases.dirty;

		s->leases.dirty = lease->next_dirty;
		lease->dirty = false;
		lease->stored = true; /* or will be: it is not forgotten before */
	}
	return r;
}

void server_stored(struct server *s, int result)
{
	s->store_fails = result;
	for (size_t i = 0; result && i < s->n_storing; i++) {
		struct lease *lease = lease_find(&s->leases, s->storing[i]);

		if (lease)
			lease_mark_dirty(&s->leases, lease);
	}
	s->n_storing = 0;
}

void server_next_batch(struct server *s)
{
	s->n_events = 0;
	s->batch++;
}

void server_swap_events(struct server *s, struct event_list *list)
{
	const struct event_list taken = {s->events, s->n_events, s->room_events};

	s->events = list->events;
	s->room_events = list->room;
	s->n_events = 0;
	*list = taken;
}

/* They were not stored: they come first in the batch being collected. */
void server_unswap_events(struct server *s, struct event_list *list)
{
	struct event *all = reallocarray(list->events, list->n + s->n_events + 1, sizeof(*all));

	if (!all) {
		server_count(s, COUNTER_no_memory);
		return;
	}
	memcpy(all + list->n, s->events, s->n_events * sizeof(*all));
	list->events = s->events;
	list->room = s->room_events;
	s->events = all;
	s->n_events += list->n;
	s->room_events = s->n_events + 1;
	list->n = 0;
}
