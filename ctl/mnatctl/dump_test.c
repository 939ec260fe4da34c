// SPDX-License-Identifier: GPL-2.0-only
/* Whole commands against a control server that runs in a thread of this process. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <pthread.h>
#include <string.h>

#include "ctl.h"
#include "mnat/cleanup.h"
#include "mnat/control.h"
#include "mnat/log.h"

#define MANY 2500 /* over two chunks of the table */

static char run_dir[] = "/tmp/mnatctl-test-XXXXXX";
static uv_loop_t loop;
static uv_async_t stop;
static pthread_t thread;
static struct mnat_control *control;

static void dump_sessions(struct mnat_control_client *client)
{
	for (int i = 0; i < MANY; i++)
		mnat_control_row(client,
				 json_pack("{s:s, s:s, s:i, s:i, s:n}", "proto", "tcp", "identity",
					   "10.128.0.2", "port", i, "age_s", i, "state"));
	mnat_control_done(client, NULL);
}

static void dump_counters(struct mnat_control_client *client)
{
	mnat_control_row(client, json_pack("{s:s, s:s, s:i, s:i, s:s}", "name", "out", "class",
					   "forward", "packets", 7, "bytes", 700, "text", "sent"));
	mnat_control_row(client, json_pack("{s:s, s:s, s:i, s:i, s:s}", "name", "no_host", "class",
					   "drop", "packets", 0, "bytes", 0, "text", "unknown"));
	mnat_control_done(client, NULL);
}

static void on_dump(struct mnat_control_client *client, const json_t *request, void *user)
{
	const char *what = json_string_value(json_object_get(request, "what"));

	if (!strcmp(what, "sessions"))
		dump_sessions(client);
	else if (!strcmp(what, "counters"))
		dump_counters(client);
	else if (!strcmp(what, "hosts"))
		mnat_control_done(client, NULL);
	else
		mnat_control_fail(client, MNAT_E_ARGUMENT, "no %s here", what);
}

static void on_status(struct mnat_control_client *client, const json_t *request, void *user)
{
	mnat_control_done(client, json_pack("{s:s, s:i, s:b, s:[], s:i}", "daemon", "mnat-midcomd",
					    "uptime_s", 5, "healthy", 1, "problems", "hosts", 2));
}

static void on_replace(struct mnat_control_client *client, const json_t *request, void *user)
{
	mnat_control_done(client, json_pack("{s:O, s:O}", "old", json_object_get(request, "old"),
					    "new", json_object_get(request, "new")));
}

static const struct mnat_control_command commands[] = {
	{"dump", true, on_dump},
	{"status", true, on_status},
	{"replace", false, on_replace},
	{},
};

static void on_stop(uv_async_t *async)
{
	mnat_control_close(control);
	uv_close((uv_handle_t *)async, NULL);
}

static void *serve(void *user)
{
	uv_run(&loop, UV_RUN_DEFAULT);
	return NULL;
}

static void start(void)
{
	cr_redirect_stderr();
	cr_assert_not_null(mkdtemp(run_dir));
	cr_assert_eq(uv_loop_init(&loop), 0);
	cr_assert_eq(uv_async_init(&loop, &stop, on_stop), 0);
	cr_assert_eq(mnat_control_listen(&loop, run_dir, "midcomd", "mnat-midcomd", commands, NULL,
					 &control),
		     0);
	cr_assert_eq(pthread_create(&thread, NULL, serve, NULL), 0);
}

static void finish(void)
{
	uv_async_send(&stop);
	pthread_join(thread, NULL);
	uv_loop_close(&loop);
	rmdir(run_dir);
}

TestSuite(server, .init = start, .fini = finish, .timeout = 20);

/* Output of a command line, for the caller to free; its exit code must be as expected. */
static char *output_of(int expected, char **argv)
{
	char *text = NULL;
	size_t size;
	struct ctl ctl = {.out = open_memstream(&text, &size), .run_dir = run_dir, .wait_ms = 2000};
	int argc = 0, first;

	while (argv[argc])
		argc++;
	cr_assert_eq(ctl_options_parse(&ctl, argc, argv, &first), 0);
	cr_assert_eq(ctl_run(&ctl, argc - first, argv + first), expected);
	fclose(ctl.out);
	return text;
}

