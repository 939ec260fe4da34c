// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "json_line.h"
#include "mnat/cleanup.h"
#include "mnat/control.h"
#include "mnat/unix.h"

/* Lines as they arrive, for a program without a loop. */
struct reader {
	int fd;
	int timeout_ms;
	uint8_t *buf;
	size_t start;
	size_t end;
	size_t size;
};

static int wait_for(int fd, short events, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n = poll(&p, 1, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n ? 0 : -ETIMEDOUT;
}

static int fill(struct reader *reader)
{
	ssize_t n;
	int r;

	if (reader->start) {
		memmove(reader->buf, reader->buf + reader->start, reader->end - reader->start);
		reader->end -= reader->start;
		reader->start = 0;
	}
	r = wait_for(reader->fd, POLLIN, reader->timeout_ms);
	if (r)
		return r;
	n = recv(reader->fd, reader->buf + reader->end, reader->size - reader->end, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	reader->end += (size_t)n;
	return 0;
}

static int next_line(struct reader *reader, json_t **ret_line)
{
	for (;;) {
		json_t *line = NULL;
		ssize_t n = json_line_get(reader->buf + reader->start,
					  reader->end - reader->start, &line);
		int r;

		if (n < 0)
			return (int)n;
		if (n > 0) {
			reader->start += (size_t)n;
			if (!line)
				return -EPROTO;
			*ret_line = line;
			return 0;
		}
		r = fill(reader);
		if (r)
			return r;
	}
}

static void decrefp(json_t **json)
{
	json_decref(*json);
}

static int expect_greeting(struct reader *reader)
{
	_cleanup_(decrefp) json_t *line = NULL;
	int r = next_line(reader, &line);

	if (r)
		return r;
	return json_integer_value(json_object_get(line, "mobilenat")) == MNAT_CONTROL_VERSION
		       ? 0
		       : -EPROTO;
}

static int send_request(int fd, const json_t *request, int timeout_ms)
{
	_cleanup_free_ char *text = json_dumps(request, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0, sent = 0;

	if (!text)
		return -ENOMEM;
	text[len++] = '\n'; /* in place of the terminator */
	while (sent < len) {
		ssize_t n = send(fd, text + sent, len - sent, MSG_NOSIGNAL);
		int r = 0;

		if (n > 0)
			sent += (size_t)n;
		else if (errno == EAGAIN)
			r = wait_for(fd, POLLOUT, timeout_ms);
		else if (errno != EINTR)
			r = -errno;
		if (r)
			return r;
	}
	return 0;
}

int mnat_control_call(const char *path, const json_t *request, int timeout_ms,
		      void (*row)(const json_t *row, void *user), void *user, json_t **ret_last)
{
	_cleanup_free_ uint8_t *buf = malloc(MNAT_CONTROL_LINE);
	_cleanup_close_ int fd = mnat_unix_connect(path);
	struct reader reader = {fd, timeout_ms, buf, 0, 0, MNAT_CONTROL_LINE};
	int r;

	if (!buf || fd < 0)
		return buf ? fd : -ENOMEM;
	r = expect_greeting(&reader);
	if (!r)
		r = send_request(fd, request, timeout_ms);
	while (!r) {
		_cleanup_(decrefp) json_t *line = NULL;
		const json_t *value;

		r = next_line(&reader, &line);
		if (r)
			break;
		value = json_object_get(line, "row");
		if (!value) {
			*ret_last = TAKE_PTR(line);
			return 0;
		}
		if (row)
			row(value, user);
	}
	return r;
}
