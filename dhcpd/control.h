/* SPDX-License-Identifier: GPL-2.0-only */
/* What mnat-dhcpd answers on its control socket. */
#ifndef DHCPD_CONTROL_H
#define DHCPD_CONTROL_H

#include "mnat/control.h"

#include "manager.h"
#include "server.h"

/* user of the commands; the parts are borrowed and there when the loop runs. */
struct control_source {
	struct server *server;
	struct manager *manager;
	/* read the configuration again; false: it stays as it was, and why is logged */
	bool (*reload)(void *user);
	void *user;
	uint64_t started; /* CLOCK_BOOTTIME ns */
};

extern const struct mnat_control_command control_commands[];

void control_status(struct mnat_control_client *client, const json_t *request, void *user);
void control_config(struct mnat_control_client *client, const json_t *request, void *user);
void control_reload(struct mnat_control_client *client, const json_t *request, void *user);
void control_dump(struct mnat_control_client *client, const json_t *request, void *user);

/* Log which pools are getting full; to be called now and then. */
void control_watch_pools(struct server *s);

/* One client's row, or NULL: no memory. */
json_t *lease_row(const struct server *s, const struct client *client);

#endif
