/* SPDX-License-Identifier: GPL-2.0-only */
/* One connection of leasequery.h: what it asks, and what it is told. */
#ifndef DHCPD_LEASEQUERY_READER_H
#define DHCPD_LEASEQUERY_READER_H

#include "leasequery.h"
#include "leasequery_log.h"
#include "leasequery_record.h"

struct leasequery {
	uv_loop_t *loop;
	uv_poll_t poll;
	int fd; /* -1: none */
	struct server *server;
	struct leasequery_log log;
	uint64_t last_batch; /* that is stored */
	uint32_t started;    /* seconds since 1970 */
	uint64_t opened;     /* the same moment by CLOCK_BOOTTIME, ns */
	bool accepting;
	struct reader *readers;
};

enum reader_phase {
	READER_SILENT, /* it has asked nothing, or has its answer */
	READER_BULK,
	READER_ACTIVE,
	READER_LOST, /* it has missed something and is to be told */
};

/* A bulk query's answer: leases by their addresses, of which some have to be stored first. */
struct bulk {
	uint32_t *addresses;
	size_t n;
	size_t next;
	size_t later; /* so many at the beginning wait */
	bool timed;   /* it asked for a time: free addresses are told too */
};

struct reader {
	struct leasequery *leasequery;
	struct mnat_stream *stream;
	struct in_addr from;
	bool stranger;
	enum reader_phase phase;
	uint32_t xid; /* of the query, network order */
	struct bulk bulk;
	uint64_t record; /* of the log, that it is to be told next */
	uint64_t caught_up_at;
	bool catching_up;
	size_t backlog; /* when it was last looked at */
	uint64_t moved; /* ... and the time it last changed, or anything was asked */
	uint64_t told;	/* anything */
	struct reader *prev, *next;
};

/* A message of it. It may be gone then. */
void reader_ask(struct reader *reader, const uint8_t *message, size_t len);
/* Tell it what there is to tell as long as it takes it. It may be gone then. */
void reader_go_on(struct reader *reader);
/* Say how it is; text for people. */
void reader_say(struct reader *reader, enum dhcp_type type, enum leasequery_status status,
		const char *text);
void reader_drop(struct reader *reader);

void reader_send(struct reader *reader, struct record *record);
/* Now, for an answer to the reader's query. */
struct record_head reader_head(struct reader *reader);

/* What to tell. False: the query is refused, and it was told so. */
bool bulk_begin(struct reader *reader, const struct dhcp_message *query);
void bulk_go_on(struct reader *reader);
void bulk_done(struct bulk *bulk);

#endif
