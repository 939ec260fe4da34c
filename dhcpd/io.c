// SPDX-License-Identifier: GPL-2.0-only
#include "io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <utlist.h>

#include "mnat/cleanup.h"
#include "mnat/log.h"

#include "keeper.h"
#include "probe.h"
#include "sockets.h"

#define BATCH	    64
#define WAITING_MAX 4096 /* ACKs: more pile up only behind a disk that hangs */

/* The interface that the last datagram came from. */
struct link {
	int ifindex; /* 0: not known */
	bool serve;
	uint32_t local;
};

struct replies {
	struct outgoing *out;
	size_t n;
	size_t room;
};

/* Somebody but a client who waits for a transaction. */
struct waiter {
	void (*done)(int result, void *user);
	void *user;
	struct waiter *next;
};

struct io {
	uv_poll_t poll;
	struct server *server;
	struct manager *manager;
	struct leasequery *leasequery;
	struct sockets sockets;
	struct link from;
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	struct pktinfo_space control[BATCH];
	uint8_t data[BATCH][DHCP_MAX_MESSAGE + 1]; /* one more: a longer one shows */
	struct mnat_store *store;
	uv_poll_t stored;
	bool storing;		 /* a transaction is under way */
	uint64_t batch;		 /* ... of this batch's changes */
	struct event_list events; /* ... and these events */
	bool told;		 /* ... which the manager has been told */
	struct replies leaving;	 /* ACKs of it */
	struct replies waiting;	 /* ACKs of the next one */
	struct waiter *leaving_waiters, *waiters;
	struct prober *prober; /* NULL: nobody looks */
};

static void on_readable(uv_poll_t *poll, int status, int events);

/* ---- sending ---- */

void io_send(struct io *io, const struct outgoing *out)
{
	if (sockets_send(&io->sockets, out) >= 0) {
		server_count(io->server, counter_sent(out->reply.type));
		return;
	}
	server_count(io->server, COUNTER_send_failed);
	log_debug("%s not sent: %m", dhcp_type_name(out->reply.type));
}

/* ---- receiving ---- */

static bool find_pktinfo(struct msghdr *msg, struct in_pktinfo *ret_info)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(ret_info, CMSG_DATA(c), sizeof(*ret_info));
			return true;
		}
	return false;
}

static void ask_about(struct io *io, int ifindex)
{
	struct ifreq ifr = {.ifr_ifindex = ifindex};
	struct sockaddr_in addr;

	io->from = (struct link){.ifindex = ifindex};
	if (ioctl(io->sockets.udp, SIOCGIFNAME, &ifr))
		return;
	io->from.serve = conf_has_interface(io->server->conf, ifr.ifr_name);
	if (ioctl(io->sockets.udp, SIOCGIFADDR, &ifr))
		return;
	memcpy(&addr, &ifr.ifr_addr, sizeof(addr));
	io->from.local = ntohl(addr.sin_addr.s_addr);
}

/* Interfaces come, go and change their addresses: what we know is good for one batch. */
static bool find_arrival(struct io *io, const struct in_pktinfo *info, struct arrival *ret_arrival)
{
	if (io->from.ifindex != info->ipi_ifindex)
		ask_about(io, info->ipi_ifindex);
	if (!io->from.serve) {
		server_count(io->server, COUNTER_not_our_interface);
		return false;
	}
	*ret_arrival = (struct arrival){
		.ifindex = info->ipi_ifindex,
		.local = io->from.local,
		.broadcast = info->ipi_addr.s_addr != info->ipi_spec_dst.s_addr,
	};
	return true;
}

static bool decide(struct io *io, int i, struct outgoing *out)
{
	struct in_pktinfo info;
	struct arrival arrival;

	if (!find_pktinfo(&io->msgs[i].msg_hdr, &info) || !find_arrival(io, &info, &arrival))
		return false;
	out->ifindex = info.ipi_ifindex;
	out->from = info.ipi_spec_dst;
	return server_handle(io->server, &arrival, io->data[i], io->msgs[i].msg_len, &out->reply);
}

/* ---- storing ---- */

/* Stored: all may know of the events, and the replies may leave. */
static void deliver(struct io *io, const struct event *events, size_t n, uint64_t batch,
		    struct replies *replies)
{
	leasequery_tell(io->leasequery, events, n, batch);
	manager_stored(io->manager, batch, replies->out, replies->n);
	replies->n = 0;
}

static void discard(struct io *io, struct replies *replies)
{
	io->server->counters[COUNTER_store_failed] += replies->n;
	replies->n = 0;
}

static void tell_waiters(struct waiter **waiters, int result)
{
	struct waiter *waiter = TAKE_PTR(*waiters), *next;

	LL_FOREACH_SAFE(waiter, waiter, next) {
		waiter->done(result, waiter->user);
		free(waiter);
	}
}

static void tell(struct io *io)
{
	manager_tell(io->manager, io->events.events, io->events.n, io->batch);
}

/* What is collected so far goes to the disk; the next batch begins. */
static void depart(struct io *io)
{
	const struct replies replies = io->waiting;

	io->leaving_waiters = TAKE_PTR(io->waiters);

	io->waiting = io->leaving;
	io->leaving = replies;
	server_swap_events(io->server, &io->events);
	io->batch = io->server->batch;
	server_next_batch(io->server);
	io->storing = true;
	/* a disk that fails may go on doing so: the gateways stay with what is stored */
	io->told = !io->server->store_fails;
	if (io->told)
		tell(io);
}

