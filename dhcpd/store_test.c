// SPDX-License-Identifier: GPL-2.0-only
#include "store.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char folder[32], path[64];

static void make_folder(void)
{
	strcpy(folder, "/tmp/dhcpd-store-XXXXXX");
	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/db/leases", folder);
}

static void remove_folder(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(store, .init = make_folder, .fini = remove_folder);

static struct mnat_store *open_store(void)
{
	struct mnat_store *store = NULL;

	cr_assert_eq(store_sqlite.open(path, &store), 0);
	return store;
}

static void sql(const char *text)
{
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

struct loaded {
	struct mnat_lease_record records[4];
	size_t n;
};

static int each(const struct mnat_lease_record *record, void *user)
{
	struct loaded *loaded = user;

	cr_assert_lt(loaded->n, 4);
	loaded->records[loaded->n++] = *record;
	return 0;
}

static const struct mnat_lease_record actual = {
	.address = 0x0a000105,
	.state = MNAT_LEASE_BOUND,
	.generation = UINT32_MAX,
	.virt = 0x0a800002,
	.expires = 1700003600,
	.mac = {2, 0, 0, 0, 0, 0xab},
	.client_len = 5,
	.client = {1, 0, 2, 0, 3},
	.hostname = "it's",
	.tunnel = true,
};

static const struct mnat_lease_record declined = {
	.address = 0xfffffffe,
	.is_virtual = true,
	.state = MNAT_LEASE_DECLINED,
	.expires = 7,
};

static void put(struct mnat_store *store, const struct mnat_lease_record *record)
{
	cr_assert_eq(store_sqlite.begin(store), 0);
	cr_assert_eq(store_sqlite.put(store, record), 0);
	cr_assert_eq(store_sqlite.commit(store), 0);
}

Test(store, gives_back_what_was_put)
{
	struct mnat_store *store = open_store();
	struct mnat_lease_record older = actual;
	struct loaded loaded = {0};

	older.generation = 3;
	put(store, &older);
	put(store, &actual);
	put(store, &declined);
	store_sqlite.close(store);
	store = open_store();
	cr_assert_eq(store_sqlite.load(store, each, &loaded), 0);
	cr_assert_eq(loaded.n, 2);
	cr_assert_eq(memcmp(&loaded.records[0], &actual, sizeof(actual)), 0);
	cr_assert_eq(memcmp(&loaded.records[1], &declined, sizeof(declined)), 0);
	store_sqlite.close(store);
}

Test(store, without_commit_nothing_is_kept)
{
	struct mnat_store *store = open_store();
	struct loaded loaded = {0};

	cr_assert_eq(store_sqlite.begin(store), 0);
	cr_assert_eq(store_sqlite.put(store, &actual), 0);
	store_sqlite.close(store);
	store = open_store();
	cr_assert_eq(store_sqlite.load(store, each, &loaded), 0);
	cr_assert_eq(loaded.n, 0);
	store_sqlite.close(store);
}

Test(store, is_one_servers)
{
	struct mnat_store *store = open_store(), *second = NULL;

	cr_assert_eq(store_sqlite.open(path, &second), -EBUSY);
	cr_assert_null(second);
	store_sqlite.close(store);
	store_sqlite.close(open_store());
}

Test(store, a_newer_schema_is_refused)
{
	struct mnat_store *store = open_store();

	store_sqlite.close(store);
	sql("UPDATE schema_version SET version = 1000; DROP TABLE leases");
	cr_assert_eq(store_sqlite.open(path, &store), -EPROTONOSUPPORT);
	sql("CREATE TABLE leases (untouched)");
}

Test(store, is_durable_by_its_settings)
{
	struct mnat_store *store = open_store();
	sqlite3 *db;
	sqlite3_stmt *stmt;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &stmt, NULL);
	cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW);
	cr_assert_str_eq((const char *)sqlite3_column_text(stmt, 0), "wal");
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	store_sqlite.close(store);
}

/* SQLite's, so that the test sees what reaches the disk and when. */
static unsigned int syncs;

int fdatasync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fsync, fd);
}

Test(store, a_commit_has_reached_the_disk)
{
	struct mnat_store *store = open_store();
	struct mnat_lease_record record = actual;

	for (int i = 0; i < 3; i++) {
		unsigned int before;

		record.generation = (uint32_t)i;
		cr_assert_eq(store_sqlite.begin(store), 0);
		cr_assert_eq(store_sqlite.put(store, &record), 0);
		before = syncs;
		cr_assert_eq(store_sqlite.commit(store), 0);
		cr_assert_gt(syncs, before, "commit %d was not flushed", i);
	}
	store_sqlite.close(store);
}

Test(store, a_row_that_makes_no_sense_is_left_out)
{
	struct mnat_store *store = open_store();
	struct loaded loaded = {0};

	put(store, &actual);
	sql("INSERT INTO leases VALUES ('10.0.1', 'actual', 'bound', 1, 1, NULL, NULL, NULL, NULL, 0);"
	    "INSERT INTO leases VALUES ('10.0.1.9', 'actual', '', 1, 1, NULL, NULL, NULL, NULL, 0);"
	    "INSERT INTO leases VALUES ('10.0.1.8', 'actual', 'bound', 1, 1, NULL, NULL,"
	    " zeroblob(256), NULL, 0);"
	    "INSERT INTO leases VALUES ('10.0.1.7', 'actual', 'bound', 1, 1, NULL, 'x', 'y', 'z', 0)");
	cr_assert_eq(store_sqlite.load(store, each, &loaded), 0);
	cr_assert_eq(loaded.n, 1);
	cr_assert_eq(loaded.records[0].address, actual.address);
	store_sqlite.close(store);
}

Test(store, a_folder_that_is_not_there)
{
	struct mnat_store *store = NULL;

	strcat(path, "/no/such/folder");
	cr_assert_eq(store_sqlite.open(path, &store), -ENOENT);
}
