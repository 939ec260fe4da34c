// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mnat/control.h"

static uv_loop_t loop;
static struct mnat_control *control;
static struct mnat_peer *peer;
static char dir[64];
static char path[96];
static int n_connected, n_lost, n_messages, last_code;

static void on_echo(struct mnat_control_client *client, const json_t *request, void *user)
{
	mnat_control_done(client, json_pack("{s:O}", "id", json_object_get(request, "id")));
}

static const struct mnat_control_command commands[] = {{"echo", true, on_echo}, {0}};

static void on_connected(struct mnat_peer *p, void *user)
{
	n_connected++;
}

static void on_lost(struct mnat_peer *p, void *user)
{
	n_lost++;
}

static void on_message(struct mnat_peer *p, const json_t *line, void *user)
{
	n_messages++;
	last_code = (int)json_integer_value(json_object_get(line, "id"));
}

static const struct mnat_peer_ops ops = {on_connected, on_message, on_lost};

static void listen_again(void)
{
	cr_assert_eq(mnat_control_listen(&loop, dir, "test", "mnat-test", commands, NULL, &control),
		     0);
}

/* Turn the loop until *counter reaches n; retries are up to 10 ms apart at first. */
static void until(const int *counter, int n)
{
	for (int i = 0; i < 3000 && *counter < n; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	cr_assert_eq(*counter, n);
}

/* A daemon that greets and then hangs. */
static int hang_at(const char *where)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(addr.sun_path, where);
	cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	cr_assert_eq(listen(fd, 4), 0);
	return fd;
}

static int greet_one(int listener)
{
	static const char greeting[] = "{\"mobilenat\":1}\n";
	int fd;

	uv_run(&loop, UV_RUN_NOWAIT);
	fd = accept(listener, NULL, NULL);
	cr_assert_eq(write(fd, greeting, strlen(greeting)), (ssize_t)strlen(greeting));
	return fd;
}

static void setup(void)
{
	strcpy(dir, "/tmp/mnat-peer-XXXXXX");
	cr_assert(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/test.sock", dir);
	uv_loop_init(&loop);
	cr_assert_eq(mnat_peer_new(&loop, path, &ops, NULL, &peer), 0);
}

static void teardown(void)
{
	mnat_peer_free(peer);
	mnat_control_close(control);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
	rmdir(dir);
}

TestSuite(peer, .init = setup, .fini = teardown, .timeout = 20);

Test(peer, waits_for_its_daemon)
{
	cr_assert_eq(mnat_peer_send(peer, json_object()), -ENOTCONN);
	for (int i = 0; i < 30; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	cr_assert_eq(n_connected, 0);
	cr_assert_not(mnat_peer_is_connected(peer));
	listen_again();
	until(&n_connected, 1);
	cr_assert(mnat_peer_is_connected(peer));
}

Test(peer, talks_and_pipelines)
{
	listen_again();
	until(&n_connected, 1);
	for (int i = 1; i <= 100; i++)
		cr_assert_eq(mnat_peer_send(peer, json_pack("{s:s, s:i}", "cmd", "echo", "id", i)),
			     0);
	until(&n_messages, 100);
	cr_assert_eq(last_code, 100, "answers came in another order");
}

Test(peer, connects_again_after_a_restart)
{
	listen_again();
	until(&n_connected, 1);
	mnat_control_close(control);
	control = NULL;
	until(&n_lost, 1);
	cr_assert_not(mnat_peer_is_connected(peer));
	listen_again();
	until(&n_connected, 2);
	cr_assert_eq(mnat_peer_send(peer, json_pack("{s:s, s:i}", "cmd", "echo", "id", 7)), 0);
	until(&n_messages, 1);
	cr_assert_eq(last_code, 7);
}

/* The memory for a daemon that does not read is bounded; then it is tried anew. */
Test(peer, one_that_hangs_costs_bounded_memory)
{
	int listener = hang_at(path), first = greet_one(listener), second, sent = 0;
	char filler[1000];

	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	until(&n_connected, 1);
	while (!mnat_peer_send(peer, json_pack("{s:s}", "cmd", filler))) {
		cr_assert_lt(sent++, 20000, "20 MB and no end");
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	cr_assert_eq(n_lost, 0, "told within the call");
	until(&n_lost, 1);
	usleep(20000);
	second = greet_one(listener);
	until(&n_connected, 2);
	cr_assert_eq(mnat_peer_send(peer, json_object()), 0);
	close(first);
	close(second);
	close(listener);
	unlink(path);
}
