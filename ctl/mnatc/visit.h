/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A node away from home: its older sessions, its older addresses, and in public space
 * the talk with its home managers. What ties roam.h, sessions.h, homes.h and hail.h to
 * the engine.
 */
#ifndef MNATC_VISIT_H
#define MNATC_VISIT_H

#include <jansson.h>

#include "hail.h"
#include "message.h"
#include "mnat/role_conf.h"
#include "sessions.h"
#include "stack.h"
#include "watch.h"

struct engine;

struct visit {
	struct mnl_socket *diag;
	struct sessions sessions;
	struct hails hails;
	int hail_fd;
	struct watch *hail_watch;
	bool public;	 /* nobody speaks MobileNAT here: sessions go home by tunnel */
	bool looked;	 /* at the sockets, since we started */
	bool homes_used; /* map "homes" has entries */
	bool stuck;	 /* not all of them could be written */
	uint64_t looked_ns;
	uint64_t look_at_ns;
	uint64_t reset_at_ns; /* the sessions are ended then, answered or not */
};

/* Errors are printed. */
int visit_open(struct engine *e);
void visit_close(struct engine *e);

/* The stack's preferred address under a lease: in public space the one it had before. */
struct in_addr visit_virtual(const struct engine *e, const struct lease *lease);

/* Proofs for a message that is sent now. */
void visit_arrivals(struct engine *e, const struct fsm_message *message,
		    struct arrivals *ret_arrivals);

/* A move has begun; DHCP is on its way: look at the sockets while waiting. */
void visit_begin(struct engine *e);
/* Before the shim's flip to a lease, and after it. */
void visit_prepare(struct engine *e, const struct lease *lease);
void visit_settle(struct engine *e);
/* The gateway's MAC address is known now. */
void visit_reachable(struct engine *e);

/* What the stack shall have under a lease. */
void visit_addresses(const struct engine *e, const struct lease *lease,
		     struct stack_addresses *ret_addresses);

/* The lease was given back: we are nowhere. */
void visit_forget(struct engine *e);

void visit_tick(struct engine *e);
uint64_t visit_deadline(const struct engine *e);

/* Rows of "dump homes" (new references), and sentences for "status". */
json_t *visit_row(struct engine *e, const struct home *home);
void visit_problems(struct engine *e, json_t *problems);

#endif
