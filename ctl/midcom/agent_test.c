// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"
#include "arrays_test.h"
#include "mnat/simco.h"

static uv_loop_t loop;
static struct hosts hosts;
static struct mnat_gateway no_maps;
static struct anchors anchors;
static struct agent agent;
static uint32_t transaction;

static uint32_t now(void)
{
	return 1000;
}

static void setup(void)
{
	arrays_clear();
	arrays_open(&hosts, now());
	uv_loop_init(&loop);
	no_maps.arrivals_fd = -1;
	anchors.gateway = &no_maps;
	agent = (struct agent){.loop = &loop, .hosts = &hosts, .anchors = &anchors, .now = now};
}

static void teardown(void)
{
	agent_close(&agent);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
	hosts_close(&hosts);
}

TestSuite(agent, .init = setup, .fini = teardown, .timeout = 20);

static void turns(int n)
{
	while (n--)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static int join(void)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	agent_accept(pair[0], &agent);
	return pair[1];
}

static void send_bytes(int fd, const uint8_t *buf, size_t len)
{
	cr_assert_eq(send(fd, buf, len, MSG_NOSIGNAL), (ssize_t)len);
	turns(3);
}

static struct simco_message next_reply(int fd)
{
	struct simco_message reply = {0};
	uint8_t header[SIMCO_HEADER_LEN], body[SIMCO_MAX_MESSAGE];
	size_t skip, len;

	cr_assert_eq(recv(fd, header, sizeof(header), 0), (ssize_t)sizeof(header));
	len = (size_t)header[2] << 8 | header[3];
	memcpy(body, header, sizeof(header));
	if (len)
		cr_assert_eq(recv(fd, body + sizeof(header), len, 0), (ssize_t)len);
	cr_assert_eq(simco_decode(body, sizeof(header) + len, &reply, &skip),
		     (int)(sizeof(header) + len));
	return reply;
}

static struct simco_message ask(int fd, struct simco_message request)
{
	struct simco_message reply;
	uint8_t buf[SIMCO_MAX_MESSAGE];

	if (!request.basic)
		request.basic = SIMCO_REQUEST;
	request.transaction = ++transaction;
	send_bytes(fd, buf, (size_t)simco_encode(&request, buf, sizeof(buf)));
	reply = next_reply(fd);
	cr_assert_eq(reply.transaction, transaction);
	return reply;
}

static const struct simco_message se = {
	.subtype = SIMCO_SE, .has = SIMCO_HAS(SIMCO_A_VERSION), .version_major = 3};

static struct simco_message hreb(const char *identity, const char *actual, uint32_t generation)
{
	return (struct simco_message){
		.subtype = SIMCO_X_HREB,
		.has = SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_GENERATION) |
		       SIMCO_HAS(SIMCO_A_X_NEW_ACTUAL),
		.identity.s_addr = ip(identity),
		.new_actual.s_addr = ip(actual),
		.generation = generation,
	};
}

/* Here, by a tunnel, with an address that it shares. */
static struct simco_message share(const char *identity, const char *virt)
{
	struct simco_message m = hreb(identity, "10.0.1.5", 1);

	m.has |= SIMCO_HAS(SIMCO_A_X_PATH) | SIMCO_HAS(SIMCO_A_X_VIRTUAL);
	m.path = MNAT_PATH_TUNNEL;
	m.virt.s_addr = ip(virt);
	return m;
}

static struct simco_message hsync(uint32_t flags)
{
	return (struct simco_message){.subtype = SIMCO_X_HSYNC,
				      .has = SIMCO_HAS(SIMCO_A_X_FLAGS),
				      .flags = flags};
}

static int session(void)
{
	int fd = join();

	cr_assert_eq(ask(fd, se).basic, SIMCO_POSITIVE);
	return fd;
}

static void expect_refused(struct simco_message reply, uint8_t error)
{
	cr_expect_eq(reply.basic, SIMCO_NEGATIVE);
	cr_expect_eq(reply.subtype, error, "%s", simco_error_text(reply.subtype));
}

