// SPDX-License-Identifier: GPL-2.0-only
#include "leasequery.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "mnat/addr.h"
#include "mnat/cleanup.h"
#include "mnat/clock.h"
#include "mnat/log.h"

#include "leasequery_reader.h"

#define LISTEN_QUEUE 16

/* ---- readers ---- */

static ssize_t on_received(struct mnat_stream *stream, const uint8_t *buf, size_t len, void *user)
{
	const uint8_t *message;
	size_t message_len, n = leasequery_next(buf, len, &message, &message_len);

	if (n)
		reader_ask(user, message, message_len);
	return (ssize_t)n;
}

static void on_drained(struct mnat_stream *stream, void *user)
{
	reader_go_on(user);
}

static void on_ended(struct mnat_stream *stream, int error, void *user)
{
	reader_drop(user);
}

static const struct mnat_stream_ops stream_ops = {
	.received = on_received, .drained = on_drained, .ended = on_ended};

static bool is_full(const struct leasequery *lq, bool stranger)
{
	const struct reader *reader;
	uint32_t n = 0;

	DL_FOREACH(lq->readers, reader)
		n += reader->stranger == stranger;
	return n >= (stranger ? READER_STRANGERS : lq->server->conf->leasequery.connections);
}

static bool may_ask(const struct leasequery *lq, struct in_addr from)
{
	return ranges_contain(&lq->server->conf->leasequery.clients,
			      ntohl(from.s_addr));
}

void leasequery_accept(struct leasequery *lq, int fd, struct in_addr from)
{
	bool stranger = !may_ask(lq, from), full = is_full(lq, stranger);
	struct reader *reader = full ? NULL : calloc(1, sizeof(*reader));

	if (full)
		server_count(lq->server, COUNTER_leasequery_full);
	if (!reader || mnat_stream_new(lq->loop, fd, LEASEQUERY_MAX_IN, &stream_ops, reader,
				       &reader->stream)) {
		free(reader);
		close(fd);
		return;
	}
	reader->leasequery = lq;
	reader->from = from;
	reader->stranger = stranger;
	reader->moved = mnat_clock_now();
	DL_APPEND(lq->readers, reader);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct leasequery *lq = poll->data;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	int fd = accept4(lq->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		leasequery_accept(lq, fd, from.sin_addr);
}

/* Seconds that it may do nothing. */
static unsigned int patience(const struct reader *reader)
{
	if (reader->stranger)
		return READER_STRANGER_S;
	return reader->phase == READER_SILENT ? READER_SILENT_S : LEASEQUERY_DEAD_S;
}

static void look_at(struct reader *reader)
{
	struct leasequery *lq = reader->leasequery;
	uint64_t now = mnat_clock_now();
	size_t backlog = mnat_stream_backlog(reader->stream);

	if (backlog != reader->backlog || (!backlog && reader->phase == READER_ACTIVE))
		reader->moved = now;
	reader->backlog = backlog;
	if (!reader->stranger && !may_ask(lq, reader->from)) {
		reader_drop(reader); /* since the configuration was read again */
	} else if (now - reader->moved > patience(reader) * MNAT_NS_PER_SEC) {
		server_count(lq->server, COUNTER_leasequery_slow);
		reader_drop(reader);
	} else {
		if (reader->phase == READER_ACTIVE &&
		    now - reader->told >= LEASEQUERY_ALIVE_S * MNAT_NS_PER_SEC)
			reader_say(reader, DHCP_LEASEQUERYSTATUS, LEASEQUERY_ALIVE, "");
		reader_go_on(reader);
	}
}

/*
 * Not in the second in which we began: the server that was here before may have told its
 * last changes in it, and nobody could tell whether a time is one of its or of ours.
 */
static void accept_from_now(struct leasequery *lq)
{
	if (lq->accepting || ((uint32_t)lq->server->wall() <= lq->started &&
			      mnat_clock_now() - lq->opened < 2 * MNAT_NS_PER_SEC))
		return;
	lq->accepting = true;
	uv_poll_start(&lq->poll, UV_READABLE, on_connection);
}

void leasequery_tick(struct leasequery *lq)
{
	struct reader *reader, *next;

	if (!lq)
		return;
	accept_from_now(lq);
	DL_FOREACH_SAFE(lq->readers, reader, next)
		look_at(reader);
}

unsigned int leasequery_readers(const struct leasequery *lq)
{
	const struct reader *reader;
	unsigned int n = 0;

	DL_FOREACH(lq ? lq->readers : NULL, reader)
		n += reader->phase == READER_ACTIVE;
	return n;
}

/* ---- changes ---- */

/* The new address first: a reader that binds by it never has the host nowhere. */
static void log_event(struct leasequery *lq, const struct record_head *head,
		      const struct event *event)
{
	struct record record;

	if (event->actual && !record_active(lq->server, head, event, &record))
		leasequery_log_put(&lq->log, head->time, record.bytes, record.len);
	if (event->old && !record_unassigned(lq->server, head, event, !event->actual, &record))
		leasequery_log_put(&lq->log, head->time, record.bytes, record.len);
}

void leasequery_tell(struct leasequery *lq, const struct event *events, size_t n, uint64_t batch)
{
	struct reader *reader, *next;
	struct record_head head;

	if (!lq)
		return;
	lq->last_batch = batch;
	head = (struct record_head){.time = leasequery_log_time(&lq->log, lq->server->wall()),
				    .now = mnat_clock_now()};
	for (size_t i = 0; i < n; i++)
		log_event(lq, &head, &events[i]);
	DL_FOREACH_SAFE(lq->readers, reader, next)
		reader_go_on(reader);
}

/* ---- open and close ---- */

static int listen_at(const struct sockaddr_in *at)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (const struct sockaddr *)at, sizeof(*at)) || listen(fd, LISTEN_QUEUE))
		return -errno;
	return TAKE_FD(fd);
}

static int cannot_listen(const struct sockaddr_in *at, int error)
{
	char ip[MNAT_IP_LEN];

	log_err("leasequery: cannot listen on %s, TCP port %d: %s; listen = is to be an address of "
		"this machine and a port that no other program has",
		mnat_ip(at->sin_addr, ip), ntohs(at->sin_port), strerror(-error));
	return error;
}

int leasequery_listen(const struct conf *conf, int *ret_fd)
{
	const struct sockaddr_in *at = &conf->leasequery.listen;
	int fd = conf_has_leasequery(conf) ? listen_at(at) : -1;

	if (fd < 0 && conf_has_leasequery(conf))
		return cannot_listen(at, fd);
	*ret_fd = fd;
	return 0;
}

int leasequery_new(uv_loop_t *loop, struct server *server, int fd,
		   struct leasequery **ret_leasequery)
{
	struct leasequery *lq = calloc(1, sizeof(*lq));
	int r = lq ? leasequery_log_init(&lq->log, server->wall()) : -ENOMEM;

	if (r) {
		free(lq);
		return r;
	}
	lq->loop = loop;
	lq->server = server;
	lq->fd = fd;
	lq->started = (uint32_t)server->wall();
	lq->opened = mnat_clock_now();
	uv_poll_init(loop, &lq->poll, fd);
	lq->poll.data = lq;
	*ret_leasequery = lq;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct leasequery *lq = handle->data;

	close(lq->fd);
	leasequery_log_done(&lq->log);
	free(lq);
}

void leasequery_close(struct leasequery *lq)
{
	struct reader *reader, *next;

	if (!lq)
		return;
	DL_FOREACH_SAFE(lq->readers, reader, next)
		reader_drop(reader);
	uv_close((uv_handle_t *)&lq->poll, on_closed);
}
