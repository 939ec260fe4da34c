// SPDX-License-Identifier: GPL-2.0-only
#include "port_log.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "mnat/cleanup.h"
#include "mnat/log.h"

#define QUEUE_MAX  (1 << 20) /* records, while nothing can be written */
#define DAY	   86400
#define PURGE_EACH 3600 /* seconds */

/* ---- The queue to the thread ---- */

/* Nothing more fits: forget what is thought to be written, and tell all again some time. */
static void start_afresh(struct port_log *log)
{
	memset(log->seen, 0, log->gateway->n_blocks * sizeof(*log->seen));
	log->n_held = 0;
	log->n_queue = 0;
	log->afresh = true;
}

void port_log_push(struct port_log *log, const struct port_record *record)
{
	if (log->n_queue == log->queue_size) {
		size_t size = log->queue_size ? 2 * log->queue_size : 64;
		struct port_record *more = size > QUEUE_MAX
						   ? NULL
						   : realloc(log->queue, size * sizeof(*more));

		if (!more) {
			log_err("the log of ports cannot be written fast enough: some is lost");
			return start_afresh(log);
		}
		log->queue = more;
		log->queue_size = size;
	}
	log->queue[log->n_queue++] = *record;
}

/* ---- The thread ---- */

static void run(struct port_log *log)
{
	if (!log->db)
		log->error = port_db_open(log->path, &log->db);
	else
		log->error = 0;
	if (log->error)
		return;
	log->error = port_db_write(log->db, log->batch, log->n_batch, time(NULL));
	if (!log->error && log->purge)
		log->error = port_db_purge(log->db, time(NULL) - (int64_t)log->days * DAY);
}

static void work(uv_work_t *request)
{
	struct port_log *log = request->data;
	struct port_query *query;

	run(log);
	LL_FOREACH(log->asked, query)
		query->error = log->error ? log->error
					  : port_db_who(log->db, query->addr, query->port, query->at,
							query->holders, PORT_LOG_HOLDERS, &query->n);
}

static void start(struct port_log *log);

static void after_work(uv_work_t *request, int status)
{
	struct port_log *log = request->data;
	struct port_query *asked = log->asked, *query, *next;

	log->running = false;
	log->asked = NULL;
	if (log->error)
		start_afresh(log);
	else
		log->written += log->n_batch;
	free(TAKE_PTR(log->batch));
	LL_FOREACH_SAFE(asked, query, next)
		query->done(query, query->error);
	if (log->closing) {
		port_db_close(TAKE_PTR(log->db));
		free(TAKE_PTR(log->queue));
	} else if (log->n_queue || log->queries) {
		start(log);
	}
}

static void start(struct port_log *log)
{
	if (log->running)
		return;
	log->running = true;
	log->batch = TAKE_PTR(log->queue);
	log->n_batch = log->n_queue;
	log->n_queue = log->queue_size = 0;
	log->asked = log->queries;
	log->queries = NULL;
	log->purge = log->now() - log->purged_at >= PURGE_EACH;
	if (log->purge)
		log->purged_at = log->now();
	log->work.data = log;
	uv_queue_work(log->loop, &log->work, work, after_work);
}

/* ---- Life ---- */

void port_log_tick(struct port_log *log)
{
	if (!log->days || log->closing)
		return;
	port_log_look(log);
	start(log);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct port_log *log = poll->data;

	ring_buffer__consume(log->ring);
	if (log->n_queue)
		start(log);
}

void port_log_ask(struct port_log *log, struct port_query *query)
{
	LL_APPEND(log->queries, query);
	port_log_look(log);
	start(log);
}

int port_log_open(struct port_log *log)
{
	int r;

	log->seen = calloc(log->gateway->n_blocks + 1, sizeof(*log->seen));
	if (!log->seen)
		return -ENOMEM;
	log->ring = ring_buffer__new(log->gateway->events_fd, port_log_on_event, log, NULL);
	if (!log->ring) {
		r = -errno;
		log_err("the ring of events cannot be opened: %s", strerror(-r));
		free(TAKE_PTR(log->seen));
		return r;
	}
	log->afresh = true;
	log->purged_at = log->now() - PURGE_EACH;
	uv_poll_init(log->loop, &log->poll, ring_buffer__epoll_fd(log->ring));
	log->poll.data = log;
	uv_poll_start(&log->poll, UV_READABLE, on_readable);
	port_log_tick(log);
	return 0;
}

/* What was not written yet, the next agent finds in the maps. */
void port_log_close(struct port_log *log)
{
	struct port_query *query, *next, *queries = log->queries;

	if (!log->ring)
		return;
	log->closing = true;
	log->queries = NULL;
	LL_FOREACH_SAFE(queries, query, next)
		query->done(query, -ECANCELED);
	uv_close((uv_handle_t *)&log->poll, NULL);
	ring_buffer__free(TAKE_PTR(log->ring));
	free(TAKE_PTR(log->seen));
	free(TAKE_PTR(log->held));
	if (log->running)
		return;
	port_db_close(TAKE_PTR(log->db));
	free(TAKE_PTR(log->queue));
}
