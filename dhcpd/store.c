// SPDX-License-Identifier: GPL-2.0-only
#include "store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "mnat/addr.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

#include "record.h"
#include "schema.h"

#define HISTORY_SECONDS "7776000" /* 90 days */
#define LOCK_WAIT_MS  2000
#define LOCK_PAUSE_MS 10

struct mnat_store {
	sqlite3 *db;
	sqlite3_stmt *put;
	sqlite3_stmt *put_auth;
	time_t forgot; /* old history, when last */
	int lock;
};

/* A file that somebody else wrote may not make us do more than read it. */
static const char pragmas[] = "PRAGMA trusted_schema = OFF;"
			      "PRAGMA cell_size_check = ON;"
			      "PRAGMA journal_mode = WAL;"
			      "PRAGMA synchronous = FULL;"
			      "PRAGMA busy_timeout = 1000;";

static const char put_sql[] = "INSERT INTO leases (address, kind, state, expires,"
			      " generation, virtual, mac, client, hostname, tunnel)"
			      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
			      " ON CONFLICT (address) DO UPDATE SET kind = ?2, state = ?3,"
			      " expires = ?4, generation = ?5, virtual = ?6, mac = ?7,"
			      " client = ?8, hostname = ?9, tunnel = ?10";

static const char load_sql[] = "SELECT address, kind, state, expires, generation, virtual, mac,"
			       " client, hostname, tunnel FROM leases";

static const char put_auth_sql[] = "INSERT INTO auth (client, key, counter, replay)"
				   " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (client) DO UPDATE"
				   " SET key = ?2, counter = ?3, replay = ?4";

static const char load_auth_sql[] = "SELECT client, key, counter, replay FROM auth";

enum column { ADDRESS, KIND, STATE, EXPIRES, GENERATION, VIRTUAL, MAC, CLIENT, HOSTNAME, TUNNEL };

static const char *name_of(const struct mnat_store *store)
{
	return sqlite3_db_filename(store->db, "main");
}

static int failed(struct mnat_store *store, const char *what)
{
	log_err("%s: cannot %s: %s", name_of(store), what, sqlite3_errmsg(store->db));
	if (!sqlite3_get_autocommit(store->db))
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return -EIO;
}

static int run(struct mnat_store *store, const char *sql, const char *what)
{
	return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0
									   : failed(store, what);
}

/* ---- open and close ---- */

static void store_close(struct mnat_store *store)
{
	sqlite3_finalize(store->put);
	sqlite3_finalize(store->put_auth);
	sqlite3_close(store->db);
	if (store->lock >= 0)
		close(store->lock);
	free(store);
}

static void closep(struct mnat_store **store)
{
	if (*store)
		store_close(*store);
}

/* The last folder of the path is ours to make, as a package's state directory. */
static void make_folder(const char *path)
{
	_cleanup_free_ char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;

	if (!slash || slash == folder)
		return;
	*slash = '\0';
	mkdir(folder, 0755);
}

/* A server that was killed takes its keeper along, but not in the same moment. */
static int lock_patiently(int fd)
{
	const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000};

	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
		if (i == LOCK_WAIT_MS / LOCK_PAUSE_MS)
			return -EBUSY;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* Not a lock on the database itself, so that sqlite3(1) can look while we run. */
