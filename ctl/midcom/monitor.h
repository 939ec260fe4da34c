/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command monitor: what happens on the gateway, told as it happens.
 *
 * {"cmd":"monitor"} is answered with rows without end; {"cmd":"monitor","host":ADDRESS}
 * with those of one host only, by its virtual or an actual address. Each row has "event"
 * and "at_ms", milliseconds since 1970; addresses that there are not are null:
 *
 *   began        hosts, sessions, blocks: in use now. The first row
 *   arrived      virtual, actual, elsewhere     elsewhere: where the tunnel to it ends
 *   moved        virtual, actual, elsewhere, from: its actual address before
 *   left         virtual, from
 *   block-taken  virtual, actual, address, first, last
 *   block-freed  the same
 *   sessions     new, ended: within the last second, if any; open
 *   refused      reason, packets, text: a counter of dropped packets that grew in it
 *   pressure     table, used, max: a table is nearly full
 *   relieved     the same: it is not any more
 *   lost         events, by: "ring" (the data path's) or "reader" (this one, too slow)
 *   tick         once a second, to show that the daemon lives
 *
 * Blocks that policy rules have ports of come with no event.
 */
#ifndef MIDCOM_MONITOR_H
#define MIDCOM_MONITOR_H

#include <stdbool.h>
#include <uv.h>

#include "dump.h"
#include "pressure.h"

#define MONITOR_MAX 16 /* that watch at once */

/* What is looked at once a second. */
struct monitor_sample {
	struct mnat_counter counters[MNAT_N_COUNTERS];
	struct pressure pressure[PRESSURE_N];
	uint64_t lost; /* events, in the ring */
};

struct monitor_watcher;

struct monitor {
	/* set by the caller */
	uv_loop_t *loop;
	const struct dump_source *source;
	/* its own */
	struct monitor_watcher *watchers;
	unsigned int n;
	uv_timer_t timer; /* runs while somebody watches */
	uv_work_t work;
	bool open, working;
	struct monitor_sample told, sample; /* sample: the thread's while working */
	int error;
};

void monitor_open(struct monitor *monitor);
void monitor_close(struct monitor *monitor);

/* Answer {"cmd":"monitor"}. */
void monitor(struct monitor *monitor, struct mnat_control_client *client, const json_t *request);

/* A host is somewhere else than by that location word; 0: it was nowhere. */
void monitor_host(struct monitor *monitor, uint32_t id, const struct mnat_host_info *info,
		  uint64_t was);

/* An event of the data path's. */
void monitor_block(struct monitor *monitor, const struct mnat_event *event);

#endif
