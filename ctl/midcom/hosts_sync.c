// SPDX-License-Identifier: GPL-2.0-only
/* A manager's whole table: hosts it no longer names are unbound. */
#include <errno.h>
#include <stdlib.h>

#include "hosts.h"

int hosts_sync_begin(struct hosts *h)
{
	if (h->synced)
		return -EBUSY;
	h->synced = calloc(1, h->maps.n_hosts / 8 + 1);
	return h->synced ? 0 : -ENOMEM;
}

/* A plain host is ours to unbind only if a lease put it there. */
static bool is_leased(const struct hosts *h, uint32_t id)
{
	return h->maps.hosts[id] &&
	       (!hosts_is_plain(h, id) || mnat_actual_host(h->maps.actuals[id - 1]) == id);
}

void hosts_sync_end(struct hosts *h, uint32_t now)
{
	if (!h->synced)
		return;
	for (uint32_t id = 1; id < h->maps.n_hosts; id++) {
		struct mnat_host_info info;

		if (is_leased(h, id) && !(h->synced[id / 8] & 1 << id % 8) &&
		    !h->maps.ops->get_info(h->maps.store, id, &info))
			hosts_unbind(h, id, &info, now);
	}
	hosts_sync_cancel(h);
}

void hosts_sync_cancel(struct hosts *h)
{
	free(h->synced);
	h->synced = NULL;
}
