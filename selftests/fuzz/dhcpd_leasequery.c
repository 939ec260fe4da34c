// SPDX-License-Identifier: GPL-2.0-only
/*
 * A leasequery server's side of a connection: whatever comes, in pieces, what is answered is
 * messages that a requestor can read. A first byte of each piece says how long it is, and
 * whether leases change after it.
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../dhcpd/leasequery.h"
#include "dhcpd.h"
#include "mnat/leasequery.h"

static const char conf_text[] = "interfaces = {\"eth1\"}\nserver-id = \"10.0.0.1\"\n"
				"manager-socket = \"\"\n"
				"virtual { pool = \"10.128.0.1-10.128.0.4\" }\n"
				"leasequery { listen = \"10.0.0.1\"\n clients = \"10.0.0.2\" }\n"
				"subnet \"10.0.1.0/24\" { pool = \"10.0.1.5-10.0.1.8\" }\n";

static uv_loop_t loop;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	configure(conf_text);
	uv_loop_init(&loop);
	return 0;
}

static void turn(void)
{
	for (int i = 0; i < 3; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

/* A host comes, or goes. */
static void change(struct server *s, struct leasequery *lq, uint8_t what)
{
	const uint8_t key[] = {1, 2, 0, 0, 0, 0, what & 3};
	const struct arrival arrival = {.ifindex = 3, .local = 0x0a000101, .broadcast = true};
	const struct dhcp_header header = {.op = DHCP_BOOTREQUEST,
					   .htype = 1,
					   .hlen = 6,
					   .chaddr = {2, 0, 0, 0, 0, key[6]},
					   .ciaddr = {what & 4 ? htonl(0x0a000105 + key[6]) : 0}};
	enum dhcp_type type = what & 4 ? DHCP_RELEASE : DHCP_REQUEST;
	static struct reply reply;
	uint8_t buf[DHCP_MAX_MESSAGE];
	struct dhcp_builder b;
	size_t len;

	dhcp_build(&b, buf, sizeof(buf), &header, what & 8 ? DHCP_DISCOVER : type);
	dhcp_put_ip(&b, DHCP_OPT_REQUESTED_IP, (struct in_addr){htonl(0x0a000105 + key[6])});
	if (!(what & 8))
		dhcp_put_ip(&b, DHCP_OPT_SERVER_ID, (struct in_addr){htonl(0x0a000001)});
	if (what & 16)
		dhcp_put_shim(&b, &conf->virt.codec, DHCP_SHIM_VIVSO, (struct in_addr){0},
			      (struct in_addr){0}, 0);
	require(!dhcp_finish(&b, &len));
	server_handle(s, &arrival, buf, len, &reply);
	if (what & 32)
		return; /* not stored yet */
	require(!server_commit(s));
	leasequery_tell(lq, s->events, s->n_events, s->batch);
	server_next_batch(s);
}

/* Whole messages, each an answer. */
static void read_answers(int fd)
{
	static uint8_t in[1 << 18];
	static struct dhcp_message message;
	size_t len = 0, n = 0;
	ssize_t got;

	while ((got = recv(fd, in + len, sizeof(in) - len, MSG_DONTWAIT)) > 0)
		len += (size_t)got;
	for (size_t at = 0; at < len; at += n) {
		const uint8_t *bytes;
		size_t bytes_len;

		n = leasequery_next(in + at, len - at, &bytes, &bytes_len);
		require(n > 0);
		require(!dhcp_parse_query(&conf->virt.codec, DHCP_BOOTREPLY, bytes, bytes_len,
					  &message));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct leasequery *lq;
	struct server s;
	int fd[2];

	now = 1000 * MNAT_NS_PER_SEC;
	require(!server_init(&s, conf, &store_ops, NULL, wall_now));
	require(!leasequery_new(&loop, &s, socket(AF_INET, SOCK_STREAM, 0), &lq));
	require(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd));
	leasequery_accept(lq, fd[1], (struct in_addr){htonl(0x0a000002)});
	while (size) {
		uint8_t head = *data++;
		size_t len = head & 128 ? (size_t)(head & 63) * 8 : 1u + (head & 63);

		size--;
		len = len < size ? len : size;
		if (send(fd[0], data, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		data += len;
		size -= len;
		turn();
		if (head & 64) {
			change(&s, lq, (uint8_t)(head * 37 + len));
			now += (head & 7) * MNAT_NS_PER_SEC;
		}
		leasequery_tick(lq);
		turn();
		read_answers(fd[0]);
	}
	leasequery_close(lq);
	close(fd[0]);
	uv_run(&loop, UV_RUN_DEFAULT);
	server_done(&s);
	return 0;
}
