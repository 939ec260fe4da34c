// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_CHUNK 16384
#define SEAL_CHUNK 16384 /* a TLS record's worth */
#define KEEP_BUFFER 65536 /* larger ones are given back when empty */

struct buffer {
	uint8_t *data;
	size_t start; /* first byte in use */
	size_t end;
	size_t size;
};

struct mnat_stream {
	uv_poll_t poll;
	uv_idle_t idle; /* runs while output or offered input waits for the next turn */
	int handles;	/* of the two, not yet closed */
	int fd;
	int events;
	bool paused;
	bool again; /* offer the input once more */
	bool kicked;
	bool ended;
	bool failed;
	bool closed;
	size_t max_in;
	struct buffer in;
	struct buffer out;
	struct buffer wire; /* out as the layer made it; unused without one */
	const struct mnat_stream_layer *layer_ops;
	void *layer;
	const struct mnat_stream_ops *ops;
	void *user;
};

static size_t used(const struct buffer *b)
{
	return b->end - b->start;
}

static uint8_t *buffer_reserve(struct buffer *b, size_t len)
{
	size_t size = b->size ? b->size : 1024;
	uint8_t *data;

	if (b->start && (b->start == b->end || b->size - b->end < len)) {
		memmove(b->data, b->data + b->start, used(b));
		b->end -= b->start;
		b->start = 0;
	}
	while (size - b->end < len)
		size *= 2;
	if (size != b->size) {
		data = realloc(b->data, size);
		if (!data)
			return NULL;
		b->data = data;
		b->size = size;
	}
	return b->data + b->end;
}

static void buffer_take(struct buffer *b, size_t len)
{
	b->start += len;
	if (b->start < b->end)
		return;
	b->start = b->end = 0;
	if (b->size > KEEP_BUFFER) {
		free(b->data);
		memset(b, 0, sizeof(*b));
	}
}

static void on_poll(uv_poll_t *poll, int status, int events);
static void on_idle(uv_idle_t *idle);

/* Is there something the socket did not take? */
static bool is_blocked(const struct mnat_stream *s)
{
	return used(s->layer ? &s->wire : &s->out);
}

/* Ask the loop for what the stream waits for now. */
static void watch(struct mnat_stream *s, bool output_blocked)
{
	int events = 0;

	if (!s->ended && !s->paused)
		events |= UV_READABLE;
	if (output_blocked)
		events |= UV_WRITABLE;
	if (events == s->events || s->closed)
		return;
	s->events = events;
	if (events)
		uv_poll_start(&s->poll, events, on_poll);
	else
		uv_poll_stop(&s->poll);
}

static void end(struct mnat_stream *s, int error)
{
	if (s->closed || s->failed || (s->ended && !error))
		return;
	s->ended = true;
	s->failed = error;
	watch(s, !error && is_blocked(s));
	s->ops->ended(s, error, s->user);
}

/* Let the layer make something to send of the output. 0 or -errno. */
static int seal(struct mnat_stream *s)
{
	size_t len = used(&s->out) < SEAL_CHUNK ? used(&s->out) : SEAL_CHUNK;
	ssize_t n = len ? s->layer_ops->write(s->layer, s->out.data + s->out.start, len) : 0;
	uint8_t *at;

	if (n < 0)
		return (int)n;
	if (n)
		buffer_take(&s->out, (size_t)n);
	at = buffer_reserve(&s->wire, 2 * SEAL_CHUNK);
	if (!at)
		return -ENOMEM;
	s->wire.end += s->layer_ops->fetch(s->layer, at, 2 * SEAL_CHUNK);
	return 0;
}

/* Write what the socket takes. 0 or -errno: the stream broke. */
static int flush(struct mnat_stream *s)
{
	struct buffer *b = s->layer ? &s->wire : &s->out;

	for (;;) {
		int r = s->layer && !used(b) ? seal(s) : 0;
		ssize_t n;

		if (r || !used(b))
			return r;
		n = send(s->fd, b->data + b->start, used(b), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 0;
		if (n < 0)
			return -errno;
		buffer_take(b, (size_t)n);
	}
}

static void flush_and_tell(struct mnat_stream *s)
{
	bool had_output = mnat_stream_backlog(s) || s->kicked;
	int r;

	if (!had_output && !s->layer)
		return;
	s->kicked = false;
	r = flush(s);
	if (r)
		return end(s, r);
	watch(s, is_blocked(s));
	if (had_output && !mnat_stream_backlog(s) && s->ops->drained)
		s->ops->drained(s, s->user);
}

static void offer(struct mnat_stream *s)
{
	while (used(&s->in) && !s->paused && !s->ended) {
		ssize_t n = s->ops->received(s, s->in.data + s->in.start, used(&s->in), s->user);

		if (s->closed)
			return;
		if (n < 0)
			return end(s, (int)n);
		if (n == 0 && !s->paused && used(&s->in) >= s->max_in)
			return end(s, -EMSGSIZE);
		if (n == 0)
			return;
		buffer_take(&s->in, (size_t)n);
	}
}

/* All the layer has for the user. 0 or -errno; -ESHUTDOWN: and that was the end. */
static int read_layer(struct mnat_stream *s)
{
	for (;;) {
		uint8_t *at = buffer_reserve(&s->in, READ_CHUNK);
		ssize_t n;

		if (!at)
			return -ENOMEM;
		n = s->layer_ops->read(s->layer, at, READ_CHUNK);
		if (n <= 0)
			return (int)n;
		s->in.end += (size_t)n;
	}
}

/* Bytes of the socket, by the layer. What it has to say in return leaves in this turn. */
static void read_by_layer(struct mnat_stream *s)
{
	uint8_t buf[READ_CHUNK];
	ssize_t n = recv(s->fd, buf, sizeof(buf), MSG_DONTWAIT);
	int r;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) /* the end of a TLS session is said within it */
		return end(s, n ? -errno : -ECONNRESET);
	r = s->layer_ops->feed(s->layer, buf, (size_t)n);
	if (s->closed)
		return;
	if (!r)
		r = read_layer(s);
	offer(s);
	if (s->closed)
		return;
	if (r) {
		flush(s);
		return end(s, r == -ESHUTDOWN ? 0 : r);
	}
	uv_idle_start(&s->idle, on_idle);
}

