/* SPDX-License-Identifier: GPL-2.0-only */
/* What every daemon does alike: options, signals, telling systemd. */
#ifndef MNAT_DAEMON_H
#define MNAT_DAEMON_H

#include <stdbool.h>
#include <uv.h>

struct mnat_daemon_args {
	const char *conf; /* -c, or the default */
	bool check;	  /* -t: check the configuration and exit */
	bool flag;	  /* the daemon's own option was given */
};

struct mnat_daemon_info {
	const char *name;    /* mnat-midcomd */
	const char *summary; /* one line for --help */
	const char *conf;    /* default of -c */
	/* one option of the daemon's own, without argument; flag 0: none */
	char flag;
	const char *flag_name; /* the long one */
	const char *flag_text; /* for --help */
};

/*
 * Parse the command line and start the log. Returns true to go on; false: end
 * with *ret_status (help and version were printed, or the usage was wrong).
 */
bool mnat_daemon_args(int argc, char **argv, const struct mnat_daemon_info *info,
		      struct mnat_daemon_args *ret_args, int *ret_status);

/*
 * Tell systemd we are ready and run the loop. SIGHUP calls reload (may be NULL).
 * SIGTERM and SIGINT call stop once, which closes the daemon's handles; returns
 * when all are closed.
 */
void mnat_daemon_run(uv_loop_t *loop, void (*reload)(void *user), void (*stop)(void *user),
		     void *user);

#endif