Test(agent, session_life)
{
	int fd = join();
	struct simco_message old = se, reply;
	char byte;

	expect_refused(ask(fd, hreb("10.128.0.2", "10.0.1.5", 1)), SIMCO_E_NOT_APPLICABLE);
	old.version_major = 2;
	reply = ask(fd, old);
	expect_refused(reply, SIMCO_E_VERSION);
	cr_assert_eq(reply.version_major, SIMCO_VERSION_MAJOR);
	reply = ask(fd, se);
	cr_assert_eq(reply.basic, SIMCO_POSITIVE);
	cr_assert_eq(reply.subtype, SIMCO_SE);
	cr_assert_eq(reply.version_major, 3);
	expect_refused(ask(fd, se), SIMCO_E_NOT_APPLICABLE);
	cr_assert_eq(ask(fd, (struct simco_message){.subtype = SIMCO_ST}).basic, SIMCO_POSITIVE);
	cr_assert_eq(recv(fd, &byte, 1, 0), 0, "the session was to be closed");
	close(fd);
}

Test(agent, hello_tells_epoch_and_hosts)
{
	struct simco_message hello = {.subtype = SIMCO_X_HELLO,
				      .has = SIMCO_HAS(SIMCO_A_X_EPOCH)}, reply;
	int fd = session();

	ask(fd, hreb("10.128.0.2", "10.0.1.5", 1));
	reply = ask(fd, hello);
	cr_assert_eq(reply.epoch, hosts.epoch);
	cr_assert_eq(reply.hosts, 1);
	close(fd);
}

Test(agent, rebind_and_its_refusals)
{
	int fd = session();
	struct simco_message reply = ask(fd, hreb("10.128.0.2", "10.0.1.5", 2));
	struct simco_message incomplete = hreb("10.128.0.2", "10.0.1.5", 3);

	cr_assert_eq(reply.basic, SIMCO_POSITIVE);
	cr_assert_eq(reply.bound_at, arrays.info[FIRST_ID].bound_at_ns);
	expect_refused(ask(fd, hreb("10.128.0.2", "10.0.2.7", 1)), SIMCO_E_X_STALE);
	expect_refused(ask(fd, hreb("10.128.0.2", "192.0.2.1", 3)), SIMCO_E_X_ADDRESS);
	incomplete.has &= ~SIMCO_HAS(SIMCO_A_X_GENERATION);
	expect_refused(ask(fd, incomplete), SIMCO_E_MALFORMED);
	cr_assert_eq(agent.rebinds, 1);
	cr_assert_eq(agent.refused, 2);
	close(fd);
}

Test(agent, full_tables_refuse_new_hosts_only)
{
	int fd = session();
	char v[16];

	for (int i = 0; i < N_MOBILE; i++) {
		snprintf(v, sizeof(v), "10.128.1.%d", i);
		ask(fd, hreb(v, "10.0.1.5", 1));
	}
	expect_refused(ask(fd, hreb("10.128.0.2", "10.0.1.5", 1)), SIMCO_E_RESOURCES);
	cr_assert_eq(ask(fd, hreb("10.128.1.0", "10.0.2.7", 2)).basic, SIMCO_POSITIVE);
	close(fd);
}

Test(agent, wrong_types)
{
	int fd = session();

	expect_refused(ask(fd, (struct simco_message){.subtype = 0x77}), SIMCO_E_SUBTYPE);
	expect_refused(ask(fd, (struct simco_message){.basic = SIMCO_POSITIVE,
						      .subtype = SIMCO_X_HELLO}),
		       SIMCO_E_BASIC_TYPE);
	close(fd);
}

Test(agent, malformed_message_is_answered_and_skipped)
{
	static const uint8_t bytes[] = {1, 0xe2, 0, 8, 0, 0, 0, 9, 0x12, 0x34, 0, 4, 0, 0, 0, 0};
	int fd = session();
	struct simco_message reply;

	send_bytes(fd, bytes, sizeof(bytes));
	reply = next_reply(fd);
	expect_refused(reply, SIMCO_E_MALFORMED);
	cr_assert_eq(reply.transaction, 9);
	cr_assert_eq(ask(fd, hreb("10.128.0.2", "10.0.1.5", 1)).basic, SIMCO_POSITIVE);
	close(fd);
}

Test(agent, impossible_length_ends_the_session)
{
	static const uint8_t bytes[] = {1, 1, 0xff, 0xff, 0, 0, 0, 0};
	int fd = join();
	char byte;

	send_bytes(fd, bytes, sizeof(bytes));
	cr_assert_eq(next_reply(fd).subtype, SIMCO_BFM);
	cr_assert_eq(recv(fd, &byte, 1, 0), 0);
	cr_assert_eq(agent.n_sessions, 0);
	close(fd);
}

