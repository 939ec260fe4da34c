/* SPDX-License-Identifier: GPL-2.0-only */
/* The ways out of a program that are not translations. */
#ifndef MNAT_REFUSE_H
#define MNAT_REFUSE_H

#include "count.h"

/* In the place of a reason: the program beneath is to do it (ctx_xdp.h). Beyond all counters. */
#define DEFER MNAT_N_COUNTERS

static __always_inline int verdict_of(int reason)
{
	switch (reason) {
#define DO_FORWARD VERDICT_DROP /* what it held goes on in another frame */
#define DO_EVENT VERDICT_DROP
#define DO_DROP VERDICT_DROP
#define DO_STACK VERDICT_STACK
#define X(name, class, text)                                                                   \
	case MNAT_C_##name:                                                                    \
		return DO_##class;
		MNAT_COUNTERS(X)
#undef X
	case DEFER:
		return VERDICT_STACK;
	}
	return VERDICT_DROP;
}

/* Count reason and do what its class in abi.h says; what is left to another, it counts. */
static __noinline int refuse(ctx_t *ctx, int reason)
{
	int verdict = verdict_of(reason);

	if (!CTX_DEFERS || verdict != VERDICT_STACK)
		count(reason, ctx_len(ctx));
	return verdict;
}

#endif
