// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/tls.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mnat/cleanup.h"
#include "mnat/clock.h"
#include "../../selftests/unit/certs.h"

#define DAY 86400
#define BIG (3 << 20)

/* One end of a session, as a program holds it. */
struct end {
	struct mnat_stream *stream;
	int sessions;
	int ended;
	int error;
	char peer[64];
	uint8_t *got;
	size_t n_got;
	bool echo;
	struct mnat_tls_connector *again; /* reconnect when the session ends */
};

static char dir[64];
static uv_loop_t loop;
static struct test_ca *ca;
static struct mnat_tls *server_tls, *client_tls;
static struct mnat_tls_listener *listener;
static struct mnat_tls_connector *connector;
static struct end server, client;

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/mnat-tls-XXXXXX");
	cr_assert(mkdtemp(dir));
	uv_loop_init(&loop);
	ca = test_ca_new(dir, "one");
	test_ca_issue(ca, "home", "mm.home", -60, DAY);
	test_ca_issue(ca, "visited", "mm.visited", -60, DAY);
	server.got = malloc(BIG);
	client.got = malloc(BIG);
}

static void close_end(struct end *end)
{
	mnat_stream_close(TAKE_PTR(end->stream));
	end->again = NULL;
}

static void teardown(void)
{
	char command[128];

	close_end(&server);
	close_end(&client);
	mnat_tls_connector_close(connector);
	mnat_tls_listener_close(listener);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
	mnat_tls_free(server_tls);
	mnat_tls_free(client_tls);
	test_ca_free(ca);
	free(server.got);
	free(client.got);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(tls, .init = setup, .fini = teardown, .timeout = 30);

static int open_tls(const char *own, const char *ca_name, bool crl, struct mnat_tls **ret_tls)
{
	char paths[4][128];
	const struct mnat_tls_conf conf = {
		.ca = paths[0], .cert = paths[1], .key = paths[2], .crl = crl ? paths[3] : NULL,
		.handshake_ms = 300,
	};

	snprintf(paths[0], sizeof(paths[0]), "%s/%s.ca.pem", dir, ca_name);
	snprintf(paths[1], sizeof(paths[1]), "%s/%s.pem", dir, own);
	snprintf(paths[2], sizeof(paths[2]), "%s/%s.key", dir, own);
	snprintf(paths[3], sizeof(paths[3]), "%s/%s.crl.pem", dir, ca_name);
	return mnat_tls_new(&conf, ret_tls);
}

/* ---- the two ends ---- */

static ssize_t on_received(struct mnat_stream *stream, const uint8_t *buf, size_t len, void *user)
{
	struct end *end = user;

	cr_assert_leq(end->n_got + len, BIG);
	memcpy(end->got + end->n_got, buf, len);
	end->n_got += len;
	if (end->echo) {
		memcpy(mnat_stream_reserve(stream, len), buf, len);
		mnat_stream_commit(stream, len);
	}
	return (ssize_t)len;
}

static void on_ended(struct mnat_stream *stream, int error, void *user)
{
	struct end *end = user;

	end->ended++;
	end->error = error;
	mnat_stream_close(stream);
	end->stream = NULL;
	if (end->again)
		mnat_tls_reconnect(end->again);
}

static const struct mnat_stream_ops ops = {.received = on_received, .ended = on_ended};

static void on_ready(struct mnat_stream *stream, const char *peer, void *user)
{
	struct end *end = user;

	snprintf(end->peer, sizeof(end->peer), "%s", peer);
	mnat_stream_hand_over(stream, 65536, &ops, end);
	end->stream = stream;
	end->sessions++;
}

static void say(struct end *end, const void *text, size_t len)
{
	memcpy(mnat_stream_reserve(end->stream, len), text, len);
	mnat_stream_commit(end->stream, len);
}

/* Turn the loop until *count has reached n, or ms have passed. */
static bool reaches(const int *count, int n, int ms)
{
	uint64_t until = mnat_clock_now() + (uint64_t)ms * MNAT_NS_PER_MS;

	while (*count < n && mnat_clock_now() < until) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(200);
	}
	return *count >= n;
}

static void pass(int ms)
{
	const int never = 0;

	reaches(&never, 1, ms);
}

