// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mnat/unix.h"

static uv_loop_t loop;
static int accepted;

static void on_accept(int fd, void *user)
{
	accepted++;
	close(fd);
}

/* Connect as nobody: 0, or 1 when even that fails. */
static int connect_as_nobody(const char *path)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(setuid(65534) || mnat_unix_connect(path) < 0);
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static int accepted_of(mode_t mode)
{
	char dir[] = "/tmp/mnat-unix-XXXXXX", path[64];
	struct mnat_listener *listener;

	cr_assert(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/x.sock", dir);
	accepted = 0;
	cr_assert_eq(mnat_unix_listen(&loop, dir, "x.sock", mode, "mnat-test", on_accept, NULL,
				      &listener),
		     0);
	/* as if the modes had been loosened by hand */
	chmod(dir, 0755);
	chmod(path, 0666);
	cr_assert_eq(connect_as_nobody(path), 0);
	uv_run(&loop, UV_RUN_NOWAIT);
	mnat_unix_close(listener);
	uv_run(&loop, UV_RUN_DEFAULT);
	rmdir(dir);
	return accepted;
}

/* The kernel's word on who connects counts besides the file's mode. */
Test(unix_socket, others_are_refused_by_their_uid, .timeout = 20)
{
	uv_loop_init(&loop);
	cr_assert_eq(accepted_of(0600), 0);
	cr_assert_eq(accepted_of(0666), 1);
}
