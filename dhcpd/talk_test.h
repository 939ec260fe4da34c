/* SPDX-License-Identifier: GPL-2.0-only */
/* A leasequery server on a loop of its own, and one reader at a time at its other end. */
#ifndef DHCPD_TALK_TEST_H
#define DHCPD_TALK_TEST_H

#include "mnat/leasequery.h"

#include "fixture_test.h"
#include "leasequery.h"

struct talk {
	struct fixture *f;
	uv_loop_t loop;
	struct leasequery *lq;
	int fd; /* the reader's end; -1: there was none */
	size_t len;
	uint8_t in[1 << 20];		 /* not looked at yet */
	uint8_t bytes[DHCP_MAX_MESSAGE]; /* of the last message */
	struct dhcp_message message;
};

/* f, which stays the caller's, tells it what is stored. */
struct talk *talk_begin(struct fixture *f);
void talk_end(struct talk *talk); /* NULL: nothing */

/* Another reader, in place of the last. */
void talk_from(struct talk *talk, const char *address);
void talk_run(struct talk *talk);
void talk_say(struct talk *talk, const void *bytes, size_t len);
/* After its length. */
void talk_ask(struct talk *talk, const void *message, size_t len);
/* Whatever has come, to be looked at by the next two. */
void talk_receive(struct talk *talk);
bool talk_next(struct talk *talk); /* false: there is no further message */
bool talk_is_closed(struct talk *talk);

#endif
