// SPDX-License-Identifier: GPL-2.0-only
#include "watch.h"

#include <errno.h>
#include <stdlib.h>

struct watch {
	uv_poll_t poll;
	void (*ready)(void *user);
	void *user;
};

/*
 * An error on the socket (its interface went down, messages were lost) shows and is
 * gone when it is read, but libuv has stopped watching it by then.
 */
static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;

	watch->ready(watch->user);
	if (status < 0 && !uv_is_closing((uv_handle_t *)poll))
		uv_poll_start(poll, UV_READABLE, on_poll);
}

int watch_start(uv_loop_t *loop, int fd, void (*ready)(void *user), void *user,
		struct watch **ret_watch)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return -ENOMEM;
	*watch = (struct watch){.ready = ready, .user = user};
	r = uv_poll_init(loop, &watch->poll, fd);
	if (r) {
		free(watch);
		return r;
	}
	watch->poll.data = watch;
	r = uv_poll_start(&watch->poll, UV_READABLE, on_poll);
	if (r) {
		watch_stop(&watch);
		return r;
	}
	*ret_watch = watch;
	return 0;
}

static void on_close(uv_handle_t *handle)
{
	free(handle->data);
}

void watch_stop(struct watch **watch)
{
	if (*watch)
		uv_close((uv_handle_t *)&(*watch)->poll, on_close);
	*watch = NULL;
}
