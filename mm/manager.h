/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The manager's work: lease events become rebinds at every gateway, and a batch is
 * answered when all have them in force, or when waiting longer helps nobody.
 */
#ifndef MM_MANAGER_H
#define MM_MANAGER_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "gateway.h"
#include "rebind.h"
#include "registry.h"
#include "roam.h"

#define BATCH_TIMEOUT_MS 50

#define MM_COUNTERS(X)                                                                         \
	X(BATCHES, "batches of lease events received")                                         \
	X(EVENTS, "lease events received")                                                     \
	X(STALE, "events older than what is known, which the DHCP server is told")             \
	X(REPEATED, "events that say what is known already")                                   \
	X(REBINDS, "rebinds sent to gateways")                                                 \
	X(CONFIRMED, "rebinds a gateway confirmed")                                            \
	X(REFUSED, "rebinds a gateway refused")                                                \
	X(UNANSWERED, "rebinds lost with their session, sent again on the next")               \
	X(TIMEOUTS, "batches answered before every gateway had confirmed")                     \
	X(SYNCS, "gateways given the whole table")                                             \
	X(SNAPSHOTS, "whole tables received from a DHCP server")                               \
	X(GONE, "hosts a snapshot no longer named")                                            \
	X(FEED_RECORDS, "bindings told by leasequery")                                         \
	X(FEED_REFUSED, "messages of the DHCP server left out: no binding, or another query's") \
	X(FEED_MISSED, "times it said that changes are missing, and was asked for all")        \
	X(FEED_LOST, "connections to it that were lost, or came to nothing")                   \
	X(REBOUND, "hosts that told us themselves where they are, answered")                   \
	X(REBINDS_SILENT, "of them not believed: an old ticket, or no such host here")         \
	X(ANCHORS, "anchors and arrivals told to gateways")                                    \
	X(ANCHORS_REFUSED, "of them it refused")                                               \
	X(IMPORTS_REFUSED, "sessions learned that the gateway refused")

enum mm_counter {
#define X(name, text) MM_C_##name,
	MM_COUNTERS(X)
#undef X
	MM_N_COUNTERS,
};

struct batch_entry {
	struct host *host;
	uint32_t generation; /* the event's */
	uint32_t later;	     /* not 0: it was refused, this generation would not be */
};

/* Lease events that are answered together. */
struct batch {
	/* Called once; pending: events that some gateway has not confirmed. */
	void (*answer)(struct batch *batch, unsigned int pending);
	void *user;
	bool answered;
	unsigned int waiting; /* confirmations to come; the batch stays until they have */
	uint64_t deadline_ns;
	unsigned int failed; /* events there was no memory for */
	unsigned int n_entries;
	struct batch *prev, *next;
	struct batch_entry entries[];
};

struct manager {
	uv_loop_t *loop;
	struct gateway gateways[MAX_GATEWAYS];
	unsigned int n_gateways;
	struct registry registry;
	struct batch *batches; /* unanswered ones, the oldest first */
	uv_timer_t deadline;
	uv_timer_t tick;
	uv_timer_t roam_tick;
	bool retry; /* some gateway had no room */
	/*
	 * Between domains; roam.domain 0: none. What roam sets is set by the caller before
	 * manager_start().
	 */
	struct roam roam;
	const struct host *applying; /* an event of it is: its rule goes with the event's batch */
	bool relocated;		     /* its rule has changed meanwhile */
	const struct gateway *only;  /* anchors and arrivals are for it, NULL: for all */
	struct mnat_control_client *dhcp_server; /* NULL: none yet */
	struct feed *feed; /* leasequery.h; NULL: DHCP servers come themselves */
	struct rebind_wait *rebinds; /* rebind.h */
	struct links *links; /* to other managers; NULL: not open */
	uint64_t started_ns;
	uint64_t counters[MM_N_COUNTERS];
};

/*
 * gateways and n_gateways are set by the caller; they are connected from here.
 * 0 or -errno, logged.
 */
int manager_start(struct manager *manager, uv_loop_t *loop);
void manager_close(struct manager *manager);
void manager_free(struct manager *manager); /* after the loop has ended */

/* answer may be called before this returns. -ENOMEM: nothing was done. */
int manager_apply(struct manager *manager, const struct event *events, unsigned int n,
		  void (*answer)(struct batch *batch, unsigned int pending), void *user);

void manager_snapshot_begin(struct manager *manager);
/* Unbinds the hosts that were not named; returns how many. */
unsigned int manager_snapshot_end(struct manager *manager);

/* Answer what is overdue; the timer's work, for tests with a clock of their own. */
void manager_expire(struct manager *manager);
void manager_watch(struct manager *manager);

/* Tell every gateway the host's rule; batch (NULL: none) waits for the prompt ones. */
void manager_send_host(struct manager *manager, struct host *host, struct batch *batch);

unsigned int manager_count_pending(const struct manager *manager, uint32_t gateways);

#endif