static void listen_as(const char *own, bool crl)
{
	static const char *const peers[] = {"mm.other", "mm.visited"};

	cr_assert_eq(open_tls(own, "one", crl, &server_tls), 0);
	cr_assert_eq(mnat_tls_listen(&loop, server_tls, "127.0.0.1:0", peers, 2, on_ready, &server,
				     &listener),
		     0);
}

static void connect_as(const char *own, const char *ca_name, const char *name)
{
	char target[32];

	snprintf(target, sizeof(target), "localhost:%u", mnat_tls_listener_port(listener));
	cr_assert_eq(open_tls(own, ca_name, false, &client_tls), 0);
	cr_assert_eq(mnat_tls_connect(&loop, client_tls, target, name, on_ready, &client,
				      &connector),
		     0);
}

static void expect_session(void)
{
	cr_assert(reaches(&server.sessions, 1, 3000));
	cr_assert(reaches(&client.sessions, 1, 3000));
}

/* The server accepts nobody; the client, whose side is first to be done, is told so. */
static void expect_refused_by_server(void)
{
	cr_assert(reaches(&client.ended, 1, 3000));
	cr_assert_eq(server.sessions, 0);
	cr_assert_neq(client.error, 0);
	cr_assert_eq(client.n_got, 0);
}

static void expect_refused_by_client(void)
{
	pass(300);
	cr_assert_eq(client.sessions, 0);
	cr_assert_eq(server.sessions, 0);
}

/* ---- sessions ---- */

Test(tls, both_know_each_other)
{
	listen_as("home", false);
	connect_as("visited", "one", "mm.home");
	expect_session();
	cr_assert_str_eq(server.peer, "mm.visited");
	cr_assert_str_eq(client.peer, "mm.home");
	server.echo = true;
	say(&client, "hello", 5);
	for (int i = 0; i < 1000 && client.n_got < 5; i++)
		pass(1);
	cr_assert_arr_eq(client.got, "hello", 5);
	mnat_stream_close(TAKE_PTR(client.stream));
	cr_assert(reaches(&server.ended, 1, 3000));
	cr_assert_eq(server.error, 0, "an orderly end is none by error");
}

Test(tls, big_messages_in_both_directions)
{
	uint8_t *big = malloc(BIG);

	for (size_t i = 0; i < BIG; i++)
		big[i] = (uint8_t)(i * 2654435761u >> 13);
	listen_as("home", false);
	connect_as("visited", "one", "mm.home");
	expect_session();
	server.echo = true;
	say(&client, big, BIG);
	for (int i = 0; i < 5000 && client.n_got < BIG; i++)
		pass(1);
	cr_assert_eq(client.n_got, BIG);
	cr_assert_eq(memcmp(client.got, big, BIG), 0);
	cr_assert_eq(mnat_stream_backlog(client.stream), 0);
	free(big);
}

Test(tls, a_pause_loses_nothing)
{
	listen_as("home", false);
	connect_as("visited", "one", "mm.home");
	expect_session();
	mnat_stream_pause(server.stream, true);
	say(&client, "abc", 3);
	pass(20);
	cr_assert_eq(server.n_got, 0);
	mnat_stream_pause(server.stream, false);
	for (int i = 0; i < 1000 && server.n_got < 3; i++)
		pass(1);
	cr_assert_arr_eq(server.got, "abc", 3);
}

Test(tls, connects_again)
{
	listen_as("home", false);
	connect_as("visited", "one", "mm.home");
	client.again = connector;
	expect_session();
	mnat_stream_close(TAKE_PTR(server.stream));
	cr_assert(reaches(&client.sessions, 2, 3000));
	cr_assert(reaches(&server.sessions, 2, 3000));
	client.again = NULL;
}

Test(tls, waits_for_a_listener)
{
	char target[32];
	static const char *const peers[] = {"mm.visited"};
	uint16_t port;

	listen_as("home", false);
	port = mnat_tls_listener_port(listener);
	mnat_tls_listener_close(listener);
	snprintf(target, sizeof(target), "127.0.0.1:%u", port);
	cr_assert_eq(open_tls("visited", "one", false, &client_tls), 0);
	mnat_tls_connect(&loop, client_tls, target, "mm.home", on_ready, &client, &connector);
	pass(100);
	cr_assert_eq(mnat_tls_listen(&loop, server_tls, target, peers, 1, on_ready, &server,
				     &listener),
		     0);
	expect_session();
}

