/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sockets. What recvmmsg() brings is decided at once. What it changes is stored in
 * one transaction with all that changed since the one before began, while the mobility
 * manager is told; after both the ACKs leave. Other replies do not wait.
 */
#ifndef DHCPD_IO_H
#define DHCPD_IO_H

#include <uv.h>

#include "leasequery.h"
#include "manager.h"
#include "server.h"

struct io;

/* A reply and the way back. */
struct outgoing {
	struct reply reply;
	int ifindex;
	struct in_addr from;
};

/* Serve port 67. 0 or -errno, logged. The borrowed parts outlive the io. */
int io_open(uv_loop_t *loop, struct server *server, struct mnat_store *store, struct io **ret_io);
/* Open what looks for hosts at addresses before they are offered, by the configuration. */
int io_open_prober(struct io *io);
/* Who is told of what is stored; from here on clients are heard. */
void io_use_manager(struct io *io, struct manager *manager, struct leasequery *leasequery);
void io_send(struct io *io, const struct outgoing *out);
void io_close(struct io *io);

/*
 * Call done once all that has changed up to now is durable, or could not be stored (-errno).
 * Begins to store it.
 */
void io_when_stored(struct io *io, void (*done)(int result, void *user), void *user);

/* Begin to store what has changed, unless a transaction is under way: it is its turn then. */
int io_settle(struct io *io);

#endif
