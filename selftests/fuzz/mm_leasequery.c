// SPDX-License-Identifier: GPL-2.0-only
/*
 * The manager as requestor: whatever its DHCP server says, message by message. They bear our
 * query's transaction, so that they are looked at. No host may come of it that is at an
 * address its record did not name.
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "leasequery.h"
#include "manager.h"
#include "mnat/clock.h"
#include "mnat/log.h"
#include "quiet.h"

#define XID_AT 4

static uint64_t now = 1000 * MNAT_NS_PER_SEC;
static uv_loop_t loop;
static struct manager manager;

static uint64_t clock_now(void)
{
	return now;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	mnat_log_init("fuzz", MNAT_LOG_ERR);
	mnat_clock_replace(clock_now);
	uv_loop_init(&loop);
	be_quiet();
	return 0;
}

static void turn(void)
{
	for (int i = 0; i < 3; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static int server = -1;
static uint32_t xid;

/* A connection of the feed's, and its query. */
static void connect_feed(void)
{
	uint8_t query[LEASEQUERY_PREFIX + DHCP_MAX_MESSAGE];
	int fd[2];
	ssize_t n;

	if (server >= 0)
		close(server);
	require(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd));
	server = fd[0];
	require(!feed_attach(manager.feed, fd[1]));
	turn();
	n = recv(server, query, sizeof(query), MSG_DONTWAIT);
	require(n >= LEASEQUERY_PREFIX + DHCP_MIN_MESSAGE);
	memcpy(&xid, query + LEASEQUERY_PREFIX + XID_AT, sizeof(xid));
}

static void check_hosts(void)
{
	const struct host *host;

	for (host = manager.registry.hosts; host; host = host->hh.next) {
		require(host->key.identity.s_addr);
		require(host_has_left(host) || !host->key.plain ||
			host->actual.s_addr == host->key.identity.s_addr);
		require(!host->tunnel || !host->key.plain);
		require(host->generation);
	}
}

static bool is_closed(void)
{
	uint8_t byte;

	return recv(server, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

/* With its own length, which the corpus need not have right. */
static void say(const uint8_t *message, size_t len)
{
	uint8_t out[LEASEQUERY_PREFIX + UINT16_MAX];

	out[0] = (uint8_t)(len >> 8);
	out[1] = (uint8_t)len;
	memcpy(out + LEASEQUERY_PREFIX, message, len);
	if (len >= XID_AT + sizeof(xid))
		memcpy(out + LEASEQUERY_PREFIX + XID_AT, &xid, sizeof(xid));
	if (send(server, out, LEASEQUERY_PREFIX + len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return;
	turn();
}

/* No message reaches beyond what has come. */
static void check_framing(const uint8_t *data, size_t size)
{
	const uint8_t *message;
	size_t len, n;

	for (size_t at = 0; at < size; at += n) {
		n = leasequery_next(data + at, size - at, &message, &len);
		require(n <= size - at);
		if (!n)
			return;
		require(message == data + at + LEASEQUERY_PREFIX && len == n - LEASEQUERY_PREFIX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct feed_conf conf = {.server = {.sin_family = AF_INET,
						  .sin_port = htons(1),
						  .sin_addr = {htonl(INADDR_LOOPBACK)}},
				       .codec = {.enterprise = 32473}};

	check_framing(data, size);
	manager = (struct manager){0};
	require(!manager_start(&manager, &loop));
	require(!feed_start(&loop, &manager, &conf, &manager.feed));
	connect_feed();
	while (size >= LEASEQUERY_PREFIX) {
		size_t len = (size_t)data[0] << 8 | data[1];

		data += LEASEQUERY_PREFIX;
		size -= LEASEQUERY_PREFIX;
		len = len < size ? len : size;
		say(data, len);
		data += len;
		size -= len;
		check_hosts();
		if (is_closed())
			connect_feed();
	}
	feed_close(manager.feed);
	manager.feed = NULL;
	manager_close(&manager);
	close(server);
	server = -1;
	uv_run(&loop, UV_RUN_DEFAULT);
	manager_free(&manager);
	return 0;
}
