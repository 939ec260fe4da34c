// SPDX-License-Identifier: GPL-2.0-only
/* Finding the hosts of the maps again after a start, clean or not. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "hosts.h"
#include "mnat/maps.h"

/* What JSON can carry whole. */
#define EPOCH_MASK ((1ull << 53) - 1)

/* Slot 0 of host_info is no host's: it remembers when the maps were new. */
static int read_epoch(struct hosts *h)
{
	struct mnat_host_info info;
	int r = h->maps.ops->get_info(h->maps.store, 0, &info);

	if (r)
		return r;
	while (!info.bound_at_ns) {
		if (getrandom(&info.bound_at_ns, sizeof(info.bound_at_ns), 0) < 0)
			return -errno;
		info.bound_at_ns &= EPOCH_MASK;
		r = h->maps.ops->set_info(h->maps.store, 0, &info);
		if (r)
			return r;
	}
	h->epoch = info.bound_at_ns;
	return 0;
}

/*
 * Killed between the store that moved the host and its record: the store counts.
 * The record's generation is at most a few behind the word's 16 bits.
 */
static int catch_up(struct hosts *h, uint32_t id, struct mnat_host_info *info)
{
	uint64_t word = h->maps.hosts[id];
	__be32 actual = hosts_actual_of(word);

	if (info->actual == actual &&
	    (!word || (uint16_t)hosts_generation(info) == mnat_location_gen(word)))
		return 0;
	if (word)
		info->gen += (uint16_t)(mnat_location_gen(word) - (uint16_t)info->gen);
	info->actual = actual;
	info->flags = 0;
	return h->maps.ops->set_info(h->maps.store, id, info);
}

static int read_mobile(struct hosts *h, uint32_t id, uint32_t now)
{
	struct slot *slot = &h->slots[id - h->maps.config->n_actuals - 1];
	struct mnat_host_info info;
	uint32_t found;
	int r = h->maps.ops->get_info(h->maps.store, id, &info);

	if (r)
		return r;
	if (!info.identity) {
		h->free_ids[h->n_free++] = id;
		return 0;
	}
	slot->state = h->maps.hosts[id] ? SLOT_BOUND : SLOT_LEFT;
	slot->since = now;
	h->n_left += slot->state == SLOT_LEFT;
	if (h->maps.ops->find(h->maps.store, info.identity, &found) || found != id)
		r = h->maps.ops->add(h->maps.store, info.identity, id);
	if (!r && info.virt != info.identity)
		r = hosts_share(h, info.virt);
	return r ? r : catch_up(h, id, &info);
}

/* An address marked current whose host is elsewhere: the killed move's (a) or (c). */
static void read_actual(struct hosts *h, uint32_t index, uint32_t now)
{
	uint64_t word = h->maps.actuals[index];
	uint32_t id = mnat_actual_host(word), until = mnat_actual_until(word);
	__be32 addr = htonl(mnat_actual_address(h->maps.config, index));

	if (!word)
		return;
	if (id >= h->maps.n_hosts) {
		h->maps.actuals[index] = 0;
		return;
	}
	if (!until && hosts_actual_of(h->maps.hosts[id]) != addr) {
		until = now + h->grace;
		h->maps.actuals[index] = mnat_actual(id, until);
	}
	if (!until)
		return;
	if (id > h->maps.config->n_actuals)
		h->slots[id - h->maps.config->n_actuals - 1].graced_until = until;
	h->graced[h->n_graced++] = (struct graced){index, until};
}

static int make_room(struct hosts *h)
{
	const struct mnat_gateway_config *config = h->maps.config;

	if (h->maps.n_hosts <= config->n_actuals)
		return -EINVAL;
	h->n_slots = h->maps.n_hosts - config->n_actuals - 1;
	h->slots = calloc(h->n_slots + 1, sizeof(*h->slots));
	h->free_ids = calloc(h->n_slots + 1, sizeof(*h->free_ids));
	for (uint32_t i = 0; i < config->n_actuals; i++)
		h->graced_size += h->maps.actuals[i] != 0;
	h->graced_size += 64;
	h->graced = calloc(h->graced_size, sizeof(*h->graced));
	return h->slots && h->free_ids && h->graced ? 0 : -ENOMEM;
}

int hosts_open(struct hosts *h, const struct hosts_maps *maps, uint32_t grace, uint32_t now)
{
	int r;

	*h = (struct hosts){.maps = *maps, .grace = grace};
	r = make_room(h);
	if (!r)
		r = read_epoch(h);
	/* downwards, so that the lowest free id is given out first */
	for (uint32_t id = maps->n_hosts - 1; !r && id > maps->config->n_actuals; id--)
		r = read_mobile(h, id, now);
	if (r) {
		hosts_close(h);
		return r;
	}
	for (uint32_t i = 0; i < maps->config->n_actuals; i++)
		read_actual(h, i, now);
	for (uint32_t id = 1; id < maps->n_hosts; id++)
		h->n_bound += maps->hosts[id] != 0;
	return 0;
}
