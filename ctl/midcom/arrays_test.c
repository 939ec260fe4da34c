// SPDX-License-Identifier: GPL-2.0-only
#include "arrays_test.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

struct arrays arrays;

static int may_write(void)
{
	return arrays.fail_after && --arrays.fail_after == 0 ? -EIO : 0;
}

static int get_info(void *store, uint32_t id, struct mnat_host_info *ret_info)
{
	*ret_info = arrays.info[id];
	return 0;
}

static int set_info(void *store, uint32_t id, const struct mnat_host_info *info)
{
	if (arrays.on_info)
		arrays.on_info(&arrays, id);
	if (may_write())
		return -EIO;
	arrays.info[id] = *info;
	return 0;
}

/* Where addr is, 0: where there is room for another shared one. */
static __be32 *shared(__be32 addr)
{
	for (int i = 0; i < MNAT_MAX_SHARED; i++)
		if (arrays.shared[i] == addr)
			return &arrays.shared[i];
	return NULL;
}

static int find(void *store, __be32 addr, uint32_t *ret_id)
{
	if (shared(addr)) {
		*ret_id = MNAT_HOST_SHARED;
		return 0;
	}
	for (uint32_t id = FIRST_ID; id < N_HOSTS; id++) {
		if (arrays.virtuals[id] != addr)
			continue;
		*ret_id = id;
		return 0;
	}
	return -ENOENT;
}

static int add(void *store, __be32 addr, uint32_t id)
{
	if (may_write())
		return -EIO;
	if (id == MNAT_HOST_SHARED)
		*shared(0) = addr;
	else
		arrays.virtuals[id] = addr;
	return 0;
}

static int remove_virtual(void *store, __be32 addr)
{
	uint32_t id;

	if (may_write())
		return -EIO;
	if (shared(addr))
		*shared(addr) = 0;
	else if (!find(store, addr, &id))
		arrays.virtuals[id] = 0;
	return 0;
}

static const struct hosts_store_ops ops = {get_info, set_info, find, add, remove_virtual};

void arrays_clear(void)
{
	memset(&arrays, 0, sizeof(arrays));
	arrays.config.n_inside = 1;
	arrays.config.inside[0] = (struct mnat_prefix){0x0a000000, 0x0a00ffff, 0};
	arrays.config.n_actuals = N_ACTUALS;
	arrays.config.n_virtual = 1;
	arrays.config.virtuals[0] = (struct mnat_prefix){0x0a800000, 0x0affffff};
}

void arrays_open(struct hosts *hosts, uint32_t now)
{
	const struct hosts_maps maps = {
		.hosts = arrays.hosts,
		.actuals = arrays.actuals,
		.n_hosts = N_HOSTS,
		.config = &arrays.config,
		.ops = &ops,
		.store = &arrays,
	};

	cr_assert_eq(hosts_open(hosts, &maps, GRACE, now), 0);
}

uint64_t *actual_word(const char *addr)
{
	return &arrays.actuals[ntohl(ip(addr)) - 0x0a000000];
}
