// SPDX-License-Identifier: GPL-2.0-only
/*
 * mnatctl history: who held an address. The DHCP server's database is read itself: one
 * that searches months of leases must not keep a server from answering.
 */
#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "mnat/addr.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

#define DATABASE "/var/lib/mobilenat/dhcpd.sqlite"

static const struct ctl_column history[] = {
	{"address", "ADDRESS"},
	{"virtual", "VIRTUAL"},
	{"mac", "MAC"},
	{"client", "CLIENT"},
	{"hostname", "HOSTNAME"},
	{"began", "FROM (UTC)"},
	{"ended", "UNTIL (UTC)", .null = "now"},
	{},
};

/* As JSON objects: then a row is a row as those of daemons are. ?2 NULL: at any time. */
static const char sql[] =
	"SELECT json_object('address', address, 'virtual', virtual, 'mac', mac,"
	" 'client', lower(hex(client)), 'hostname', hostname,"
	" 'began', datetime(began, 'unixepoch'), 'ended', datetime(ended, 'unixepoch'))"
	" FROM history WHERE (address = ?1 OR virtual = ?1) AND (?2 IS NULL OR"
	" (began <= unixepoch(?2, 'auto') AND ifnull(ended, unixepoch() + 1) > unixepoch(?2, 'auto')))"
	" ORDER BY began, address";

static int failed(sqlite3 *db, const char *path)
{
	log_err("%s: cannot be read: %s; it is the database of mnat-dhcpd.conf, and root's", path,
		sqlite3_errmsg(db));
	return CTL_FAILED;
}

static bool is_time(sqlite3 *db, const char *text)
{
	sqlite3_stmt *stmt = NULL;
	bool is;

	sqlite3_prepare_v2(db, "SELECT unixepoch(?, 'auto') IS NOT NULL", -1, &stmt, NULL);
	sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC);
	is = sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	if (!is)
		log_err("history: \"%s\" is no time: expected 2026-11-23 09:00, in UTC, or seconds "
			"since 1970",
			text);
	return is;
}

static int print(struct ctl *ctl, sqlite3 *db, const char *path, sqlite3_stmt *stmt)
{
	_cleanup_(ctl_rows_free) struct ctl_rows *rows = NULL;
	struct ctl_columns columns;
	int step;

	if (ctl_columns_select(history, NULL, &columns) || ctl_rows_new(ctl, &columns, &rows))
		return CTL_FAILED;
	while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
		json_t *row = json_loads((const char *)sqlite3_column_text(stmt, 0), 0, NULL);

		ctl_rows_add(rows, row);
		json_decref(row);
	}
	if (ctl_rows_finish(rows, step == SQLITE_DONE))
		return CTL_FAILED;
	if (step == SQLITE_DONE && !ctl_rows_count(rows) && !ctl->json)
		log_info("nobody held it");
	return step == SQLITE_DONE ? CTL_DONE : failed(db, path);
}

static int ask(struct ctl *ctl, sqlite3 *db, const char *path, char **words)
{
	sqlite3_stmt *stmt = NULL;
	int r;

	if (words[1] && !is_time(db, words[1]))
		return CTL_USAGE;
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return failed(db, path);
	sqlite3_bind_text(stmt, 1, words[0], -1, SQLITE_STATIC);
	if (words[1])
		sqlite3_bind_text(stmt, 2, words[1], -1, SQLITE_STATIC);
	r = print(ctl, db, path, stmt);
	sqlite3_finalize(stmt);
	return r;
}

int cmd_history(struct ctl *ctl, int argc, char **argv)
{
	const char *path = ctl->database ? ctl->database : DATABASE;
	char *words[] = {argv[1], argc > 2 ? argv[2] : NULL};
	struct in_addr addr;
	sqlite3 *db = NULL;
	int r;

	if (mnat_parse_ip(argv[1], &addr)) {
		log_err("history: \"%s\" is not an IPv4 address such as 10.0.1.5", argv[1]);
		return CTL_USAGE;
	}
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		r = failed(db, path);
	else
		r = ask(ctl, db, path, words);
	sqlite3_close(db);
	return r;
}
