/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A path that is dead though its carrier is there: packets go out and none comes in, and
 * the gateway does not answer ARP either. Then another uplink is used. Looked for only
 * while there is one.
 */
#ifndef MNATC_PATH_H
#define MNATC_PATH_H

#include <stdbool.h>
#include <stdint.h>

struct engine;

struct path {
	uint64_t at_ns; /* the next look; NEVER: none */
	uint64_t out;	/* packets at the last one */
	uint64_t in;
	bool suspected; /* the gateway is being asked */
};

void path_init(struct path *path);

/* Look from now on if there is a reason to, or no more; when the next look is. */
uint64_t path_deadline(struct engine *e);
void path_tick(struct engine *e);

#endif
