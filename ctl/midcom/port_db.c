// SPDX-License-Identifier: GPL-2.0-only
#include "port_db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/abi.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

#define VERSION 1
#define WAIT_MS 2000 /* for a reader of the file */
/* Wall and monotonic clock drift apart: the same start may be told some seconds off. */
#define SAME_START "abs(since - ?5) <= 5"

static const char schema[] =
	"CREATE TABLE ports(addr INTEGER, first INTEGER, last INTEGER, proto INTEGER,"
	" host INTEGER, virt INTEGER, actual INTEGER, since INTEGER, until INTEGER,"
	" sure INTEGER);"
	"CREATE INDEX ports_by_port ON ports(addr, first, since);"
	"CREATE INDEX ports_open ON ports(addr, first) WHERE until IS NULL;"
	"CREATE INDEX ports_until ON ports(until);"
	"CREATE TABLE moves(virt INTEGER, actual INTEGER, at INTEGER);"
	"CREATE INDEX moves_by_host ON moves(virt, at);"
	"CREATE TABLE alive(at INTEGER);"
	"INSERT INTO alive VALUES(0);"
	"PRAGMA user_version = 1;";

enum statement {
	KEEP,	/* it is logged as open already */
	SUPERSEDE,
	INSERT,
	FREE,
	MOVE,
	SETTLE,
	ALIVE,
	PURGE_PORTS,
	PURGE_MOVES,
	WHO,
	WHERE,
	N_STATEMENTS,
};

/* ?1 addr, ?2 first, ?3 last, ?4 host, ?5 at, ?6 proto, ?7 virt, ?8 actual */
#define SAME_PORTS "addr = ?1 AND first = ?2 AND last = ?3 AND proto = ?6 AND until IS NULL"

static const char *const sql[N_STATEMENTS] = {
	[KEEP] = "UPDATE ports SET sure = 1 WHERE " SAME_PORTS " AND host = ?4 AND " SAME_START,
	[SUPERSEDE] = "UPDATE ports SET until = max(since, ?5) WHERE " SAME_PORTS,
	[INSERT] = "INSERT INTO ports VALUES(?1, ?2, ?3, ?6, ?4, ?7, ?8, ?5, NULL, 1)",
	[FREE] = "UPDATE ports SET until = max(since, ?5) WHERE " SAME_PORTS " AND host = ?4",
	[MOVE] = "INSERT INTO moves VALUES(?7, ?8, ?5)",
	[SETTLE] = "UPDATE ports SET until = max(since, (SELECT at FROM alive))"
		   " WHERE until IS NULL AND sure = 0",
	[ALIVE] = "UPDATE alive SET at = ?1",
	[PURGE_PORTS] = "DELETE FROM ports WHERE until < ?1",
	[PURGE_MOVES] = "DELETE FROM moves WHERE at < ?1",
	/* a block has at most MNAT_BLOCK_MAX ports: so far below a port may it begin */
	[WHO] = "SELECT proto, first, last, virt, actual, since, ifnull(until, 0) FROM ports"
		" WHERE addr = ?1 AND first BETWEEN ?2 - 511 AND ?2 AND last >= ?2 AND since <= ?3"
		" AND (until IS NULL OR until >= ?3) ORDER BY last - first, since DESC LIMIT ?4",
	[WHERE] = "SELECT actual FROM moves WHERE virt = ?1 AND at BETWEEN ?2 AND ?3"
		  " ORDER BY at DESC, rowid DESC LIMIT 1",
};
MNAT_ASSERT(MNAT_BLOCK_MAX == 512, "blocks in statement WHO");

struct port_db {
	sqlite3 *sqlite;
	sqlite3_stmt *statements[N_STATEMENTS];
};

static int fail(const struct port_db *db, const char *what)
{
	int error = sqlite3_errcode(db->sqlite);

	log_err("the log of ports cannot be %s: %s", what, sqlite3_errmsg(db->sqlite));
	return error == SQLITE_FULL ? -ENOSPC : -EIO;
}

static int exec(struct port_db *db, const char *text, const char *what)
{
	return sqlite3_exec(db->sqlite, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(db, what);
}

static int version_of(struct port_db *db, int *ret_version)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(db->sqlite, "PRAGMA user_version", -1, &statement, NULL) ||
	    sqlite3_step(statement) != SQLITE_ROW)
		return fail(db, "read");
	*ret_version = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return 0;
}

/* An empty file gets our tables; another version's is not touched. */
static int prepare(struct port_db *db, const char *path)
{
	int version, r = exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", "opened");

	if (!r)
		r = version_of(db, &version);
	if (!r && !version)
		r = exec(db, schema, "made");
	else if (!r && version != VERSION) {
		log_err("%s was written by a newer mnat-midcomd: give another log { file }", path);
		return -EPROTONOSUPPORT;
	}
	if (!r)
		r = exec(db, "UPDATE ports SET sure = 0 WHERE until IS NULL", "written");
	for (int i = 0; !r && i < N_STATEMENTS; i++)
		if (sqlite3_prepare_v3(db->sqlite, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &db->statements[i], NULL))
			r = fail(db, "read");
	return r;
}

