/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sweep: program gw_sweep expires sessions; then the ids of hosts that left
 * and that nothing names any more are freed, managers are told of hosts elsewhere whose
 * last session ended, and addresses past their grace are cleared. The walk over the tables
 * runs in a thread of its own, so that a full table does not hold up a move.
 */
#ifndef MIDCOM_SWEEP_H
#define MIDCOM_SWEEP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "anchors.h"
#include "hosts.h"
#include "mnat/maps.h"

struct sweep_waiter {
	void (*done)(struct sweep_waiter *waiter, const struct mnat_sweep *result, int error);
	struct sweep_waiter *next;
};

struct sweep {
	uv_timer_t timer;
	uv_work_t work;
	bool running;
	bool closing;
	const char *pin; /* the gateway's directory */
	struct mnat_gateway *gateway;
	struct hosts *hosts;
	struct anchors *anchors;
	uint32_t (*now)(void);
	bool (*tell_end)(__be32 virt, void *user); /* see ends.h */
	void *user;
	void (*swept)(void *user); /* after each run; may be NULL */
	void *swept_user;
	int lost; /* the maps are not the data path's any more */
	/* the thread's own, until it is done */
	struct mnat_sweep result;
	uint8_t *in_use;   /* a bit a mobile host's id: a session or binding names it */
	uint8_t *anchored; /* ... a session that is anchored here */
	uint32_t started;
	uint64_t took_ns;
	int error;
	/* totals */
	uint64_t runs;
	uint64_t deleted;
	uint64_t freed;
	uint64_t last_us;
	uint64_t worst_us;
	uint32_t longest_run_ns; /* of the program: it holds its processor so long */
	uint32_t live;
	int last_error;
	struct sweep_waiter *waiters;  /* of the run that is on */
	struct sweep_waiter *next_run; /* of the one after */
};

/* pin, gateway, hosts, anchors, now, tell_end and user are set by the caller. */
void sweep_start(struct sweep *sweep, uv_loop_t *loop, unsigned int interval_s);
void sweep_set_interval(struct sweep *sweep, unsigned int interval_s);

/* One sweep that begins after this call; waiter (may be NULL) is told of its end. */
void sweep_now(struct sweep *sweep, struct sweep_waiter *waiter);
void sweep_close(struct sweep *sweep);

#endif