/* ---- who is not let in ---- */

Test(tls, client_of_another_ca)
{
	struct test_ca *other = test_ca_new(dir, "two");

	test_ca_issue(other, "false", "mm.visited", -60, DAY);
	listen_as("home", false);
	connect_as("false", "one", "mm.home");
	expect_refused_by_server();
	test_ca_free(other);
}

Test(tls, server_of_another_ca)
{
	test_ca_free(test_ca_new(dir, "two"));
	listen_as("home", false);
	connect_as("visited", "two", "mm.home");
	expect_refused_by_client();
}

Test(tls, expired_client)
{
	test_ca_issue(ca, "old", "mm.visited", -2 * DAY, -DAY);
	listen_as("home", false);
	connect_as("old", "one", "mm.home");
	expect_refused_by_server();
}

Test(tls, expired_server)
{
	test_ca_issue(ca, "old", "mm.home", -2 * DAY, -DAY);
	listen_as("old", false);
	connect_as("visited", "one", "mm.home");
	expect_refused_by_client();
}

Test(tls, client_not_yet_valid)
{
	test_ca_issue(ca, "early", "mm.visited", DAY, 2 * DAY);
	listen_as("home", false);
	connect_as("early", "one", "mm.home");
	expect_refused_by_server();
}

Test(tls, client_of_a_name_that_is_not_allowed)
{
	test_ca_issue(ca, "third", "mm.third", -60, DAY);
	listen_as("home", false);
	connect_as("third", "one", "mm.home");
	expect_refused_by_server();
}

/* The common name of this certificate is that of its file: it counts for nothing. */
Test(tls, a_common_name_is_no_name)
{
	test_ca_issue(ca, "mm.visited", "mm.third", -60, DAY);
	listen_as("home", false);
	connect_as("mm.visited", "one", "mm.home");
	expect_refused_by_server();
}

Test(tls, a_wildcard_is_no_name)
{
	test_ca_issue(ca, "wild", "*.visited", -60, DAY);
	listen_as("home", false);
	connect_as("wild", "one", "mm.home");
	expect_refused_by_server();
}

Test(tls, server_of_another_name)
{
	listen_as("home", false);
	connect_as("visited", "one", "mm.elsewhere");
	expect_refused_by_client();
}

Test(tls, revoked)
{
	long serial = test_ca_issue(ca, "lost", "mm.visited", -60, DAY);

	test_ca_revoke(ca, serial);
	listen_as("home", true);
	connect_as("lost", "one", "mm.home");
	expect_refused_by_server();
}

Test(tls, revoked_after_the_list_is_read_again)
{
	long serial = test_ca_issue(ca, "lost", "mm.visited", -60, DAY);

	test_ca_revoke(ca, 0);
	listen_as("home", true);
	connect_as("lost", "one", "mm.home");
	expect_session();
	test_ca_revoke(ca, serial);
	cr_assert_eq(mnat_tls_reload(server_tls), 0);
	client.again = connector;
	mnat_stream_close(TAKE_PTR(server.stream));
	cr_assert(reaches(&client.ended, 2, 3000));
	cr_assert_eq(server.sessions, 1);
	client.again = NULL;
	pass(20);
}

/* ---- strangers ---- */

static int stranger(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_port = htons(mnat_tls_listener_port(listener)),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* Has the listener hung up on it? */
static bool is_closed(int fd)
{
	char byte;

	while (recv(fd, &byte, 1, MSG_DONTWAIT) > 0)
		;
	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
}

Test(tls, who_says_nothing_is_dropped)
{
	int fd;

	listen_as("home", false);
	fd = stranger();
	pass(100);
	cr_assert_not(is_closed(fd));
	pass(400);
	cr_assert(is_closed(fd));
	close(fd);
}

Test(tls, silent_strangers_do_not_keep_others_out)
{
	int fds[100];

	listen_as("home", false);
	for (int i = 0; i < 100; i++) {
		fds[i] = stranger();
		pass(1);
	}
	connect_as("visited", "one", "mm.home");
	expect_session();
	cr_assert(is_closed(fds[0]));
	for (int i = 0; i < 100; i++)
		close(fds[i]);
}

Test(tls, garbage)
{
	static const char http[] = "GET / HTTP/1.1\r\n\r\n";
	int fd;

	listen_as("home", false);
	fd = stranger();
	cr_assert_eq(send(fd, http, sizeof(http) - 1, 0), (ssize_t)sizeof(http) - 1);
	pass(50);
	cr_assert(is_closed(fd));
	close(fd);
}

Test(tls, half_a_handshake_and_gone)
{
	static const uint8_t hello[] = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
	int fd;

	listen_as("home", false);
	fd = stranger();
	cr_assert_eq(send(fd, hello, sizeof(hello), 0), (ssize_t)sizeof(hello));
	close(fd);
	pass(50);
	cr_assert_eq(server.sessions, 0);
	connect_as("visited", "one", "mm.home");
	expect_session();
}

struct old_client {
	int fd;
	int result;
	int done;
};

static void shake_hands_of_1_2(void *user)
{
	struct old_client *old = user;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, old->fd);
	old->result = SSL_connect(ssl);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	__atomic_store_n(&old->done, 1, __ATOMIC_RELEASE);
}

