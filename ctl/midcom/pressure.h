/* SPDX-License-Identifier: GPL-2.0-only */
/* How full the gateway's tables are. */
#ifndef MIDCOM_PRESSURE_H
#define MIDCOM_PRESSURE_H

#include <jansson.h>

#include "mnat/maps.h"

#define PRESSURE_WARN 90 /* percent */

/* Fields of status: sessions, ports, blocks, each with its max_. New reference. */
json_t *pressure_fields(const struct mnat_gateway *gateway);

/* Append a sentence to problems for each table that is nearly full. */
void pressure_warn(const struct mnat_gateway *gateway, json_t *problems);

#endif
