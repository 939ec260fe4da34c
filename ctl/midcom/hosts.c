// SPDX-License-Identifier: GPL-2.0-only
#include "hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/clock.h"
#include "mnat/maps.h"

static int get_info(const struct hosts *h, uint32_t id, struct mnat_host_info *ret_info)
{
	return h->maps.ops->get_info(h->maps.store, id, ret_info);
}

static int set_info(const struct hosts *h, uint32_t id, const struct mnat_host_info *info)
{
	return h->maps.ops->set_info(h->maps.store, id, info);
}

static int64_t index_of(const struct hosts *h, __be32 addr)
{
	return mnat_actual_index(h->maps.config, ntohl(addr));
}

/* The data path must see the stores of a move in the order they are written. */
static void store(volatile uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static void set_state(struct hosts *h, uint32_t id, enum slot_state state, uint32_t now)
{
	struct slot *slot = hosts_slot(h, id);

	if (!slot)
		return;
	h->n_left += (state == SLOT_LEFT) - (slot->state == SLOT_LEFT);
	slot->state = state;
	slot->since = now;
	slot->end_told = false;
}

/* ---- Addresses in their grace period ---- */

static void remember_graced(struct hosts *h, uint32_t index, uint32_t until)
{
	if (h->n_graced == h->graced_size) {
		uint32_t size = h->graced_size ? h->graced_size * 2 : 64;
		struct graced *more = realloc(h->graced, size * sizeof(*more));

		if (!more)
			return; /* only the tidying is lost: the data path compares until itself */
		h->graced = more;
		h->graced_size = size;
	}
	h->graced[h->n_graced++] = (struct graced){index, until};
}

static void start_grace(struct hosts *h, uint32_t index, uint32_t id, uint32_t now)
{
	if (mnat_actual_host(h->maps.actuals[index]) != id)
		return;
	if (!h->grace) {
		store(&h->maps.actuals[index], 0);
		return;
	}
	store(&h->maps.actuals[index], mnat_actual(id, now + h->grace));
	if (hosts_slot(h, id))
		hosts_slot(h, id)->graced_until = now + h->grace;
	remember_graced(h, index, now + h->grace);
}

void hosts_expire(struct hosts *h, uint32_t now)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < h->n_graced; i++) {
		volatile uint64_t *word = &h->maps.actuals[h->graced[i].index];
		uint32_t until = mnat_actual_until(*word);

		if (until != h->graced[i].until)
			continue; /* taken by another host, or given a new grace */
		if (until < now)
			store(word, 0);
		else
			h->graced[kept++] = h->graced[i];
	}
	h->n_graced = kept;
}

/* ---- Ids ---- */

/* Its virtual address is for the time its identity. */
static int allocate(struct hosts *h, __be32 identity, uint32_t *ret_id)
{
	struct mnat_host_info info = {.virt = identity, .identity = identity};
	uint32_t id;
	int r;

	if (!h->n_free)
		return -ENOSPC;
	id = h->free_ids[h->n_free - 1];
	/* this order: hosts_open() adds an identity that is in host_info only */
	r = set_info(h, id, &info);
	if (r)
		return r;
	r = h->maps.ops->add(h->maps.store, identity, id);
	if (r) {
		set_info(h, id, &(struct mnat_host_info){0});
		return r;
	}
	h->n_free--;
	*ret_id = id;
	return 0;
}

static void release(struct hosts *h, uint32_t id)
{
	struct mnat_host_info info;

	if (get_info(h, id, &info) || h->maps.ops->remove(h->maps.store, info.identity) ||
	    set_info(h, id, &(struct mnat_host_info){0}))
		return; /* tried again at the next sweep */
	if (info.virt != info.identity)
		hosts_unshare(h, info.virt);
	set_state(h, id, SLOT_FREE, 0);
	h->free_ids[h->n_free++] = id;
	if (h->released)
		h->released(id, h->user);
}

uint32_t hosts_release(struct hosts *h, const uint8_t *in_use, uint32_t before)
{
	uint32_t n_free = h->n_free;

	for (uint32_t i = 0; i < h->n_slots && h->n_left; i++)
		if (h->slots[i].state == SLOT_LEFT && h->slots[i].since < before &&
		    h->slots[i].graced_until < before && !(in_use[i / 8] & 1 << i % 8))
			release(h, h->maps.config->n_actuals + 1 + i);
	return h->n_free - n_free;
}

int hosts_find(const struct hosts *h, __be32 identity, uint32_t *ret_id)
{
	uint32_t id;
	int r = h->maps.ops->find(h->maps.store, identity, &id);

	if (!r && id == MNAT_HOST_SHARED)
		r = -EEXIST;
	if (!r)
		*ret_id = id;
	return r;
}

int hosts_find_or_add(struct hosts *h, __be32 identity, uint32_t now, uint32_t *ret_id)
{
	int r = identity ? hosts_find(h, identity, ret_id) : -EINVAL;

	if (r != -ENOENT)
		return r;
	r = allocate(h, identity, ret_id);
	if (!r)
		set_state(h, *ret_id, SLOT_LEFT, now);
	return r;
}

