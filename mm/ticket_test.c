// SPDX-License-Identifier: GPL-2.0-only
#include "ticket.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW 1000000000u

static const struct secret secret = {"the manager's own"};
static const struct secret other = {"another manager's"};
static uint8_t bytes[PEERING_TICKET_LEN];

static void setup(void)
{
	struct ticket t = {.domain = 1, .generation = 7, .expires = NOW + 60};

	t.virt.s_addr = inet_addr("10.128.0.2");
	t.gateway.s_addr = inet_addr("135.180.32.4");
	cr_assert_eq(ticket_make(&secret, &t, bytes), 0);
}

TestSuite(ticket, .init = setup);

Test(ticket, good)
{
	struct ticket t;

	cr_assert(ticket_verify(&secret, 1, NOW, bytes, &t));
	cr_assert_eq(t.domain, 1);
	cr_assert_eq(t.generation, 7);
	cr_assert_eq(t.virt.s_addr, inet_addr("10.128.0.2"));
	cr_assert_eq(t.gateway.s_addr, inet_addr("135.180.32.4"));
}

/* Byte positions are a contract: visited managers read them. */
Test(ticket, layout)
{
	static const uint8_t start[16] = {0, 0, 0, 1, 10, 128, 0, 2, 135, 180, 32, 4, 0, 0, 0, 7};

	cr_assert_arr_eq(bytes, start, sizeof(start));
}

Test(ticket, forged)
{
	struct ticket t;

	for (int i = 0; i < PEERING_TICKET_LEN; i++) {
		bytes[i] ^= 0x10;
		cr_expect_not(ticket_verify(&secret, 1, NOW, bytes, &t), "byte %d", i);
		bytes[i] ^= 0x10;
	}
}

Test(ticket, expired)
{
	struct ticket t;

	cr_assert(ticket_verify(&secret, 1, NOW + 59, bytes, &t));
	cr_assert_not(ticket_verify(&secret, 1, NOW + 60, bytes, &t));
}

Test(ticket, another_managers_secret_or_domain)
{
	struct ticket t;

	cr_assert_not(ticket_verify(&other, 1, NOW, bytes, &t));
	cr_assert_not(ticket_verify(&secret, 2, NOW, bytes, &t));
}

Test(ticket, no_two_are_equal)
{
	uint8_t first[PEERING_TICKET_LEN];

	memcpy(first, bytes, sizeof(first));
	setup();
	cr_assert(memcmp(first, bytes, sizeof(first)));
}

Test(ticket, proof)
{
	uint8_t key[PEERING_MAC_LEN], proof[PEERING_MAC_LEN];

	ticket_key(&secret, bytes, key);
	peering_prove(key, bytes, 5, proof);
	cr_assert(ticket_proves(&secret, bytes, 5, proof));
	cr_assert_not(ticket_proves(&secret, bytes, 6, proof), "of another counter");
	key[0] ^= 1;
	peering_prove(key, bytes, 5, proof);
	cr_assert_not(ticket_proves(&secret, bytes, 5, proof), "with another key");
	ticket_key(&other, bytes, key);
	peering_prove(key, bytes, 5, proof);
	cr_assert_not(ticket_proves(&secret, bytes, 5, proof), "with another manager's key");
}

Test(secret, is_made_once_and_kept)
{
	char path[] = "/tmp/mnat-secret-XXXXXX";
	struct secret first, again;
	struct stat st;
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	close(fd);
	unlink(path);
	cr_assert_eq(secret_load(path, &first), 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	cr_assert_eq(secret_load(path, &again), 0);
	cr_assert_arr_eq(first.bytes, again.bytes, SECRET_LEN);
	cr_assert_eq(chmod(path, 0644), 0);
	cr_assert_eq(secret_load(path, &again), -EPERM, "others have read it");
	cr_assert_eq(chmod(path, 0600), 0);
	cr_assert_eq(truncate(path, 3), 0);
	cr_assert_eq(secret_load(path, &again), -EINVAL);
	unlink(path);
}