Test(tls, client_of_tls_1_2)
{
	struct old_client old = {0};
	uv_thread_t thread;

	listen_as("home", false);
	old.fd = stranger();
	uv_thread_create(&thread, shake_hands_of_1_2, &old);
	cr_assert(reaches(&old.done, 1, 3000));
	uv_thread_join(&thread);
	cr_assert_neq(old.result, 1);
	cr_assert_eq(server.sessions, 0);
	close(old.fd);
}

/* Both sides believe in the session; then the wire is cut without a word of TLS. */
Test(tls, a_cut_is_not_an_orderly_end)
{
	int pair[2];

	listen_as("home", false);
	connect_as("visited", "one", "mm.home");
	expect_session();
	pair[0] = -1;
	for (int fd = 3; fd < 64 && pair[0] < 0; fd++) {
		struct sockaddr_in addr;
		socklen_t len = sizeof(addr);

		if (!getpeername(fd, (struct sockaddr *)&addr, &len) &&
		    addr.sin_family == AF_INET &&
		    ntohs(addr.sin_port) == mnat_tls_listener_port(listener))
			pair[0] = fd;
	}
	cr_assert_geq(pair[0], 0);
	shutdown(pair[0], SHUT_RDWR);
	cr_assert(reaches(&server.ended, 1, 3000));
	cr_assert_eq(server.error, -ECONNRESET);
}

/* ---- configuration ---- */

Test(tls, unusable_files)
{
	char path[128];
	FILE *f;

	cr_assert_eq(open_tls("nobody", "one", false, &server_tls), -EINVAL);
	cr_assert_eq(open_tls("home", "nobody", false, &server_tls), -EINVAL);
	cr_assert_eq(open_tls("home", "one", true, &server_tls), -EINVAL, "there is no list");
	snprintf(path, sizeof(path), "%s/home.key", dir);
	f = fopen(path, "w");
	fputs("nonsense\n", f);
	fclose(f);
	cr_assert_eq(open_tls("home", "one", false, &server_tls), -EINVAL);
}

Test(tls, key_of_another_certificate)
{
	char from[128], to[128];

	snprintf(from, sizeof(from), "%s/visited.key", dir);
	snprintf(to, sizeof(to), "%s/home.key", dir);
	cr_assert_eq(rename(from, to), 0);
	cr_assert_eq(open_tls("home", "one", false, &server_tls), -EINVAL);
}

Test(tls, addresses)
{
	static const char *const bad[] = {"", ":", ":1", "1.2.3.4", "1.2.3.4:", "1.2.3.4:x",
					  "1.2.3.4:65536", "host:7627"};
	struct sockaddr_in addr;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(mnat_tls_parse_address(bad[i], &addr), -EINVAL, "%s", bad[i]);
	cr_assert_eq(mnat_tls_parse_address("10.0.0.1:7627", &addr), 0);
	cr_assert_eq(ntohs(addr.sin_port), 7627);
	cr_assert(mnat_tls_is_target("mm.home:7627"));
	cr_assert(mnat_tls_is_target("10.0.0.1:7627"));
	cr_assert_not(mnat_tls_is_target("mm.home"));
	cr_assert_not(mnat_tls_is_target(":7627"));
	cr_assert_not(mnat_tls_is_target("a b:7627"));
}
