/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The last changes of leases, as messages, for whoever reads them: each reader has a place
 * of its own in it. What a reader has not taken by the time it is overwritten is lost to it,
 * and it can tell; so nothing is kept for one that does not read.
 */
#ifndef DHCPD_LEASEQUERY_LOG_H
#define DHCPD_LEASEQUERY_LOG_H

#include <stddef.h>
#include <stdint.h>

#define LOG_RECORDS 8192

struct log_record {
	uint32_t time; /* its base-time */
	uint16_t len;
	uint8_t *bytes;
};

struct leasequery_log {
	struct log_record *records; /* LOG_RECORDS, by number modulo that */
	uint64_t first, next;	    /* numbers: those from first to before next are here */
	uint32_t after;		    /* everything said after this time was put here */
	uint32_t latest;	    /* base-time told to anybody */
};

/* wall: seconds since 1970. 0 or -ENOMEM. */
int leasequery_log_init(struct leasequery_log *log, int64_t wall);
void leasequery_log_done(struct leasequery_log *log);

/*
 * The base-time of what is said now. It never falls, whatever the wall clock does, and is
 * later than the second of leasequery_log_init(): what was told up to then is not here.
 */
uint32_t leasequery_log_time(struct leasequery_log *log, int64_t wall);

/* No memory: the log begins anew, and whoever was to have it has missed something. */
void leasequery_log_put(struct leasequery_log *log, uint32_t time, const void *bytes, size_t len);

/* number is from first to before next. */
const struct log_record *leasequery_log_get(const struct leasequery_log *log, uint64_t number);

/* The number from which on all is that was put at that time or later. -ENODATA: not all is. */
int leasequery_log_find(const struct leasequery_log *log, uint32_t time, uint64_t *ret_number);

#endif
