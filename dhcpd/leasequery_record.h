/* SPDX-License-Identifier: GPL-2.0-only */
/* Bindings as messages of leasequery.h. */
#ifndef DHCPD_LEASEQUERY_RECORD_H
#define DHCPD_LEASEQUERY_RECORD_H

#include "mnat/leasequery.h"

#include "server.h"

/* The query that it answers, and when. */
struct record_head {
	uint32_t xid;  /* network order */
	uint32_t time; /* base-time */
	uint64_t now;  /* the same by CLOCK_BOOTTIME, ns */
};

struct record {
	size_t len;
	uint8_t bytes[DHCP_MAX_MESSAGE];
};

/* LEASEACTIVE: the host of the event is where it says. */
int record_active(const struct server *s, const struct record_head *head, const struct event *event,
		  struct record *ret_record);

/*
 * LEASEUNASSIGNED: the event's old address is free. whole: and its host is nowhere now, so
 * that its identity and generation go with it. All return 0 or -EMSGSIZE.
 */
int record_unassigned(const struct server *s, const struct record_head *head,
		      const struct event *event, bool whole, struct record *ret_record);

/* LEASEQUERYDONE, LEASEQUERYSTATUS or TLS; text "" with LEASEQUERY_SUCCESS: no option 151. */
int record_status(const struct server *s, const struct record_head *head, enum dhcp_type type,
		  enum leasequery_status status, const char *text, struct record *ret_record);

#endif
