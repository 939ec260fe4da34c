// SPDX-License-Identifier: GPL-2.0-only
/* Hosts that share a virtual address (seed paragraph 58). */
#include <criterion/criterion.h>
#include <errno.h>

#include "arrays_test.h"

#define V "10.128.9.1"
#define I1 "240.1.0.1"
#define I2 "240.1.0.2"
#define A1 "10.0.1.5"
#define A2 "10.0.2.7"
#define A3 "10.0.3.8"
#define NOW 1000

static struct hosts hosts;

static void setup(void)
{
	arrays_clear();
	arrays_open(&hosts, NOW);
}

static void teardown(void)
{
	hosts_close(&hosts);
}

TestSuite(shared, .init = setup, .fini = teardown, .timeout = 20);

static int rebind(struct rebind order)
{
	uint64_t bound_at;

	return hosts_rebind(&hosts, &order, NOW, &bound_at);
}

static int share(const char *identity, const char *virt, const char *actual, uint32_t generation)
{
	return rebind((struct rebind){.identity = ip(identity), .actual = ip(actual),
				      .generation = generation, .tunnel = true, .virt = ip(virt)});
}

static int own(const char *identity, const char *actual)
{
	return rebind((struct rebind){.identity = ip(identity), .actual = ip(actual),
				      .generation = 1});
}

static int leave(const char *identity, uint32_t generation)
{
	return rebind((struct rebind){.identity = ip(identity), .generation = generation});
}

static bool is_shared(const char *virt)
{
	for (int i = 0; i < MNAT_MAX_SHARED; i++)
		if (arrays.shared[i] == ip(virt))
			return true;
	return false;
}

static void release_all(void)
{
	static const uint8_t none[N_MOBILE / 8 + 1];

	hosts_release(&hosts, none, NOW + 100);
}

Test(shared, two_hosts)
{
	const uint64_t at_a1 = mnat_location(ip(A1), MNAT_PATH_TUNNEL, MNAT_HOST_TUNNELLED, 1);
	const uint64_t at_a3 = mnat_location(ip(A3), MNAT_PATH_TUNNEL, MNAT_HOST_TUNNELLED, 2);
	uint32_t id = 7;

	cr_assert_eq(share(I1, V, A1, 1), 0);
	cr_assert_eq(share(I2, V, A2, 1), 0);
	cr_assert_eq(share(I2, V, A3, 2), 0, "a move");
	cr_expect_eq(arrays.hosts[FIRST_ID], at_a1);
	cr_expect_eq(arrays.hosts[FIRST_ID + 1], at_a3);
	for (uint32_t i = 0; i < 2; i++) {
		cr_expect_eq(arrays.info[FIRST_ID + i].virt, ip(V));
		cr_expect_eq(arrays.info[FIRST_ID + i].identity, ip(i ? I2 : I1));
		cr_expect_eq(arrays.virtuals[FIRST_ID + i], ip(i ? I2 : I1));
	}
	cr_expect(is_shared(V));
	cr_expect_eq(hosts_find(&hosts, ip(V), &id), -EEXIST);
	cr_expect_eq(hosts_find_or_add(&hosts, ip(V), NOW, &id), -EEXIST);
	cr_expect_eq(id, 7);
	cr_expect_eq(hosts.n_free, N_MOBILE - 2);
}

/* It is shared as long as somebody has it, whoever was killed meanwhile. */
Test(shared, until_the_last_is_forgotten)
{
	share(I1, V, A1, 1);
	share(I2, V, A2, 1);
	hosts_close(&hosts);
	arrays_open(&hosts, NOW);
	cr_expect_eq(hosts.n_shared, 1);
	cr_expect_eq(hosts.shared[0].n, 2);
	cr_assert_eq(leave(I1, 2), 0);
	release_all();
	cr_expect_eq(hosts.n_free, N_MOBILE - 1);
	cr_expect(is_shared(V));
	cr_expect_eq(own(V, A1), -EEXIST);
	cr_assert_eq(leave(I2, 2), 0);
	cr_expect(is_shared(V), "its sessions are there still");
	release_all();
	cr_expect_not(is_shared(V));
	cr_expect_eq(hosts.n_shared, 0);
	cr_expect_eq(own(V, A1), 0);
	cr_expect_eq(share(I1, V, A2, 3), -EEXIST, "it is a host's own now");
	release_all();
	cr_expect_eq(hosts.n_free, N_MOBILE - 1, "who is refused keeps no id");
}

Test(shared, what_is_refused)
{
	struct rebind away = {.identity = ip(I1), .endpoint = ip("143.32.2.70"), .generation = 1};

	cr_expect_eq(own(I1, A1), -EINVAL, "no address to share");
	cr_expect_eq(share("10.128.0.2", V, A1, 1), -EINVAL, "an identity that is an address");
	cr_expect_eq(rebind((struct rebind){.identity = ip(I1), .actual = ip(A1), .virt = ip(V),
					    .generation = 1}), -EINVAL, "translated");
	cr_expect_eq(rebind(away), -EINVAL, "in another domain");
	away.virt = ip(V);
	cr_expect_eq(rebind(away), -EINVAL);
	cr_expect_eq(share(I1, "192.0.2.1", A1, 1), -ERANGE, "not in inside { virtual }");
	cr_expect_eq(hosts.n_free, N_MOBILE);
	cr_expect_eq(hosts.n_shared, 0);
}

/* The server's configuration has changed: the host has another address. */
Test(shared, another_address)
{
	share(I1, V, A1, 1);
	share(I2, V, A2, 1);
	cr_assert_eq(share(I1, "10.128.9.2", A1, 1), 0, "its place is the same");
	cr_expect_eq(arrays.info[FIRST_ID].virt, ip("10.128.9.2"));
	cr_expect(is_shared("10.128.9.2"));
	cr_expect(is_shared(V), "by the other");
	cr_assert_eq(share(I2, "10.128.9.2", A2, 2), 0);
	cr_expect_not(is_shared(V));
}

Test(shared, so_many_addresses)
{
	for (int i = 0; i < MNAT_MAX_SHARED; i++)
		cr_assert_eq(hosts_share(&hosts, htonl(0x0a800900 + (uint32_t)i)), 0);
	cr_expect_eq(share(I1, "10.128.10.1", A1, 1), -ENOSPC);
	cr_expect_eq(share(I1, V, A1, 1), 0);
}
