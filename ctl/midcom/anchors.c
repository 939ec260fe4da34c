// SPDX-License-Identifier: GPL-2.0-only
#include "anchors.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elsewhere.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

#define PIECE 512 /* sessions looked at in one turn: less than 0.1 ms */

static int put_slot(struct anchors *a, uint32_t slot, const struct mnat_anchor *anchor)
{
	if (bpf_map_update_elem(a->gateway->anchors_fd, &slot, anchor, BPF_ANY))
		return -errno;
	a->slots[slot] = *anchor;
	return 0;
}

static bool is_free(const struct mnat_anchor *anchor)
{
	return !anchor->gateway && !(anchor->flags & MNAT_ANCHOR_REMOVED);
}

uint32_t anchors_find(const struct anchors *a, const struct anchor_name *name)
{
	for (uint32_t i = 1; i < a->n; i++)
		if (a->slots[i].gateway == name->gateway && a->slots[i].virt == name->virt &&
		    a->slots[i].host == name->host && a->slots[i].gateway)
			return i;
	return 0;
}

static uint32_t find_free(struct anchors *a)
{
	for (uint32_t i = 1; i < a->n; i++) {
		uint32_t slot = 1 + (a->next_free + i - 1) % (a->n - 1);

		if (is_free(&a->slots[slot])) {
			a->next_free = slot;
			return slot;
		}
	}
	return 0;
}

/* ---- Defaults ---- */

static uint32_t default_of(const struct anchors *a, uint32_t host)
{
	uint32_t slot;

	return bpf_map_lookup_elem(a->gateway->defaults_fd, &host, &slot) ? 0 : slot;
}

static int set_default(struct anchors *a, uint32_t host, uint32_t slot)
{
	return bpf_map_update_elem(a->gateway->defaults_fd, &host, &slot, BPF_ANY) ? -errno : 0;
}

static void clear_default(struct anchors *a, uint32_t host, uint32_t slot)
{
	if (default_of(a, host) == slot)
		set_default(a, host, 0);
}

/* ---- Arrivals ---- */

/* Whose tunnel packets of this peer and address are; 0: nobody's. */
static uint32_t admitted(const struct anchors *a, const struct anchor_name *name)
{
	const struct mnat_arrival_key key = {name->gateway, name->virt};
	uint32_t host;

	return bpf_map_lookup_elem(a->gateway->arrivals_fd, &key, &host) ? 0 : host;
}

int anchors_admit(struct anchors *a, const struct anchor_name *name)
{
	const struct mnat_arrival_key key = {name->gateway, name->virt};
	uint32_t other = admitted(a, name);

	if (!name->gateway || !name->virt)
		return -EINVAL;
	if (other != name->host && other && other < a->hosts->maps.n_hosts &&
	    a->hosts->maps.hosts[other])
		return -EEXIST;
	if (other != name->host &&
	    bpf_map_update_elem(a->gateway->arrivals_fd, &key, &name->host, BPF_ANY))
		return -errno;
	anchors_sync_note_arrival(a, name);
	return 0;
}

static void drop_arrival(struct anchors *a, const struct anchor_name *name)
{
	const struct mnat_arrival_key key = {name->gateway, name->virt};

	if (admitted(a, name) == name->host)
		bpf_map_delete_elem(a->gateway->arrivals_fd, &key);
}

/* One entry admits packets both for the host and from it: either use keeps it. */
void anchors_dismiss(struct anchors *a, const struct anchor_name *name)
{
	if (!anchors_find(a, name))
		drop_arrival(a, name);
}

int anchors_admit_correspondent(const struct anchors *a, uint32_t slot, __be32 correspondent)
{
	const struct anchor_name name = {a->slots[slot].host, correspondent, a->slots[slot].virt};
	const struct mnat_arrival_key key = {name.gateway, name.virt};
	uint32_t host = name.host | MNAT_ARRIVAL_TO;

	if (admitted(a, &name) == host ||
	    !bpf_map_update_elem(a->gateway->arrivals_fd, &key, &host, BPF_NOEXIST))
		return 0;
	return errno == EEXIST ? -EEXIST : -ENOSPC;
}

