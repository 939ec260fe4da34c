/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sockets. A batch is what one recvmmsg() brings: all decided, stored in one
 * transaction, told to the mobility manager, answered.
 */
#ifndef DHCPD_IO_H
#define DHCPD_IO_H

#include <uv.h>

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
int io_open(uv_loop_t *loop, struct server *server, struct io **ret_io);
void io_use_manager(struct io *io, struct manager *manager);
void io_send(struct io *io, const struct outgoing *out);
void io_close(struct io *io);

/* Store what has changed and tell the manager. 0 or -errno: then nothing may be sent. */
int io_settle(struct io *io);

#endif
