// SPDX-License-Identifier: GPL-2.0-only
#include "schema.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store.h"

static char folder[32], path[64];

static void make_folder(void)
{
	strcpy(folder, "/tmp/dhcpd-schema-XXXXXX");
	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/leases", folder);
}

static void remove_folder(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(schema, .init = make_folder, .fini = remove_folder);

/* Run text; the first column of its last row, "" without one. */
static const char *sql(const char *text)
{
	static char result[64];
	sqlite3 *db;
	sqlite3_stmt *stmt;
	const char *tail = text;

	result[0] = '\0';
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	while (*tail) {
		cr_assert_eq(sqlite3_prepare_v2(db, tail, -1, &stmt, &tail), SQLITE_OK, "%s",
			     sqlite3_errmsg(db));
		while (sqlite3_step(stmt) == SQLITE_ROW)
			snprintf(result, sizeof(result), "%s", sqlite3_column_text(stmt, 0));
		cr_assert_eq(sqlite3_finalize(stmt), SQLITE_OK, "%s", sqlite3_errmsg(db));
	}
	sqlite3_close(db);
	return result;
}

static struct mnat_store *open_store(void)
{
	struct mnat_store *store = NULL;

	cr_assert_eq(store_sqlite.open(path, &store), 0);
	return store;
}

static void put(struct mnat_store *store, const struct mnat_lease_record *record)
{
	cr_assert_eq(store_sqlite.begin(store), 0);
	cr_assert_eq(store_sqlite.put(store, record), 0);
	cr_assert_eq(store_sqlite.commit(store), 0);
}

static struct mnat_lease_record lease(uint8_t client)
{
	return (struct mnat_lease_record){
		.address = 0x0a000105,
		.state = MNAT_LEASE_BOUND,
		.generation = 1,
		.expires = 4000000000,
		.mac = {2, 0, 0, 0, 0, client},
		.client_len = 1,
		.client = {client},
	};
}

/* As the first release wrote it. */
static const char version_1[] =
	"CREATE TABLE schema_version (version INTEGER NOT NULL);"
	"INSERT INTO schema_version VALUES (1);"
	"CREATE TABLE leases (address TEXT PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL,"
	" expires INTEGER NOT NULL, generation INTEGER NOT NULL, virtual TEXT, mac TEXT,"
	" client BLOB, hostname TEXT) WITHOUT ROWID;"
	"INSERT INTO leases VALUES ('10.0.1.5', 'actual', 'bound', 4000000000, 7, '10.128.0.2',"
	" '02:00:00:00:00:01', x'01', 'laptop');"
	"INSERT INTO leases VALUES ('10.0.1.6', 'actual', 'released', 1, 7, NULL,"
	" '02:00:00:00:00:02', x'02', NULL)";

static int each(const struct mnat_lease_record *record, void *user)
{
	++*(int *)user;
	cr_assert(record->generation == 7);
	return 0;
}

Test(schema, a_database_of_version_1_is_upgraded_in_place)
{
	struct mnat_store *store;
	int n = 0;

	sql(version_1);
	store = open_store();
	cr_assert_eq(store_sqlite.load(store, each, &n), 0);
	cr_assert_eq(n, 2);
	store_sqlite.close(store);
	cr_assert_str_eq(sql("SELECT version FROM schema_version"), "4");
	cr_assert_str_eq(sql("SELECT group_concat(address || ' ' || virtual) FROM history"),
			 "10.0.1.5 10.128.0.2");
	store_sqlite.close(open_store());
}

/* The last step fails: everything is as it was. */
Test(schema, an_upgrade_that_fails_changes_nothing)
{
	struct mnat_store *store = NULL;

	sql(version_1);
	sql("CREATE TABLE auth (in_the_way)");
	cr_assert_eq(store_sqlite.open(path, &store), -EIO);
	cr_assert_null(store);
	cr_assert_str_eq(sql("SELECT version FROM schema_version"), "1");
	cr_assert_str_eq(sql("SELECT count(*) FROM leases"), "2");
}

Test(schema, the_history_of_an_address)
{
	struct mnat_store *store = open_store();
	struct mnat_lease_record record = lease(1);

	put(store, &record);
	sql("UPDATE history SET began = began - 100"); /* let time pass */
	record.expires++;
	record.generation++;
	put(store, &record); /* renewed: the same holder goes on */
	cr_assert_str_eq(sql("SELECT count(*) FROM history"), "1");
	record.state = MNAT_LEASE_RELEASED;
	put(store, &record);
	cr_assert_str_eq(sql("SELECT hex(client) || ' ' || (ended - began >= 100) FROM history"),
			 "01 1");
	record = lease(2);
	put(store, &record);
	cr_assert_str_eq(sql("SELECT count(*) FROM history"), "2");
	cr_assert_str_eq(sql("SELECT hex(client) FROM history WHERE ended IS NULL"), "02");
	store_sqlite.close(store);
}

/* Away and back within a second, as quick moves are: nothing fails to be stored. */
Test(schema, an_address_held_twice_in_a_second)
{
	struct mnat_store *store = open_store();
	struct mnat_lease_record record = lease(1);

	for (int i = 0; i < 4; i++) {
		record.state = i & 1 ? MNAT_LEASE_RELEASED : MNAT_LEASE_BOUND;
		record.generation++;
		put(store, &record);
	}
	record = lease(2);
	put(store, &record);
	cr_assert_str_eq(sql("SELECT hex(client) FROM history WHERE ended IS NULL"), "02");
	store_sqlite.close(store);
}

Test(schema, history_is_forgotten_after_90_days)
{
	struct mnat_store *store = open_store();
	struct mnat_lease_record record = lease(1);

	store_sqlite.close(store);
	sql("INSERT INTO history VALUES ('10.0.1.7', 1, unixepoch() - 90 * 86400 - 10, 'actual',"
	    " NULL, NULL, NULL, NULL);"
	    "INSERT INTO history VALUES ('10.0.1.8', 1, unixepoch() - 90 * 86400 + 100, 'actual',"
	    " NULL, NULL, NULL, NULL);"
	    "INSERT INTO history VALUES ('10.0.1.9', 1, NULL, 'actual', NULL, NULL, NULL, NULL)");
	store = open_store();
	put(store, &record);
	store_sqlite.close(store);
	cr_assert_str_eq(sql("SELECT group_concat(address) FROM history WHERE began = 1"),
			 "10.0.1.8,10.0.1.9");
}

Test(schema, a_lease_that_ran_out_unseen_ended_then)
{
	struct mnat_store *store = open_store();
	struct mnat_lease_record record = lease(1);

	record.expires = 1000;
	put(store, &record);
	sql("UPDATE history SET began = 10");
	record = lease(2);
	put(store, &record);
	cr_assert_str_eq(sql("SELECT ended FROM history WHERE began = 10"), "1000");
	store_sqlite.close(store);
}
