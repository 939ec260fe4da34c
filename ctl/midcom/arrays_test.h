/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps as plain arrays, for tests without BPF: 10.0.0.0/16, 8 mobile hosts. */
#ifndef MIDCOM_ARRAYS_TEST_H
#define MIDCOM_ARRAYS_TEST_H

#include <arpa/inet.h>

#include "hosts.h"

#define N_ACTUALS 65536
#define N_MOBILE 8
#define N_HOSTS (N_ACTUALS + N_MOBILE + 1)
#define FIRST_ID (N_ACTUALS + 1)
#define GRACE 10

/* A write of the rebind order: what was written, in which order. */
enum wrote { WROTE_INFO, WROTE_ADD, WROTE_REMOVE };

struct arrays {
	uint64_t hosts[N_HOSTS];
	uint64_t actuals[N_ACTUALS];
	struct mnat_host_info info[N_HOSTS];
	__be32 virtuals[N_HOSTS];	    /* by id */
	__be32 shared[MNAT_MAX_SHARED];	    /* in map "virtuals", too */
	int fail_after;			    /* this many writes succeed, 0: all */
	void (*on_info)(struct arrays *arrays, uint32_t id); /* sees what is before (d) */
	struct mnat_gateway_config config;
};

extern struct arrays arrays;

/* Empty maps; then hosts over what they hold now. */
void arrays_clear(void);
void arrays_open(struct hosts *hosts, uint32_t now);

static inline __be32 ip(const char *text)
{
	return inet_addr(text);
}

uint64_t *actual_word(const char *addr);

#endif
