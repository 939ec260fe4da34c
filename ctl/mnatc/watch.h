/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file descriptor read on the loop. watch_stop() may be followed by close(fd) at
 * once; the handle's own memory goes when libuv is done with it.
 */
#ifndef MNATC_WATCH_H
#define MNATC_WATCH_H

#include <uv.h>

struct watch;

/* ready is called while fd is readable; it must read until EAGAIN. 0 or -errno. */
int watch_start(uv_loop_t *loop, int fd, void (*ready)(void *user), void *user,
		struct watch **ret_watch);

/* NULL is fine; *watch becomes NULL. */
void watch_stop(struct watch **watch);

#endif
