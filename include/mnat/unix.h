/* SPDX-License-Identifier: GPL-2.0-only */
/* Unix stream sockets of daemons: one owner a path, peers known by their uid. */
#ifndef MNAT_UNIX_H
#define MNAT_UNIX_H

#include <sys/types.h>
#include <uv.h>

struct mnat_listener;

/* A connection: fd is non-blocking and the callee's. */
typedef void (*mnat_accept_fn)(int fd, void *user);

/*
 * Listen on run_dir/file with that mode, making run_dir (0755) if need be. A file
 * left by a dead process is replaced; a live one's is -EADDRINUSE. With mode 0600
 * only root and our own uid are accepted. Errors are printed under daemon's name.
 */
int mnat_unix_listen(uv_loop_t *loop, const char *run_dir, const char *file, mode_t mode,
		     const char *daemon, mnat_accept_fn accepted, void *user,
		     struct mnat_listener **ret_listener);

/* Close and unlink. */
void mnat_unix_close(struct mnat_listener *listener);

/* Connect to path: a non-blocking fd or -errno, at once. */
int mnat_unix_connect(const char *path);

#endif
