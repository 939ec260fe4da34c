/* SPDX-License-Identifier: GPL-2.0-only */
/* How full the gateway's tables are. */
#ifndef MIDCOM_PRESSURE_H
#define MIDCOM_PRESSURE_H

#include <jansson.h>
#include <stdbool.h>

#include "mnat/maps.h"

#define PRESSURE_WARN 90 /* percent */

enum { PRESSURE_SESSIONS, PRESSURE_PORTS, PRESSURE_BLOCKS, PRESSURE_N };

struct pressure {
	const char *table; /* "sessions", "ports", "blocks" */
	uint64_t used;
	uint64_t max;
};

void pressure_read(const struct mnat_gateway *gateway, struct pressure ret_tables[PRESSURE_N]);

/* From PRESSURE_WARN on. A table of a few is meant to be full. */
bool pressure_is_high(const struct pressure *table);

/* Fields of status: sessions, ports, blocks, each with its max_. New reference. */
json_t *pressure_fields(const struct mnat_gateway *gateway);

/* Append a sentence to problems for each table that is nearly full. */
void pressure_warn(const struct mnat_gateway *gateway, json_t *problems);

#endif
