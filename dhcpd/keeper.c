// SPDX-License-Identifier: GPL-2.0-only
#include "keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mnat/broker.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

#include "wire.h"

struct mnat_store {
	struct keeper_ends ends;
	pid_t pid;
	bool busy;
	uint8_t *records; /* of the transaction being collected */
	size_t len;
	size_t auth; /* the last of them are proofs */
	size_t room;
	char *conf; /* what it may open for us */
	char *keys;
};

static struct mnat_store *broker; /* mnat/broker.h knows no state */

/* ---- start and stop ---- */

/* The system ends it when we die: it must not outlive us with the database locked. */
static _Noreturn void be_keeper(const struct keeper_paths *paths, struct keeper_ends ends,
				pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	keeper_work(paths, ends);
}

static void store_free(struct mnat_store *store)
{
	if (!store)
		return;
	free(store->records);
	free(store->conf);
	free(store->keys);
	free(store);
}

static int start(const struct keeper_paths *paths, struct mnat_store *store)
{
	int work[2], doors[2];
	pid_t parent = getpid();

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, work) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, doors))
		return -errno;
	store->pid = fork();
	if (store->pid < 0)
		return -errno;
	if (!store->pid) {
		close(work[0]);
		close(doors[0]);
		be_keeper(paths, (struct keeper_ends){work[1], doors[1]}, parent);
	}
	close(work[1]);
	close(doors[1]);
	store->ends = (struct keeper_ends){work[0], doors[0]};
	return 0;
}

int keeper_start(const struct keeper_paths *paths, struct mnat_store **ret_store)
{
	struct mnat_store *store = calloc(1, sizeof(*store));
	int r = -ENOMEM;

	if (store) {
		store->conf = strdup(paths->conf ? paths->conf : "");
		store->keys = strdup(paths->keys ? paths->keys : "");
		if (store->conf && store->keys)
			r = start(paths, store);
	}
	if (r) {
		log_err("the process that keeps the leases cannot be started: %s", strerror(-r));
		store_free(store);
		return r;
	}
	*ret_store = store;
	return 0;
}

static int ask(struct mnat_store *store, struct frame *frame, const void *records)
{
	int r = wire_write(store->ends.work, frame, records);

	return r ? r : wire_read(store->ends.work, frame, sizeof(*frame));
}

int keeper_open(struct mnat_store *store)
{
	struct frame frame = {.type = FRAME_OPEN};
	int r = ask(store, &frame, NULL);

	if (r)
		log_err("the process that keeps the leases has ended: %s", strerror(-r));
	return r ? r : frame.result;
}

static void keeper_close(struct mnat_store *store)
{
	if (broker == store) {
		mnat_broker_use(NULL);
		broker = NULL;
	}
	wire_write(store->ends.work, &(struct frame){.type = FRAME_END}, NULL);
	waitpid(store->pid, NULL, 0); /* a closed door would end it before it has read that */
	close(store->ends.work);
	close(store->ends.doors);
	store_free(store);
}

/* ---- reading ---- */

/* Who is told of the records of a load: leases or proofs. */
struct reader {
	int (*lease)(const struct mnat_lease_record *record, void *user);
	int (*auth)(const struct mnat_auth_record *record, void *user);
	void *user;
};

static size_t unpack(const uint8_t *buf, size_t len, const struct reader *reader, int *ret_r)
{
	struct mnat_lease_record lease;
	struct mnat_auth_record auth;
	size_t n = reader->lease ? wire_unpack(buf, len, &lease)
				 : wire_unpack_auth(buf, len, &auth);

	if (!n)
		*ret_r = -EBADMSG;
	else
		*ret_r = reader->lease ? reader->lease(&lease, reader->user)
				       : reader->auth(&auth, reader->user);
	return n;
}

static int unpack_all(const uint8_t *buf, size_t len, const struct reader *reader)
{
	int r = 0;

	for (size_t at = 0; !r && at < len;)
		at += unpack(buf + at, len - at, reader, &r);
	return r;
}

static int load_all(struct mnat_store *store, enum frame_type type, const struct reader *reader)
{
	struct frame frame = {.type = type};
	_cleanup_free_ uint8_t *buf = NULL;
	int r = ask(store, &frame, NULL);

	while (!r && frame.len) {
		uint8_t *bigger = realloc(buf, frame.len);

		if (!bigger)
			return -ENOMEM;
		buf = bigger;
		r = wire_read(store->ends.work, buf, frame.len);
		if (!r)
			r = unpack_all(buf, frame.len, reader);
		if (!r)
			r = wire_read(store->ends.work, &frame, sizeof(frame));
	}
	return r ? r : frame.result;
}

