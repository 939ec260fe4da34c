// SPDX-License-Identifier: GPL-2.0-only
#include "state.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/cleanup.h"
#include "mnat/log.h"

#define VERSION 2

enum statement { PUT_HOME, PUT_VISIT, DROP_VISIT, N_STATEMENTS };

static const char schema[] =
	"PRAGMA journal_mode=WAL;"
	"PRAGMA synchronous=FULL;"
	"PRAGMA locking_mode=EXCLUSIVE;"
	"BEGIN IMMEDIATE;"
	"CREATE TABLE IF NOT EXISTS homes(virt INTEGER PRIMARY KEY, generation INTEGER,"
	" counter INTEGER, base INTEGER, shift INTEGER, since INTEGER, away INTEGER,"
	" domain INTEGER, endpoint INTEGER, proved INTEGER, others BLOB);"
	"CREATE TABLE IF NOT EXISTS visits(domain INTEGER, virt INTEGER, identity INTEGER,"
	" gateway INTEGER, flags INTEGER, state INTEGER, counter INTEGER, ticket BLOB,"
	" proof BLOB, others BLOB, PRIMARY KEY(domain, virt)) WITHOUT ROWID;"
	"PRAGMA user_version=2;"
	"COMMIT;";

/* From version 1, where a domain had one gateway. */
static const char upgrade[] =
	"BEGIN IMMEDIATE;"
	"ALTER TABLE homes ADD COLUMN others BLOB;"
	"ALTER TABLE visits ADD COLUMN others BLOB;"
	"PRAGMA user_version=2;"
	"COMMIT;";

static const char *const statements[N_STATEMENTS] = {
	[PUT_HOME] = "INSERT OR REPLACE INTO homes VALUES(?,?,?,?,?,?,?,?,?,?,?)",
	[PUT_VISIT] = "INSERT OR REPLACE INTO visits VALUES(?,?,?,?,?,?,?,?,?,?)",
	[DROP_VISIT] = "DELETE FROM visits WHERE domain=? AND virt=?",
};

struct state {
	sqlite3 *db;
	sqlite3_stmt *statements[N_STATEMENTS];
};

static int complain(const struct state *state, const char *what)
{
	int code = sqlite3_errcode(state->db);

	log_err("the manager's state cannot be %s: %s", what, sqlite3_errmsg(state->db));
	return code == SQLITE_BUSY || code == SQLITE_LOCKED ? -EBUSY : -EIO;
}

static int user_version(sqlite3 *db)
{
	sqlite3_stmt *stmt;
	int version = -1;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL))
		return -1;
	if (sqlite3_step(stmt) == SQLITE_ROW)
		version = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return version;
}

static int prepare(struct state *state)
{
	int version = user_version(state->db);

	if (version > VERSION) {
		log_err("the manager's state was written by a newer version; install that, or "
			"remove the file");
		return -EPROTONOSUPPORT;
	}
	if (version < 0 || (version == 1 && sqlite3_exec(state->db, upgrade, NULL, NULL, NULL)) ||
	    sqlite3_exec(state->db, schema, NULL, NULL, NULL))
		return complain(state, "opened");
	for (int i = 0; i < N_STATEMENTS; i++)
		if (sqlite3_prepare_v2(state->db, statements[i], -1, &state->statements[i], NULL))
			return complain(state, "prepared");
	return 0;
}

int state_open(const char *path, struct state **ret_state)
{
	struct state *state = calloc(1, sizeof(*state));
	int r;

	if (!state)
		return -ENOMEM;
	r = sqlite3_open(path, &state->db) ? complain(state, "opened") : prepare(state);
	if (r) {
		log_err("%s: not usable as the manager's state", path);
		state_close(state);
		return r;
	}
	*ret_state = state;
	return 0;
}

