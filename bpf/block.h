/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Blocks of external ports and who has them; abi.h pictures a block and its steps.
 * What a host may have is bounded by its quota, what a search costs by its tries.
 */
#ifndef MNAT_BLOCK_H
#define MNAT_BLOCK_H

#include "events.h"
#include "host.h"

#define BLOCK_TRIES_MAX 1024 /* one search, about 3 us */

enum block_class { BLOCK_ANY, BLOCK_LOW, BLOCK_HIGH };

/*
 * A search for a place in a block, then for a port in it. A CPU's own memory: the stack
 * above is nearly used up. Only packets search, one at a time on a CPU.
 */
struct search {
	__u32 host;
	__u32 proto;
	__u32 now;
	__u32 class;
	__u32 first; /* index of the first block, then how many, then where to begin */
	__u32 n;
	__u32 start;
	__u32 found; /* index + 1 */
	__u32 fresh; /* and it was taken for this */
	/* of a port */
	__u32 port_first; /* index of the binding of the block's first port, and that port */
	__u32 first_port;
	__u32 n_ports;
	__u32 port_start;
	__u32 tries;
	__u32 lost; /* index + 1 of one that another CPU was faster at */
	__u32 index;
	__u64 owner;
	long taken;
	struct mnat_bib_key inside;
	struct mnat_session session;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct search);
} searches SEC(".maps");

static __always_inline struct search *search_begin(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&searches, &zero);
}

/* What a callback of bpf_loop() is given must be on the stack. */
struct search_ref {
	struct search *search;
};

static __always_inline __u32 block_ports(__u32 index, __u32 *ret_n)
{
	const volatile struct mnat_external *e = mnat_block_range(&cfg, index);

	return mnat_block_ports(e, cfg.block_shift, (index - e->block_base) % e->n_blocks, ret_n);
}

static __always_inline __u32 block_room(__u32 index)
{
	__u32 n, first = block_ports(index, &n);

	return mnat_block_room(first, n);
}

static __always_inline bool block_is_of(__u32 index, __u32 class)
{
	const volatile struct mnat_external *e;

	if (!cfg.classes || class == BLOCK_ANY)
		return true;
	e = mnat_block_range(&cfg, index);
	return ((index - e->block_base) % e->n_blocks < e->n_low) == (class == BLOCK_LOW);
}

/* RFC 4787 REQ-3a; where the host's address has one class only, or by formula, any will do. */
static __always_inline __u32 block_class_of(__u32 host, __u8 proto, __be16 port)
{
	__u32 n;

	if (!cfg.classes || cfg.fixed ||
	    !mnat_block_range(&cfg, mnat_block_home(&cfg, host, &n))->n_low)
		return BLOCK_ANY;
	return proto != MNAT_ICMP && bpf_ntohs(port) < MNAT_CLASS_PORTS ? BLOCK_LOW : BLOCK_HIGH;
}

/* The block of a try, s->index. */
static __always_inline struct mnat_block *block_of_try(struct search *s, __u32 i)
{
	s->index = s->start + i;
	if (s->index >= s->n)
		s->index -= s->n;
	s->index += s->first;
	return bpf_map_lookup_elem(&blocks, &s->index);
}

/* The host's count of ports. asm: the compare must be of the register that is then used. */
static __always_inline __u32 *use_ports(struct mnat_host_use *use, __u32 proto)
{
	asm volatile("" : "+r"(proto));
	return proto < MNAT_N_PROTO ? &use->ports[proto] : NULL;
}

static __always_inline void use_count(struct mnat_host_use *use, __u32 proto, __u32 n)
{
	__u32 *ports = use_ports(use, proto);

	if (ports)
		__sync_fetch_and_add(ports, n);
}

/* A block the host has already, with room. */
static __always_inline long block_own(__u32 i, void *ctx)
{
	struct search *s = ((struct search_ref *)ctx)->search;
	struct mnat_block *b = block_of_try(s, i);

	if (!b || mnat_block_host(b->word) != s->host || !block_is_of(s->index, s->class) ||
	    !mnat_block_enter(b, s->host, s->proto, block_room(s->index)))
		return 0;
	s->found = s->index + 1;
	return 1;
}

static long block_try_own(__u32 i, void *ctx)
{
	return block_own(i, ctx);
}

/* A free one, or one that another CPU has just taken for the same host. */
static long block_try_free(__u32 i, void *ctx)
{
	struct search *s = ((struct search_ref *)ctx)->search;
	struct mnat_block *b = block_of_try(s, i);
	__u64 word;

	if (!b)
		return 0;
	word = b->word;
	if (mnat_block_is_free(b, word, s->host, s->now, cfg.hold_down) &&
	    block_is_of(s->index, s->class) && block_room(s->index) &&
	    mnat_block_take(b, word, s->host, s->proto, s->now)) {
		s->fresh = 1;
		s->found = s->index + 1;
		return 1;
	}
	return block_own(i, ctx);
}

static __always_inline __u32 block_tries(const struct search *s)
{
	return s->n < BLOCK_TRIES_MAX ? s->n : BLOCK_TRIES_MAX;
}