static int lock_beside(const char *path, int *ret_fd)
{
	_cleanup_free_ char *name = NULL;
	_cleanup_close_ int fd = -1;

	if (asprintf(&name, "%s.lock", path) < 0)
		return -ENOMEM;
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		int r = -errno;

		log_err("%s: cannot be made: %m; set database to a file in a folder that exists",
			name);
		return r;
	}
	if (lock_patiently(fd)) {
		log_err("%s: another mnat-dhcpd keeps its leases there; give each its own database",
			path);
		return -EBUSY;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int prepare(struct mnat_store *store)
{
	int r = run(store, pragmas, "be opened");

	if (!r)
		r = schema_upgrade(store->db);
	if (!r && (sqlite3_prepare_v2(store->db, put_sql, -1, &store->put, NULL) != SQLITE_OK ||
		   sqlite3_prepare_v2(store->db, put_auth_sql, -1, &store->put_auth, NULL) !=
			   SQLITE_OK))
		r = failed(store, "prepare a statement");
	return r;
}

static int store_open(const char *where, struct mnat_store **ret_store)
{
	_cleanup_(closep) struct mnat_store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return -ENOMEM;
	store->lock = -1;
	make_folder(where);
	r = lock_beside(where, &store->lock);
	if (r)
		return r;
	if (sqlite3_open(where, &store->db) != SQLITE_OK) {
		log_err("%s: cannot be opened: %s", where, sqlite3_errmsg(store->db));
		return -EIO;
	}
	r = prepare(store);
	if (r)
		return r;
	*ret_store = TAKE_PTR(store);
	return 0;
}

/* ---- reading ---- */

static int read_address(sqlite3_stmt *stmt, enum column column, uint32_t *ret_address)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);
	struct in_addr addr = {0};

	if (text && mnat_parse_ip(text, &addr))
		return -EINVAL;
	*ret_address = ntohl(addr.s_addr);
	return 0;
}

static int read_client(sqlite3_stmt *stmt, struct mnat_lease_record *record)
{
	const char *mac = (const char *)sqlite3_column_text(stmt, MAC);
	const char *hostname = (const char *)sqlite3_column_text(stmt, HOSTNAME);
	int len = sqlite3_column_bytes(stmt, CLIENT);

	if (len > MNAT_CLIENT_MAX || (mac && mnat_parse_mac(mac, record->mac)) ||
	    (hostname && strlen(hostname) >= sizeof(record->hostname)))
		return -EINVAL;
	record->client_len = (uint8_t)len;
	if (len)
		memcpy(record->client, sqlite3_column_blob(stmt, CLIENT), (size_t)len);
	if (hostname)
		strcpy(record->hostname, hostname);
	return 0;
}

static int read_record(sqlite3_stmt *stmt, struct mnat_lease_record *record)
{
	*record = (struct mnat_lease_record){
		.expires = sqlite3_column_int64(stmt, EXPIRES),
		.generation = (uint32_t)sqlite3_column_int64(stmt, GENERATION),
		.tunnel = sqlite3_column_int(stmt, TUNNEL),
	};
	if (read_address(stmt, ADDRESS, &record->address) || !record->address ||
	    read_address(stmt, VIRTUAL, &record->virt) ||
	    record_set_kind(record, (const char *)sqlite3_column_text(stmt, KIND)) ||
	    record_set_state(record, (const char *)sqlite3_column_text(stmt, STATE)))
		return -EINVAL;
	return read_client(stmt, record);
}

static int store_load(struct mnat_store *store,
		      int (*each)(const struct mnat_lease_record *record, void *user), void *user)
{
	sqlite3_stmt *stmt = NULL;
	int step, r = 0;

	if (sqlite3_prepare_v2(store->db, load_sql, -1, &stmt, NULL) != SQLITE_OK)
		return failed(store, "be read");
	while (!r && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct mnat_lease_record record;

		if (read_record(stmt, &record))
			log_warn("%s: the lease of %s cannot be understood and is left out",
				 name_of(store), sqlite3_column_text(stmt, ADDRESS));
		else
			r = each(&record, user);
	}
	if (!r && step != SQLITE_DONE)
		r = failed(store, "be read");
	sqlite3_finalize(stmt);
	return r;
}

static int read_auth(sqlite3_stmt *stmt, struct mnat_auth_record *record)
{
	int len = sqlite3_column_bytes(stmt, 0);

	if (len < 1 || len > MNAT_CLIENT_MAX)
		return -EINVAL;
	*record = (struct mnat_auth_record){
		.key = (uint32_t)sqlite3_column_int64(stmt, 1),
		.counter = (uint64_t)sqlite3_column_int64(stmt, 2),
		.replay = (uint64_t)sqlite3_column_int64(stmt, 3),
		.client_len = (uint8_t)len,
	};
	memcpy(record->client, sqlite3_column_blob(stmt, 0), (size_t)len);
	return 0;
}

