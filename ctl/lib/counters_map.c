// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/cleanup.h"
#include "mnat/control.h"
#include "mnat/maps.h"

int mnat_counters_read(int fd, struct mnat_counter *ret_counters)
{
	int n_cpus = libbpf_num_possible_cpus();
	struct mnat_counter sums[MNAT_N_COUNTERS] = {0};
	_cleanup_free_ struct mnat_counter *per_cpu = NULL;

	if (n_cpus < 0)
		return n_cpus;
	per_cpu = calloc((size_t)n_cpus, sizeof(*per_cpu));
	if (!per_cpu)
		return -ENOMEM;
	for (uint32_t id = 0; id < MNAT_N_COUNTERS; id++) {
		if (bpf_map_lookup_elem(fd, &id, per_cpu))
			return -errno;
		for (int cpu = 0; cpu < n_cpus; cpu++) {
			sums[id].packets += per_cpu[cpu].packets;
			sums[id].bytes += per_cpu[cpu].bytes;
		}
	}
	memcpy(ret_counters, sums, sizeof(sums));
	return 0;
}

static bool belongs(enum mnat_counter_id id, enum mnat_role role)
{
	return (id >= MNAT_C_NODE_OUT) == (role == MNAT_ROLE_NODE);
}

int mnat_counters_dump(struct mnat_control_client *client, int fd, enum mnat_role role)
{
	static const char *const classes[] = {
		[MNAT_CLASS_FORWARD] = "forward",
		[MNAT_CLASS_STACK] = "stack",
		[MNAT_CLASS_DROP] = "drop",
		[MNAT_CLASS_EVENT] = "event",
	};
	struct mnat_counter counters[MNAT_N_COUNTERS];
	int r = mnat_counters_read(fd, counters);

	if (r)
		return r;
	for (enum mnat_counter_id id = 0; id < MNAT_N_COUNTERS; id++)
		if (belongs(id, role) || counters[id].packets)
			mnat_control_row(client,
					 json_pack("{s:s, s:s, s:I, s:I, s:s}", "name",
						   mnat_counter_name(id), "class",
						   classes[mnat_counter_class(id)], "packets",
						   (json_int_t)counters[id].packets, "bytes",
						   (json_int_t)counters[id].bytes, "text",
						   mnat_counter_text(id)));
	return 0;
}
