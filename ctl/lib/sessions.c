// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "mnat/maps.h"

typedef const struct mnat_gateway *table_t;

static volatile __u64 *table_tags(table_t g, uint32_t bucket)
{
	return (volatile __u64 *)&g->session_tags[bucket];
}

static struct mnat_session_slot *table_slot(table_t g, uint32_t index)
{
	return &g->sessions[index];
}

static uint32_t table_buckets(table_t g)
{
	return g->n_buckets;
}

static uint64_t table_seed(table_t g)
{
	return g->config.session_seed;
}

#include "mnat/session_table.h"

_Static_assert(TABLE_EEXIST == EEXIST && TABLE_EBUSY == EBUSY && TABLE_ENOENT == ENOENT &&
		       TABLE_E2BIG == E2BIG,
	       "the system's errors");

bool mnat_session_get(const struct mnat_gateway *g, const struct mnat_session_key *key,
		      struct mnat_session *ret_session)
{
	long index = table_find(g, key);

	if (index >= 0)
		*ret_session = g->sessions[index].session;
	return index >= 0;
}

int mnat_session_add(const struct mnat_gateway *g, const struct mnat_session_key *key,
		     const struct mnat_session *session)
{
	int r = table_insert(g, key, session);

	return r == -E2BIG ? -ENOSPC : r;
}

int mnat_session_change(const struct mnat_gateway *g, const struct mnat_session_key *key,
			const struct mnat_session *session)
{
	long index = table_find(g, key);

	if (index < 0)
		return -ENOENT;
	g->sessions[index].session = *session;
	return 0;
}

int mnat_session_remove(const struct mnat_gateway *g, const struct mnat_session_key *key)
{
	return table_delete(g, key);
}

/* The bytes that are sessions: neither empty nor busy. */
static uint64_t shown(uint64_t word)
{
	return ~word & ~table_zeros(word) & ~TABLE_LOWS;
}

uint32_t mnat_sessions_read(const struct mnat_gateway *g, uint32_t *bucket,
			    struct mnat_session_key *ret_keys, struct mnat_session *ret_sessions,
			    uint32_t room)
{
	uint32_t n = 0;

	for (; *bucket < g->n_buckets && room - n >= MNAT_BUCKET_SLOTS; ++*bucket) {
		uint64_t bits = shown(*table_tags(g, *bucket));

		for (; bits; bits &= bits - 1) {
			const struct mnat_session_slot *slot =
				&g->sessions[*bucket * MNAT_BUCKET_SLOTS + table_lowest(bits)];

			ret_keys[n] = slot->key;
			ret_sessions[n++] = slot->session;
		}
	}
	return n;
}

/* A packet puts a session there within a microsecond: what stays busy longer is nobody's. */
void mnat_sessions_repair(const struct mnat_gateway *g)
{
	for (uint32_t i = 0; i < g->n_buckets; i++) {
		uint64_t busy = *table_tags(g, i) & ~TABLE_LOWS, was = *table_tags(g, i);

		if (!busy)
			continue;
		usleep(1000);
		for (; busy; busy &= busy - 1) {
			uint32_t at = table_lowest(busy);

			if ((*table_tags(g, i) ^ was) >> 8 * at & 0xff)
				continue;
			table_keep(table_tags(g, i), at, 0);
		}
	}
}
