// SPDX-License-Identifier: GPL-2.0-only
/* What the keeper does, in its own process. It trusts the server with leases, not with files. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mnat/cleanup.h"
#include "mnat/dhcp_auth.h"
#include "mnat/log.h"
#include "mnat/unix.h"

#include "confine.h"
#include "keeper.h"
#include "store.h"
#include "wire.h"

#define CHUNK 65536 /* bytes of records in a frame of a load */

struct work {
	const struct keeper_paths *paths;
	struct keeper_ends ends;
	struct mnat_store *store;
	uint8_t *records;
	size_t len;
	size_t room;
};

static void stop(struct work *w)
{
	if (w->store)
		store_sqlite.close(w->store);
	_exit(0);
}

/* The server may not any more. */
static void remove_sockets(const struct work *w)
{
	static const char *const names[] = {"dhcpd.sock", "dhcpd-ro.sock"};
	int dir = open(w->paths->run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; dir >= 0 && w->store && i < 2; i++)
		unlinkat(dir, names[i], 0);
}

static void answer(struct work *w, enum frame_type type, int result)
{
	const struct frame frame = {.type = type, .result = result};

	if (wire_write(w->ends.work, &frame, NULL))
		stop(w);
}

/* ---- load ---- */

static int flush(struct work *w)
{
	const struct frame frame = {.type = FRAME_LOAD, .len = (uint32_t)w->len};
	int r = w->len ? wire_write(w->ends.work, &frame, w->records) : 0;

	w->len = 0;
	return r;
}

static int send_record(const struct mnat_lease_record *record, void *user)
{
	struct work *w = user;

	w->len += wire_pack(record, w->records + w->len);
	return w->room - w->len < WIRE_RECORD_MAX ? flush(w) : 0;
}

static int make_room(struct work *w, size_t room)
{
	uint8_t *bigger;

	if (room <= w->room)
		return 0;
	bigger = realloc(w->records, room);
	if (!bigger)
		return -ENOMEM;
	w->records = bigger;
	w->room = room;
	return 0;
}

static int send_auth(const struct mnat_auth_record *record, void *user)
{
	struct work *w = user;

	w->len += wire_pack_auth(record, w->records + w->len);
	return w->room - w->len < WIRE_RECORD_MAX ? flush(w) : 0;
}

static int load(struct work *w, enum frame_type type)
{
	int r = make_room(w, CHUNK);

	w->len = 0;
	if (!r)
		r = type == FRAME_LOAD ? store_sqlite.load(w->store, send_record, w)
				       : store_sqlite.load_auth(w->store, send_auth, w);
	return r ? r : flush(w);
}

/* ---- store ---- */

static int put_all(struct work *w, size_t len)
{
	struct mnat_lease_record record;
	size_t n;
	int r = 0;

	for (size_t at = 0; !r && at < len; at += n) {
		n = wire_unpack(w->records + at, len - at, &record);
		if (!n)
			return -EBADMSG;
		r = store_sqlite.put(w->store, &record);
	}
	return r;
}

static int put_all_auth(struct work *w, size_t at, size_t len)
{
	struct mnat_auth_record record;
	size_t n;
	int r = 0;

	for (; !r && at < len; at += n) {
		n = wire_unpack_auth(w->records + at, len - at, &record);
		if (!n)
			return -EBADMSG;
		r = store_sqlite.put_auth(w->store, &record);
	}
	return r;
}

static int store(struct work *w, size_t len, size_t auth)
{
	int r = store_sqlite.begin(w->store);

	if (r)
		return r;
	r = put_all(w, len - auth);
	if (!r)
		r = put_all_auth(w, len - auth, len);
	if (r == -EBADMSG) {
		log_err("the server has sent leases that are none: it is broken, or broken into");
		stop(w);
	}
	return r ? r : store_sqlite.commit(w->store);
}

static void on_frame(struct work *w)
{
	struct frame frame;
	int r = wire_read(w->ends.work, &frame, sizeof(frame));

	if (r || frame.len > FRAME_MAX || frame.auth > frame.len || frame.type >= N_FRAMES ||
	    (frame.type != FRAME_END && (frame.type == FRAME_OPEN) != !w->store) ||
	    make_room(w, frame.len) ||
	    wire_read(w->ends.work, w->records, frame.len))
		stop(w);
	if (frame.type == FRAME_END) {
		remove_sockets(w);
		stop(w);
	}
	if (frame.type == FRAME_OPEN)
		r = store_sqlite.open(w->paths->database, &w->store);
	else
		r = frame.type == FRAME_STORE ? store(w, frame.len, frame.auth)
					      : load(w, frame.type);
	answer(w, frame.type, r);
}

/* ---- doors ---- */

static int go_through(struct work *w, uint8_t door)
{
	int fd, r;

	if (door == DOOR_MANAGER)
		return mnat_unix_connect(w->paths->manager);
	if (door != DOOR_CONF && door != DOOR_KEYS)
		return -EINVAL;
	fd = open(door == DOOR_CONF ? w->paths->conf : w->paths->keys, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = door == DOOR_KEYS ? dhcp_keys_check(w->paths->keys, fd) : 0;
	if (!r)
		return fd;
	close(fd);
	return r;
}

static void on_door(struct work *w)
{
	_Alignas(struct cmsghdr) uint8_t space[CMSG_SPACE(sizeof(int))] = {0};
	_cleanup_close_ int fd = -1;
	uint8_t door;
	int result = 0;
	struct iovec iov = {.iov_base = &result, .iov_len = sizeof(result)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (recv(w->ends.doors, &door, 1, 0) != 1)
		stop(w);
	fd = go_through(w, door);
	if (fd < 0) {
		result = fd;
	} else {
		struct cmsghdr *c = (struct cmsghdr *)space;

		*c = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
				      .cmsg_type = SCM_RIGHTS,
				      .cmsg_len = CMSG_LEN(sizeof(fd))};
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
		msg.msg_control = space;
		msg.msg_controllen = sizeof(space);
	}
	sendmsg(w->ends.doors, &msg, MSG_NOSIGNAL);
}

_Noreturn void keeper_work(const struct keeper_paths *paths, struct keeper_ends ends)
{
	struct work w = {.paths = paths, .ends = ends};
	struct pollfd fds[] = {{.fd = ends.work, .events = POLLIN},
			       {.fd = ends.doors, .events = POLLIN}};

	/* the server is told to end, to read its configuration; we end with it */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_NAME, "mnat-dhcpd-keep");
	confine_drop_capabilities();
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents & POLLIN)
			on_door(&w);
		if (fds[0].revents)
			on_frame(&w);
	}
}
