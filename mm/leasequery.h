/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leases of a DHCP server that is asked for them by TCP, by the standards' bulk and active
 * leasequery (mnat/leasequery.h), instead of one that tells them by itself (lease.h).
 *
 * A bulk query is the snapshot, an active query from that time on the changes; what the
 * bulk query named no more is gone when the active one has caught up. After a loss the
 * active query goes on from the last base-time; if the server says that data is missing, all
 * begins anew. Each query has a connection of its own.
 *
 * A host is a record's virtual address with its generation, if the server tells them
 * (option 125); of any other server each active address is a plain host, whose identity it
 * is. Its generation is then the record's base-time, or one more than the host's last one
 * if that is not less: so it rises with every change, and over our restarts too.
 * A record that repeats what is known keeps the generation.
 *
 * What goes from the manager to the DHCP server (control.h: tokens, renew, release, rebind)
 * has no way here, and no ACK waits for the gateways.
 */
#ifndef MM_LEASEQUERY_H
#define MM_LEASEQUERY_H

#include <jansson.h>
#include <uv.h>

#include "mnat/leasequery.h"
#include "registry.h"

struct manager;
struct feed;

struct feed_conf {
	struct sockaddr_in server; /* port 0: none */
	struct dhcp_codec codec;
};

/* manager outlives it, and is told by manager_apply(). 0 or -errno, logged. */
int feed_start(uv_loop_t *loop, struct manager *manager, const struct feed_conf *conf,
	       struct feed **ret_feed);
void feed_close(struct feed *feed); /* NULL: nothing */

/* {"server":...,"state":"live"|...}; NULL without one */
json_t *feed_status(const struct feed *feed);
/* A sentence, what to do about it; or NULL: it is live. New reference. */
json_t *feed_problem(const struct feed *feed);

/* A connection of the feed's, for tests: as if it were its server's. fd is taken over. */
int feed_attach(struct feed *feed, int fd);

/* ---- one record ---- */

struct feed_record {
	struct event event;
	bool stale; /* the registry knows better: not to be applied */
};

/*
 * What a LEASEACTIVE or LEASEUNASSIGNED says. ordered: the server tells changes in their
 * order, so that a lower generation is an older one. *left: the highest generation made here
 * of a host that has left. 0, or -EINVAL: it names no address, or contradicts itself.
 */
int feed_read(const struct dhcp_message *message, const struct registry *registry, bool ordered,
	      uint32_t *left, struct feed_record *ret_record);

#endif
