// SPDX-License-Identifier: GPL-2.0-only
/* What is on disk: written, found again, and of the version before. */
#include "state.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char path[64];
static struct home_record home;
static struct visit_record visit;
static int n_homes, n_visits;

static void setup(void)
{
	int fd;

	strcpy(path, "/tmp/mnat-state-XXXXXX");
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	close(fd);
}

static void teardown(void)
{
	char more[80];

	unlink(path);
	snprintf(more, sizeof(more), "%s-wal", path);
	unlink(more);
	snprintf(more, sizeof(more), "%s-shm", path);
	unlink(more);
}

TestSuite(state, .init = setup, .fini = teardown, .timeout = 30);

static int on_home(const struct home_record *record, void *user)
{
	home = *record;
	n_homes++;
	return 0;
}

static int on_visit(const struct visit_record *record, void *user)
{
	visit = *record;
	n_visits++;
	return 0;
}

static void load(void)
{
	static const struct state_loader loader = {on_home, on_visit};
	struct state *state;

	n_homes = n_visits = 0;
	cr_assert_eq(state_open(path, &state), 0);
	cr_assert_eq(state_load(state, &loader, NULL), 0);
	state_close(state);
}

static void run_sql(const char *sql)
{
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

Test(state, found_again)
{
	const struct home_record h = {
		.virt.s_addr = inet_addr("10.128.0.2"),
		.generation = 7,
		.counter = UINT64_MAX,
		.base = 8,
		.proved = 9,
		.shift = 3,
		.since_s = 1700000000,
		.away = true,
		.domain = 2,
		.endpoint.s_addr = inet_addr("143.32.2.70"),
		.others = {2, {{inet_addr("143.32.2.71")}, {inet_addr("143.32.2.72")}}},
	};
	const struct visit_record v = {
		.domain = 1,
		.virt.s_addr = inet_addr("10.128.0.2"),
		.identity.s_addr = inet_addr("10.128.0.5"),
		.gateway.s_addr = inet_addr("135.180.32.4"),
		.others = {1, {{inet_addr("135.180.32.5")}}},
		.flags = 3,
		.state = VISIT_SERVED,
		.counter = 11,
		.ticket = "ticket",
		.proof = "proof",
	};
	struct state *state;

	cr_assert_eq(state_open(path, &state), 0);
	cr_assert_eq(state_put_home(state, &h), 0);
	cr_assert_eq(state_put_visit(state, &v), 0);
	state_close(state);
	load();
	cr_assert_eq(n_homes, 1);
	cr_assert_eq(n_visits, 1);
	cr_assert_arr_eq(&home, &h, sizeof(h));
	cr_assert_arr_eq(&visit, &v, sizeof(v));
	cr_assert_eq(state_open(path, &state), 0);
	cr_assert_eq(state_drop_visit(state, 1, v.virt), 0);
	state_close(state);
	load();
	cr_assert_eq(n_visits, 0);
}

Test(state, of_the_version_with_one_gateway)
{
	run_sql("CREATE TABLE homes(virt INTEGER PRIMARY KEY, generation INTEGER,"
		" counter INTEGER, base INTEGER, shift INTEGER, since INTEGER, away INTEGER,"
		" domain INTEGER, endpoint INTEGER, proved INTEGER);"
		"CREATE TABLE visits(domain INTEGER, virt INTEGER, identity INTEGER,"
		" gateway INTEGER, flags INTEGER, state INTEGER, counter INTEGER, ticket BLOB,"
		" proof BLOB, PRIMARY KEY(domain, virt)) WITHOUT ROWID;"
		"INSERT INTO homes VALUES(1,2,3,4,5,6,1,8,9,10);"
		"INSERT INTO visits VALUES(1,2,3,4,5,2,7,zeroblob(48),zeroblob(16));"
		"PRAGMA user_version=1");
	load();
	load(); /* it is changed once */
	cr_assert_eq(n_homes, 1);
	cr_assert_eq(n_visits, 1);
	cr_assert_eq(home.endpoint.s_addr, 9);
	cr_assert_eq(home.proved, 10);
	cr_assert_eq(home.others.n, 0);
	cr_assert_eq(visit.counter, 7);
	cr_assert_eq(visit.others.n, 0);
}

Test(state, of_a_version_to_come)
{
	struct state *state;

	run_sql("PRAGMA user_version=99");
	cr_assert_eq(state_open(path, &state), -EPROTONOSUPPORT);
}

Test(state, spoilt)
{
	static const struct state_loader loader = {on_home, on_visit};
	struct state *state;

	load();
	run_sql("INSERT INTO homes VALUES(1,2,3,4,5,6,1,8,9,10,zeroblob(5))");
	cr_assert_eq(state_open(path, &state), 0);
	cr_assert_eq(state_load(state, &loader, NULL), -EINVAL);
	state_close(state);
}
