// SPDX-License-Identifier: GPL-2.0-only
#include "manager_test.h"

#include <criterion/criterion.h>
#include <sys/socket.h>

static uint8_t buf[SIMCO_MAX_MESSAGE];

void manager_turns(struct manager_test *m, int n)
{
	while (n--)
		uv_run(m->loop, UV_RUN_NOWAIT);
}

struct simco_message manager_receive(struct manager_test *m)
{
	struct simco_message message = {0};
	size_t skip, len;

	cr_assert_eq(recv(m->fd, buf, SIMCO_HEADER_LEN, 0), SIMCO_HEADER_LEN);
	len = (size_t)buf[2] << 8 | buf[3];
	if (len)
		cr_assert_eq(recv(m->fd, buf + SIMCO_HEADER_LEN, len, 0), (ssize_t)len);
	cr_assert_gt(simco_decode(buf, SIMCO_HEADER_LEN + len, &message, &skip), 0);
	return message;
}

struct simco_message manager_ask(struct manager_test *m, struct simco_message request)
{
	struct simco_message reply;
	int n;

	request.basic = SIMCO_REQUEST;
	request.transaction = ++m->transaction;
	n = simco_encode(&request, buf, sizeof(buf));
	cr_assert_gt(n, 0);
	cr_assert_eq(send(m->fd, buf, (size_t)n, MSG_NOSIGNAL), n);
	manager_turns(m, 4);
	reply = manager_receive(m);
	cr_assert_eq(reply.transaction, m->transaction);
	return reply;
}

struct simco_message manager_open(struct manager_test *m, struct agent *agent)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	agent_accept(pair[0], agent);
	m->fd = pair[1];
	return manager_ask(m, (struct simco_message){.subtype = SIMCO_SE,
						     .has = SIMCO_HAS(SIMCO_A_VERSION),
						     .version_major = 3});
}
