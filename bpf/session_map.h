/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of sessions (mnat/session_table.h), as the programs reach it. */
#ifndef MNAT_SESSION_MAP_H
#define MNAT_SESSION_MAP_H

#include "gateway_maps.h"

typedef struct {
} table_t; /* there is one only */

static __always_inline volatile __u64 *table_tags(table_t t, __u32 bucket)
{
	return bpf_map_lookup_elem(&session_tags, &bucket);
}

static __always_inline struct mnat_session_slot *table_slot(table_t t, __u32 index)
{
	return bpf_map_lookup_elem(&sessions, &index);
}

static __always_inline __u32 table_buckets(table_t t)
{
	return cfg.n_buckets;
}

static __always_inline __u64 table_seed(table_t t)
{
	return cfg.session_seed;
}

#include "mnat/session_table.h"

/* The index of its slot, or -1. Global, as session_insert(): each is verified once, by itself. */
__noinline long session_index(const struct mnat_session_key *key)
{
	return key ? table_find((table_t){}, key) : -1;
}

/* The session, or NULL. */
static __always_inline struct mnat_session *session_lookup(const struct mnat_session_key *key)
{
	__u32 index = session_index(key);
	struct mnat_session_slot *slot = table_slot((table_t){}, index);

	if (!slot)
		return NULL;
	asm volatile("" : "+r"(slot)); /* clang would add before it compares */
	return &slot->session;
}

/* 0, -EEXIST, -EBUSY or -E2BIG, as table_insert(). */
__noinline int session_insert(const struct mnat_session_key *key,
			      const struct mnat_session *session)
{
	return key && session ? table_insert((table_t){}, key, session) : -TABLE_E2BIG;
}

#endif
