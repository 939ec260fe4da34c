/* SPDX-License-Identifier: GPL-2.0-only */
/* The books of blocks, ports and quotas, read out of the maps, and whether they balance. */
#ifndef TEST_ACCOUNTS_H
#define TEST_ACCOUNTS_H

#include "gateway.h"

struct mnat_block *accounts_blocks(struct gateway *g); /* the map's memory */
struct mnat_host_use accounts_use(struct gateway *g, uint32_t host);
struct mnat_gateway_config accounts_config(struct gateway *g);

/*
 * Every binding has as many references as sessions name it, is published once, and is
 * counted in its block; every host's use is what its blocks, ports and sessions say.
 */
void accounts_check(struct gateway *g);

#endif
