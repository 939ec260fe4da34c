// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
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
