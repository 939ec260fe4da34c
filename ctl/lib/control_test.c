// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "mnat/control.h"
#include "mnat/unix.h"

#define MANY_ROWS 200000

static uv_loop_t loop;
static struct mnat_control *control;
static char dir[64];
static char full_path[96];
static char ro_path[96];
static struct mnat_control_client *kept;
static size_t backlog_seen;
static long rows_made;
static bool state_freed;

/* ---- a daemon ---- */

static void on_status(struct mnat_control_client *client, const json_t *request, void *user)
{
	mnat_control_done(client, json_pack("{s:s}", "daemon", "mnat-test"));
}

static void on_change(struct mnat_control_client *client, const json_t *request, void *user)
{
	mnat_control_done(client, NULL);
}

static void on_later(struct mnat_control_client *client, const json_t *request, void *user)
{
	kept = mnat_control_client_ref(client);
}

static bool many_step(struct mnat_control_client *client, void *state)
{
	for (int i = 0; i < 500 && rows_made < MANY_ROWS; i++)
		mnat_control_row(client, json_pack("{s:I}", "n", (json_int_t)rows_made++));
	if (mnat_control_backlog(client) > backlog_seen)
		backlog_seen = mnat_control_backlog(client);
	if (rows_made < MANY_ROWS)
		return true;
	mnat_control_done(client, NULL);
	return false;
}

static void many_free(void *state)
{
	state_freed = true;
}

static void on_many(struct mnat_control_client *client, const json_t *request, void *user)
{
	mnat_control_stream(client, many_step, many_free, NULL);
}

/* Nothing for the first steps, as a walk over empty slots has it. */
static bool sparse_step(struct mnat_control_client *client, void *state)
{
	if (++rows_made < 5)
		return true;
	mnat_control_done(client, NULL);
	return false;
}

static void on_sparse(struct mnat_control_client *client, const json_t *request, void *user)
{
	mnat_control_stream(client, sparse_step, many_free, NULL);
}

static const struct mnat_control_command commands[] = {
	{"status", true, on_status}, {"change", false, on_change}, {"later", true, on_later},
	{"many", true, on_many},     {"sparse", true, on_sparse},  {0},
};

static void setup(void)
{
	strcpy(dir, "/tmp/mnat-control-XXXXXX");
	cr_assert(mkdtemp(dir));
	snprintf(full_path, sizeof(full_path), "%s/test.sock", dir);
	snprintf(ro_path, sizeof(ro_path), "%s/test-ro.sock", dir);
	uv_loop_init(&loop);
	cr_assert_eq(mnat_control_listen(&loop, dir, "test", "mnat-test", commands, NULL, &control),
		     0);
}

static void teardown(void)
{
	mnat_control_close(control);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0, "a handle was left open");
	cr_assert_neq(access(full_path, F_OK), 0, "the socket was left behind");
	cr_assert_eq(rmdir(dir), 0);
}

TestSuite(control, .init = setup, .fini = teardown, .timeout = 60);

/* ---- a client ---- */

static void turns(int n)
{
	while (n--)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static int join(const char *path)
{
	int fd = mnat_unix_connect(path);

	cr_assert_geq(fd, 0);
	turns(3);
	return fd;
}

static void say(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	turns(3);
}

/* What has arrived, as text. */
static const char *heard(int fd)
{
	static char buf[65536];
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);

	buf[n < 0 ? 0 : n] = '\0';
	return buf;
}

static bool is_closed(int fd)
{
	char byte;

	turns(3);
	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
}

static int code_of(const char *line)
{
	json_t *json = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
	int code = json ? (int)json_integer_value(json_object_get(json, "code")) : -1;

	json_decref(json);
	return code;
}

Test(control, greeting_names_version_daemon_and_pid)
{
	int fd = join(full_path);
	json_t *line = json_loads(heard(fd), 0, NULL);

	cr_assert_eq(json_integer_value(json_object_get(line, "mobilenat")), MNAT_CONTROL_VERSION);
	cr_assert_str_eq(json_string_value(json_object_get(line, "daemon")), "mnat-test");
	cr_assert_eq(json_integer_value(json_object_get(line, "pid")), getpid());
	json_decref(line);
	close(fd);
}