int io_settle(struct io *io)
{
	struct server *s = io->server;
	int r;

	if (io->storing)
		return 0;
	r = server_commit(s);
	if (r == -EINPROGRESS) {
		depart(io);
		return 0;
	}
	if (r)
		discard(io, &io->waiting);
	tell_waiters(&io->waiters, r);
	if (r)
		return r;
	manager_tell(io->manager, s->events, s->n_events, s->batch);
	deliver(io, s->events, s->n_events, s->batch, &io->waiting);
	server_next_batch(s);
	return 0;
}

void io_when_stored(struct io *io, void (*done)(int result, void *user), void *user)
{
	struct waiter *waiter = malloc(sizeof(*waiter));

	if (!waiter) {
		done(-ENOMEM, user);
		return;
	}
	*waiter = (struct waiter){.done = done, .user = user};
	LL_PREPEND(io->waiters, waiter);
	io_settle(io);
}

static void on_stored(uv_poll_t *poll, int status, int events)
{
	struct io *io = poll->data;
	int r = keeper_result(io->store);

	if (r == -EPIPE) {
		log_err("the process that keeps the leases has ended; no lease can be stored, so "
			"mnat-dhcpd ends too");
		exit(1); /* whoever supervises us starts both again */
	}
	io->storing = false;
	server_stored(io->server, r);
	tell_waiters(&io->leaving_waiters, r);
	if (r) {
		discard(io, &io->leaving);
		server_unswap_events(io->server, &io->events);
	} else {
		if (!io->told)
			tell(io);
		deliver(io, io->events.events, io->events.n, io->batch, &io->leaving);
		io->events.n = 0;
	}
	uv_poll_start(&io->poll, UV_READABLE, on_readable);
	/* after a failure the next datagram, or second, tries again */
	if (!r)
		io_settle(io);
}

/* ---- probing ---- */

static void on_probed(const struct outgoing *out, bool taken, void *user)
{
	struct io *io = user;

	if (server_probed(io->server, out->reply.probe, taken))
		io_send(io, out);
	else
		io_settle(io);
}

int io_open_prober(struct io *io)
{
	static const struct prober_ops ops = {.done = on_probed};

	return prober_open(io->poll.loop, &ops, io, &io->prober);
}

/* What promises nothing that must be on disk. */
static void send_now(struct io *io, const struct outgoing *out)
{
	bool held = false;

	if (out->reply.probe && io->prober) {
		held = prober_hold(io->prober, out, io->server->conf->probe_ms);
		server_count(io->server, held ? COUNTER_probed : COUNTER_probe_skipped);
	}
	if (!held)
		io_send(io, out);
}

/* Room for a batch's answers. */
static bool make_room(struct replies *replies)
{
	size_t room = replies->room ? 2 * replies->room : 2 * BATCH;
	struct outgoing *bigger;

	if (replies->room - replies->n >= BATCH)
		return true;
	bigger = reallocarray(replies->out, room, sizeof(*bigger));
	if (!bigger)
		return false;
	replies->out = bigger;
	replies->room = room;
	return true;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct io *io = poll->data;
	struct replies *waiting = &io->waiting;
	int n;

	if (waiting->n >= WAITING_MAX || !make_room(waiting)) {
		uv_poll_stop(poll); /* until the disk has caught up */
		return;
	}
	for (int i = 0; i < BATCH; i++)
		io->msgs[i].msg_hdr.msg_controllen = sizeof(io->control[i].bytes);
	n = recvmmsg(io->sockets.udp, io->msgs, BATCH, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return;
	server_expire(io->server);
	io->from = (struct link){0};
	for (int i = 0; i < n; i++) {
		struct outgoing *out = &waiting->out[waiting->n];

		if (!decide(io, i, out))
			continue;
		if (out->reply.type == DHCP_ACK)
			waiting->n++;
		else
			send_now(io, out);
	}
	io_settle(io);
}

/* ---- open and close ---- */

static void prepare_batch(struct io *io)
{
	for (int i = 0; i < BATCH; i++) {
		io->iov[i] =
			(struct iovec){.iov_base = io->data[i], .iov_len = sizeof(io->data[i])};
		io->msgs[i].msg_hdr = (struct msghdr){
			.msg_iov = &io->iov[i],
			.msg_iovlen = 1,
			.msg_control = io->control[i].bytes,
		};
	}
}

int io_open(uv_loop_t *loop, struct server *server, struct mnat_store *store, struct io **ret_io)
{
	struct io *io = calloc(1, sizeof(*io));
	int r = io ? sockets_open(&io->sockets) : -ENOMEM;

	if (r) {
		free(io);
		return r;
	}
	io->server = server;
	io->store = store;
	prepare_batch(io);
	uv_poll_init(loop, &io->poll, io->sockets.udp);
	uv_poll_init(loop, &io->stored, keeper_fd(store));
	io->poll.data = io->stored.data = io;
	*ret_io = io;
	return 0;
}

void io_use_manager(struct io *io, struct manager *manager, struct leasequery *leasequery)
{
	io->manager = manager;
	io->leasequery = leasequery;
	uv_poll_start(&io->poll, UV_READABLE, on_readable);
	uv_poll_start(&io->stored, UV_READABLE, on_stored);
}

static void on_closed(uv_handle_t *handle)
{
	struct io *io = handle->data;

	sockets_close(&io->sockets);
	free(io->events.events);
	free(io->leaving.out);
	free(io->waiting.out);
	tell_waiters(&io->leaving_waiters, -ESHUTDOWN);
	tell_waiters(&io->waiters, -ESHUTDOWN);
	free(io);
}

/* The first of its handles has gone. */
static void close_other(uv_handle_t *handle)
{
	struct io *io = handle->data;

	uv_close((uv_handle_t *)&io->stored, on_closed);
}

void io_close(struct io *io)
{
	prober_close(io->prober);
	uv_close((uv_handle_t *)&io->poll, close_other);
}
