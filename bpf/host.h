/* SPDX-License-Identifier: GPL-2.0-only */
/* Which host an inside address is, and where a host is now. */
#ifndef MNAT_HOST_H
#define MNAT_HOST_H

#include "count.h"
#include "gateway_maps.h"

static __always_inline __u32 now_seconds(void)
{
	return bpf_ktime_get_coarse_ns() / NS_PER_SEC;
}

/* The address's index in "actuals", or -1 when it is outside every inside prefix. */
static __always_inline long actual_index(__be32 addr)
{
	__u32 host_order = bpf_ntohl(addr);

	for (__u32 i = 0; i < MNAT_MAX_INSIDE && i < cfg.n_inside; i++) {
		__u32 first = cfg.inside[i].first;

		if (host_order >= first && host_order <= cfg.inside[i].last)
			return cfg.inside[i].base + (host_order - first);
	}
	return -1;
}

/* May a mobile host have it for its virtual address? */
static __always_inline bool is_virtual(__be32 addr)
{
	__u32 host_order = bpf_ntohl(addr);

	for (__u32 i = 0; i < MNAT_MAX_VIRTUAL && i < cfg.n_virtual; i++)
		if (host_order >= cfg.virtuals[i].first && host_order <= cfg.virtuals[i].last)
			return true;
	return false;
}

static __always_inline bool is_in_domain(__be32 addr)
{
	return actual_index(addr) >= 0 || is_virtual(addr);
}

/*
 * The host that may send from this address. A host that moved away may for its
 * grace period: packets of the old path arrive later than the move. Returns the
 * id, or 0 with the reason to refuse.
 */
static __always_inline __u32 host_of(__be32 addr, int *ret_reason)
{
	long index = actual_index(addr);
	__u32 key = index, until;
	__u64 *word;

	*ret_reason = MNAT_C_NO_HOST;
	if (index < 0)
		return 0;
	word = bpf_map_lookup_elem(&actuals, &key);
	if (!word)
		return 0;
	if (!mnat_actual_host(*word))
		return cfg.plain_hosts ? key + 1 : 0;
	until = mnat_actual_until(*word);
	if (until && now_seconds() > until) {
		*ret_reason = MNAT_C_OLD_ACTUAL;
		return 0;
	}
	return mnat_actual_host(*word);
}

static __always_inline __u64 host_location(__u32 host)
{
	__u64 *word = bpf_map_lookup_elem(&hosts, &host);

	return word ? *word : 0;
}

/* A plain host without a lease is first heard of by its first session. */
static __always_inline void host_note_plain(__u32 host, __be32 addr)
{
	__u64 *word;

	if (host > cfg.n_actuals)
		return;
	word = bpf_map_lookup_elem(&hosts, &host);
	if (word && !*word)
		*word = mnat_location(addr, MNAT_PATH_TRANSLATE, MNAT_HOST_PLAIN, 0);
}

#endif
