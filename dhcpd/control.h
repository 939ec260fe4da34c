/* SPDX-License-Identifier: GPL-2.0-only */
/* What mnat-dhcpd answers on its control socket. */
#ifndef DHCPD_CONTROL_H
#define DHCPD_CONTROL_H

#include "mnat/control.h"

#include "import.h"
#include "io.h"
#include "manager.h"
#include "server.h"

/* user of the commands; the parts are borrowed and there when the loop runs. */
struct control_source {
	struct server *server;
	struct manager *manager;
	struct leasequery *leasequery; /* NULL: none */
	struct io *io;
	struct import *import;	 /* being collected, or NULL */
	uint64_t import_touched; /* when that was last */
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

void control_forcerenew(struct mnat_control_client *client, const json_t *request, void *user);
void control_export(struct mnat_control_client *client, const json_t *request, void *user);
void control_import(struct mnat_control_client *client, const json_t *request, void *user);
/* An import that nobody goes on with is forgotten; to be called now and then. */
void control_forget_import(struct control_source *source);

/*
 * Answer with a row a lease, piece by piece, then one a proof, and in the end {"rows":N}.
 * They give a new reference, or NULL: none for this one.
 */
struct lease_rows {
	json_t *(*lease)(const struct server *s, const struct lease *lease);
	json_t *(*proof)(const struct auth_client *client); /* NULL: no proofs */
};
void control_walk_leases(struct mnat_control_client *client, const struct server *s,
			 const struct lease_rows *rows);

/* One client's row, or NULL: no memory. */
json_t *lease_row(const struct server *s, const struct client *client);

#endif