/* ---- Moves ---- */

static void tell_moved(struct hosts *h, uint32_t id, const struct mnat_host_info *info,
		       uint64_t was)
{
	if (h->moved)
		h->moved(id, info, was, h->user);
}

void hosts_unbind(struct hosts *h, uint32_t id, struct mnat_host_info *info, uint32_t now)
{
	int64_t index = info->actual ? index_of(h, info->actual) : -1;
	uint64_t was = h->maps.hosts[id];

	h->n_bound -= was != 0;
	store(&h->maps.hosts[id], 0);
	if (index >= 0 && mnat_actual_host(h->maps.actuals[index]) == id)
		store(&h->maps.actuals[index], 0);
	info->actual = 0;
	info->flags = 0;
	tell_moved(h, id, info, was);
	if (hosts_is_plain(h, id))
		memset(info, 0, sizeof(*info));
	set_info(h, id, info);
	set_state(h, id, SLOT_LEFT, now);
}

/* Nobody else may go on being reached at an address that is given to id. */
static void evict(struct hosts *h, uint32_t index, uint32_t id, uint32_t now)
{
	uint32_t others[] = {mnat_actual_host(h->maps.actuals[index]), index + 1};
	__be32 addr = htonl(mnat_actual_address(h->maps.config, index));

	for (int i = 0; i < 2; i++) {
		struct mnat_host_info info;
		uint32_t other = others[i];

		if (!other || other == id || other >= h->maps.n_hosts ||
		    hosts_actual_of(h->maps.hosts[other]) != addr)
			continue;
		if (get_info(h, other, &info))
			store(&h->maps.hosts[other], 0);
		else
			hosts_unbind(h, other, &info, now);
	}
}

/* Steps (b) to (d) of a move: the host is where word says, and at no other address. */
static int settle(struct hosts *h, uint32_t id, struct mnat_host_info *info, uint64_t word,
		  uint32_t now)
{
	int64_t from_index = info->actual ? index_of(h, info->actual) : -1;
	uint64_t was = h->maps.hosts[id];

	h->n_bound += was == 0;
	store(&h->maps.hosts[id], word); /* (b) */
	info->bound_at_ns = mnat_clock_now();
	if (from_index >= 0 && info->actual != hosts_actual_of(word))
		start_grace(h, (uint32_t)from_index, id, now); /* (c) */
	info->actual = hosts_actual_of(word);
	set_state(h, id, SLOT_BOUND, now);
	tell_moved(h, id, info, was);
	return set_info(h, id, info); /* (d) */
}

static int move(struct hosts *h, uint32_t id, struct mnat_host_info *info, __be32 to, uint8_t flags,
		uint32_t now)
{
	int64_t to_index = index_of(h, to);
	enum mnat_path path = flags & MNAT_HOST_TUNNELLED ? MNAT_PATH_TUNNEL : MNAT_PATH_TRANSLATE;
	uint64_t word = mnat_location(to, path, flags, (uint16_t)hosts_generation(info));

	evict(h, (uint32_t)to_index, id, now);
	store(&h->maps.actuals[to_index], mnat_actual(id, 0)); /* (a) */
	return settle(h, id, info, word, now);
}

/*
 * What was forwarded during the last stay is of no use any more. Kept on its own and before
 * the move, so that no agent killed between the two takes it for this stay's.
 */
static int begin_stay(struct hosts *h, uint32_t id, struct mnat_host_info *info)
{
	struct mnat_host_info was;
	int r = get_info(h, id, &was);

	if (r)
		return r;
	info->stay = ++was.stay;
	return set_info(h, id, &was);
}

/* Its packets now go to the domain it visits, or to itself in public space. */
static int move_away(struct hosts *h, uint32_t id, struct mnat_host_info *info, __be32 endpoint,
		     uint8_t flags, uint32_t now)
{
	uint64_t was = h->maps.hosts[id], word;
	int r = 0;

	if (hosts_is_away(h, id) && mnat_location_endpoint(was) == endpoint)
		flags |= mnat_location_flags(was) & MNAT_HOST_FORWARDED;
	else
		r = begin_stay(h, id, info);
	if (r)
		return r;
	word = mnat_location(endpoint, MNAT_PATH_TUNNEL, flags,
				      (uint16_t)hosts_generation(info));

	return settle(h, id, info, word, now);
}

/* A generation of one lease only means something against others of the same lease. */
static bool is_stale(const struct rebind *rebind, const struct mnat_host_info *info)
{
	if (rebind->plain && rebind->actual)
		return false; /* always at the same place; the address may have a new lease */
	return rebind->generation < info->gen;
}

/* Is the host where the manager says, whatever its flags? */
static bool is_there(const struct hosts *h, uint32_t id, const struct rebind *rebind,
		     const struct mnat_host_info *info)
{
	uint64_t word = h->maps.hosts[id];

	if (rebind->endpoint)
		return hosts_is_away(h, id) && mnat_location_endpoint(word) == rebind->endpoint;
	return rebind->actual == info->actual && hosts_actual_of(word) == rebind->actual &&
	       !(mnat_location_flags(word) & MNAT_HOST_TUNNELLED) == !rebind->tunnel &&
	       (word != 0) == (rebind->actual != 0);
}

