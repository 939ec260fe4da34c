// SPDX-License-Identifier: GPL-2.0-only
#include "homes.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/cleanup.h"
#include "mnat/log.h"

/* Entries to write at one stroke: a call each would cost a move its milliseconds. */
struct entries {
	struct mnat_home_key *keys;
	struct mnat_home *values;
	uint32_t n;
};

static void entries_done(struct entries *entries)
{
	free(entries->keys);
	free(entries->values);
}

static int entries_init(struct entries *entries, const struct sessions *sessions)
{
	size_t room = HASH_COUNT(sessions->table) + 1;

	entries->keys = calloc(room, sizeof(*entries->keys));
	entries->values = calloc(room, sizeof(*entries->values));
	return entries->keys && entries->values ? 0 : -ENOMEM;
}

static int write_all(int fd, const struct entries *entries)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t n = entries->n;

	if (!n || !bpf_map_update_batch(fd, entries->keys, entries->values, &n, &opts))
		return 0;
	log_err("%u of %u sessions cannot be told to the shim: %m; they stand still until the "
		"node is back where they began",
		entries->n - n, entries->n);
	return -errno;
}

/* May it be written while the place we leave is in force? One that ends a tunnel may not. */
static bool disturbs(int fd, const struct mnat_home_key *key, const struct mnat_home *home)
{
	struct mnat_home is;

	return !home->gateway && homes_get(fd, key, &is) && is.gateway;
}

static int write_entries(int fd, const struct sessions *sessions, struct roam *roam,
			 const struct place *place, bool gently)
{
	_cleanup_(entries_done) struct entries entries = {};
	int needed = 0, r = entries_init(&entries, sessions);

	if (r)
		return r;
	for (const struct session *s = sessions->table; s; s = s->hh.next) {
		struct mnat_home home;

		if (!session_entry(s, roam, place, &home))
			continue;
		needed++;
		if (gently && disturbs(fd, &s->key, &home))
			continue;
		entries.keys[entries.n] = s->key;
		entries.values[entries.n++] = home;
	}
	r = write_all(fd, &entries);
	return r ? r : needed;
}

int homes_prepare(int fd, const struct sessions *sessions, struct roam *roam,
		  const struct place *place)
{
	return write_entries(fd, sessions, roam, place, true);
}

bool homes_get(int fd, const struct mnat_home_key *key, struct mnat_home *ret_home)
{
	return !bpf_map_lookup_elem(fd, key, ret_home);
}

static bool is_needed(const struct mnat_home_key *key, const struct sessions *sessions,
		      struct roam *roam, const struct place *place)
{
	const struct session *session;
	struct mnat_home home;

	HASH_FIND(hh, sessions->table, key, sizeof(*key), session);
	return session && session_entry(session, roam, place, &home);
}

/* The next key is read before this one goes: a deleted key has no successor. */
static void remove_others(int fd, const struct sessions *sessions, struct roam *roam,
			  const struct place *place)
{
	struct mnat_home_key key, next;
	bool more = !bpf_map_get_next_key(fd, NULL, &key);

	while (more) {
		more = !bpf_map_get_next_key(fd, &key, &next);
		if (!is_needed(&key, sessions, roam, place))
			bpf_map_delete_elem(fd, &key);
		key = next;
	}
}

int homes_sync(int fd, const struct sessions *sessions, struct roam *roam,
	       const struct place *place)
{
	remove_others(fd, sessions, roam, place);
	return write_entries(fd, sessions, roam, place, false);
}
