// SPDX-License-Identifier: GPL-2.0-only
#include "schema.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "mnat/log.h"

static const char leases[] = "CREATE TABLE leases ("
			     " address TEXT PRIMARY KEY,"
			     " kind TEXT NOT NULL," /* actual, virtual, foreign */
			     " state TEXT NOT NULL,"
			     " expires INTEGER NOT NULL," /* seconds since 1970 */
			     " generation INTEGER NOT NULL,"
			     " virtual TEXT," /* bound to this actual address */
			     " mac TEXT,"
			     " client BLOB,"
			     " hostname TEXT) WITHOUT ROWID";

/*
 * Who held which address when. The lease table's own changes write it, in the same
 * transaction: a renewal is none. A lease that ran out while nobody looked ended then.
 */
static const char history[] =
	"CREATE TABLE history ("
	" address TEXT NOT NULL,"
	" began INTEGER NOT NULL," /* seconds since 1970 */
	" ended INTEGER,"	   /* NULL: it is still held */
	" kind TEXT NOT NULL,"
	" virtual TEXT,"
	" mac TEXT,"
	" client BLOB,"
	" hostname TEXT,"
	" PRIMARY KEY (address, began)) WITHOUT ROWID;"
	"CREATE INDEX history_ended ON history (ended) WHERE ended IS NOT NULL;"
	/* no OR REPLACE: the outer statement's conflict clause would stand in its place */
	"CREATE TRIGGER lease_new AFTER INSERT ON leases WHEN new.state = 'bound' BEGIN"
	" DELETE FROM history WHERE address = new.address AND began = unixepoch();"
	" INSERT INTO history VALUES (new.address, unixepoch(), NULL, new.kind,"
	"  new.virtual, new.mac, new.client, new.hostname);"
	"END;"
	"CREATE TRIGGER lease_changed AFTER UPDATE ON leases WHEN new.state <> old.state"
	" OR new.client IS NOT old.client OR new.virtual IS NOT old.virtual BEGIN"
	" UPDATE history SET ended = min(old.expires, unixepoch())"
	"  WHERE address = new.address AND ended IS NULL;"
	" DELETE FROM history WHERE address = new.address AND began = unixepoch()"
	"  AND new.state = 'bound';"
	" INSERT INTO history SELECT new.address, unixepoch(), NULL, new.kind,"
	"  new.virtual, new.mac, new.client, new.hostname WHERE new.state = 'bound';"
	"END;"
	"INSERT INTO history SELECT address, unixepoch(), NULL, kind, virtual, mac, client,"
	" hostname FROM leases WHERE state = 'bound'";

/* Numbers of 64 bits without a sign, as SQLite's with one. */
static const char auth[] = "CREATE TABLE auth ("
			   " client BLOB PRIMARY KEY,"
			   " key INTEGER NOT NULL,"
			   " counter INTEGER NOT NULL,"
			   " replay INTEGER NOT NULL) WITHOUT ROWID";

static const char tunnel[] = "ALTER TABLE leases ADD COLUMN tunnel INTEGER NOT NULL DEFAULT 0";

/* steps[n] leads from version n to n + 1 */
static const char *const steps[] = {leases, history, auth, tunnel};

#define VERSION ((int)(sizeof(steps) / sizeof(steps[0])))

static int failed(sqlite3 *db)
{
	log_err("%s: cannot be prepared: %s", sqlite3_db_filename(db, "main"), sqlite3_errmsg(db));
	if (!sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return -EIO;
}

static int read_version(sqlite3 *db, int *ret_version)
{
	sqlite3_stmt *stmt = NULL;
	bool read = sqlite3_prepare_v2(db, "SELECT version FROM schema_version", -1, &stmt, NULL) ==
			    SQLITE_OK &&
		    sqlite3_step(stmt) == SQLITE_ROW;

	if (read)
		*ret_version = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return read ? 0 : -EIO;
}

static int take_steps(sqlite3 *db, int from)
{
	char set[64];

	for (int i = from; i < VERSION; i++)
		if (sqlite3_exec(db, steps[i], NULL, NULL, NULL) != SQLITE_OK)
			return failed(db);
	sqlite3_snprintf(sizeof(set), set, "UPDATE schema_version SET version = %d", VERSION);
	if (sqlite3_exec(db, set, NULL, NULL, NULL) != SQLITE_OK)
		return failed(db);
	if (from)
		log_info("%s: its schema was version %d and is %d now",
			 sqlite3_db_filename(db, "main"), from, VERSION);
	return 0;
}

int schema_upgrade(sqlite3 *db)
{
	static const char begin[] = "BEGIN IMMEDIATE;"
				    "CREATE TABLE IF NOT EXISTS schema_version"
				    " (version INTEGER NOT NULL);"
				    "INSERT INTO schema_version SELECT 0"
				    " WHERE NOT EXISTS (SELECT 1 FROM schema_version)";
	int version, r = 0;

	if (sqlite3_exec(db, begin, NULL, NULL, NULL) != SQLITE_OK || read_version(db, &version))
		return failed(db);
	if (version < 0 || version > VERSION) {
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		log_err("%s: written by a newer mnat-dhcpd (schema version %d, this one knows %d); "
			"install that version again, or use another database",
			sqlite3_db_filename(db, "main"), version, VERSION);
		return -EPROTONOSUPPORT;
	}
	if (version < VERSION)
		r = take_steps(db, version);
	if (r)
		return r;
	return sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(db);
}
