// SPDX-License-Identifier: GPL-2.0-only
#include "choice.h"

void choice_sample(struct choice *choice, const struct choice_rules *rules, bool measured,
		   int signal)
{
	choice->measured = measured;
	choice->signal = signal;
	if (!measured)
		choice->weak = false;
	else
		choice->weak = signal < rules->weak + (choice->weak ? rules->margin : 0);
}

/* How much stronger, in dB; what has no signal cannot be compared. */
static int stronger_by(const struct choice *a, const struct choice *b)
{
	return a->measured && b->measured ? a->signal - b->signal : 0;
}

static int compare(const struct choice *a, const struct choice *b, int margin)
{
	if (a->weak != b->weak)
		return a->weak ? -1 : 1;
	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	return stronger_by(a, b) > margin;
}

bool choice_is_better(const struct choice *other, const struct choice *used,
		      const struct choice_rules *rules)
{
	return compare(other, used, rules->margin) > 0;
}

bool choice_is_first(const struct choice *a, const struct choice *b)
{
	return compare(a, b, 0) > 0;
}
