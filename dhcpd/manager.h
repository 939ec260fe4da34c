/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The link to the mobility manager. Lease events go there in the order of the
 * batches; replies that depend on them are held until the manager has confirmed
 * that every gateway has them in force, at most MANAGER_WAIT_MS.
 */
#ifndef DHCPD_MANAGER_H
#define DHCPD_MANAGER_H

#include <uv.h>

#include "server.h"

#define MANAGER_WAIT_MS 50

struct manager;
struct outgoing;

struct manager_ops {
	/* a held reply's time has come */
	void (*send)(const struct outgoing *out, void *user);
	/* a host has moved by the manager's word: to be stored, and told, now */
	void (*moved)(void *user);
};

/* path "": there is no manager. */
int manager_new(uv_loop_t *loop, const char *path, struct server *server,
		const struct manager_ops *ops, void *user, struct manager **ret_manager);
void manager_free(struct manager *manager); /* what is held is sent */

/*
 * A batch is stored, and these are its events. Without a connection they are dropped: the
 * snapshot on the next one says the same.
 */
void manager_tell(struct manager *manager, const struct event *events, size_t n, uint64_t batch);

/* true: out is kept and will be sent; false: nothing to wait for, send it now. */
bool manager_hold(struct manager *manager, const struct outgoing *out);

bool manager_is_wanted(const struct manager *manager);
bool manager_is_connected(const struct manager *manager);

#endif
