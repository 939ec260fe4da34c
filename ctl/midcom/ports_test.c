// SPDX-License-Identifier: GPL-2.0-only
/* What rules take and give back, in the books that they share with the data path. */
#include "ports.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <time.h>

#include "arrays_test.h"
#include "maps_test.h"

#define EXT 0x87b42004
#define OTHER (FIRST_ID + 1)

static struct mnat_gateway *g;

static void setup(void)
{
	g = test_maps_open();
}

static void teardown(void)
{
	test_maps_close();
}

TestSuite(ports, .init = setup, .fini = teardown);

static int64_t take(uint32_t host, uint16_t port, int64_t wish)
{
	const struct port_owner owner = {host, htons(port), MNAT_UDP};

	return ports_take(g, &owner, wish, 1000);
}

static int64_t wish(uint16_t port)
{
	return mnat_binding_index(&g->config, MNAT_UDP, EXT, port);
}

static const struct mnat_block *block_of(int64_t index)
{
	return &g->blocks[mnat_binding_block(&g->config, (uint32_t)index)];
}

/* Our own daemons' are no rule's, and do not count as room. */
Test(ports, ours_are_not_given)
{
	int64_t index;

	cr_expect_eq(take(FIRST_ID, 80, wish(MNAT_PORT_MANAGER)), -EADDRINUSE);
	cr_expect_eq(take(FIRST_ID, 80, wish(MNAT_PORT_AGENT)), -EADDRINUSE);
	for (uint16_t port = 7616; port < 7680; port++) {
		index = mnat_port_is_ours(port) ? 0 : take(FIRST_ID, port, wish(port));
		cr_assert(index >= 0, "%u", port);
	}
	index = take(FIRST_ID, 90, PORT_ANY);
	cr_assert(index >= 0);
	cr_expect_neq(block_of(index), block_of(wish(7616)), "that block is full");
}

Test(ports, any_is_in_a_block_of_the_host)
{
	int64_t first = take(FIRST_ID, 80, PORT_ANY), second = take(FIRST_ID, 81, PORT_ANY);

	cr_assert(first >= 0 && second >= 0 && first != second);
	cr_expect_eq(block_of(first), block_of(second));
	cr_expect_eq(mnat_block_host(block_of(first)->word), FIRST_ID);
	cr_expect_eq(mnat_block_count(block_of(first)->word, MNAT_UDP), 2);
	cr_expect_eq(block_of(first)->since, 1000);
	cr_expect_eq(g->use[FIRST_ID].blocks, 1);
	cr_expect_eq(g->use[FIRST_ID].ports[MNAT_UDP], 2);
	ports_drop(g, (uint32_t)first);
	ports_drop(g, (uint32_t)second);
	cr_expect_eq(mnat_block_counts(block_of(first)->word), 0);
	cr_expect_neq(block_of(first)->released, 0);
	cr_expect_eq(g->use[FIRST_ID].blocks, 0);
	cr_expect_eq(g->use[FIRST_ID].ports[MNAT_UDP], 0);
}

Test(ports, no_two_hosts_in_a_block)
{
	int64_t first = take(FIRST_ID, 80, PORT_ANY), second = take(OTHER, 80, PORT_ANY);

	cr_expect_neq(block_of(first), block_of(second));
}

/* A wished port may be anywhere; what nobody had is then the rules'. */
Test(ports, wished)
{
	int64_t any = take(FIRST_ID, 80, PORT_ANY), in_it;
	int64_t far = take(OTHER, 443, wish(20000));

	cr_expect_eq(far, wish(20000));
	cr_expect_eq(mnat_block_host(block_of(far)->word), MNAT_BLOCK_RULES);
	cr_expect_eq(g->use[OTHER].blocks, 0);
	in_it = any % 64 ? any - 1 : any + 1;
	cr_expect_eq(take(OTHER, 444, in_it), in_it);
	cr_expect_eq(mnat_block_host(block_of(any)->word), FIRST_ID);
	cr_expect_eq(mnat_block_count(block_of(any)->word, MNAT_UDP), 2);
	cr_expect_eq(g->use[FIRST_ID].ports[MNAT_UDP], 1);
	cr_expect_eq(take(FIRST_ID, 81, in_it), -EADDRINUSE);
	cr_expect_eq(mnat_block_count(block_of(any)->word, MNAT_UDP), 2, "the place is given back");
	ports_drop(g, (uint32_t)any);
	cr_expect_eq(g->use[FIRST_ID].blocks, 1, "the other's rule still is in it");
	ports_drop(g, (uint32_t)in_it);
	ports_drop(g, (uint32_t)far);
	cr_expect_eq(g->use[FIRST_ID].blocks, 0);
	cr_expect_eq(g->use[FIRST_ID].ports[MNAT_UDP], 0);
	cr_expect_eq(g->use[OTHER].ports[MNAT_UDP], 0);
	cr_expect_eq(mnat_block_counts(block_of(far)->word), 0);
}

