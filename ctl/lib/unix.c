// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/unix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "mnat/broker.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

#define BACKLOG 64

struct mnat_listener {
	uv_poll_t poll;
	int fd;
	bool private; /* root and our own uid only */
	mnat_accept_fn accepted;
	void *user;
	struct sockaddr_un addr;
};

static int address(const char *path, struct sockaddr_un *ret_addr)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	*ret_addr = addr;
	return 0;
}

/* The kernel keeps the credentials of who called listen(), or connect(). */
static int peer_of(int fd, struct ucred *ret_cred)
{
	socklen_t len = sizeof(*ret_cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret_cred, &len) ? -errno : 0;
}

static int connect_to(const struct sockaddr_un *addr)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		return -errno;
	return TAKE_FD(fd);
}

int mnat_unix_connect(const char *path)
{
	struct sockaddr_un addr;
	int r = address(path, &addr);

	if (!r && mnat_broker())
		return mnat_broker()->connect(path);
	return r ? r : connect_to(&addr);
}

/* Remove the file of a dead daemon; -EADDRINUSE if one is alive. */
static int make_room(const struct sockaddr_un *addr, const char *daemon)
{
	_cleanup_close_ int fd = connect_to(addr);
	struct ucred cred = {0};

	if (fd == -ENOENT)
		return 0;
	if (fd == -ECONNREFUSED)
		return unlink(addr->sun_path) ? -errno : 0;
	if (fd >= 0 && !peer_of(fd, &cred))
		log_err("%s is already running as process %d (it holds %s); stop it first, or give "
			"this one another run-dir",
			daemon, cred.pid, addr->sun_path);
	else
		log_err("%s is taken and does not answer: %s", addr->sun_path,
			strerror(fd < 0 ? -fd : EIO));
	return -EADDRINUSE;
}

static int bind_and_listen(const struct sockaddr_un *addr, mode_t mode)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* the mode before bind() leaves no moment in which others could connect */
	if (fd < 0 || fchmod(fd, mode) ||
	    bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) ||
	    chmod(addr->sun_path, mode) || listen(fd, BACKLOG))
		return -errno;
	return TAKE_FD(fd);
}

/* A listening socket at addr. The directory's lock keeps two starting daemons apart. */
static int claim(const char *run_dir, const struct sockaddr_un *addr, mode_t mode,
		 const char *daemon)
{
	_cleanup_close_ int dir = -1;
	int r;

	if (mkdir(run_dir, 0755) && errno != EEXIST) {
		r = -errno;
		log_err("cannot make the run directory %s: %s; run as root, or choose another "
			"run-dir",
			run_dir, strerror(-r));
		return r;
	}
	dir = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || flock(dir, LOCK_EX)) {
		r = -errno;
		log_err("cannot use the run directory %s: %s", run_dir, strerror(-r));
		return r;
	}
	r = make_room(addr, daemon);
	if (r)
		return r;
	r = bind_and_listen(addr, mode);
	if (r < 0)
		log_err("cannot listen on %s: %s", addr->sun_path, strerror(-r));
	return r;
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct mnat_listener *l = poll->data;
	_cleanup_close_ int fd = -1;
	struct ucred cred;

	fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (peer_of(fd, &cred))
		return;
	if (l->private && cred.uid != 0 && cred.uid != geteuid()) {
		log_warn("%s: process %d of user %u refused", l->addr.sun_path, cred.pid, cred.uid);
		return;
	}
	l->accepted(TAKE_FD(fd), l->user);
}

int mnat_unix_listen(uv_loop_t *loop, const char *run_dir, const char *file, mode_t mode,
		     const char *daemon, mnat_accept_fn accepted, void *user,
		     struct mnat_listener **ret_listener)
{
	_cleanup_free_ struct mnat_listener *l = calloc(1, sizeof(*l));
	char path[4096];
	int r;

	if (!l)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/%s", run_dir, file);
	r = address(path, &l->addr);
	if (r) {
		log_err("%s: longer than a socket's path may be (%zu bytes); choose a shorter "
			"run-dir",
			path, sizeof(l->addr.sun_path) - 1);
		return r;
	}
	l->fd = claim(run_dir, &l->addr, mode, daemon);
	if (l->fd < 0)
		return l->fd;
	l->private = !(mode & 0077);
	l->accepted = accepted;
	l->user = user;
	l->poll.data = l;
	uv_poll_init(loop, &l->poll, l->fd);
	uv_poll_start(&l->poll, UV_READABLE, on_connection);
	*ret_listener = TAKE_PTR(l);
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void mnat_unix_close(struct mnat_listener *l)
{
	if (!l)
		return;
	unlink(l->addr.sun_path);
	uv_poll_stop(&l->poll);
	close(l->fd);
	uv_close((uv_handle_t *)&l->poll, on_closed);
}
