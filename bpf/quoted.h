/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an ICMP error quotes, be it a later fragment, whose ports are where the first one
 * left them (fragment.h).
 */
#ifndef MNAT_QUOTED_H
#define MNAT_QUOTED_H

#include "fragment.h"
#include "icmp_error.h"

static __noinline int quoted_recall(struct packet *inner)
{
	struct fragment_work *w = fragment_work_get(FRAGMENT_LEFT);
	struct fragment_record *record;

	if (!w || !inner)
		return MNAT_C_INTERNAL;
	w->key = (struct fragment_key){
		.saddr = inner->saddr,
		.daddr = inner->daddr,
		.id = inner->id,
		.ip_proto = inner->ip_proto,
		.side = FRAGMENT_LEFT,
	};
	record = fragment_lookup(&w->key);
	if (!record || record->proto >= MNAT_N_PROTO)
		return MNAT_C_ICMP_ERROR_FRAGMENT;
	inner->sport = record->sport;
	inner->dport = record->dport;
	inner->proto = record->proto;
	return PARSE_OK;
}

/* As parse_quoted(). */
static __always_inline int quoted_find(ctx_t *ctx, const struct packet *pkt,
				       struct packet *ret_inner)
{
	int reason = parse_quoted(ctx, pkt, ret_inner);

	return reason == MNAT_C_ICMP_ERROR_FRAGMENT ? quoted_recall(ret_inner) : reason;
}

#endif
