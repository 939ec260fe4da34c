/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Make before break: a move to another uplink while the one left still carries. There is
 * no haste then, but nothing may be lost: what the gateway sends to the new address before
 * the ACK is here is taken, and the flip waits for the new gateway's MAC address.
 */
#ifndef MNATC_OVERLAP_H
#define MNATC_OVERLAP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct engine;
struct uplink;

struct overlap {
	bool on;
	uint64_t flip_by_ns; /* NEVER: no flip is held back */
};

/* The uplink that carries the traffic now, if it is not the one being tried, or NULL. */
struct uplink *overlap_other(struct engine *e);

/* The current uplink is to be used from now on. */
void overlap_begin(struct engine *e);

/* The current uplink's network is asked for this address. */
void overlap_expect(struct engine *e, struct in_addr actual);

/* There is a lease: must the flip wait for what is not known yet? */
bool overlap_holds(struct engine *e);

/* A flip held back must wait no longer, or is not to happen: true, it was held back. */
bool overlap_end(struct engine *e);

#endif
