// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/clock.h"

#include <stddef.h>
#include <time.h>

static uint64_t boottime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * MNAT_NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

static uint64_t (*current)(void) = boottime;

uint64_t mnat_clock_now(void)
{
	return current();
}

void mnat_clock_replace(uint64_t (*fn)(void))
{
	current = fn ? fn : boottime;
}
