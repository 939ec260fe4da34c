/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the traffic programs share: the times at which nothing arrived, and the
 * moment to stop. Times are CLOCK_BOOTTIME, as mnatc and mnat-midcomd stamp theirs.
 */
#ifndef MNAT_TEST_GAPS_H
#define MNAT_TEST_GAPS_H

#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/signalfd.h>

#include "mnat/clock.h"

#define GAPS_MAX 4096

struct gap {
	uint64_t at_ns; /* the last arrival before it */
	uint64_t length_ns;
	uint64_t lost; /* sequence numbers skipped, 0 in a byte stream */
};

/* Gaps of at least threshold_ns, in order; the longest is kept whatever its length. */
struct gaps {
	uint64_t threshold_ns;
	uint64_t last_ns;
	uint64_t longest_ns;
	unsigned int n;
	unsigned int dropped;
	struct gap list[GAPS_MAX];
};

/*
 * Something arrived now; lost numbers were skipped since the last arrival. A gap is
 * also told at once on standard error, for those who watch.
 */
static inline void gaps_arrival(struct gaps *gaps, uint64_t now_ns, uint64_t lost)
{
	uint64_t length = now_ns - gaps->last_ns;
	uint64_t from = gaps->last_ns;

	gaps->last_ns = now_ns;
	if (!from)
		return;
	if (length > gaps->longest_ns)
		gaps->longest_ns = length;
	if (length < gaps->threshold_ns)
		return;
	if (gaps->n == GAPS_MAX) {
		gaps->dropped++;
		return;
	}
	gaps->list[gaps->n++] = (struct gap){from, length, lost};
	fprintf(stderr, "gap at_us=%ju ms=%.3f lost=%ju\n", (uintmax_t)(from / 1000),
		(double)length / 1e6, (uintmax_t)lost);
}

static inline json_t *gaps_json(const struct gaps *gaps)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < gaps->n; i++) {
		const struct gap *gap = &gaps->list[i];

		json_array_append_new(list, json_pack("{s:I,s:f,s:I}", "at_us",
						      (json_int_t)(gap->at_ns / 1000), "ms",
						      (double)gap->length_ns / 1e6, "lost",
						      (json_int_t)gap->lost));
	}
	return list;
}

/* One JSON object on a line of its own; takes it. */
static inline void print_json(json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	fflush(stdout);
	json_decref(object);
}

/* Descriptor that becomes readable on SIGTERM, SIGINT and extra (0: none). */
static inline int stop_signals(int extra)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (extra)
		sigaddset(&set, extra);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Arrival times are to show the network's delays, not the scheduler's. */
static inline void be_punctual(void)
{
	struct sched_param param = {.sched_priority = 1};

	(void)sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param);
}

#endif
