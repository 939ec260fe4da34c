// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a mobility manager must know: each change of where a host is becomes an
 * event with the next generation. Generations belong to the identity's lease, so
 * that they go on rising when an address passes from one client to another.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "mnat/abi.h"
#include "mnat/log.h"

#include "exchange.h"

static uint32_t identity(const struct binding *binding)
{
	return binding->virt ? binding->virt : binding->actual;
}

static uint32_t next_generation(struct server *s, struct client *client, uint32_t address)
{
	struct lease *lease = lease_find(&s->leases, address);

	client->generation++;
	if (!lease)
		return client->generation;
	client->generation = MAX(client->generation, lease->generation + 1);
	lease->generation = client->generation;
	lease_mark_dirty(&s->leases, lease);
	return client->generation;
}

static struct event *new_event(struct server *s)
{
	if (s->n_events == s->room_events) {
		size_t room = s->room_events ? 2 * s->room_events : 128;
		struct event *events = reallocarray(s->events, room, sizeof(*events));

		if (!events) {
			log_err("no memory to tell the mobility manager of a change; restart "
				"mnat-dhcpd to tell it everything again");
			server_count(s, COUNTER_no_memory);
			return NULL;
		}
		s->events = events;
		s->room_events = room;
	}
	return &s->events[s->n_events++];
}

bool arrival_is_ours(const struct conf *conf, const struct dhcp_mnat_arrival *arrival)
{
	return arrival->manager.s_addr == conf->virt.manager.s_addr;
}

uint32_t shown_address(const struct conf *conf, uint32_t identity)
{
	const struct share_conf *share = shares_of(&conf->virt.shares, identity);

	if (mnat_is_sharing_identity(identity))
		return share ? share->address : 0;
	return identity;
}

static void add_arrivals(const struct client *client, struct event *event)
{
	if (!client->n_arrivals)
		return;
	memcpy(event->arrivals, client->arrivals,
	       client->n_arrivals * sizeof(client->arrivals[0]));
	event->n_arrivals = client->n_arrivals;
}

static void add_circuit(const struct client *client, struct event *event)
{
	if (!client->place)
		return;
	event->circuit_len = client->place->key.circuit_len;
	memcpy(event->circuit, client->place->key.circuit, event->circuit_len);
}

static void add_lease(const struct client *client, struct event *event)
{
	if (client->bound)
		event->times = lease_times(client->bound);
}

/* With those of our own domain: they tell the manager that it is the same host as before. */
static void remember_arrivals(struct client *client, const struct dhcp_message *in)
{
	const size_t size = sizeof(client->arrivals[0]);

	client->n_arrivals = 0;
	if (!in->n_arrivals)
		return;
	if (!client->arrivals)
		client->arrivals = calloc(DHCP_MNAT_MAX_ARRIVALS, size);
	if (!client->arrivals)
		return;
	memcpy(client->arrivals, in->arrivals, in->n_arrivals * size);
	client->n_arrivals = (uint8_t)in->n_arrivals;
}

static struct event event_of(const struct conf *conf, const struct client *client,
			     const struct binding *binding, uint32_t generation)
{
	bool shares = mnat_is_sharing_identity(binding->virt);
	struct event event = {
		.virt = binding->virt,
		.shows = shares && binding->actual ? shown_address(conf, binding->virt) : 0,
		.actual = binding->actual,
		.generation = generation,
		.tunnel = binding->actual && (binding->tunnel || shares),
		.client_len = client->key_len,
	};

	memcpy(event.mac, client->mac, sizeof(event.mac));
	memcpy(event.client, client->key, client->key_len);
	return event;
}

struct event binding_told(const struct conf *conf, const struct client *client)
{
	struct event event = event_of(conf, client, &client->told, client->generation);

	add_circuit(client, &event);
	add_lease(client, &event);
	if (!event.shows)
		add_arrivals(client, &event);
	return event;
}

static struct event *tell(struct server *s, struct client *client, const struct binding *binding,
			  uint32_t generation, uint32_t old)
{
	struct event *event = new_event(s);

	if (!event)
		return NULL;
	*event = event_of(s->conf, client, binding, generation);
	event->old = old;
	client->batch = s->batch;
	return event;
}

/* The host with this binding as it is now: a change, or the same again. */
static void tell_present(struct server *s, struct client *client, const struct binding *is,
			 uint32_t generation, uint32_t old, const struct dhcp_message *in)
{
	struct event *event = tell(s, client, is, generation, old);

	if (!event)
		return;
	add_circuit(client, event);
	add_lease(client, event);
	/* who shares its address has no sessions in other domains */
	if (!in || !is->virt || event->shows)
		return;
	remember_arrivals(client, in);
	add_arrivals(client, event);
}

/* Who reads leases by leasequery is told when they end, too. No memory: at the next one. */
static void tell_renewal(struct server *s, const struct client *client)
{
	struct event *event = conf_has_leasequery(s->conf) ? new_event(s) : NULL;

	if (!event)
		return;
	*event = binding_told(s->conf, client);
	event->renewal = true;
}

/*
 * Nothing has changed, but a mobile host that takes an offer has come to this link just
 * now: it may have been in another domain meanwhile. One that renews, or asks whether
 * its lease is still good, has been here.
 */
static void tell_again(struct server *s, struct client *client, const struct binding *is,
		       const struct dhcp_message *in)
{
	if (!in)
		return;
	if (is->virt && (in->options[DHCP_OPT_SERVER_ID].present || in->type == DHCP_DISCOVER))
		tell_present(s, client, is, next_generation(s, client, identity(is)), 0, in);
	else if (is->virt && in->shim_form & DHCP_SHIM_VIVSO)
		tell_present(s, client, is, client->generation, 0, in);
	else if (is->actual)
		tell_renewal(s, client);
}

void binding_update(struct server *s, struct client *client, const struct dhcp_message *in)
{
	const struct binding was = client->told;
	struct binding is = {0};
	bool same_host;

	if (client->bound)
		is = (struct binding){.virt = client->bound->virt,
				      .actual = client->bound->address,
				      .tunnel = client->bound->tunnel};
	if (is.virt == was.virt && is.actual == was.actual && is.tunnel == was.tunnel) {
		tell_again(s, client, &is, in);
		return;
	}
	client->told = is;
	same_host = identity(&is) == identity(&was);
	if (was.actual && !same_host)
		tell(s, client, &(struct binding){.virt = was.virt},
		     next_generation(s, client, identity(&was)), was.actual);
	if (is.actual)
		tell_present(s, client, &is, next_generation(s, client, identity(&is)),
			     same_host && was.actual != is.actual ? was.actual : 0, in);
}

static bool is_as_loaded(const struct client *client)
{
	return !client->batch;
}

bool server_catch_up(struct server *s, uint32_t address, uint32_t generation)
{
	struct lease *lease = lease_find(&s->leases, address);
	struct client *client = lease ? lease->client : NULL;
	struct event *event;

	if (!client || !client->told.actual || identity(&client->told) != address ||
	    client->generation >= generation)
		return false;
	client->generation = generation - 1;
	next_generation(s, client, address);
	server_count(s, COUNTER_manager_ahead);
	if (is_as_loaded(client))
		return true;
	event = new_event(s);
	if (!event)
		return false;
	*event = binding_told(s->conf, client);
	client->batch = s->batch;
	return true;
}
