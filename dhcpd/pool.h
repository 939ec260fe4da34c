/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The addresses that may be given out, one bit each; the lowest free one is
 * found by looking upwards from a mark below which all are taken.
 */
#ifndef DHCPD_POOL_H
#define DHCPD_POOL_H

#include "conf.h"

struct pool {
	struct ranges ranges; /* borrowed from the configuration */
	uint64_t *taken;
	uint32_t n;	 /* addresses, reserved ones too */
	uint32_t size;	 /* that can be given out */
	uint32_t used;	 /* of them */
	uint32_t lowest; /* no free index below */
	unsigned int warned; /* percent full that the log was last told of */
};

/* The first `reserve` addresses are not given out. 0 or -ENOMEM. */
int pool_init(struct pool *pool, const struct ranges *ranges, uint32_t reserve);
void pool_done(struct pool *pool);

/* Never give out this address (a router's, a broadcast address); others are ignored. */
void pool_reserve(struct pool *pool, uint32_t address);

bool pool_contains(const struct pool *pool, uint32_t address);
bool pool_is_free(const struct pool *pool, uint32_t address);

/* false: not in this pool, or taken already */
bool pool_take(struct pool *pool, uint32_t address);
/* address was taken by pool_take() */
void pool_give_back(struct pool *pool, uint32_t address);

/* The lowest free address; false: none. */
bool pool_lowest(struct pool *pool, uint32_t *ret_address);

#endif
