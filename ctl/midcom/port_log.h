/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who had which external ports. Blocks taken and released come as events from the data
 * path, at once; a look at the map "blocks", which remembers when each was taken and
 * released, finds what the ring had no room for, what this agent did itself, and what
 * happened while it was not there. Rules' ports and moves are told by their owners. All
 * is written by a thread, many at a time.
 */
#ifndef MIDCOM_PORT_LOG_H
#define MIDCOM_PORT_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "hosts.h"
#include "mnat/maps.h"
#include "port_db.h"
#include "rules.h"

#define PORT_LOG_HOLDERS 16 /* an answer's */

struct ring_buffer;

/* What is logged of a block; host 0: that nobody has it. */
struct port_seen {
	uint32_t host;
	uint32_t since;
};

/* A rule's port: it is its host's until that has it no more, rule or not. */
struct port_held {
	uint32_t index;
	uint32_t host;
	__be16 port;
};

/* A question, answered in the loop after all that is known has been written. */
struct port_query {
	uint32_t addr; /* host order */
	uint16_t port;
	int64_t at; /* seconds since 1970 */
	void (*done)(struct port_query *query, int error);
	struct port_holder holders[PORT_LOG_HOLDERS];
	size_t n;
	int error;
	struct port_query *next;
};

struct port_log {
	/* set by the caller */
	uv_loop_t *loop;
	const struct mnat_gateway *gateway;
	const struct hosts *hosts;
	const struct rules *rules;
	uint32_t (*now)(void); /* seconds of CLOCK_MONOTONIC */
	const char *path;
	unsigned int days; /* 0: nothing is logged */
	void (*heard)(const struct mnat_event *event, void *user); /* of every event; or NULL */
	void *user;
	/* its own */
	struct port_seen *seen; /* a block, what is logged of it */
	struct port_held *held; /* rules' ports that are logged as taken */
	size_t n_held, held_size;
	struct port_record *queue;
	size_t n_queue, queue_size;
	struct port_query *queries;
	struct ring_buffer *ring;
	uv_poll_t poll;
	uv_work_t work;
	bool running;
	bool closing;
	bool afresh; /* nothing of seen and held is written yet */
	uint64_t lost;	  /* events the ring had no room for; the map told them later */
	uint64_t written; /* records */
	uint64_t purged_at;
	int error; /* why nothing can be written, 0 */
	/* the thread's, until it is done */
	struct port_db *db;
	struct port_record *batch;
	size_t n_batch;
	struct port_query *asked;
	bool purge;
};

/* 0 or -errno, printed: no ring. A database that cannot be opened is tried again. */
int port_log_open(struct port_log *log);
void port_log_close(struct port_log *log);

/* Compare with the map and write. At every sweep, at least once a hold-down. */
void port_log_tick(struct port_log *log);

void port_log_moved(struct port_log *log, uint32_t id, const struct mnat_host_info *info);

/* ---- port_look.c ---- */

/* All that is new is pushed. */
void port_log_look(struct port_log *log);
int port_log_on_event(void *log, void *data, size_t size); /* for libbpf's ring buffer */

/* To the thread, at its next start. */
void port_log_push(struct port_log *log, const struct port_record *record);

/* query is kept until its done() was called. */
void port_log_ask(struct port_log *log, struct port_query *query);

#endif
