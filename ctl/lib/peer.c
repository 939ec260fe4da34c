// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json_line.h"
#include "mnat/cleanup.h"
#include "mnat/control.h"
#include "mnat/log.h"
#include "mnat/stream.h"
#include "mnat/unix.h"

#define RETRY_FIRST_MS 10
#define RETRY_LAST_MS 1000
#define MAX_BACKLOG (8 << 20) /* a daemon that reads nothing for so long hangs */

struct mnat_peer {
	uv_timer_t retry;
	unsigned int retry_ms;
	char *path;
	struct mnat_stream *stream; /* NULL: not connected */
	bool greeted;
	bool freed;
	const struct mnat_peer_ops *ops;
	void *user;
};

static void try_connect(uv_timer_t *timer);

static void retry_later(struct mnat_peer *peer)
{
	if (peer->freed)
		return;
	uv_timer_start(&peer->retry, try_connect, peer->retry_ms, 0);
	peer->retry_ms *= 2;
	if (peer->retry_ms > RETRY_LAST_MS)
		peer->retry_ms = RETRY_LAST_MS;
}

static void disconnect(struct mnat_peer *peer)
{
	bool greeted = peer->greeted;

	mnat_stream_close(TAKE_PTR(peer->stream));
	peer->greeted = false;
	if (greeted && peer->ops->lost)
		peer->ops->lost(peer, peer->user);
	retry_later(peer);
}

static int greet(struct mnat_peer *peer, const json_t *line)
{
	int version = (int)json_integer_value(json_object_get(line, "mobilenat"));

	if (version != MNAT_CONTROL_VERSION) {
		log_err("%s: its daemon speaks control version %d, expected %d; install one "
			"version of MobileNAT",
			peer->path, version, MNAT_CONTROL_VERSION);
		peer->retry_ms = RETRY_LAST_MS;
		return -EPROTO;
	}
	peer->greeted = true;
	peer->retry_ms = RETRY_FIRST_MS;
	if (peer->ops->connected)
		peer->ops->connected(peer, peer->user);
	return 0;
}

static ssize_t on_received(struct mnat_stream *stream, const uint8_t *buf, size_t len, void *user)
{
	struct mnat_peer *peer = user;
	json_t *line = NULL;
	ssize_t n = json_line_get(buf, len, &line);
	int r = 0;

	if (n <= 0)
		return n;
	if (!json_is_object(line))
		r = -EBADMSG;
	else if (!peer->greeted)
		r = greet(peer, line);
	else if (peer->ops->message)
		peer->ops->message(peer, line, peer->user);
	json_decref(line);
	return r ? r : n;
}

static void on_ended(struct mnat_stream *stream, int error, void *user)
{
	disconnect(user);
}

static const struct mnat_stream_ops stream_ops = {
	.received = on_received,
	.ended = on_ended,
};

static void try_connect(uv_timer_t *timer)
{
	struct mnat_peer *peer = timer->data;
	_cleanup_close_ int fd = mnat_unix_connect(peer->path);

	if (fd < 0 || mnat_stream_new(timer->loop, fd, MNAT_CONTROL_LINE, &stream_ops, peer,
				      &peer->stream))
		retry_later(peer);
	else
		TAKE_FD(fd);
}

int mnat_peer_new(uv_loop_t *loop, const char *path, const struct mnat_peer_ops *ops, void *user,
		  struct mnat_peer **ret_peer)
{
	struct mnat_peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return -ENOMEM;
	peer->path = strdup(path);
	if (!peer->path) {
		free(peer);
		return -ENOMEM;
	}
	peer->ops = ops;
	peer->user = user;
	peer->retry_ms = RETRY_FIRST_MS;
	uv_timer_init(loop, &peer->retry);
	peer->retry.data = peer;
	uv_timer_start(&peer->retry, try_connect, 0, 0);
	*ret_peer = peer;
	return 0;
}

bool mnat_peer_is_connected(const struct mnat_peer *peer)
{
	return peer->greeted;
}

static void give_up(uv_timer_t *timer)
{
	struct mnat_peer *peer = timer->data;

	log_warn("%s: its daemon does not read; connecting anew", peer->path);
	disconnect(peer);
}

int mnat_peer_send(struct mnat_peer *peer, json_t *line)
{
	int r = peer->greeted ? 0 : -ENOTCONN;

	if (!r && mnat_stream_backlog(peer->stream) > MAX_BACKLOG) {
		/* not here: the caller does not expect to be told of the loss meanwhile */
		uv_timer_start(&peer->retry, give_up, 0, 0);
		r = -ENOBUFS;
	}
	if (r) {
		json_decref(line);
		return r;
	}
	json_line_put(peer->stream, line);
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct mnat_peer *peer = handle->data;

	free(peer->path);
	free(peer);
}

void mnat_peer_free(struct mnat_peer *peer)
{
	if (!peer || peer->freed)
		return;
	peer->freed = true;
	mnat_stream_close(TAKE_PTR(peer->stream));
	uv_close((uv_handle_t *)&peer->retry, on_closed);
}
