/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sweep (abi.h, struct mnat_sweep). Two phases, so that a session in use is
 * never removed: an idle one is marked, and goes at the next sweep if no packet
 * has cleared the mark by then.
 */
#ifndef MNAT_SWEEP_H
#define MNAT_SWEEP_H

#include "session.h"

static __always_inline bool session_is_idle(const struct mnat_session_key *key,
					    const struct mnat_session *s, __u32 now)
{
	enum mnat_state state = mnat_session_state(key->proto, s->flags);
	__u32 idle = now - s->last_seen;

	if (!host_location(key->host))
		return true;
	return state < MNAT_N_STATES && (__s32)idle >= 0 && idle > cfg.timeouts[state];
}

static long sweep_session(void *map, struct mnat_session_key *key,
			  struct mnat_session *s, struct mnat_sweep *sweep)
{
	__u32 binding = s->binding;

	if (!session_is_idle(key, s, sweep->now)) {
		sweep->live++;
		return 0;
	}
	if (!(s->flags & MNAT_SESSION_MARKED)) {
		__sync_fetch_and_or(&s->flags, MNAT_SESSION_MARKED);
		sweep->marked++;
		return 0;
	}
	if (bpf_map_delete_elem(&sessions, key))
		return 0;
	sweep->deleted++;
	if (binding & MNAT_BINDING_ANCHOR)
		bpf_map_delete_elem(&direct, key);
	else if (binding_drop(binding))
		sweep->freed++;
	return 0;
}

#endif
