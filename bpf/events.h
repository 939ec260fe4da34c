/* SPDX-License-Identifier: GPL-2.0-only */
/* What is to be logged, on its way to user space; what found no room is counted. */
#ifndef MNAT_EVENTS_H
#define MNAT_EVENTS_H

#include "count.h"
#include "gateway_maps.h"

/* Inline and without a copy: where it is called the stack is deep. */
static __always_inline void event_send(enum mnat_event_kind kind, __u32 host, __u32 block,
				       __u32 now)
{
	struct mnat_event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	__u32 zero = 0;
	__u64 *lost = bpf_map_lookup_elem(&events_lost, &zero);

	if (!e) {
		if (lost)
			__sync_fetch_and_add(lost, 1);
		count(MNAT_C_LOG_LOST, 0);
		return;
	}
	e->kind = kind;
	e->host = host;
	e->block = block;
	e->seconds = now;
	e->lost = lost ? *lost : 0;
	bpf_ringbuf_submit(e, 0);
}

#endif
