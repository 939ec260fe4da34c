// SPDX-License-Identifier: GPL-2.0-only
/* Virtual addresses that several hosts have (seed paragraph 58). */
#include <arpa/inet.h>
#include <errno.h>

#include "hosts.h"

static struct shared *find_shared(struct hosts *h, __be32 virt)
{
	for (uint32_t i = 0; i < h->n_shared; i++)
		if (h->shared[i].virt == virt)
			return &h->shared[i];
	return NULL;
}

int hosts_share(struct hosts *h, __be32 virt)
{
	struct shared *shared = find_shared(h, virt);
	uint32_t id;
	int r;

	if (shared) {
		shared->n++;
		return 0;
	}
	if (h->n_shared == MNAT_MAX_SHARED)
		return -ENOSPC;
	r = h->maps.ops->find(h->maps.store, virt, &id);
	if (!r && id != MNAT_HOST_SHARED)
		return -EEXIST;
	if (r == -ENOENT)
		r = h->maps.ops->add(h->maps.store, virt, MNAT_HOST_SHARED);
	if (!r)
		h->shared[h->n_shared++] = (struct shared){virt, 1};
	return r;
}

void hosts_unshare(struct hosts *h, __be32 virt)
{
	struct shared *shared = find_shared(h, virt);

	if (!shared || --shared->n)
		return;
	h->maps.ops->remove(h->maps.store, virt);
	*shared = h->shared[--h->n_shared];
}

static bool is_virtual(const struct hosts *h, uint32_t addr)
{
	const struct mnat_gateway_config *config = h->maps.config;

	for (uint32_t i = 0; i < config->n_virtual; i++)
		if (addr >= config->virtuals[i].first && addr <= config->virtuals[i].last)
			return true;
	return false;
}

int hosts_check_shared(const struct hosts *h, const struct rebind *rebind)
{
	bool binds = rebind->actual || rebind->endpoint;

	if (!mnat_is_sharing_identity(ntohl(rebind->identity)))
		return rebind->virt ? -EINVAL : 0;
	if (!binds)
		return 0;
	if (!rebind->virt || !rebind->tunnel)
		return -EINVAL;
	/* where the data path would not know it for an address of the domain */
	return is_virtual(h, ntohl(rebind->virt)) ? 0 : -ERANGE;
}

int hosts_set_virtual(struct hosts *h, uint32_t id, const struct rebind *rebind,
		      struct mnat_host_info *info)
{
	__be32 was = info->virt;
	int r;

	if (!rebind->virt || rebind->virt == was)
		return 0;
	r = hosts_share(h, rebind->virt);
	if (r)
		return r;
	info->virt = rebind->virt;
	if (was != info->identity)
		hosts_unshare(h, was);
	return h->maps.ops->set_info(h->maps.store, id, info);
}
