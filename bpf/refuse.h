/* SPDX-License-Identifier: GPL-2.0-only */
/* The ways out of a program that are not translations. */
#ifndef MNAT_REFUSE_H
#define MNAT_REFUSE_H

#include "count.h"

/* Count reason and do what its class in abi.h says. */
static __noinline int refuse(ctx_t *ctx, int reason)
{
	count(reason, ctx_len(ctx));
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
	}
	return VERDICT_DROP;
}

#endif
