// SPDX-License-Identifier: GPL-2.0-only
#include "talk_test.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_stored(struct fixture *f)
{
	struct talk *t = f->user;

	leasequery_tell(t->lq, f->server.events, f->server.n_events, f->server.batch);
}

struct talk *talk_begin(struct fixture *f)
{
	struct talk *t = calloc(1, sizeof(*t));

	t->fd = -1;
	t->f = f;
	f->stored = on_stored;
	f->user = t;
	uv_loop_init(&t->loop);
	cr_assert_eq(leasequery_new(&t->loop, &f->server, socket(AF_INET, SOCK_STREAM, 0), &t->lq),
		     0);
	return t;
}

void talk_end(struct talk *t)
{
	if (!t)
		return;
	t->f->stored = NULL;
	leasequery_close(t->lq);
	if (t->fd >= 0)
		close(t->fd);
	uv_run(&t->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&t->loop), 0, "handles are left");
	free(t);
}

void talk_run(struct talk *t)
{
	for (int i = 0; i < 8; i++)
		uv_run(&t->loop, UV_RUN_NOWAIT);
}

void talk_from(struct talk *t, const char *address)
{
	int fd[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	if (t->fd >= 0)
		close(t->fd);
	t->fd = fd[0];
	t->len = 0;
	leasequery_accept(t->lq, fd[1], (struct in_addr){inet_addr(address)});
}

void talk_say(struct talk *t, const void *bytes, size_t len)
{
	cr_assert_eq(send(t->fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
	talk_run(t);
}

void talk_ask(struct talk *t, const void *message, size_t len)
{
	uint8_t buf[LEASEQUERY_PREFIX + DHCP_MAX_MESSAGE] = {(uint8_t)(len >> 8), (uint8_t)len};

	memcpy(buf + LEASEQUERY_PREFIX, message, len);
	talk_say(t, buf, LEASEQUERY_PREFIX + len);
}

void talk_receive(struct talk *t)
{
	ssize_t n;

	talk_run(t);
	while ((n = recv(t->fd, t->in + t->len, sizeof(t->in) - t->len, 0)) > 0) {
		t->len += (size_t)n;
		talk_run(t);
	}
}

bool talk_next(struct talk *t)
{
	const uint8_t *message;
	size_t len, n;

	talk_receive(t);
	n = leasequery_next(t->in, t->len, &message, &len);
	if (!n)
		return false;
	memcpy(t->bytes, message, len);
	cr_assert_eq(dhcp_parse_query(&t->f->conf->virt.codec, DHCP_BOOTREPLY, message, len,
				      &t->message),
		     DHCP_E_NONE);
	memmove(t->in, t->in + n, t->len -= n);
	return true;
}

bool talk_is_closed(struct talk *t)
{
	struct pollfd fd = {.fd = t->fd, .events = POLLIN};

	talk_receive(t);
	return poll(&fd, 1, 0) == 1 && fd.revents & POLLHUP;
}
