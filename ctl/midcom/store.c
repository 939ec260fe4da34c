// SPDX-License-Identifier: GPL-2.0-only
#include "store.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "mnat/maps.h"

static int get_info(void *store, uint32_t id, struct mnat_host_info *ret_info)
{
	const struct mnat_gateway *gateway = store;

	return bpf_map_lookup_elem(gateway->host_info_fd, &id, ret_info) ? -errno : 0;
}

static int set_info(void *store, uint32_t id, const struct mnat_host_info *info)
{
	const struct mnat_gateway *gateway = store;

	return bpf_map_update_elem(gateway->host_info_fd, &id, info, BPF_ANY) ? -errno : 0;
}

static int find(void *store, __be32 addr, uint32_t *ret_id)
{
	const struct mnat_gateway *gateway = store;

	return bpf_map_lookup_elem(gateway->virtuals_fd, &addr, ret_id) ? -errno : 0;
}

static int add(void *store, __be32 addr, uint32_t id)
{
	const struct mnat_gateway *gateway = store;

	return bpf_map_update_elem(gateway->virtuals_fd, &addr, &id, BPF_ANY) ? -errno : 0;
}

static int remove_virtual(void *store, __be32 addr)
{
	const struct mnat_gateway *gateway = store;

	if (bpf_map_delete_elem(gateway->virtuals_fd, &addr) && errno != ENOENT)
		return -errno;
	return 0;
}

const struct hosts_store_ops bpf_store = {
	.get_info = get_info,
	.set_info = set_info,
	.find = find,
	.add = add,
	.remove = remove_virtual,
};
