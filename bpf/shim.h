/* SPDX-License-Identifier: GPL-2.0-only */
/* The shim's state, as mnatc last put it in force. */
#ifndef MNAT_SHIM_H
#define MNAT_SHIM_H

#include "count.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MNAT_SHIM_SLOTS);
	__type(key, __u32);
	__type(value, struct mnat_shim);
} shim SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} shim_active SEC(".maps");

static __always_inline struct mnat_shim *shim_in_force(void)
{
	__u32 zero = 0, *active = bpf_map_lookup_elem(&shim_active, &zero), slot;

	if (!active)
		return NULL;
	slot = *active;
	return bpf_map_lookup_elem(&shim, &slot);
}

/* Is addr on the actual subnet's link? (seed paragraph 134) */
static __always_inline bool shim_on_link(const struct mnat_shim *s, __be32 addr)
{
	return (addr & s->mask) == (s->actual & s->mask);
}

static __always_inline void shim_note(__u64 *first_ns)
{
	if (!*first_ns)
		*first_ns = bpf_ktime_get_boot_ns();
}

static __always_inline __u64 mac_pack(const __u8 *mac)
{
	__u64 packed = 0;

	__builtin_memcpy(&packed, mac, ETH_ALEN);
	return packed;
}

#endif