static bool is_behind(const struct anchors *a, const struct anchor_name *name)
{
	return hosts_is_away(a->hosts, name->host) &&
	       mnat_location_endpoint(a->hosts->maps.hosts[name->host]) == name->gateway;
}

/* ---- What is no more ---- */

static bool is_released(const struct anchors *a, uint32_t host)
{
	const struct slot *slot = hosts_slot(a->hosts, host);

	return !slot || slot->state == SLOT_FREE;
}

static bool has_anchor(const struct anchors *a, uint32_t host, __be32 virt)
{
	for (uint32_t i = 1; i < a->n; i++)
		if (a->slots[i].gateway && a->slots[i].host == host && a->slots[i].virt == virt)
			return true;
	return false;
}

/* Of a host that is no more, or of correspondents of sessions of an anchor that is not. */
static bool is_stale(const struct anchors *a, const struct mnat_arrival_key *key, uint32_t host)
{
	return is_released(a, host & ~MNAT_ARRIVAL_TO) ||
	       (host & MNAT_ARRIVAL_TO && !has_anchor(a, host & ~MNAT_ARRIVAL_TO, key->virt));
}

void anchors_drop_arrivals(struct anchors *a,
			   bool (*is_dead)(const struct anchors *a,
					   const struct mnat_arrival_key *key, uint32_t host))
{
	struct batch batch;
	int more = batch_open(&batch, a->gateway->arrivals_fd, sizeof(struct mnat_arrival_key),
			      sizeof(uint32_t), PIECE)
			   ? -1
			   : 1;

	while (more > 0) {
		more = batch_next(&batch);
		for (uint32_t i = 0; more >= 0 && i < batch.n; i++) {
			struct mnat_arrival_key key;
			uint32_t host;

			memcpy(&key, batch.keys + i * sizeof(key), sizeof(key));
			memcpy(&host, batch.values + i * sizeof(host), sizeof(host));
			if (is_dead(a, &key, host))
				bpf_map_delete_elem(a->gateway->arrivals_fd, &key);
		}
	}
	batch_close(&batch);
}

/* ---- Removing sessions ---- */

static void free_walked(struct anchors *a)
{
	static const struct mnat_anchor none;

	for (uint32_t i = 1; i < a->n; i++)
		if (a->walked[i / 8] & 1 << i % 8 && !put_slot(a, i, &none))
			a->n_used--;
	anchors_drop_arrivals(a, is_stale);
}

static void reap(struct anchors *a)
{
	for (uint32_t i = 0; i < a->batch.n; i++) {
		const struct mnat_session_key *key = (void *)(a->batch.keys + i * sizeof(*key));
		struct mnat_session session;
		uint32_t slot;

		memcpy(&session, a->batch.values + i * sizeof(session), sizeof(session));
		slot = session.binding & ~MNAT_BINDING_ANCHOR;
		if (!(session.binding & MNAT_BINDING_ANCHOR) || slot >= a->n ||
		    !(a->slots[slot].flags & MNAT_ANCHOR_REMOVED))
			continue;
		mnat_session_remove(a->gateway, key);
		elsewhere_forget(a->gateway, key);
	}
}

static void begin_walk(struct anchors *a);

static void on_reaper(uv_idle_t *idle)
{
	struct anchors *a = idle->data;
	int more = batch_next(&a->batch);

	if (more >= 0)
		reap(a);
	if (more > 0)
		return;
	uv_idle_stop(&a->reaper);
	a->reaping = false;
	batch_close(&a->batch);
	if (more < 0)
		log_warn("sessions of a removed anchor cannot be found: %s; they stay until they "
			 "expire",
			 strerror(-more));
	free_walked(a);
	if (a->again)
		begin_walk(a);
}