static int find_host(struct hosts *h, const struct rebind *rebind, uint32_t *ret_id)
{
	int64_t index;

	if (!rebind->plain)
		return hosts_find(h, rebind->identity, ret_id);
	index = index_of(h, rebind->identity);
	if (index < 0)
		return -ERANGE;
	*ret_id = (uint32_t)index + 1;
	return 0;
}

static int check(const struct hosts *h, const struct rebind *rebind)
{
	if (!rebind->identity)
		return -EINVAL;
	if (rebind->plain && rebind->actual && rebind->actual != rebind->identity)
		return -EINVAL;
	if (rebind->endpoint && (rebind->plain || rebind->actual))
		return -EINVAL;
	if (rebind->tunnel && (rebind->plain || !rebind->actual))
		return -EINVAL;
	if (rebind->actual && index_of(h, rebind->actual) < 0)
		return -ERANGE;
	return hosts_check_shared(h, rebind);
}

/* All its sessions of other domains are known now: the rest are new ones. */
static void end_import(struct hosts *h, uint32_t id, const struct rebind *rebind)
{
	uint64_t word = h->maps.hosts[id];

	if (!rebind->importing && mnat_location_flags(word) & MNAT_HOST_IMPORTING)
		store(&h->maps.hosts[id], word & ~((uint64_t)MNAT_HOST_IMPORTING << 16));
}

static int apply(struct hosts *h, uint32_t id, const struct rebind *rebind,
		 struct mnat_host_info *info, uint32_t now)
{
	uint8_t flags = (rebind->plain ? MNAT_HOST_PLAIN : 0) |
			(rebind->importing ? MNAT_HOST_IMPORTING : 0) |
			(rebind->tunnel ? MNAT_HOST_TUNNELLED : 0) |
			(rebind->one_way ? MNAT_HOST_ONE_WAY : 0);
	bool binds = rebind->actual || rebind->endpoint;
	int r;

	if (is_stale(rebind, info))
		return -ESTALE;
	if (rebind->generation == info->gen && is_there(h, id, rebind, info)) {
		end_import(h, id, rebind);
		return hosts_set_virtual(h, id, rebind, info);
	}
	/* one generation, two places: whichever came first stays */
	if (!rebind->plain && binds && h->maps.hosts[id] && rebind->generation == info->gen)
		return -ESTALE;
	r = hosts_set_virtual(h, id, rebind, info);
	if (r)
		return r;
	info->gen = rebind->generation;
	info->flags = 0;
	if (rebind->endpoint)
		return move_away(h, id, info, rebind->endpoint, flags, now);
	if (rebind->actual)
		return move(h, id, info, rebind->actual, flags, now);
	hosts_unbind(h, id, info, now);
	return 0;
}

int hosts_rebind(struct hosts *h, const struct rebind *rebind, uint32_t now, uint64_t *ret_bound_at)
{
	struct mnat_host_info info = {0};
	uint32_t id;
	int r = check(h, rebind);

	if (r)
		return r;
	r = find_host(h, rebind, &id);
	if (r == -ENOENT && !rebind->actual && !rebind->endpoint) {
		*ret_bound_at = 0; /* not here, and is not to be */
		return 0;
	}
	if (r == -ENOENT)
		r = hosts_find_or_add(h, rebind->identity, now, &id);
	if (!r)
		r = get_info(h, id, &info);
	if (!r)
		r = apply(h, id, rebind, &info, now);
	if (r)
		return r;
	if (h->synced)
		h->synced[id / 8] |= (uint8_t)(1 << id % 8);
	*ret_bound_at = info.bound_at_ns;
	return 0;
}

int hosts_replace(struct hosts *h, __be32 from, __be32 to, uint32_t now)
{
	int64_t from_index = index_of(h, from), to_index = index_of(h, to);
	struct mnat_host_info info;
	uint64_t word;
	uint32_t id;
	int r;

	if (from_index < 0 || to_index < 0)
		return -ERANGE;
	word = h->maps.actuals[from_index];
	id = mnat_actual_host(word);
	if (!id || !h->maps.hosts[id])
		return -ENOENT;
	if (hosts_actual_of(h->maps.hosts[id]) == to)
		return 0;
	if (mnat_actual_until(word))
		return -ENOENT;
	if (hosts_is_plain(h, id))
		return -EOPNOTSUPP;
	word = h->maps.actuals[to_index];
	if (mnat_actual_host(word) && mnat_actual_host(word) != id && !mnat_actual_until(word))
		return -EEXIST;
	r = get_info(h, id, &info);
	if (r)
		return r;
	info.flags++;
	return move(h, id, &info, to,
		    mnat_location_flags(h->maps.hosts[id]) &
			    (MNAT_HOST_IMPORTING | MNAT_HOST_TUNNELLED),
		    now);
}

void hosts_close(struct hosts *h)
{
	hosts_sync_cancel(h);
	free(h->slots);
	free(h->free_ids);
	free(h->graced);
	memset(h, 0, sizeof(*h));
}