int port_db_open(const char *path, struct port_db **ret_db)
{
	struct port_db *db = calloc(1, sizeof(*db));
	int r;

	if (!db)
		return -ENOMEM;
	if (sqlite3_open_v2(path, &db->sqlite,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL)) {
		log_err("%s cannot be opened: %s", path,
			db->sqlite ? sqlite3_errmsg(db->sqlite) : "out of memory");
		port_db_close(db);
		return -EIO;
	}
	sqlite3_busy_timeout(db->sqlite, WAIT_MS);
	r = prepare(db, path);
	if (r) {
		port_db_close(db);
		return r;
	}
	*ret_db = db;
	return 0;
}

void port_db_close(struct port_db *db)
{
	if (!db)
		return;
	for (int i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->sqlite);
	free(db);
}

static int run(struct port_db *db, enum statement which)
{
	int r = sqlite3_step(db->statements[which]);

	sqlite3_reset(db->statements[which]);
	return r == SQLITE_DONE ? 0 : fail(db, "written");
}

static int run_record(struct port_db *db, enum statement which, const struct port_record *record)
{
	const int64_t values[] = {record->addr,	 record->first, record->last, record->host,
				  record->at,	 record->proto, record->virt, record->actual};
	sqlite3_stmt *statement = db->statements[which];

	for (int i = 0; i < sqlite3_bind_parameter_count(statement); i++)
		sqlite3_bind_int64(statement, i + 1, values[i]);
	return run(db, which);
}

static int write_taken(struct port_db *db, const struct port_record *record)
{
	int r = run_record(db, KEEP, record);

	if (r || sqlite3_changes(db->sqlite))
		return r;
	r = run_record(db, SUPERSEDE, record);
	return r ? r : run_record(db, INSERT, record);
}

static int write_one(struct port_db *db, const struct port_record *record)
{
	switch (record->kind) {
	case PORT_TAKEN:
		return write_taken(db, record);
	case PORT_FREED:
		return run_record(db, FREE, record);
	case PORT_MOVED:
		return run_record(db, MOVE, record);
	case PORT_SETTLED:
		return run(db, SETTLE);
	}
	return -EINVAL;
}

int port_db_write(struct port_db *db, const struct port_record *records, size_t n, int64_t now)
{
	int r = exec(db, "BEGIN IMMEDIATE", "written");

	for (size_t i = 0; !r && i < n; i++)
		r = write_one(db, &records[i]);
	sqlite3_bind_int64(db->statements[ALIVE], 1, now);
	if (!r)
		r = run(db, ALIVE);
	if (!r)
		r = exec(db, "COMMIT", "written");
	if (r)
		sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

int port_db_purge(struct port_db *db, int64_t before)
{
	int r;

	sqlite3_bind_int64(db->statements[PURGE_PORTS], 1, before);
	r = run(db, PURGE_PORTS);
	sqlite3_bind_int64(db->statements[PURGE_MOVES], 1, before);
	return r ? r : run(db, PURGE_MOVES);
}

/* Where a mobile host was: its last move since it had the ports, if it has moved. */
static void find_place(struct port_db *db, struct port_holder *holder, int64_t at)
{
	sqlite3_stmt *statement = db->statements[WHERE];

	if (!holder->virt)
		return;
	sqlite3_bind_int64(statement, 1, holder->virt);
	sqlite3_bind_int64(statement, 2, holder->since);
	sqlite3_bind_int64(statement, 3, at);
	if (sqlite3_step(statement) == SQLITE_ROW)
		holder->actual = (uint32_t)sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
}

int port_db_who(struct port_db *db, uint32_t addr, uint16_t port, int64_t at,
		struct port_holder *ret_holders, size_t size, size_t *ret_n)
{
	sqlite3_stmt *statement = db->statements[WHO];
	size_t n = 0;
	int r;

	sqlite3_bind_int64(statement, 1, addr);
	sqlite3_bind_int64(statement, 2, port);
	sqlite3_bind_int64(statement, 3, at);
	sqlite3_bind_int64(statement, 4, (int64_t)size);
	while ((r = sqlite3_step(statement)) == SQLITE_ROW)
		ret_holders[n++] = (struct port_holder){
			.proto = sqlite3_column_int(statement, 0),
			.first = (uint16_t)sqlite3_column_int(statement, 1),
			.last = (uint16_t)sqlite3_column_int(statement, 2),
			.virt = (uint32_t)sqlite3_column_int64(statement, 3),
			.actual = (uint32_t)sqlite3_column_int64(statement, 4),
			.since = sqlite3_column_int64(statement, 5),
			.until = sqlite3_column_int64(statement, 6),
		};
	sqlite3_reset(statement);
	if (r != SQLITE_DONE)
		return fail(db, "read");
	for (size_t i = 0; i < n; i++)
		find_place(db, &ret_holders[i], at);
	*ret_n = n;
	return 0;
}
