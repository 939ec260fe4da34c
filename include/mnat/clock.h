/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one clock of the daemons: CLOCK_BOOTTIME in nanoseconds, so that a step of
 * the wall clock changes nothing and a suspended machine's leases age. Tests
 * replace it with a virtual one.
 */
#ifndef MNAT_CLOCK_H
#define MNAT_CLOCK_H

#include <stdint.h>

#define MNAT_NS_PER_SEC 1000000000ull
#define MNAT_NS_PER_MS 1000000ull

uint64_t mnat_clock_now(void);

/* fn NULL: the real clock again. */
void mnat_clock_replace(uint64_t (*fn)(void));

#endif
