/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tells the datapath of changes in the kernel's routing: it remembers next hops (abi.h,
 * struct mnat_next_hop).
 */
#ifndef MIDCOM_ROUTES_H
#define MIDCOM_ROUTES_H

#include <uv.h>

#include "mnat/maps.h"

struct mnl_socket;

struct routes {
	struct mnl_socket *events;
	volatile uint64_t *state; /* map "route_state" */
	uv_poll_t poll;
};

/* 0 or -errno; state must outlive it. */
int routes_start(struct routes *routes, uv_loop_t *loop, volatile uint64_t *state);
void routes_close(struct routes *routes);

#endif