static void read_some(struct mnat_stream *s)
{
	size_t room = s->max_in - used(&s->in);
	uint8_t *at;
	ssize_t n;

	if (s->layer)
		return read_by_layer(s);
	if (room > READ_CHUNK)
		room = READ_CHUNK;
	at = room ? buffer_reserve(&s->in, room) : NULL;
	if (!at)
		return end(s, room ? -ENOMEM : -EMSGSIZE);
	n = recv(s->fd, at, room, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		return end(s, n ? -errno : 0);
	s->in.end += (size_t)n;
	offer(s);
}

/* libuv says only that there is an error; the socket knows which. */
static int error_of(const struct mnat_stream *s, int status)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) || !error)
		return status;
	return -error;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct mnat_stream *s = poll->data;

	if (status < 0)
		return end(s, error_of(s, status));
	if (events & UV_WRITABLE)
		flush_and_tell(s);
	if ((events & UV_READABLE) && !s->closed && !s->ended && !s->paused)
		read_some(s);
}

static void on_idle(uv_idle_t *idle)
{
	struct mnat_stream *s = idle->data;

	uv_idle_stop(idle);
	if (s->again) {
		s->again = false;
		offer(s);
	}
	if (!s->closed)
		flush_and_tell(s);
}

int mnat_stream_new(uv_loop_t *loop, int fd, size_t max_in, const struct mnat_stream_ops *ops,
		    void *user, struct mnat_stream **ret_stream)
{
	struct mnat_stream *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = uv_poll_init(loop, &s->poll, fd);
	if (r < 0) {
		free(s);
		return r;
	}
	uv_idle_init(loop, &s->idle);
	s->poll.data = s->idle.data = s;
	s->handles = 2;
	s->fd = fd;
	s->max_in = max_in;
	s->ops = ops;
	s->user = user;
	watch(s, false);
	*ret_stream = s;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct mnat_stream *s = handle->data;

	if (--s->handles)
		return;
	if (s->layer)
		s->layer_ops->free(s->layer);
	free(s->in.data);
	free(s->out.data);
	free(s->wire.data);
	free(s);
}

void mnat_stream_close(struct mnat_stream *s)
{
	if (!s || s->closed)
		return;
	s->closed = true;
	if (!flush(s) && s->layer) {
		s->layer_ops->close(s->layer);
		flush(s);
	}
	uv_poll_stop(&s->poll);
	close(s->fd);
	uv_close((uv_handle_t *)&s->poll, on_closed);
	uv_close((uv_handle_t *)&s->idle, on_closed);
}

uint8_t *mnat_stream_reserve(struct mnat_stream *s, size_t len)
{
	return buffer_reserve(&s->out, len);
}

void mnat_stream_commit(struct mnat_stream *s, size_t len)
{
	if (s->failed || s->closed)
		return;
	s->out.end += len;
	/* while the socket is full, writability says when to go on */
	if (!(s->events & UV_WRITABLE))
		uv_idle_start(&s->idle, on_idle);
}

void mnat_stream_kick(struct mnat_stream *s)
{
	if (s->closed)
		return;
	s->kicked = true;
	uv_idle_start(&s->idle, on_idle);
}

size_t mnat_stream_backlog(const struct mnat_stream *s)
{
	return used(&s->out) + used(&s->wire);
}

void mnat_stream_hand_over(struct mnat_stream *s, size_t max_in, const struct mnat_stream_ops *ops,
			   void *user)
{
	s->max_in = max_in;
	s->ops = ops;
	s->user = user;
}

void mnat_stream_set_layer(struct mnat_stream *s, const struct mnat_stream_layer *ops, void *layer)
{
	s->layer_ops = ops;
	s->layer = layer;
	uv_idle_start(&s->idle, on_idle);
}

void mnat_stream_pause(struct mnat_stream *s, bool paused)
{
	if (s->paused == paused || s->closed)
		return;
	s->paused = paused;
	watch(s, s->events & UV_WRITABLE);
	if (!paused && used(&s->in)) {
		s->again = true;
		uv_idle_start(&s->idle, on_idle);
	}
}
