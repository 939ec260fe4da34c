// SPDX-License-Identifier: GPL-2.0-only
/* The keeper as the server meets it: a real process with a real database. */
#include "keeper.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mnat/broker.h"
#include "mnat/unix.h"

#include "wire.h"

static char folder[32], database[64], conf[64], keys[64], manager[64];

static const struct keeper_paths paths = {
	.database = database, .conf = conf, .keys = keys, .manager = manager, .run_dir = folder};

static void make_folder(void)
{
	strcpy(folder, "/tmp/dhcpd-keeper-XXXXXX");
	cr_assert(mkdtemp(folder));
	snprintf(database, sizeof(database), "%s/leases", folder);
	snprintf(conf, sizeof(conf), "%s/conf", folder);
	snprintf(keys, sizeof(keys), "%s/keys", folder);
	snprintf(manager, sizeof(manager), "%s/mmd.sock", folder);
}

static void remove_folder(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(keeper, .init = make_folder, .fini = remove_folder);

static struct mnat_store *start(void)
{
	struct mnat_store *store = NULL;

	cr_assert_eq(keeper_start(&paths, &store), 0);
	return store;
}

static struct mnat_store *start_open(void)
{
	struct mnat_store *store = start();

	cr_assert_eq(keeper_open(store), 0);
	return store;
}

static struct mnat_lease_record record(uint32_t address)
{
	struct mnat_lease_record r = {
		.address = address,
		.state = MNAT_LEASE_BOUND,
		.generation = 7,
		.virt = 0x0a800002,
		.expires = 1700003600,
		.mac = {2, 0, 0, 0, 0, 0xab},
		.client_len = MNAT_CLIENT_MAX,
		.hostname = "laptop",
	};

	memset(r.client, 0xc5, sizeof(r.client));
	return r;
}

static struct mnat_auth_record proof(uint32_t n)
{
	struct mnat_auth_record r = {
		.key = UINT32_MAX, .counter = n, .replay = UINT64_MAX - n, .client_len = 4};

	memcpy(r.client, &n, sizeof(n));
	return r;
}

static int result(struct mnat_store *store)
{
	struct pollfd wait = {.fd = keeper_fd(store), .events = POLLIN};

	cr_assert_eq(poll(&wait, 1, 5000), 1);
	return keeper_result(store);
}

static void put(struct mnat_store *store, uint32_t first, uint32_t n)
{
	cr_assert_eq(store_keeper.begin(store), 0);
	for (uint32_t i = 0; i < n; i++) {
		struct mnat_lease_record r = record(first + i);

		cr_assert_eq(store_keeper.put(store, &r), 0);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct mnat_auth_record r = proof(first + i);

		cr_assert_eq(store_keeper.put_auth(store, &r), 0);
	}
	cr_assert_eq(store_keeper.commit(store), -EINPROGRESS);
}

#define LAST (0x0a000001 + 2999)

struct loaded {
	size_t n;
	struct mnat_lease_record last;
};

static int each(const struct mnat_lease_record *r, void *user)
{
	struct loaded *loaded = user;

	loaded->n++;
	if (r->address == LAST)
		loaded->last = *r;
	return 0;
}

static int each_auth(const struct mnat_auth_record *r, void *user)
{
	struct mnat_auth_record want = proof((uint32_t)r->counter);

	++*(size_t *)user;
	cr_assert_eq(memcmp(r, &want, sizeof(want)), 0);
	return 0;
}

Test(keeper, what_is_stored_is_there_after_a_restart)
{
	const struct mnat_lease_record want = record(LAST);
	struct mnat_store *store = start_open();
	struct loaded loaded = {0};
	size_t n = 0;

	put(store, 0x0a000001, 3000); /* more than one frame of a load */
	cr_assert_eq(result(store), 0);
	store_keeper.close(store);
	store = start_open();
	cr_assert_eq(store_keeper.load(store, each, &loaded), 0);
	cr_assert_eq(loaded.n, 3000);
	cr_assert_eq(memcmp(&loaded.last, &want, sizeof(want)), 0);
	cr_assert_eq(store_keeper.load_auth(store, each_auth, &n), 0);
	cr_assert_eq(n, 3000);
	store_keeper.close(store);
}

Test(keeper, one_transaction_at_a_time)
{
	struct mnat_store *store = start_open();

	put(store, 0x0a000001, 1);
	cr_assert_eq(store_keeper.begin(store), -EBUSY);
	cr_assert_eq(result(store), 0);
	cr_assert_eq(store_keeper.begin(store), 0);
	store_keeper.close(store);
}

Test(keeper, a_database_that_cannot_be_opened)
{
	struct mnat_store *store;

	strcat(database, "/no/such/folder");
	store = start();
	cr_assert_eq(keeper_open(store), -ENOENT);
	store_keeper.close(store);
}

/* A server that has been broken into sends what it likes. */
Test(keeper, what_is_no_lease_is_not_stored)
{
	struct mnat_store *store = start_open();
	struct mnat_lease_record r = record(0x0a000001);
	uint8_t buf[2 * WIRE_RECORD_MAX];
	struct frame frame = {.type = FRAME_STORE};
	struct loaded loaded = {0};

	frame.len = (uint32_t)wire_pack(&r, buf);
	r.address = 0x0a000002;
	frame.len += (uint32_t)wire_pack(&r, buf + frame.len) - 1;
	cr_assert_eq(wire_write(keeper_fd(store), &frame, buf), 0);
	cr_assert_eq(result(store), -EPIPE);
	store_keeper.close(store);
	store = start_open();
	cr_assert_eq(store_keeper.load(store, each, &loaded), 0);
	cr_assert_eq(loaded.n, 0);
	store_keeper.close(store);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	fputs(text, file);
	fclose(file);
	cr_assert_eq(chmod(path, mode), 0);
}

static void expect_file(const char *path, const char *text)
{
	char is[8] = {0};
	int fd = mnat_broker()->open(path);

	cr_assert_geq(fd, 0);
	cr_assert_gt(read(fd, is, sizeof(is) - 1), 0);
	cr_assert_str_eq(is, text);
	close(fd);
}

Test(keeper, opens_its_doors_and_no_other)
{
	struct mnat_store *store = start_open();

	write_file(conf, "text", 0644);
	write_file(keys, "keys", 0600);
	keeper_be_broker(store);
	expect_file(conf, "text");
	expect_file(keys, "keys");
	cr_assert_eq(chmod(keys, 0604), 0);
	cr_assert_eq(mnat_broker()->open(keys), -EPERM, "others may read it");
	cr_assert_eq(mnat_broker()->open("/etc/hostname"), -EACCES);
	cr_assert_eq(mnat_unix_connect("/run/other.sock"), -ENOENT); /* manager's is not there */
	store_keeper.close(store);
	cr_assert_null(mnat_broker());
}

Test(wire, a_proof_comes_out_as_it_went_in)
{
	struct mnat_auth_record r = proof(7), again;
	uint8_t buf[WIRE_AUTH_MAX];
	size_t len;

	r.client_len = MNAT_CLIENT_MAX;
	memset(r.client, 0xc5, sizeof(r.client));
	len = wire_pack_auth(&r, buf);
	cr_assert_eq(len, WIRE_AUTH_MAX);
	cr_assert_eq(wire_unpack_auth(buf, len, &again), len);
	cr_assert_eq(memcmp(&r, &again, sizeof(r)), 0);
	for (size_t cut = 0; cut < len; cut++)
		cr_assert_eq(wire_unpack_auth(buf, cut, &again), 0);
	buf[20] = 0;
	cr_assert_eq(wire_unpack_auth(buf, len, &again), 0, "nobody's");
}

Test(wire, a_record_comes_out_as_it_went_in)
{
	struct mnat_lease_record r = record(0xfffffffe), again;
	uint8_t buf[WIRE_RECORD_MAX];
	size_t len;

	memset(r.hostname, 'h', MNAT_HOSTNAME_LEN - 1);
	r.is_virtual = r.is_foreign = true;
	r.expires = -1;
	len = wire_pack(&r, buf);
	cr_assert_leq(len, WIRE_RECORD_MAX);
	cr_assert_eq(wire_unpack(buf, len, &again), len);
	cr_assert_eq(memcmp(&r, &again, sizeof(r)), 0);
	for (size_t cut = 0; cut < len; cut++)
		cr_assert_eq(wire_unpack(buf, cut, &again), 0);
	r.is_virtual = r.is_foreign = false;
	r.tunnel = true;
	cr_assert_eq(wire_unpack(buf, wire_pack(&r, buf), &again), len);
	cr_assert_eq(memcmp(&r, &again, sizeof(r)), 0);
}

Test(wire, nonsense_is_refused)
{
	static const struct {
		size_t at;
		uint8_t value;
	} bad[] = {
		{20, 2},  /* foreign, but not virtual */
		{20, 5},  /* virtual, and by tunnel */
		{20, 8},  /* kind */
		{21, 5},  /* state */
		{29, 64}, /* host name */
	};
	struct mnat_lease_record r = record(0x0a000001);
	uint8_t buf[2 * WIRE_RECORD_MAX] = {0};
	size_t len = wire_pack(&r, buf);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t was = buf[bad[i].at];

		buf[bad[i].at] = bad[i].value;
		cr_expect_eq(wire_unpack(buf, sizeof(buf), &r), 0, "case %zu", i);
		buf[bad[i].at] = was;
	}
	cr_assert_eq(wire_unpack(buf, len, &r), len);
}
