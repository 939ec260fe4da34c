// SPDX-License-Identifier: GPL-2.0-only
/* What the socket takes in pieces arrives whole and in order. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mnat/stream.h"

#define PIECES 3000
#define PIECE 997

static uv_loop_t loop;
static uv_timer_t reader;
static int far;
static size_t arrived;

static uint8_t byte_at(size_t position)
{
	return (uint8_t)(position * 31 + position / 251);
}

static ssize_t take_all(struct mnat_stream *stream, const uint8_t *buf, size_t len, void *user)
{
	return (ssize_t)len;
}

static void on_ended(struct mnat_stream *stream, int error, void *user)
{
}

static const struct mnat_stream_ops ops = {.received = take_all, .ended = on_ended};

/* A little at a time, so that the sender finds its socket full again and again. */
static void read_some(uv_timer_t *timer)
{
	struct mnat_stream *stream = timer->data;
	uint8_t buf[40000];
	ssize_t n = recv(far, buf, sizeof(buf), MSG_DONTWAIT);

	for (ssize_t i = 0; i < n; i++)
		cr_assert_eq(buf[i], byte_at(arrived + (size_t)i), "byte %zu", arrived + (size_t)i);
	arrived += n > 0 ? (size_t)n : 0;
	if (arrived < PIECES * PIECE)
		return;
	mnat_stream_close(stream);
	uv_close((uv_handle_t *)timer, NULL);
}

Test(stream, partial_writes_lose_nothing, .timeout = 30)
{
	struct mnat_stream *stream;
	int fds[2], room = 8192;
	size_t written = 0;

	uv_loop_init(&loop);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	far = fds[1];
	cr_assert_eq(mnat_stream_new(&loop, fds[0], 1024, &ops, NULL, &stream), 0);
	for (int i = 0; i < PIECES; i++) {
		uint8_t *at = mnat_stream_reserve(stream, PIECE);

		cr_assert(at);
		for (int j = 0; j < PIECE; j++)
			at[j] = byte_at(written++);
		mnat_stream_commit(stream, PIECE);
	}
	uv_timer_init(&loop, &reader);
	reader.data = stream;
	uv_timer_start(&reader, read_some, 0, 1);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(arrived, (size_t)PIECES * PIECE);
	close(far);
}