void state_close(struct state *state)
{
	if (!state)
		return;
	for (int i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(state->statements[i]);
	sqlite3_close(state->db);
	free(state);
}

static int run(struct state *state, enum statement which, const int64_t *values, int n)
{
	sqlite3_stmt *stmt = state->statements[which];
	int r;

	for (int i = 0; i < n; i++)
		sqlite3_bind_int64(stmt, i + 1, values[i]);
	r = sqlite3_step(stmt) == SQLITE_DONE ? 0 : complain(state, "written");
	sqlite3_reset(stmt);
	return r;
}

static void bind_others(sqlite3_stmt *stmt, int at, const struct peering_others *others)
{
	sqlite3_bind_blob(stmt, at, others->addr, (int)(others->n * sizeof(others->addr[0])),
			  SQLITE_TRANSIENT);
}

int state_put_home(struct state *state, const struct home_record *h)
{
	const int64_t values[] = {
		h->virt.s_addr, h->generation, (int64_t)h->counter,
		h->base,	h->shift,      (int64_t)h->since_s,
		h->away,	h->domain,     h->endpoint.s_addr,
		h->proved,
	};

	bind_others(state->statements[PUT_HOME], 11, &h->others);
	return run(state, PUT_HOME, values, sizeof(values) / sizeof(values[0]));
}

int state_put_visit(struct state *state, const struct visit_record *v)
{
	const int64_t values[] = {
		v->domain, v->virt.s_addr, v->identity.s_addr,	v->gateway.s_addr,
		v->flags,  v->state,	   (int64_t)v->counter,
	};
	sqlite3_stmt *stmt = state->statements[PUT_VISIT];

	sqlite3_bind_blob(stmt, 8, v->ticket, sizeof(v->ticket), SQLITE_TRANSIENT);
	sqlite3_bind_blob(stmt, 9, v->proof, sizeof(v->proof), SQLITE_TRANSIENT);
	bind_others(stmt, 10, &v->others);
	return run(state, PUT_VISIT, values, 7);
}

int state_drop_visit(struct state *state, uint32_t domain, struct in_addr virt)
{
	const int64_t values[] = {domain, virt.s_addr};

	return run(state, DROP_VISIT, values, 2);
}

static uint32_t u32(sqlite3_stmt *stmt, int column)
{
	return (uint32_t)sqlite3_column_int64(stmt, column);
}

static int get_others(sqlite3_stmt *stmt, int column, struct peering_others *ret_others)
{
	size_t len = (size_t)sqlite3_column_bytes(stmt, column);

	if (len % sizeof(ret_others->addr[0]) || len > sizeof(ret_others->addr))
		return -EINVAL;
	ret_others->n = (uint32_t)(len / sizeof(ret_others->addr[0]));
	if (len)
		memcpy(ret_others->addr, sqlite3_column_blob(stmt, column), len);
	return 0;
}

static int load_home(sqlite3_stmt *s, const struct state_loader *loader, void *user)
{
	struct home_record h = {
		.virt.s_addr = u32(s, 0),
		.generation = u32(s, 1),
		.counter = (uint64_t)sqlite3_column_int64(s, 2),
		.base = u32(s, 3),
		.shift = u32(s, 4),
		.since_s = (uint64_t)sqlite3_column_int64(s, 5),
		.away = u32(s, 6),
		.domain = u32(s, 7),
		.endpoint.s_addr = u32(s, 8),
		.proved = u32(s, 9),
	};

	return get_others(s, 10, &h.others) ? -EINVAL : loader->home(&h, user);
}

static int load_visit(sqlite3_stmt *s, const struct state_loader *loader, void *user)
{
	struct visit_record v = {
		.domain = u32(s, 0),
		.virt.s_addr = u32(s, 1),
		.identity.s_addr = u32(s, 2),
		.gateway.s_addr = u32(s, 3),
		.flags = u32(s, 4),
		.state = u32(s, 5),
		.counter = (uint64_t)sqlite3_column_int64(s, 6),
	};

	if (sqlite3_column_bytes(s, 7) != sizeof(v.ticket) ||
	    sqlite3_column_bytes(s, 8) != sizeof(v.proof) || v.state > VISIT_FORWARDING ||
	    get_others(s, 9, &v.others))
		return -EINVAL;
	memcpy(v.ticket, sqlite3_column_blob(s, 7), sizeof(v.ticket));
	memcpy(v.proof, sqlite3_column_blob(s, 8), sizeof(v.proof));
	return loader->visit(&v, user);
}

static int load_table(struct state *state, const char *query,
		      int (*row)(sqlite3_stmt *, const struct state_loader *, void *),
		      const struct state_loader *loader, void *user)
{
	sqlite3_stmt *stmt;
	int r = 0, code;

	if (sqlite3_prepare_v2(state->db, query, -1, &stmt, NULL))
		return complain(state, "read");
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW && !r)
		r = row(stmt, loader, user);
	if (!r && code != SQLITE_DONE)
		r = complain(state, "read");
	sqlite3_finalize(stmt);
	return r;
}

int state_load(struct state *state, const struct state_loader *loader, void *user)
{
	int r = load_table(state, "SELECT * FROM homes", load_home, loader, user);

	return r ? r : load_table(state, "SELECT * FROM visits", load_visit, loader, user);
}
