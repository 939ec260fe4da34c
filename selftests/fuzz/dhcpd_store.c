// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lease database: the input is the file. It is refused, or its leases are ones that
 * the server can have, and it takes a new one.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "quiet.h"
#include "store.h"

static char path[64];

static void remove_files(void)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", ".lock"};
	char name[80];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		unlink(name);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	snprintf(path, sizeof(path), "/dev/shm/mnat-fuzz-%d", getpid());
	atexit(remove_files);
	be_quiet();
	return 0;
}

static int each(const struct mnat_lease_record *record, void *user)
{
	require(record->address && record->state <= MNAT_LEASE_DECLINED);
	require(strnlen(record->hostname, MNAT_HOSTNAME_LEN) < MNAT_HOSTNAME_LEN);
	require(record->is_virtual || !record->is_foreign);
	return 0;
}

static int each_auth(const struct mnat_auth_record *record, void *user)
{
	require(record->client_len);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mnat_auth_record proof = {.key = 1, .client_len = 1};
	const struct mnat_lease_record record = {.address = 0x0a000105,
						 .state = MNAT_LEASE_BOUND};
	struct mnat_store *store = NULL;
	int fd;

	remove_files();
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
	if (store_sqlite.open(path, &store)) {
		require(!store);
		return 0;
	}
	store_sqlite.load(store, each, NULL);
	store_sqlite.load_auth(store, each_auth, NULL);
	if (!store_sqlite.begin(store) && !store_sqlite.put(store, &record) &&
	    !store_sqlite.put_auth(store, &proof))
		store_sqlite.commit(store);
	store_sqlite.close(store);
	return 0;
}
