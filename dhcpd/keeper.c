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
	size_t room;
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
	int r = store ? start(paths, store) : -ENOMEM;

	if (r) {
		log_err("the process that keeps the leases cannot be started: %s", strerror(-r));
		free(store);
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
	close(store->ends.work);
	close(store->ends.doors);
	waitpid(store->pid, NULL, 0);
	free(store->records);
	free(store);
}

/* ---- reading ---- */

static int unpack_all(const uint8_t *buf, size_t len,
		      int (*each)(const struct mnat_lease_record *record, void *user), void *user)
{
	struct mnat_lease_record record;
	int r = 0;

	while (!r && len) {
		size_t n = wire_unpack(buf, len, &record);

		if (!n)
			return -EBADMSG;
		r = each(&record, user);
		buf += n;
		len -= n;
	}
	return r;
}

static int load(struct mnat_store *store,
		int (*each)(const struct mnat_lease_record *record, void *user), void *user)
{
	struct frame frame = {.type = FRAME_LOAD};
	_cleanup_free_ uint8_t *buf = NULL;
	int r = ask(store, &frame, NULL);

	while (!r && frame.len) {
		uint8_t *bigger = realloc(buf, frame.len);

		if (!bigger)
			return -ENOMEM;
		buf = bigger;
		r = wire_read(store->ends.work, buf, frame.len);
		if (!r)
			r = unpack_all(buf, frame.len, each, user);
		if (!r)
			r = wire_read(store->ends.work, &frame, sizeof(frame));
	}
	return r ? r : frame.result;
}

/* ---- writing ---- */

static int begin(struct mnat_store *store)
{
	if (store->busy)
		return -EBUSY;
	store->len = 0;
	return 0;
}

static int put(struct mnat_store *store, const struct mnat_lease_record *record)
{
	if (store->room - store->len < WIRE_RECORD_MAX) {
		size_t room = store->room ? 2 * store->room : 128 * WIRE_RECORD_MAX;
		uint8_t *bigger = room <= FRAME_MAX ? realloc(store->records, room) : NULL;

		if (!bigger) {
			log_err("no memory for the leases to be stored");
			return -ENOMEM;
		}
		store->records = bigger;
		store->room = room;
	}
	store->len += wire_pack(record, store->records + store->len);
	return 0;
}

static int commit(struct mnat_store *store)
{
	const struct frame frame = {.type = FRAME_STORE, .len = (uint32_t)store->len};
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
	.begin = begin,
	.put = put,
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

static int open_conf(const char *path)
{
	return through(DOOR_CONF);
}

static int connect_manager(const char *path)
{
	return through(DOOR_MANAGER);
}

void keeper_be_broker(struct mnat_store *store)
{
	static const struct mnat_broker doors = {.open = open_conf, .connect = connect_manager};

	broker = store;
	mnat_broker_use(&doors);
}
