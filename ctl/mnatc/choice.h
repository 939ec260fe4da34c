/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which of two uplinks is better: one that is not weak, then by the user's priority, then
 * by signal. A weak one is no longer so, and an equal one is left, only when the other is
 * stronger by a margin: at the edge of two cells the node would move for ever.
 */
#ifndef MNATC_CHOICE_H
#define MNATC_CHOICE_H

#include <stdbool.h>

struct choice_rules {
	int weak;   /* dBm: below it an uplink is weak */
	int margin; /* dB */
};

struct choice {
	unsigned int priority; /* 0 is preferred */
	bool measured;	       /* false: a wire, or nobody knows */
	int signal;	       /* dBm, while measured */
	bool weak;
};

/* What was measured now; measured false: nothing could be. */
void choice_sample(struct choice *choice, const struct choice_rules *rules, bool measured,
		   int signal);

/* Is other better than the one in use? */
bool choice_is_better(const struct choice *other, const struct choice *used,
		      const struct choice_rules *rules);

/* Of two that are not in use. */
bool choice_is_first(const struct choice *a, const struct choice *b);

#endif
