// SPDX-License-Identifier: GPL-2.0-only
#include "ends.h"

static uint32_t first_id(const struct hosts *h)
{
	return h->maps.config->n_actuals + 1;
}

bool ends_are_awaited(const struct hosts *h)
{
	for (uint32_t i = 0; i < h->n_slots; i++)
		if (hosts_is_away(h, first_id(h) + i))
			return true;
	return false;
}

void ends_tell(struct hosts *h, const uint8_t *anchored, uint32_t before,
	       bool (*tell)(__be32 virt, void *user), void *user)
{
	for (uint32_t i = 0; i < h->n_slots; i++) {
		struct slot *slot = &h->slots[i];
		struct mnat_host_info info;
		uint32_t id = first_id(h) + i;

		if (!hosts_is_away(h, id) || slot->since >= before)
			continue;
		if (anchored[i / 8] & 1 << i % 8)
			slot->end_told = false;
		else if (!slot->end_told && !h->maps.ops->get_info(h->maps.store, id, &info))
			slot->end_told = tell(info.identity, user);
	}
}

void ends_tell_again(struct hosts *h)
{
	for (uint32_t i = 0; i < h->n_slots; i++)
		h->slots[i].end_told = false;
}
