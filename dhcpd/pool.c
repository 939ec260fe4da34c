// SPDX-License-Identifier: GPL-2.0-only
#include "pool.h"

#include <errno.h>
#include <stdlib.h>

#define WORD 64

int pool_init(struct pool *pool, const struct ranges *ranges, uint32_t reserve)
{
	uint64_t n = 0;

	for (size_t i = 0; i < ranges->n; i++)
		n += (uint64_t)ranges->range[i].last - ranges->range[i].first + 1;
	if (n > UINT32_MAX - WORD)
		return -ENOMEM;
	*pool = (struct pool){.ranges = *ranges, .n = (uint32_t)n, .size = (uint32_t)n};
	pool->taken = calloc(n / WORD + 1, sizeof(*pool->taken));
	if (!pool->taken)
		return -ENOMEM;
	for (uint32_t i = 0; i < reserve && i < pool->n; i++) {
		pool->taken[i / WORD] |= 1ull << i % WORD;
		pool->size--;
	}
	return 0;
}

void pool_done(struct pool *pool)
{
	free(pool->taken);
	*pool = (struct pool){0};
}

static bool to_index(const struct pool *pool, uint32_t address, uint32_t *ret_index)
{
	uint32_t base = 0;

	for (size_t i = 0; i < pool->ranges.n; i++) {
		const struct mnat_range *range = &pool->ranges.range[i];

		if (address >= range->first && address <= range->last) {
			*ret_index = base + (address - range->first);
			return true;
		}
		base += range->last - range->first + 1;
	}
	return false;
}

static uint32_t to_address(const struct pool *pool, uint32_t index)
{
	const struct mnat_range *range = pool->ranges.range;

	for (; index > range->last - range->first; range++)
		index -= range->last - range->first + 1;
	return range->first + index;
}

static bool is_taken(const struct pool *pool, uint32_t index)
{
	return pool->taken[index / WORD] >> index % WORD & 1;
}

void pool_reserve(struct pool *pool, uint32_t address)
{
	uint32_t index;

	if (!to_index(pool, address, &index) || is_taken(pool, index))
		return;
	pool->taken[index / WORD] |= 1ull << index % WORD;
	pool->size--;
}

bool pool_contains(const struct pool *pool, uint32_t address)
{
	uint32_t index;

	return to_index(pool, address, &index);
}

bool pool_is_free(const struct pool *pool, uint32_t address)
{
	uint32_t index;

	return to_index(pool, address, &index) && !is_taken(pool, index);
}

bool pool_take(struct pool *pool, uint32_t address)
{
	uint32_t index;

	if (!to_index(pool, address, &index) || is_taken(pool, index))
		return false;
	pool->taken[index / WORD] |= 1ull << index % WORD;
	pool->used++;
	return true;
}

void pool_give_back(struct pool *pool, uint32_t address)
{
	uint32_t index;

	if (!to_index(pool, address, &index))
		return;
	pool->taken[index / WORD] &= ~(1ull << index % WORD);
	pool->used--;
	if (index < pool->lowest)
		pool->lowest = index;
}

bool pool_lowest(struct pool *pool, uint32_t *ret_address)
{
	for (uint32_t word = pool->lowest / WORD; word * (uint64_t)WORD < pool->n; word++) {
		uint32_t index;

		if (pool->taken[word] == UINT64_MAX)
			continue;
		index = word * WORD + (uint32_t)__builtin_ctzll(~pool->taken[word]);
		if (index >= pool->n)
			break;
		pool->lowest = index;
		*ret_address = to_address(pool, index);
		return true;
	}
	pool->lowest = pool->n;
	return false;
}
