/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unsolicited SYNs (RFC 5382 REQ-4): each is answered by ICMP 3/3 six seconds after it
 * came, unless a host has taken the port meanwhile.
 */
#ifndef MIDCOM_SYNS_H
#define MIDCOM_SYNS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "mnat/maps.h"

#define SYNS_WAIT 6 /* seconds */
#define SYNS_MAX 1024

/* IP, ICMP, and the quotation. */
struct syn_answer {
	uint8_t bytes[20 + 8 + 28];
};

struct syns {
	const struct mnat_gateway *gateway;
	uint32_t (*now)(void);
	/* Send answer to addr (tests replace it). */
	void (*send)(struct syns *syns, const struct syn_answer *answer, __be32 addr);
	uv_timer_t timer;
	struct ring_buffer *ring;
	int socket;
	/* those waiting, the oldest first */
	struct mnat_syn waiting[SYNS_MAX];
	uint32_t first;
	uint32_t n;
	/* totals */
	uint64_t answered;
	uint64_t dropped; /* no room */
};

/*
 * gateway and now are set by the caller. 0 or -errno, with the error printed. The
 * timer holds the loop until syns_close().
 */
int syns_open(struct syns *syns, uv_loop_t *loop);
void syns_close(struct syns *syns);

/* Keep one that came. */
void syns_add(struct syns *syns, const struct mnat_syn *syn);

/* Answer those whose time has come. */
void syns_run(struct syns *syns);

void syns_answer(const struct mnat_syn *syn, struct syn_answer *ret_answer);

#endif