/* Reserved for nobody, then a host's: the same books when it ends. */
Test(ports, assigned)
{
	const struct port_owner owner = {FIRST_ID, htons(80), MNAT_UDP};
	int64_t any = take(FIRST_ID, 90, PORT_ANY), index = any % 64 ? any - 1 : any + 1;

	cr_assert_eq(take(0, 0, index), index);
	cr_assert_eq(ports_assign(g, (uint32_t)index, &owner), 0);
	cr_expect_eq(g->use[FIRST_ID].ports[MNAT_UDP], 2);
	ports_drop(g, (uint32_t)index);
	ports_drop(g, (uint32_t)any);
	cr_expect_eq(g->use[FIRST_ID].ports[MNAT_UDP], 0);
	cr_expect_eq(g->use[FIRST_ID].blocks, 0);
}

/* An id given to another host: its blocks wait for the hold-down as everybody's. */
Test(ports, forgotten)
{
	int64_t index = take(FIRST_ID, 80, PORT_ANY);

	g->use[FIRST_ID].current = 1;
	ports_drop(g, (uint32_t)index);
	ports_forget_host(g, FIRST_ID);
	cr_expect_eq(mnat_block_host(block_of(index)->word), 0);
	cr_expect_neq(block_of(index)->released, 0);
	cr_expect_eq(g->use[FIRST_ID].current, 0);
}

static int64_t take_for_nobody(uint32_t now)
{
	const struct port_owner nobody = {.proto = MNAT_UDP};

	return ports_take(g, &nobody, PORT_ANY, now);
}

static void pool(uint32_t n_ext, uint32_t n_blocks)
{
	g->config.external[0].last = g->config.external[0].first + n_ext - 1;
	g->config.external[0].port_last = g->config.external[0].port_first + 2 * n_blocks - 1;
	g->config.block_shift = 1;
	mnat_lay_out(&g->config);
}

static uint32_t seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint32_t)ts.tv_sec;
}

/* What another gateway still forwards to a freed one is not to reach another session. */
Test(ports, a_freed_one_of_nobodys_rests)
{
	uint32_t now = seconds();
	int64_t first, second, index;

	pool(1, 2);
	first = take_for_nobody(now);
	second = take_for_nobody(now);
	cr_assert(first >= 0 && second >= 0 && block_of(first) == block_of(second));
	ports_drop(g, (uint32_t)first);
	index = take_for_nobody(now);
	cr_assert(index >= 0 && block_of(index) != block_of(first), "the next block's");
	ports_drop(g, (uint32_t)second);
	cr_assert_geq(take_for_nobody(now), 0);
	cr_assert_eq(take_for_nobody(now), -ENOSPC);
	cr_assert_eq(take_for_nobody(now + 110), -ENOSPC);
	now = seconds(); /* not before they were freed */
	index = take_for_nobody(now + 120);
	cr_assert(index == first || index == second);
}

/* A wish is another matter: who has it knows what it is for. */
Test(ports, a_freed_one_may_be_wished)
{
	const struct port_owner nobody = {.proto = MNAT_UDP};
	int64_t index = take_for_nobody(1000);

	ports_drop(g, (uint32_t)index);
	cr_assert_eq(ports_take(g, &nobody, index, 1000), index);
}

Test(ports, nobodys_are_of_every_external_address)
{
	pool(3, 1);
	for (int i = 0; i < 6; i++) {
		int64_t index = take_for_nobody(1000);

		cr_assert(index >= MNAT_UDP * 6 && index < (MNAT_UDP + 1) * 6);
	}
	cr_assert_eq(take_for_nobody(1000), -ENOSPC);
}
