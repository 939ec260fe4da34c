// SPDX-License-Identifier: GPL-2.0-only
/* The table of sessions, on plain memory. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/maps.h"

#define MAX_SESSIONS 65536u

static struct mnat_gateway table;

static void open_table(uint32_t max_sessions)
{
	table.n_buckets = table.config.n_buckets = mnat_session_buckets(max_sessions);
	table.config.session_seed = 0x0123456789abcdef;
	table.sessions = calloc(table.n_buckets * MNAT_BUCKET_SLOTS, sizeof(*table.sessions));
	table.session_tags = calloc(table.n_buckets, sizeof(*table.session_tags));
	cr_assert(table.sessions && table.session_tags);
}

static void close_table(void)
{
	free(table.sessions);
	free(table.session_tags);
}

TestSuite(sessions, .fini = close_table);

/* Flows as they are: few hosts, few servers, ports in a row. */
static struct mnat_session_key key_of(uint32_t i)
{
	return (struct mnat_session_key){
		.host = 65537 + i % 250,
		.remote = 0x0a141400 + i / 250 % 64,
		.port = (uint16_t)(i / 16000),
		.remote_port = 0x3500,
		.proto = (uint8_t)(i % MNAT_N_PROTO),
	};
}

static struct mnat_session session_of(uint32_t i)
{
	return (struct mnat_session){.binding = i, .created = ~i};
}

static void expect(uint32_t i, bool there)
{
	const struct mnat_session_key key = key_of(i);
	struct mnat_session session;

	cr_assert_eq(mnat_session_get(&table, &key, &session), there, "%u", i);
	cr_assert(!there || (session.binding == i && session.created == ~i), "%u", i);
}

static int add(uint32_t i)
{
	const struct mnat_session_key key = key_of(i);
	const struct mnat_session session = session_of(i);

	return mnat_session_add(&table, &key, &session);
}

static int drop(uint32_t i)
{
	const struct mnat_session_key key = key_of(i);

	return mnat_session_remove(&table, &key);
}

/* As many as were asked for find room, each is found, and only once. */
Test(sessions, all_find_room)
{
	open_table(MAX_SESSIONS);
	for (uint32_t i = 0; i < MAX_SESSIONS; i++)
		cr_assert_eq(add(i), 0, "%u", i);
	for (uint32_t i = 0; i < MAX_SESSIONS; i++) {
		expect(i, true);
		cr_assert_eq(add(i), -EEXIST);
	}
	expect(MAX_SESSIONS, false);
}

Test(sessions, come_and_go)
{
	open_table(MAX_SESSIONS);
	for (uint32_t i = 0; i < MAX_SESSIONS; i++)
		add(i);
	for (uint32_t i = 0; i < MAX_SESSIONS; i += 2) {
		cr_assert_eq(drop(i), 0);
		cr_assert_eq(drop(i), -ENOENT);
	}
	for (uint32_t i = 0; i < MAX_SESSIONS; i++)
		expect(i, i % 2);
	for (uint32_t i = 0; i < MAX_SESSIONS; i += 2)
		cr_assert_eq(add(MAX_SESSIONS + i), 0);
	for (uint32_t i = 0; i < MAX_SESSIONS; i += 2)
		expect(MAX_SESSIONS + i, true);
}

Test(sessions, changed_in_place)
{
	const struct mnat_session_key key = key_of(7);
	struct mnat_session session = session_of(8);

	open_table(16);
	cr_expect_eq(mnat_session_change(&table, &key, &session), -ENOENT);
	cr_expect_eq(add(7), 0);
	cr_expect_eq(mnat_session_change(&table, &key, &session), 0);
	cr_expect(mnat_session_get(&table, &key, &session));
	cr_expect_eq(session.binding, 8);
}

/* Full buckets refuse and lose nothing. */
Test(sessions, no_room)
{
	uint32_t n = 0;
	int r;

	open_table(8);
	while (!(r = add(n)))
		n++;
	cr_expect_eq(r, -ENOSPC);
	cr_expect(n >= 8 && n <= 16, "%u", n);
	for (uint32_t i = 0; i < n; i++)
		expect(i, true);
	cr_expect_eq(drop(n - 1), 0);
}

/* Whatever the room, a walk sees each session once. */
Test(sessions, walk)
{
	static struct mnat_session sessions[100];
	static struct mnat_session_key keys[100];
	static uint8_t seen[5000];

	open_table(5000);
	for (uint32_t i = 0; i < 5000; i++)
		add(i);
	for (uint32_t room = MNAT_BUCKET_SLOTS; room <= 100; room += 23) {
		uint32_t bucket = 0;

		memset(seen, 0, sizeof(seen));
		while (bucket < table.n_buckets) {
			uint32_t n = mnat_sessions_read(&table, &bucket, keys, sessions, room);

			cr_assert_leq(n, room);
			for (uint32_t i = 0; i < n; i++) {
				const struct mnat_session_key key = key_of(sessions[i].binding);

				cr_assert_arr_eq(&keys[i], &key, sizeof(key));
				seen[sessions[i].binding]++;
			}
		}
		for (uint32_t i = 0; i < sizeof(seen); i++)
			cr_assert_eq(seen[i], 1);
	}
}

/* A writer that was killed leaves a byte busy: its flow cannot begin, until that is repaired. */
Test(sessions, repair)
{
	uint32_t busy = 0;

	open_table(8);
	cr_assert_eq(add(1), 0);
	for (uint32_t i = 0; i < table.n_buckets; i++)
		for (uint32_t at = 0; at < MNAT_BUCKET_SLOTS; at++)
			if (table.session_tags[i] >> 8 * at & 0xff) {
				table.session_tags[i] |= 0x80ull << 8 * at;
				busy++;
			}
	cr_assert_eq(busy, 1);
	expect(1, false);
	cr_expect_eq(add(1), -EBUSY);
	mnat_sessions_repair(&table);
	cr_expect_eq(add(1), 0);
	expect(1, true);
}

/* ---- two at once ---- */

#define FLOWS 200000u

static pthread_barrier_t barrier;
static uint8_t made[2][FLOWS];

static void *make_all(void *mine)
{
	for (uint32_t i = 0; i < FLOWS; i++) {
		if (i % 1000 == 0)
			pthread_barrier_wait(&barrier);
		((uint8_t *)mine)[i] = !add(i);
	}
	return NULL;
}

/* Of two that put the same flows in at the same time, at most one puts in each. */
Test(sessions, one_of_two)
{
	pthread_t other;
	uint32_t bucket = 0, n = 0, sum = 0;
	struct mnat_session sessions[MNAT_BUCKET_SLOTS];
	struct mnat_session_key keys[MNAT_BUCKET_SLOTS];

	open_table(FLOWS);
	pthread_barrier_init(&barrier, NULL, 2);
	cr_assert_eq(pthread_create(&other, NULL, make_all, made[1]), 0);
	make_all(made[0]);
	pthread_join(other, NULL);
	for (uint32_t i = 0; i < FLOWS; i++) {
		cr_assert_leq(made[0][i] + made[1][i], 1, "%u twice", i);
		expect(i, made[0][i] + made[1][i]);
		sum += made[0][i] + made[1][i];
	}
	while (bucket < table.n_buckets)
		n += mnat_sessions_read(&table, &bucket, keys, sessions, MNAT_BUCKET_SLOTS);
	cr_expect_eq(n, sum);
	cr_expect_gt(n, FLOWS - FLOWS / 100, "%u of %u", n, FLOWS);
}
