/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sweep (abi.h, struct mnat_sweep). Two phases, so that a session in use is
 * never removed: an idle one is marked, and goes at the next sweep if no packet
 * has cleared the mark by then.
 */
#ifndef MNAT_SWEEP_H
#define MNAT_SWEEP_H

#include "session.h"

/* 0 or -ENOENT. */
__noinline int session_delete(const struct mnat_session_key *key)
{
	return key ? table_delete((table_t){}, key) : -TABLE_ENOENT;
}

static __always_inline bool session_is_idle(const struct mnat_session_key *key,
					    const struct mnat_session *s, __u32 now)
{
	enum mnat_state state = mnat_session_state(key->proto, s->flags);
	__u32 idle = now - s->last_seen;

	if (!host_location(key->host))
		return true;
	if (mnat_binding_is_intra(s->binding) && mnat_intra_peer(s->binding) &&
	    !host_location(mnat_intra_peer(s->binding)))
		return true;
	return state < MNAT_N_STATES && (__s32)idle >= 0 && idle > cfg.timeouts[state];
}

/* What other gateways had to do with a session that is gone. True: its port here is free. */
static __noinline bool forget_elsewhere(const struct mnat_session_key *key)
{
	struct mnat_elsewhere *found, there;
	struct mnat_session_key back;
	__u32 relay;

	if (!key)
		return false;
	found = bpf_map_lookup_elem(&elsewhere, key);
	if (!found)
		return false;
	there = *found;
	bpf_map_delete_elem(&elsewhere, key);
	if (there.kind == MNAT_FORWARDED) {
		back = *key;
		back.remote = there.addr;
		back.remote_port = there.port;
		bpf_map_delete_elem(&elsewhere, &back);
		return false;
	}
	relay = there.number - 1;
	return there.number && !bpf_map_delete_elem(&relays, &relay) && binding_drop(relay);
}

static __always_inline void sweep_session(struct mnat_sweep *sweep,
					  const struct mnat_session_key *key, __u32 now)
{
	struct mnat_session *s = session_lookup(key);
	__u32 binding;

	if (!s)
		return;
	if (!session_is_idle(key, s, now)) {
		sweep->live++;
		return;
	}
	if (!(s->flags & MNAT_SESSION_MARKED)) {
		__sync_fetch_and_or(&s->flags, MNAT_SESSION_MARKED);
		sweep->marked++;
		return;
	}
	binding = s->binding;
	if (session_delete(key))
		return;
	sweep->deleted++;
	if (forget_elsewhere(key))
		sweep->freed++;
	if (mnat_binding_is_none(binding))
		return;
	session_uncount(key);
	if (binding_drop(binding))
		sweep->freed++;
}

/* One run over the packet's keys; the packet holds a whole struct mnat_sweep. */
struct sweep_run {
	struct mnat_sweep *sweep;
	void *end; /* of the packet: the verifier asks at each key */
	__u32 now;
	__u32 n;
};

static long sweep_key(__u32 i, void *ctx)
{
	struct sweep_run *run = ctx;
	struct mnat_session_key key, *at;

	if (i >= run->n || i >= MNAT_SWEEP_KEYS)
		return 1;
	at = &run->sweep->keys[i];
	if ((void *)(at + 1) > run->end)
		return 1;
	key = *at;
	sweep_session(run->sweep, &key, run->now);
	return 0;
}

#endif
