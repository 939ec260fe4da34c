/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The link to the mobility manager. Lease events go there in the order of the batches,
 * while the batch is on its way to the disk: the two take about equally long. Replies are
 * held until it is stored and the manager has confirmed that every gateway has its events in
 * force; for that at most MANAGER_WAIT_MS.
 *
 * So a server that dies may have told what it does not find again. The manager then refuses
 * what it is told in the snapshot as older, and says so ("stale", control.h): the host is left
 * where the manager knows it to be, and the next change of it gets a later generation.
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
	/* by the manager's word there is something new: to be stored, and told, now */
	void (*changed)(void *user);
};

/* path "": there is no manager. */
int manager_new(uv_loop_t *loop, const char *path, struct server *server,
		const struct manager_ops *ops, void *user, struct manager **ret_manager);
void manager_free(struct manager *manager); /* what is held is sent */

/*
 * The events of the batch that is being stored, once. Without a connection they are dropped:
 * the snapshot on the next one says the same.
 */
void manager_tell(struct manager *manager, const struct event *events, size_t n, uint64_t batch);

/*
 * That batch is stored, and those before: its replies are sent (ops->send) as soon as the
 * manager has confirmed what they depend on. Tokens are added to them.
 */
void manager_stored(struct manager *manager, uint64_t batch, struct outgoing *replies, size_t n);

bool manager_is_wanted(const struct manager *manager);
bool manager_is_connected(const struct manager *manager);

#endif
