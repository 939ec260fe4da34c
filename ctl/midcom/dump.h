/* SPDX-License-Identifier: GPL-2.0-only */
/* dump hosts, sessions, bindings, blocks, anchors, rules, counters. */
#ifndef MIDCOM_DUMP_H
#define MIDCOM_DUMP_H

#include <jansson.h>

#include "anchors.h"
#include "hosts.h"
#include "mnat/control.h"
#include "mnat/maps.h"

struct rules;

struct dump_source {
	const struct mnat_gateway *gateway;
	const struct hosts *hosts;
	const struct anchors *anchors;
	const struct rules *rules;
	uint32_t (*now)(void); /* seconds of CLOCK_MONOTONIC */
};

/* Answer {"cmd":"dump","what":...}. source is kept while the dump runs. */
void dump(struct mnat_control_client *client, const json_t *request,
	  const struct dump_source *source);

#endif
