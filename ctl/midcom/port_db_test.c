// SPDX-License-Identifier: GPL-2.0-only
#include "port_db.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXT  0x87b42004
#define V    0x0a800002
#define A_1  0x0a000105
#define A_2  0x0a000207
#define HOST 70000

static char dir[] = "/tmp/mnat-ports-XXXXXX", path[64];
static struct port_db *db;

static void setup(void)
{
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/ports.db", dir);
	cr_assert_eq(port_db_open(path, &db), 0);
}

static void teardown(void)
{
	static const char *const files[] = {"", "-wal", "-shm"};
	char name[80];

	port_db_close(db);
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path, files[i]);
		unlink(name);
	}
	rmdir(dir);
}

TestSuite(port_db, .init = setup, .fini = teardown);

static struct port_record block(enum port_record_kind kind, uint32_t host, int64_t at)
{
	return (struct port_record){.kind = kind, .proto = PORT_DB_ANY_PROTO, .addr = EXT,
				    .first = 7040, .last = 7103, .host = host, .virt = V,
				    .actual = A_1, .at = at};
}

static void write_at(struct port_record record, int64_t now)
{
	cr_assert_eq(port_db_write(db, &record, 1, now), 0);
}

static size_t who(uint16_t port, int64_t at, struct port_holder holders[4])
{
	size_t n = 99;

	cr_assert_eq(port_db_who(db, EXT, port, at, holders, 4, &n), 0);
	return n;
}

Test(port_db, first_to_last_second_and_port)
{
	static const struct {
		uint16_t port;
		int64_t at;
		size_t n;
	} rows[] = {{7088, 1000, 1}, {7088, 999, 0},  {7088, 2000, 1}, {7088, 2001, 0},
		    {7040, 1500, 1}, {7039, 1500, 0}, {7103, 1500, 1}, {7104, 1500, 0}};
	struct port_holder h[4];

	write_at(block(PORT_TAKEN, HOST, 1000), 1000);
	cr_assert_eq(who(7088, 1500, h), 1);
	cr_expect_eq(h[0].until, 0);
	write_at(block(PORT_FREED, HOST, 2000), 2000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(who(rows[i].port, rows[i].at, h), rows[i].n, "row %zu", i);
	cr_assert_eq(who(7088, 1500, h), 1);
	cr_expect_eq(h[0].virt, V);
	cr_expect_eq(h[0].actual, A_1);
	cr_expect_eq(h[0].first, 7040);
	cr_expect_eq(h[0].last, 7103);
	cr_expect_eq(h[0].since, 1000);
	cr_expect_eq(h[0].until, 2000);
}

/* Told twice, and by a clock that is a little off: one record. Another host: two. */
Test(port_db, taken_is_told_again)
{
	struct port_record other = block(PORT_TAKEN, HOST + 1, 3000);
	struct port_holder h[4];

	write_at(block(PORT_TAKEN, HOST, 1000), 1000);
	write_at(block(PORT_TAKEN, HOST, 1002), 1100);
	cr_assert_eq(who(7088, 1500, h), 1);
	cr_expect_eq(h[0].since, 1000);
	other.virt = V + 1;
	write_at(other, 3000);
	cr_assert_eq(who(7088, 2999, h), 1);
	cr_expect_eq(h[0].virt, V);
	cr_assert_eq(who(7088, 3001, h), 1);
	cr_expect_eq(h[0].virt, V + 1);
	write_at(block(PORT_FREED, HOST, 3100), 3100);
	cr_assert_eq(who(7088, 3200, h), 1, "the end of the one is not the other's");
}

Test(port_db, where_it_was)
{
	struct port_record move = {.kind = PORT_MOVED, .virt = V, .actual = A_2, .at = 1200};
	struct port_holder h[4];

	write_at(block(PORT_TAKEN, HOST, 1000), 1000);
	write_at(move, 1200);
	who(7088, 1199, h);
	cr_expect_eq(h[0].actual, A_1);
	who(7088, 1200, h);
	cr_expect_eq(h[0].actual, A_2);
	write_at(block(PORT_FREED, HOST, 1300), 1300);
	write_at(block(PORT_TAKEN, HOST, 1400), 1400);
	who(7088, 1500, h);
	cr_expect_eq(h[0].actual, A_1, "a move before it had the ports says nothing");
}

/* A rule's port goes before the block it is in. */
Test(port_db, one_port_in_another_hosts_block)
{
	struct port_record rule = {.kind = PORT_TAKEN, .proto = 0, .addr = EXT, .first = 7088,
				   .last = 7088, .host = 7, .virt = V + 7, .at = 1100};
	struct port_holder h[4];

	write_at(block(PORT_TAKEN, HOST, 1000), 1000);
	write_at(rule, 1100);
	cr_assert_eq(who(7088, 1200, h), 2);
	cr_expect_eq(h[0].virt, V + 7);
	cr_expect_eq(h[1].virt, V);
	cr_expect_eq(who(7087, 1200, h), 1);
}

/* Killed at 1500; at the next start the block is not told as taken any more. */
Test(port_db, settled_after_a_restart)
{
	struct port_record settled = {.kind = PORT_SETTLED}, other = block(PORT_TAKEN, 5, 1000);
	struct port_holder h[4];

	other.first = 8000, other.last = 8063;
	write_at(block(PORT_TAKEN, HOST, 1000), 1000);
	write_at(other, 1500);
	port_db_close(db);
	cr_assert_eq(port_db_open(path, &db), 0);
	write_at(other, 1600);
	write_at(settled, 1601);
	cr_assert_eq(who(7088, 1500, h), 1);
	cr_expect(h[0].until >= 1500 && h[0].until <= 1600, "until %ld", h[0].until);
	cr_expect_eq(who(7088, 1700, h), 0);
	cr_expect_eq(who(8001, 1700, h), 1);
}

Test(port_db, purge)
{
	struct port_holder h[4];

	write_at(block(PORT_TAKEN, HOST, 1000), 1000);
	write_at(block(PORT_FREED, HOST, 2000), 2000);
	write_at(block(PORT_TAKEN, HOST, 3000), 3000);
	cr_assert_eq(port_db_purge(db, 2001), 0);
	cr_expect_eq(who(7088, 1500, h), 0);
	cr_expect_eq(who(7088, 9000, h), 1);
}

Test(port_db, another_version)
{
	struct port_db *other;

	port_db_close(db);
	{
		FILE *f = fopen(path, "r+");

		cr_assert_not_null(f);
		cr_assert_eq(fseek(f, 60, SEEK_SET), 0); /* user_version in the header */
		cr_assert_eq(fwrite("\0\0\0\11", 1, 4, f), 4);
		fclose(f);
	}
	cr_redirect_stderr();
	cr_expect_eq(port_db_open(path, &other), -EPROTONOSUPPORT);
	db = NULL;
}
