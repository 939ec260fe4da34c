/* SPDX-License-Identifier: GPL-2.0-only */
/* The counters of abi.h: every way out of a program passes through here. */
#ifndef MNAT_COUNT_H
#define MNAT_COUNT_H

#include "defs.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MNAT_N_COUNTERS);
	__type(key, __u32);
	__type(value, struct mnat_counter);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mnat_abi);
} abi SEC(".maps");

static __always_inline void count_n(enum mnat_counter_id id, __u64 packets, __u64 bytes)
{
	struct mnat_counter *c;
	__u32 key = id;

	c = bpf_map_lookup_elem(&counters, &key);
	if (c) {
		c->packets += packets;
		c->bytes += bytes;
	}
}

static __always_inline void count(enum mnat_counter_id id, __u32 bytes)
{
	count_n(id, 1, bytes);
}

#endif