static __always_inline bool block_is_logged(__u32 host)
{
	return host != MNAT_BLOCK_RULES && !(cfg.fixed && host <= cfg.n_actuals);
}

static __always_inline bool block_note(struct search *s, struct mnat_host_use *use)
{
	if (!s->found)
		return false;
	if (use->current != s->found)
		use->current = s->found;
	use_count(use, s->proto, 1);
	return true;
}

/*
 * A place in a block that the host has: the one it used last, or any, unless all it has is
 * in use. A host beyond its quota costs no search.
 */
static __noinline bool block_enter_own(struct search *s, struct search_ref *ref)
{
	struct mnat_host_use *use;
	struct mnat_block *b;
	__u32 *ports;

	if (!s || !ref)
		return false;
	use = bpf_map_lookup_elem(&host_use, &s->host);
	if (!use)
		return false;
	s->index = use->current - 1;
	b = bpf_map_lookup_elem(&blocks, &s->index);
	if (b && block_is_of(s->index, s->class) &&
	    mnat_block_enter(b, s->host, s->proto, block_room(s->index))) {
		s->found = s->index + 1;
		return block_note(s, use);
	}
	s->first = mnat_block_home(&cfg, s->host, &s->n);
	s->start = 0;
	ports = use_ports(use, s->proto);
	if (ports && *ports < use->blocks << cfg.block_shift)
		bpf_loop(block_tries(s), block_try_own, ref, 0);
	return block_note(s, use);
}

/* False: another CPU has entered the block meanwhile, it stays the host's. */
static __always_inline bool block_undo(struct search *s)
{
	struct mnat_block *b;

	s->index = s->found - 1;
	s->found = s->fresh = 0;
	b = bpf_map_lookup_elem(&blocks, &s->index);
	return b && mnat_block_leave(b, s->proto, s->now);
}

/* A place in a block that is new to the host, within its quota: 0, or the reason. */
static __noinline int block_enter_new(struct search *s, struct search_ref *ref)
{
	struct mnat_host_use *use;

	if (!s || !ref)
		return MNAT_C_INTERNAL;
	use = bpf_map_lookup_elem(&host_use, &s->host);
	if (!use)
		return MNAT_C_INTERNAL;
	if (use->blocks >= cfg.max_blocks)
		return MNAT_C_PORTS_QUOTA;
	s->start = bpf_get_prandom_u32() % s->n;
	bpf_loop(block_tries(s), block_try_free, ref, 0);
	if (!s->found && cfg.arbitrary && !cfg.fixed) {
		s->first = 0;
		s->n = cfg.n_blocks;
		s->start = bpf_get_prandom_u32() % s->n;
		bpf_loop(block_tries(s), block_try_free, ref, 0);
	}
	/* counted after it was taken: who is told that it is one too many finds the other */
	if (s->fresh && __sync_fetch_and_add(&use->blocks, 1) >= cfg.max_blocks) {
		if (block_undo(s))
			__sync_fetch_and_add(&use->blocks, -1);
		return MNAT_C_PORTS_QUOTA;
	}
	if (s->fresh) {
		count(MNAT_C_BLOCK_TAKEN, 0);
		if (block_is_logged(s->host))
			event_send(MNAT_EVENT_BLOCK_TAKEN, s->host, s->found - 1, s->now);
	}
	return block_note(s, use) ? 0 : MNAT_C_PORTS_EXHAUSTED;
}

/* At the quota another CPU may just have taken the last block. */
static __always_inline int block_enter_class(struct search *s, struct search_ref *ref)
{
	int r;

	if (block_enter_own(s, ref))
		return 0;
	r = block_enter_new(s, ref);
	return r == MNAT_C_PORTS_QUOTA && block_enter_own(s, ref) ? 0 : r;
}

/*
 * A place for one more port of s->host in a block, s->found; the caller has it until
 * block_leave(). 0, or the reason. Rather a port of another class than none.
 */
static __always_inline int block_enter(struct search *s, struct search_ref *ref)
{
	int r = block_enter_class(s, ref);

	if (!r || s->class != BLOCK_LOW)
		return r;
	s->class = BLOCK_HIGH;
	return block_enter_class(s, ref);
}

/* Give the place of a port back that host had in the block. */
static __always_inline void block_leave(__u32 index, __u32 host, __u8 proto)
{
	struct mnat_block *b = bpf_map_lookup_elem(&blocks, &index);
	struct mnat_host_use *use = bpf_map_lookup_elem(&host_use, &host);
	__u32 now = now_seconds();

	if (!b)
		return;
	if (use && mnat_block_host(b->word) == host)
		use_count(use, proto, -1);
	host = mnat_block_leave(b, proto, now);
	if (!host || host == MNAT_BLOCK_RULES)
		return;
	use = bpf_map_lookup_elem(&host_use, &host);
	if (use)
		__sync_fetch_and_add(&use->blocks, -1);
	count(MNAT_C_BLOCK_FREED, 0);
	if (block_is_logged(host))
		event_send(MNAT_EVENT_BLOCK_FREED, host, index, now);
}

#endif
