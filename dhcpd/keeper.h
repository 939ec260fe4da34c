/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keeper: a process of ours that has the files and hears nothing from outside, so
 * that the one that parses strangers' messages needs none (confine.h). It stores while
 * the server goes on answering: what changes meanwhile is the next transaction.
 */
#ifndef DHCPD_KEEPER_H
#define DHCPD_KEEPER_H

#include "mnat/store.h"

/* All that it ever opens, whoever asks. Borrowed. */
struct keeper_paths {
	const char *database;
	const char *conf;
	const char *keys; /* for DHCP authentication; "": none */
	const char *manager; /* socket */
	const char *run_dir; /* of the control sockets, which it removes in the end */
};

/*
 * The server's side of it, a store. commit returns -EINPROGRESS: it is under way,
 * keeper_fd() becomes readable when it is done, and keeper_result() says how it ended.
 * Until then begin is refused with -EBUSY. close ends the keeper.
 */
extern const struct mnat_store_ops store_keeper;

/* Fork it, before anything else is opened. It ends when we do. 0 or -errno, logged. */
int keeper_start(const struct keeper_paths *paths, struct mnat_store **ret_store);
/* Have it open the database: 0 or -errno, logged. */
int keeper_open(struct mnat_store *store);
/* From now on it opens for us what mnat/broker.h is for. */
void keeper_be_broker(struct mnat_store *store);

int keeper_fd(const struct mnat_store *store);
/* 0 or -errno; -EPIPE: the keeper is gone, and with it the database. */
int keeper_result(struct mnat_store *store);

/* ---- the other side ---- */

struct keeper_ends {
	int work;  /* stream: frames */
	int doors; /* seqpacket: what to open; the answer has it attached */
};

enum door { DOOR_CONF, DOOR_KEYS, DOOR_MANAGER };

_Noreturn void keeper_work(const struct keeper_paths *paths, struct keeper_ends ends);

#endif
