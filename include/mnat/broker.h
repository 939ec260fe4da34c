/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A daemon that parses bytes from outside gives up the right to open anything; another
 * process of its own, the broker, opens for it the few things it may still need.
 */
#ifndef MNAT_BROKER_H
#define MNAT_BROKER_H

struct mnat_broker {
	/* A file for reading, and a stream connected to a Unix socket: fd or -errno. */
	int (*open)(const char *path);
	int (*connect)(const char *path);
};

/* From now on mnat_conf_load() and mnat_unix_connect() ask broker, borrowed; NULL: themselves. */
void mnat_broker_use(const struct mnat_broker *broker);
const struct mnat_broker *mnat_broker(void);

#endif
