/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leases told by TCP to those who may ask (mnat/leasequery.h), as they are and as they
 * change. Nothing is told before it is on disk. A reader that does not keep up is told that
 * it has missed something, and is closed: it never costs more than READER_BACKLOG bytes.
 */
#ifndef DHCPD_LEASEQUERY_H
#define DHCPD_LEASEQUERY_H

#include <uv.h>

#include "server.h"

#define READER_BACKLOG	  65536 /* bytes that wait for its socket */
#define READER_SILENT_S	  60	/* one that has asked nothing ... */
#define READER_STRANGER_S 5	/* ... and may not */
#define READER_STRANGERS  4	/* of those at a time: they are told why */

struct leasequery;

/* By the configuration; -1: it wants none. 0 or -errno, logged. */
int leasequery_listen(const struct conf *conf, int *ret_fd);
/* On such a socket, which it takes over when it succeeds. server outlives it. 0 or -ENOMEM. */
int leasequery_new(uv_loop_t *loop, struct server *server, int fd,
		   struct leasequery **ret_leasequery);
/* NULL: nothing, as for all that follow. */
void leasequery_close(struct leasequery *leasequery);

/* A connection from that address; fd is taken over. */
void leasequery_accept(struct leasequery *leasequery, int fd, struct in_addr from);

/* A batch is stored, and these are its events. */
void leasequery_tell(struct leasequery *leasequery, const struct event *events, size_t n,
		     uint64_t batch);

/* Once a second. Connections are taken from the first second after the start on. */
void leasequery_tick(struct leasequery *leasequery);

/* How many are told of every change. */
unsigned int leasequery_readers(const struct leasequery *leasequery);

#endif