static void begin_walk(struct anchors *a)
{
	a->again = a->reaping;
	if (a->reaping)
		return;
	for (uint32_t i = 1; i < a->n; i++) {
		uint8_t bit = (uint8_t)(1 << i % 8);

		a->walked[i / 8] &= (uint8_t)~bit;
		if (a->slots[i].flags & MNAT_ANCHOR_REMOVED)
			a->walked[i / 8] |= bit;
	}
	/* without memory the slots stay removed: the next walk frees them */
	if (batch_open_sessions(&a->batch, a->gateway, PIECE))
		return;
	a->reaping = true;
	uv_idle_start(&a->reaper, on_reaper);
}

/* ---- What managers ask for ---- */

int anchors_set(struct anchors *a, const struct anchor_name *name, uint32_t flags, bool is_default)
{
	const struct mnat_anchor anchor = {
		.gateway = name->gateway,
		.virt = name->virt,
		.host = name->host,
		.flags = flags,
	};
	uint32_t slot = anchors_find(a, name);
	bool is_new = !slot;
	int r = anchors_admit(a, name);

	if (r)
		return r;
	if (is_new)
		slot = find_free(a);
	if (!slot) {
		drop_arrival(a, name);
		return -ENOSPC;
	}
	r = put_slot(a, slot, &anchor);
	if (r)
		return r;
	a->n_used += is_new;
	anchors_sync_note_anchor(a, slot);
	if (is_default)
		return set_default(a, name->host, slot);
	clear_default(a, name->host, slot);
	return 0;
}

void anchors_remove(struct anchors *a, const struct anchor_name *name)
{
	uint32_t slot = anchors_find(a, name);
	const struct mnat_anchor removed = {.host = name->host, .flags = MNAT_ANCHOR_REMOVED};

	if (!slot || put_slot(a, slot, &removed))
		return;
	clear_default(a, name->host, slot);
	if (!is_behind(a, name))
		drop_arrival(a, name);
	begin_walk(a);
}

/* ---- Released hosts ---- */

/* No session names them, or they would not have been released. */
void anchors_forget_released(struct anchors *a)
{
	static const struct mnat_anchor none;

	for (uint32_t i = 1; i < a->n; i++) {
		if (!a->slots[i].gateway || !is_released(a, a->slots[i].host))
			continue;
		clear_default(a, a->slots[i].host, i);
		if (!put_slot(a, i, &none))
			a->n_used--;
	}
	anchors_drop_arrivals(a, is_stale);
}

/* ---- Life ---- */

static int read_slots(struct anchors *a)
{
	bool removing = false;

	for (uint32_t i = 1; i < a->n; i++) {
		if (bpf_map_lookup_elem(a->gateway->anchors_fd, &i, &a->slots[i]))
			return -errno;
		a->n_used += !is_free(&a->slots[i]);
		removing |= a->slots[i].flags & MNAT_ANCHOR_REMOVED;
	}
	if (removing)
		begin_walk(a);
	return 0;
}

int anchors_open(struct anchors *a, uv_loop_t *loop, const struct mnat_gateway *gateway,
		 struct hosts *hosts)
{
	int r;

	*a = (struct anchors){.gateway = gateway, .hosts = hosts, .n = gateway->n_anchors};
	a->slots = calloc(a->n + 1, sizeof(*a->slots));
	a->walked = calloc(1, a->n / 8 + 1);
	if (!a->slots || !a->walked) {
		anchors_close(a);
		return -ENOMEM;
	}
	uv_idle_init(loop, &a->reaper);
	a->reaper.data = a;
	a->open = true;
	r = read_slots(a);
	if (r)
		anchors_close(a);
	return r;
}

void anchors_close(struct anchors *a)
{
	if (a->open)
		uv_close((uv_handle_t *)&a->reaper, NULL);
	if (a->reaping)
		batch_close(&a->batch);
	a->open = a->reaping = false;
	anchors_sync_cancel(a);
	free(TAKE_PTR(a->slots));
	free(TAKE_PTR(a->walked));
}
