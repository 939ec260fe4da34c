// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's own answers about sockets made here, on loopback. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "sockets.h"

static struct mnl_socket *nl;

struct looking_for {
	struct mnat_home_key key;
	struct socket_info found;
	int n;
};

static void setup(void)
{
	cr_assert_eq(sockets_open(&nl), 0);
}

static void teardown(void)
{
	mnat_nl_closep(&nl);
}

TestSuite(sockets, .init = setup, .fini = teardown);

static void on_socket(const struct socket_info *socket, void *user)
{
	struct looking_for *wanted = user;

	if (memcmp(&socket->key, &wanted->key, sizeof(socket->key)))
		return;
	wanted->found = *socket;
	wanted->n++;
}

/* The key of fd, as the shim would see its packets. */
static struct mnat_home_key key_of(int fd, uint8_t protocol, bool connected)
{
	struct sockaddr_storage local = {}, remote = {};
	socklen_t local_len = sizeof(local), remote_len = sizeof(remote);
	struct sockaddr_in *to = (struct sockaddr_in *)&remote;
	struct mnat_home_key key = {.ip_proto = protocol};

	cr_assert_eq(getsockname(fd, (struct sockaddr *)&local, &local_len), 0);
	key.port = ((struct sockaddr_in *)&local)->sin_port; /* at the same place for IPv6 */
	if (!connected)
		return key;
	cr_assert_eq(getpeername(fd, (struct sockaddr *)&remote, &remote_len), 0);
	key.remote_port = to->sin_port;
	key.remote = htonl(INADDR_LOOPBACK);
	return key;
}

static struct looking_for find(int fd, uint8_t protocol, bool connected)
{
	struct looking_for wanted = {.key = key_of(fd, protocol, connected)};

	cr_assert_eq(sockets_walk(nl, on_socket, &wanted), 0);
	return wanted;
}

static int bound(int family, int type, const char *address)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	int fd = socket(family, type, 0);

	cr_assert_geq(fd, 0);
	if (family == AF_INET) {
		cr_assert_eq(inet_pton(AF_INET, address, &four.sin_addr), 1);
		cr_assert_eq(bind(fd, (struct sockaddr *)&four, sizeof(four)), 0);
	} else {
		cr_assert_eq(inet_pton(AF_INET6, address, &six.sin6_addr), 1);
		cr_assert_eq(bind(fd, (struct sockaddr *)&six, sizeof(six)), 0);
	}
	return fd;
}

/* A connection to listener, an IPv4 socket on loopback. */
static int connected(int listener)
{
	struct sockaddr_in to;
	socklen_t len = sizeof(to);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(listen(listener, 1), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&to, &len), 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&to, len), 0);
	return fd;
}

Test(sockets, connections_are_told_and_listeners_are_not)
{
	int listener = bound(AF_INET, SOCK_STREAM, "127.0.0.1"), fd = connected(listener);
	struct looking_for wanted = find(fd, IPPROTO_TCP, true);

	cr_assert_eq(wanted.n, 1);
	cr_assert_eq(wanted.found.local.s_addr, htonl(INADDR_LOOPBACK));
	cr_assert_eq(find(listener, IPPROTO_TCP, false).n, 0);
	close(fd);
	close(listener);
}

Test(sockets, udp_with_an_address_is_told_and_without_one_is_not)
{
	int fd = bound(AF_INET, SOCK_DGRAM, "127.0.0.1"), any = bound(AF_INET, SOCK_DGRAM, "0.0.0.0");

	cr_assert_eq(find(fd, IPPROTO_UDP, false).n, 1);
	cr_assert_eq(find(any, IPPROTO_UDP, false).n, 0);
	close(fd);
	close(any);
}

Test(sockets, ipv4_over_sockets_of_ipv6)
{
	int mapped = bound(AF_INET6, SOCK_DGRAM, "::ffff:127.0.0.1");
	int six = bound(AF_INET6, SOCK_DGRAM, "::1");
	struct looking_for wanted = find(mapped, IPPROTO_UDP, false);

	cr_assert_eq(wanted.n, 1);
	cr_assert_eq(wanted.found.local.s_addr, htonl(INADDR_LOOPBACK));
	cr_assert_eq(find(six, IPPROTO_UDP, false).n, 0);
	close(mapped);
	close(six);
}

Test(sockets, one_that_is_destroyed_is_gone_at_both_ends)
{
	int listener = bound(AF_INET, SOCK_STREAM, "127.0.0.1"), fd = connected(listener);
	int peer = accept(listener, NULL, NULL);
	struct looking_for wanted = find(fd, IPPROTO_TCP, true);
	char byte;

	cr_assert_eq(sockets_destroy(nl, &wanted.found), 0);
	cr_assert_eq(recv(fd, &byte, 1, 0), -1);
	cr_assert_eq(errno, ECONNABORTED);
	cr_assert_eq(recv(peer, &byte, 1, 0), -1);
	cr_assert_eq(errno, ECONNRESET);
	cr_assert_eq(sockets_destroy(nl, &wanted.found), -ENOENT, "it is gone");
	close(fd);
	close(peer);
	close(listener);
}