static int store_load_auth(struct mnat_store *store,
			   int (*each)(const struct mnat_auth_record *record, void *user),
			   void *user)
{
	sqlite3_stmt *stmt = NULL;
	int step, r = 0;

	if (sqlite3_prepare_v2(store->db, load_auth_sql, -1, &stmt, NULL) != SQLITE_OK)
		return failed(store, "be read");
	while (!r && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct mnat_auth_record record;

		if (!read_auth(stmt, &record))
			r = each(&record, user);
		else
			log_warn("%s: what a client last proved itself by cannot be understood and "
				 "is left out",
				 name_of(store));
	}
	if (!r && step != SQLITE_DONE)
		r = failed(store, "be read");
	sqlite3_finalize(stmt);
	return r;
}

/* ---- writing ---- */

/* Leases that ended long ago are forgotten, some each hour. */
static void forget_old(struct mnat_store *store)
{
	static const char sql[] = "DELETE FROM history WHERE (address, began) IN"
				  " (SELECT address, began FROM history"
				  "  WHERE ended < unixepoch() - " HISTORY_SECONDS " LIMIT 10000)";
	time_t now = time(NULL);

	if (store->forgot && now - store->forgot < 3600)
		return;
	store->forgot = now;
	run(store, sql, "forget old leases");
}

static int store_begin(struct mnat_store *store)
{
	forget_old(store);
	return run(store, "BEGIN IMMEDIATE", "be written");
}

static void bind_text(sqlite3_stmt *stmt, enum column column, const char *text)
{
	sqlite3_bind_text(stmt, column + 1, text, -1, SQLITE_TRANSIENT);
}

static void bind_address(sqlite3_stmt *stmt, enum column column, uint32_t address)
{
	char text[MNAT_IP_LEN];

	bind_text(stmt, column, mnat_ip((struct in_addr){htonl(address)}, text));
}

static void bind_client(sqlite3_stmt *stmt, const struct mnat_lease_record *record)
{
	char mac[MNAT_MAC_LEN];

	bind_text(stmt, MAC, mnat_mac(record->mac, mac));
	sqlite3_bind_blob(stmt, CLIENT + 1, record->client, record->client_len, SQLITE_TRANSIENT);
	if (*record->hostname)
		bind_text(stmt, HOSTNAME, record->hostname);
}

static int store_put(struct mnat_store *store, const struct mnat_lease_record *record)
{
	sqlite3_stmt *put = store->put;
	int step;

	sqlite3_clear_bindings(put);
	bind_address(put, ADDRESS, record->address);
	bind_text(put, KIND, record_kind(record));
	bind_text(put, STATE, record_state_name(record->state));
	sqlite3_bind_int64(put, EXPIRES + 1, record->expires);
	sqlite3_bind_int64(put, GENERATION + 1, record->generation);
	sqlite3_bind_int(put, TUNNEL + 1, record->tunnel);
	if (record->virt)
		bind_address(put, VIRTUAL, record->virt);
	if (record->client_len)
		bind_client(put, record);
	step = sqlite3_step(put);
	sqlite3_reset(put);
	return step == SQLITE_DONE ? 0 : failed(store, "be written");
}

static int store_put_auth(struct mnat_store *store, const struct mnat_auth_record *record)
{
	sqlite3_stmt *put = store->put_auth;
	int step;

	sqlite3_bind_blob(put, 1, record->client, record->client_len, SQLITE_TRANSIENT);
	sqlite3_bind_int64(put, 2, record->key);
	sqlite3_bind_int64(put, 3, (int64_t)record->counter);
	sqlite3_bind_int64(put, 4, (int64_t)record->replay);
	step = sqlite3_step(put);
	sqlite3_reset(put);
	return step == SQLITE_DONE ? 0 : failed(store, "be written");
}

static int store_commit(struct mnat_store *store)
{
	return run(store, "COMMIT", "be written");
}

const struct mnat_store_ops store_sqlite = {
	.open = store_open,
	.load = store_load,
	.load_auth = store_load_auth,
	.begin = store_begin,
	.put = store_put,
	.put_auth = store_put_auth,
	.commit = store_commit,
	.close = store_close,
};