static int load(struct mnat_store *store,
		int (*each)(const struct mnat_lease_record *record, void *user), void *user)
{
	const struct reader reader = {.lease = each, .user = user};

	return load_all(store, FRAME_LOAD, &reader);
}

static int load_auth(struct mnat_store *store,
		     int (*each)(const struct mnat_auth_record *record, void *user), void *user)
{
	const struct reader reader = {.auth = each, .user = user};

	return load_all(store, FRAME_LOAD_AUTH, &reader);
}

/* ---- writing ---- */

static int begin(struct mnat_store *store)
{
	if (store->busy)
		return -EBUSY;
	store->len = store->auth = 0;
	return 0;
}

static int make_room(struct mnat_store *store)
{
	size_t room = store->room ? 2 * store->room : 128 * WIRE_RECORD_MAX;
	uint8_t *bigger;

	if (store->room - store->len >= WIRE_RECORD_MAX)
		return 0;
	bigger = room <= FRAME_MAX ? realloc(store->records, room) : NULL;
	if (!bigger) {
		log_err("no memory for the leases to be stored");
		return -ENOMEM;
	}
	store->records = bigger;
	store->room = room;
	return 0;
}

static int put(struct mnat_store *store, const struct mnat_lease_record *record)
{
	int r = make_room(store);

	if (!r)
		store->len += wire_pack(record, store->records + store->len);
	return r;
}

_Static_assert(WIRE_AUTH_MAX <= WIRE_RECORD_MAX, "the room that is made");

static int put_auth(struct mnat_store *store, const struct mnat_auth_record *record)
{
	int r = make_room(store);
	size_t n;

	if (r)
		return r;
	n = wire_pack_auth(record, store->records + store->len);
	store->len += n;
	store->auth += n;
	return 0;
}

static int commit(struct mnat_store *store)
{
	const struct frame frame = {.type = FRAME_STORE, .len = (uint32_t)store->len,
				    .auth = (uint32_t)store->auth};
	int r = wire_write(store->ends.work, &frame, store->records);

	store->busy = !r;
	return r ? r : -EINPROGRESS;
}

int keeper_fd(const struct mnat_store *store)
{
	return store->ends.work;
}

int keeper_result(struct mnat_store *store)
{
	struct frame frame;
	int r = wire_read(store->ends.work, &frame, sizeof(frame));

	store->busy = false;
	return r ? r : frame.result;
}

const struct mnat_store_ops store_keeper = {
	.load = load,
	.load_auth = load_auth,
	.begin = begin,
	.put = put,
	.put_auth = put_auth,
	.commit = commit,
	.close = keeper_close,
};

/* ---- the broker ---- */

static int take_fd(const struct msghdr *msg)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -EPROTO;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

static int through(enum door door)
{
	const uint8_t request = (uint8_t)door;
	_Alignas(struct cmsghdr) uint8_t space[CMSG_SPACE(sizeof(int))];
	int result = -EPIPE;
	struct iovec iov = {.iov_base = &result, .iov_len = sizeof(result)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = space,
			     .msg_controllen = sizeof(space)};

	if (send(broker->ends.doors, &request, 1, MSG_NOSIGNAL) != 1 ||
	    recvmsg(broker->ends.doors, &msg, MSG_CMSG_CLOEXEC) != sizeof(result))
		return -EPIPE;
	return result ? result : take_fd(&msg);
}

/* By its name, so that nothing is taken for something else; which file it is they know. */
static int open_file(const char *path)
{
	if (!strcmp(path, broker->conf))
		return through(DOOR_CONF);
	if (*path && !strcmp(path, broker->keys))
		return through(DOOR_KEYS);
	log_err("%s: another file of keys is read only when mnat-dhcpd is restarted", path);
	return -EACCES;
}

static int connect_manager(const char *path)
{
	return through(DOOR_MANAGER);
}

void keeper_be_broker(struct mnat_store *store)
{
	static const struct mnat_broker doors = {.open = open_file, .connect = connect_manager};

	broker = store;
	mnat_broker_use(&doors);
}
