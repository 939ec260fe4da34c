// SPDX-License-Identifier: GPL-2.0-only
/* A batch's changes to the disk, and its events to whoever tells the manager. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

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
	if (!r)
		r = auth_store(s);
	return r ? r : s->store_ops->commit(s->store);
}

int server_commit(struct server *s)
{
	int r;

	if (!s->leases.dirty && !s->auth.dirty)
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
		lease->storing = r;
	}
	auth_clean(&s->auth);
	return r;
}

void server_stored(struct server *s, int result)
{
	s->store_fails = result;
	auth_stored(&s->auth, result);
	for (size_t i = 0; i < s->n_storing; i++) {
		struct lease *lease = lease_find(&s->leases, s->storing[i]);

		if (!lease)
			continue;
		lease->storing = false;
		if (result)
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
