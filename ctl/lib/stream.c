// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_CHUNK 16384
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
	watch(s, !error && used(&s->out));
	s->ops->ended(s, error, s->user);
}

/* Write what the socket takes. False: the stream broke. */
static bool flush(struct mnat_stream *s)
{
	while (used(&s->out)) {
		ssize_t n = send(s->fd, s->out.data + s->out.start, used(&s->out),
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0)
			return false;
		buffer_take(&s->out, (size_t)n);
	}
	return true;
}

static void flush_and_tell(struct mnat_stream *s)
{
	if (!used(&s->out) && !s->kicked)
		return;
	s->kicked = false;
	if (!flush(s))
		return end(s, -errno);
	watch(s, used(&s->out));
	if (!used(&s->out) && s->ops->drained)
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

static void read_some(struct mnat_stream *s)
{
	size_t room = s->max_in - used(&s->in);
	uint8_t *at;
	ssize_t n;

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

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct mnat_stream *s = poll->data;

	if (status < 0)
		return end(s, status);
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
	free(s->in.data);
	free(s->out.data);
	free(s);
}

void mnat_stream_close(struct mnat_stream *s)
{
	if (!s || s->closed)
		return;
	s->closed = true;
	flush(s);
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
	return used(&s->out);
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