Test(control, socket_modes)
{
	struct stat st;

	cr_assert_eq(stat(full_path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	cr_assert_eq(stat(ro_path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0666);
}

Test(control, bad_requests_get_an_error_and_stay)
{
	static const struct {
		const char *line;
		int code;
	} cases[] = {
		{"nonsense\n", MNAT_E_JSON},
		{"\n", MNAT_E_JSON},
		{"[1]\n", MNAT_E_JSON},
		{"{\"cmd\":\"status\",\"cmd\":\"change\"}\n", MNAT_E_JSON},
		{"{}\n", MNAT_E_ARGUMENT},
		{"{\"cmd\":7}\n", MNAT_E_ARGUMENT},
		{"{\"cmd\":\"no-such\"}\n", MNAT_E_COMMAND},
		{"{\"cmd\":\"status\"}\n", MNAT_OK},
	};
	int fd = join(full_path);

	heard(fd);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		say(fd, cases[i].line);
		cr_expect_eq(code_of(heard(fd)), cases[i].code, "%s", cases[i].line);
	}
	close(fd);
}

Test(control, pieces_and_pipelines)
{
	int fd = join(full_path);

	heard(fd);
	say(fd, "{\"cmd\":\"sta");
	cr_assert_str_eq(heard(fd), "");
	say(fd, "tus\"}\n{\"cmd\":\"change\"}\n");
	cr_assert_str_eq(heard(fd), "{\"daemon\":\"mnat-test\",\"code\":0}\n{\"code\":0}\n");
	close(fd);
}

Test(control, over_long_line_ends_the_connection)
{
	static char block[65536];
	int fd = join(full_path);
	size_t sent = 0;

	heard(fd);
	memset(block, 'x', sizeof(block));
	while (sent < MNAT_CONTROL_LINE + sizeof(block)) {
		ssize_t n = send(fd, block, sizeof(block), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			break;
		sent += n > 0 ? (size_t)n : 0;
		turns(1);
	}
	turns(200);
	cr_assert_eq(code_of(heard(fd)), MNAT_E_JSON);
	cr_assert(is_closed(fd));
	close(fd);
}

Test(control, read_only_socket_refuses_changes)
{
	int fd = join(ro_path);

	heard(fd);
	say(fd, "{\"cmd\":\"change\"}\n");
	cr_assert_eq(code_of(heard(fd)), MNAT_E_PERMISSION);
	say(fd, "{\"cmd\":\"status\"}\n");
	cr_assert_eq(code_of(heard(fd)), MNAT_OK);
	close(fd);
}

Test(control, second_daemon_refuses_and_names_the_first)
{
	struct mnat_control *second = NULL;
	char pid[32], text[512] = "";
	FILE *err;

	cr_redirect_stderr();
	cr_assert_eq(mnat_control_listen(&loop, dir, "test", "mnat-test", commands, NULL, &second),
		     -EADDRINUSE);
	cr_assert_null(second);
	fflush(stderr);
	err = cr_get_redirected_stderr();
	snprintf(pid, sizeof(pid), "process %d", getpid());
	cr_assert(fgets(text, sizeof(text), err));
	cr_assert(strstr(text, pid), "%s", text);
	cr_assert_eq(access(full_path, F_OK), 0, "the first one's socket is gone");
	say(join(full_path), "{\"cmd\":\"status\"}\n");
}

Test(control, answer_after_the_client_has_gone)
{
	int fd = join(full_path);

	say(fd, "{\"cmd\":\"later\"}\n");
	cr_assert(kept);
	close(fd);
	turns(3);
	mnat_control_row(kept, json_pack("{s:i}", "n", 1));
	mnat_control_done(kept, json_pack("{s:i}", "n", 1));
	mnat_control_client_unref(kept);
}

Test(control, half_closed_client_gets_its_late_answer)
{
	int fd = join(full_path);

	heard(fd);
	say(fd, "{\"cmd\":\"later\"}\n");
	shutdown(fd, SHUT_WR);
	turns(3);
	mnat_control_done(kept, NULL);
	mnat_control_client_unref(kept);
	turns(3);
	cr_assert_str_eq(heard(fd), "{\"code\":0}\n");
	cr_assert(is_closed(fd));
	close(fd);
}

static long count_rows(int fd)
{
	static char buf[1 << 16];
	static char tail[64];
	long rows = 0;

	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);

		if (n <= 0) {
			turns(1);
			continue;
		}
		for (ssize_t i = 0; i < n; i++)
			rows += buf[i] == '\n';
		buf[n] = '\0';
		snprintf(tail, sizeof(tail), "%.*s", 40, n > 40 ? buf + n - 40 : buf);
		if (strstr(tail, "{\"code\":0}\n"))
			return rows - 1;
	}
}

Test(control, slow_reader_costs_bounded_memory)
{
	int fd = join(full_path);

	heard(fd);
	say(fd, "{\"cmd\":\"many\"}\n");
	turns(2000);
	cr_assert_lt(rows_made, MANY_ROWS / 2, "%ld rows made for nobody", rows_made);
	cr_assert_lt(backlog_seen, 4 * MNAT_CONTROL_PIECE);
	/* another client is served meanwhile */
	int other = join(full_path);
	heard(other);
	say(other, "{\"cmd\":\"status\"}\n");
	cr_assert_eq(code_of(heard(other)), MNAT_OK);
	cr_assert_eq(count_rows(fd), MANY_ROWS);
	cr_assert(state_freed);
	close(other);
	close(fd);
}

Test(control, reader_that_leaves_ends_its_dump)
{
	int fd = join(full_path);

	say(fd, "{\"cmd\":\"many\"}\n");
	turns(10);
	close(fd);
	turns(10);
	cr_assert(state_freed);
}

Test(control, requests_behind_a_dump_wait_for_it)
{
	int fd = join(full_path);
	const char *end;

	heard(fd);
	say(fd, "{\"cmd\":\"sparse\"}\n{\"cmd\":\"status\"}\n");
	turns(20);
	end = heard(fd);
	cr_assert_str_eq(end, "{\"code\":0}\n{\"daemon\":\"mnat-test\",\"code\":0}\n");
	cr_assert(state_freed);
	close(fd);
}

Test(control, too_many_clients_are_turned_away)
{
	int fds[70], refused = 0;

	for (int i = 0; i < 70; i++)
		fds[i] = join(ro_path);
	for (int i = 0; i < 70; i++)
		refused += !*heard(fds[i]);
	cr_assert_eq(refused, 6);
	for (int i = 0; i < 70; i++)
		close(fds[i]);
}

/* ---- the blocking client ---- */

struct call {
	const char *path;
	const char *request;
	int timeout_ms;
	int result;
	int code;
	int rows;
	bool done;
};

static void on_row(const json_t *row, void *user)
{
	struct call *call = user;

	call->rows++;
}

static void make_call(void *user)
{
	struct call *call = user;
	json_t *request = json_loads(call->request, 0, NULL), *last = NULL;

	call->result =
		mnat_control_call(call->path, request, call->timeout_ms, on_row, call, &last);
	call->code = last ? (int)json_integer_value(json_object_get(last, "code")) : -1;
	json_decref(last);
	json_decref(request);
	__atomic_store_n(&call->done, true, __ATOMIC_RELEASE);
}

static void run_call(struct call *call)
{
	uv_thread_t thread;

	uv_thread_create(&thread, make_call, call);
	while (!__atomic_load_n(&call->done, __ATOMIC_ACQUIRE))
		turns(1);
	uv_thread_join(&thread);
}

Test(control, blocking_call)
{
	struct call status = {full_path, "{\"cmd\":\"status\"}", 5000};
	struct call many = {full_path, "{\"cmd\":\"many\"}", 5000};
	struct call bad = {ro_path, "{\"cmd\":\"change\"}", 5000};
	struct call silent = {full_path, "{\"cmd\":\"later\"}", 50};
	struct call absent = {"/nowhere/test.sock", "{\"cmd\":\"status\"}", 50};

	run_call(&status);
	cr_assert_eq(status.result, 0);
	cr_assert_eq(status.code, MNAT_OK);
	run_call(&many);
	cr_assert_eq(many.result, 0);
	cr_assert_eq(many.rows, MANY_ROWS);
	run_call(&bad);
	cr_assert_eq(bad.result, 0);
	cr_assert_eq(bad.code, MNAT_E_PERMISSION);
	run_call(&silent);
	cr_assert_eq(silent.result, -ETIMEDOUT);
	mnat_control_client_unref(kept);
	run_call(&absent);
	cr_assert_eq(absent.result, -ENOENT);
}

/* ---- stale files ---- */

Test(control_files, stale_socket_is_replaced, .timeout = 20)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(dir, "/tmp/mnat-control-XXXXXX");
	cr_assert(mkdtemp(dir));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/test.sock", dir);
	cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	cr_assert_eq(listen(fd, 1), 0);
	close(fd);
	uv_loop_init(&loop);
	cr_assert_eq(mnat_control_listen(&loop, dir, "test", "mnat-test", commands, NULL, &control),
		     0);
	cr_assert_geq(join(addr.sun_path), 0);
	mnat_control_close(control);
	rmdir(dir);
}

Test(control_files, a_path_too_long_is_refused, .timeout = 20)
{
	char long_dir[160];

	memset(long_dir, 'd', sizeof(long_dir));
	memcpy(long_dir, "/tmp/", 5);
	long_dir[sizeof(long_dir) - 1] = '\0';
	cr_redirect_stderr();
	uv_loop_init(&loop);
	cr_assert_eq(mnat_control_listen(&loop, long_dir, "test", "mnat-test", commands, NULL,
					 &control),
		     -ENAMETOOLONG);
}
