// SPDX-License-Identifier: GPL-2.0-only
#include "ranges.h"

#include <errno.h>
#include <stdlib.h>

static int compare_ranges(const void *a, const void *b)
{
	const struct mnat_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

int ranges_get(cfg_t *cfg, const char *name, struct ranges *ret_ranges)
{
	size_t n = cfg_size(cfg, name);
	struct ranges ranges = {.range = calloc(n ? n : 1, sizeof(*ranges.range)), .n = n};

	if (!ranges.range)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		mnat_parse_range(cfg_getnstr(cfg, name, (unsigned int)i), &ranges.range[i]);
	qsort(ranges.range, n, sizeof(*ranges.range), compare_ranges);
	*ret_ranges = ranges;
	return 0;
}

bool ranges_contain(const struct ranges *ranges, uint32_t address)
{
	for (size_t i = 0; i < ranges->n; i++)
		if (address >= ranges->range[i].first && address <= ranges->range[i].last)
			return true;
	return false;
}