#define OUTPUT(expected, ...) output_of(expected, (char *[]){"mnatctl", __VA_ARGS__, NULL})

Test(server, whole_dump_as_text)
{
	_cleanup_free_ char *text = OUTPUT(0, "du", "ses", "-o", "proto,port,state");
	size_t lines = 0;

	cr_assert_eq(strncmp(text, "PROTO PORT STATE\ntcp      0 -\n", 28), 0);
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	cr_assert_eq(lines, MANY + 1, "one heading, one line a row");
	cr_assert_not_null(strstr(text, "\ntcp   2499 -\n"));
}

Test(server, whole_dump_as_json)
{
	_cleanup_free_ char *text = OUTPUT(0, "dump", "sessions", "-j");
	json_t *rows = json_loads(text, 0, NULL);

	cr_assert_eq(json_array_size(rows), MANY);
	cr_assert_eq(json_object_size(json_array_get(rows, 9)), 5);
	cr_assert(json_is_null(json_object_get(json_array_get(rows, 9), "state")));
	json_decref(rows);
}

Test(server, chosen_keys_as_json)
{
	_cleanup_free_ char *text = OUTPUT(0, "dump", "counters", "-j", "-o", "name,from");

	cr_assert_str_eq(text, "[{\"name\":\"out\",\"from\":\"midcomd\"},\n"
			       "{\"name\":\"no_host\",\"from\":\"midcomd\"}]\n");
}

Test(server, zero_counters_need_all)
{
	_cleanup_free_ char *some = OUTPUT(0, "dump", "counters", "-n", "-o", "from,name,packets");
	_cleanup_free_ char *all =
		OUTPUT(0, "dump", "counters", "-n", "-a", "-o", "from,name,packets");

	cr_assert_str_eq(some, "midcomd out        7\n");
	cr_assert_str_eq(all, "midcomd out           7\nmidcomd no_host       0\n");
}

Test(server, nothing_to_dump)
{
	_cleanup_free_ char *text = OUTPUT(0, "dump", "hosts");
	_cleanup_free_ char *json = OUTPUT(0, "dump", "hosts", "-j");

	cr_assert_str_eq(text, "");
	cr_assert_str_eq(json, "[]\n");
}

Test(server, refused_and_absent)
{
	_cleanup_free_ char *refused = OUTPUT(1, "dump", "bindings", "-j");
	_cleanup_free_ char *absent = OUTPUT(1, "dump", "leases", "-j");
	_cleanup_free_ char *elsewhere = OUTPUT(1, "dump", "hosts", "--from", "mnat-mmd");
	_cleanup_free_ char *wrong = OUTPUT(2, "dump", "sessions", "--from", "dhcpd");

	cr_assert_str_eq(refused, "");
	cr_assert_str_eq(absent, "");
	cr_assert_str_eq(elsewhere, "");
	cr_assert_str_eq(wrong, "");
}

Test(server, status_of_who_is_here)
{
	_cleanup_free_ char *text = output_of(0, (char *[]){"mnatctl", NULL});
	_cleanup_free_ char *json = OUTPUT(0, "status", "-j");

	cr_assert_str_eq(text, "healthy\n\nmnat-midcomd, up 5s\n    hosts  2\n");
	cr_assert_str_eq(json, "{\"healthy\":true,\"problems\":[],\"daemons\":{\"midcomd\":{"
			       "\"daemon\":\"mnat-midcomd\",\"uptime_s\":5,\"healthy\":true,"
			       "\"problems\":[],\"hosts\":2}}}\n");
}

Test(server, nobody_here)
{
	struct ctl ctl = {.out = stdout, .run_dir = "/nonexistent", .json = true, .wait_ms = 100};

	cr_redirect_stdout();
	cr_assert_eq(ctl_run(&ctl, 0, NULL), CTL_FAILED);
}

Test(server, verbs_carry_their_words)
{
	_cleanup_free_ char *text = OUTPUT(0, "replace", "10.0.1.5", "10.0.2.7");
	_cleanup_free_ char *unknown = OUTPUT(1, "sweep");

	cr_assert_str_eq(text, "done\n    old  10.0.1.5\n    new  10.0.2.7\n");
	cr_assert_str_eq(unknown, "");
}