Test(agent, pipelined_requests_are_answered_in_order_and_at_once)
{
	uint8_t buf[64 * 64];
	size_t len = 0;
	int fd = session();

	for (uint32_t i = 1; i <= 64; i++) {
		struct simco_message request =
			hreb("10.128.0.2", i % 2 ? "10.0.1.5" : "10.0.2.7", i);

		request.basic = SIMCO_REQUEST;
		request.transaction = i;
		len += (size_t)simco_encode(&request, buf + len, sizeof(buf) - len);
	}
	send_bytes(fd, buf, len);
	for (uint32_t i = 1; i <= 64; i++) {
		struct simco_message reply = next_reply(fd);

		cr_assert_eq(reply.basic, SIMCO_POSITIVE);
		cr_assert_eq(reply.transaction, i);
	}
	close(fd);
}

Test(agent, a_request_in_single_bytes)
{
	struct simco_message request = hreb("10.128.0.2", "10.0.1.5", 1);
	uint8_t buf[SIMCO_MAX_MESSAGE];
	int fd = session(), n;

	request.basic = SIMCO_REQUEST;
	n = simco_encode(&request, buf, sizeof(buf));
	for (int i = 0; i < n; i++)
		send_bytes(fd, buf + i, 1);
	cr_assert_eq(next_reply(fd).basic, SIMCO_POSITIVE);
	close(fd);
}

Test(agent, sync_belongs_to_its_session)
{
	int first = session(), second = session();

	ask(first, hreb("10.128.0.2", "10.0.1.5", 1));
	cr_assert_eq(ask(first, hsync(SIMCO_HSYNC_BEGIN)).basic, SIMCO_POSITIVE);
	expect_refused(ask(second, hsync(SIMCO_HSYNC_BEGIN)), SIMCO_E_NOT_APPLICABLE);
	expect_refused(ask(second, hsync(SIMCO_HSYNC_END)), SIMCO_E_NOT_APPLICABLE);
	expect_refused(ask(first, hsync(3)), SIMCO_E_MALFORMED);
	close(first); /* killed in the middle */
	turns(3);
	cr_assert_neq(arrays.hosts[FIRST_ID], 0);
	cr_assert_eq(ask(second, hsync(SIMCO_HSYNC_BEGIN)).basic, SIMCO_POSITIVE);
	cr_assert_eq(ask(second, hsync(SIMCO_HSYNC_END)).hosts, 0);
	cr_assert_eq(arrays.hosts[FIRST_ID], 0);
	close(second);
}

Test(agent, too_many_managers)
{
	int fds[20], open = 0;
	char byte;

	for (int i = 0; i < 20; i++)
		fds[i] = join();
	for (int i = 0; i < 20; i++)
		open += recv(fds[i], &byte, 1, 0) != 0;
	cr_assert_eq(open, 16);
	for (int i = 0; i < 20; i++)
		close(fds[i]);
}

Test(agent, shared_virtual_address)
{
	struct simco_message translated = share("240.1.0.2", "10.128.9.1");
	int fd = session();

	cr_expect_eq(ask(fd, share("240.1.0.1", "10.128.9.1")).basic, SIMCO_POSITIVE);
	cr_expect_eq(arrays.info[FIRST_ID].virt, ip("10.128.9.1"));
	cr_expect_eq(arrays.info[FIRST_ID].identity, ip("240.1.0.1"));
	translated.path = MNAT_PATH_TRANSLATE;
	expect_refused(ask(fd, translated), SIMCO_E_MALFORMED);
	expect_refused(ask(fd, share("240.1.0.2", "192.0.2.1")), SIMCO_E_X_ADDRESS);
	expect_refused(ask(fd, hreb("10.128.9.1", "10.0.1.6", 1)), SIMCO_E_X_TAKEN);
	cr_expect_eq(ask(fd, share("10.128.0.2", "10.128.0.2")).basic, SIMCO_POSITIVE, "its own");
	cr_expect_eq(arrays.info[FIRST_ID + 1].virt, ip("10.128.0.2"));
	close(fd);
}
