/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the parts meet: link events and DHCP replies go into the state machine, its
 * actions go to the wire, the shim, the stack, the recorder and the state file.
 */
#ifndef MNATC_ENGINE_H
#define MNATC_ENGINE_H

#include <jansson.h>

#include "auth.h"
#include "conflict.h"
#include "fsm.h"
#include "link.h"
#include "local_dhcp.h"
#include "message.h"
#include "mnat/control.h"
#include "names.h"
#include "overlap.h"
#include "path.h"
#include "rebind.h"
#include "reconfigure.h"
#include "recorder.h"
#include "resolver.h"
#include "shim.h"
#include "stack.h"
#include "state.h"
#include "visit.h"
#include "wake.h"

struct engine {
	struct mnat_node_conf conf;
	uv_loop_t *loop;
	struct shim shim;
	struct stack stack;
	struct links links;
	struct fsm fsm;
	struct local_dhcp local_dhcp;
	struct names names;
	struct resolver resolver;
	struct rebind rebind;
	struct recorder recorder;
	struct overlap overlap;
	struct conflict conflict;
	struct path path;
	struct identity identity;
	struct auth auth;
	struct reconfigure reconfigure;
	struct state state;
	struct visit visit;
	struct wake wake;
	struct mnat_control *control;
	uint64_t started_ns;
	bool passthrough; /* by command: packets pass as they are */
	/* one timer for all deadlines: CLOCK_BOOTTIME, which libuv's own are not */
	int timer_fd;
	struct watch *timer_watch;
	/* the first packets of a move are looked for from the flip on, ever less often */
	uint64_t stamps_at_ns;
	uint64_t stamps_wait_ns;
	uint64_t stamps_until_ns;
	uint64_t save_at_ns;
	uint64_t lease_by_ns; /* another uplink is tried if there is no lease by then */
};

/*
 * Open everything, keep the shim as it is if it fits, and start. conf is copied.
 * Errors are printed. engine must stay where it is until engine_stop().
 */
int engine_start(uv_loop_t *loop, const struct mnat_node_conf *conf, struct engine *engine);

/* release: give the lease back and clear the shim; else all stays in force. */
void engine_stop(struct engine *engine, bool release);

/* What may change while running; the rest needs a restart, which is said. */
void engine_reload(struct engine *engine, const struct mnat_node_conf *conf);

/* Set the timer anew after anything that may have moved a deadline. */
void engine_rearm(struct engine *engine);

/* Commands. -ENOTCONN: there is no lease, or no uplink to ask on. */
int engine_renew(struct engine *engine);
int engine_rebind(struct engine *engine);
int engine_release(struct engine *engine);
/* Have an address ready for the link of that router (fsm.h). */
int engine_prepare(struct engine *engine, struct in_addr router);
/* Ask for another mode, an enum dhcp_mnat_mode: what the domain grants holds from its ACK on. */
int engine_set_mode(struct engine *engine, uint8_t mode);
/* Until the next engine_set_mode(). */
int engine_pass_through(struct engine *engine);

/* control.c */
int control_start(struct engine *engine);

/* status.c: what is not as it should be, in plain words (new reference). */
json_t *status_problems(struct engine *engine);
json_t *status_fields(struct engine *engine);

#endif
