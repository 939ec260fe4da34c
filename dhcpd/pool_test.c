// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>
#include <stdlib.h>

#include "heap.h"
#include "pool.h"

static struct mnat_range two[] = {{100, 102}, {200, 299}};
static const struct ranges ranges = {.range = two, .n = 2};

Test(pool, gives_the_lowest_free_address)
{
	struct pool pool;
	uint32_t address;

	cr_assert_eq(pool_init(&pool, &ranges, 1), 0);
	cr_assert_eq(pool.size, 102);
	for (uint32_t expected = 101; expected < 300;
	     expected = expected == 102 ? 200 : expected + 1) {
		cr_assert(pool_lowest(&pool, &address));
		cr_assert_eq(address, expected);
		cr_assert(pool_take(&pool, address));
		cr_assert_not(pool_take(&pool, address), "taken once");
	}
	cr_assert_not(pool_lowest(&pool, &address));
	cr_assert_eq(pool.used, pool.size);
	pool_give_back(&pool, 250);
	pool_give_back(&pool, 102);
	cr_assert(pool_lowest(&pool, &address));
	cr_assert_eq(address, 102);
	cr_assert_eq(pool.used, 100);
	pool_done(&pool);
}

Test(pool, knows_its_bounds)
{
	struct pool pool;

	cr_assert_eq(pool_init(&pool, &ranges, 1), 0);
	cr_assert(pool_contains(&pool, 100));
	cr_assert_not(pool_is_free(&pool, 100), "reserved");
	cr_assert_not(pool_contains(&pool, 103));
	cr_assert_not(pool_take(&pool, 199));
	cr_assert(pool_is_free(&pool, 299));
	cr_assert_not(pool_is_free(&pool, 300));
	pool_reserve(&pool, 299);
	pool_reserve(&pool, 299);
	pool_reserve(&pool, 5000);
	cr_assert_not(pool_is_free(&pool, 299));
	cr_assert_eq(pool.size, 101);
	pool_done(&pool);
}

Test(pool, may_be_empty)
{
	static const struct ranges none = {0};
	struct pool pool;
	uint32_t address;

	cr_assert_eq(pool_init(&pool, &none, 1), 0);
	cr_assert_not(pool_lowest(&pool, &address));
	cr_assert_eq(pool.size, 0);
	pool_done(&pool);
}

Test(heap, is_a_sorted_queue_under_random_changes)
{
	static struct heap_node nodes[500];
	struct heap heap = {0};
	uint64_t last = 0;

	srandom(1);
	for (int i = 0; i < 20000; i++) {
		struct heap_node *node = &nodes[random() % 500];

		if (random() % 3)
			cr_assert_eq(heap_set(&heap, node, (uint64_t)random() % 1000), 0);
		else
			heap_remove(&heap, node);
	}
	while (heap_first(&heap)) {
		cr_assert(heap_first(&heap)->when >= last);
		last = heap_first(&heap)->when;
		heap_remove(&heap, heap_first(&heap));
	}
	for (int i = 0; i < 500; i++)
		cr_assert_eq(nodes[i].place, 0);
	heap_done(&heap);
}
