/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bindings: external ports and who holds them.
 *
 * Life of a binding, every step one atomic operation, so that CPUs and the sweep
 * may meet at any point:
 *
 *   enter    a place in a block of the host's       block.h
 *   take     refs + 1, then owner: 0 -> host, port  refused while refs says DYING; losing
 *                                                   the compare-and-swap: next port
 *   hold     refs + 1, then owner checked           refused while refs says DYING
 *   publish  bib: inside endpoint -> index          BPF_NOEXIST; losing means: adopt
 *   drop     refs - 1; at 0: refs 0 -> DYING, bib deleted, owner -> 0, DYING cleared,
 *            the place in the block given back
 */
#ifndef MNAT_BINDING_H
#define MNAT_BINDING_H

#include "block.h"

/* The external endpoint that index stands for. */
static __always_inline void binding_endpoint(__u32 index, __be32 *ret_addr, __be16 *ret_port)
{
	__u32 port, addr = mnat_binding_endpoint(&cfg, index, &port);

	*ret_addr = bpf_htonl(addr);
	*ret_port = bpf_htons(port);
}

static __always_inline bool is_external(__be32 addr)
{
	__u32 host_order = bpf_ntohl(addr);

	for (__u32 i = 0; i < MNAT_MAX_EXTERNAL_RANGES && i < cfg.n_external; i++)
		if (host_order >= cfg.external[i].first && host_order <= cfg.external[i].last)
			return true;
	return false;
}

/* The index of an external endpoint, or -1. */
static __always_inline long binding_index(__u8 proto, __be32 addr, __be16 port)
{
	return mnat_binding_index(&cfg, proto, bpf_ntohl(addr), bpf_ntohs(port));
}

/* Nobody uses it and nobody can begin to: DYING is set. */
static __always_inline void binding_free(struct mnat_binding *b, __u32 index)
{
	struct mnat_bib_key key = {};
	__u32 *published;

	key.host = mnat_owner_host(b->owner);
	key.port = mnat_owner_port(b->owner);
	key.proto = mnat_binding_proto(&cfg, index);
	published = bpf_map_lookup_elem(&bib, &key);
	if (published && *published == index)
		bpf_map_delete_elem(&bib, &key);
	b->created = now_seconds();
	b->owner = 0;
	__sync_fetch_and_add(&b->refs, -MNAT_BINDING_DYING);
	block_leave(mnat_binding_block(&cfg, index), key.host, key.proto);
	count(MNAT_C_BINDING_FREED, 0);
}

/* True if that was the last reference and the port is free again. */
static __noinline bool binding_drop(__u32 index)
{
	struct mnat_binding *b = bpf_map_lookup_elem(&bindings, &index);

	if (!b || __sync_fetch_and_add(&b->refs, -1) != 1)
		return false;
	if (__sync_val_compare_and_swap(&b->refs, 0, MNAT_BINDING_DYING) != 0)
		return false;
	if (!b->owner) { /* the reference was of one who found it free, and lost it */
		__sync_fetch_and_add(&b->refs, -MNAT_BINDING_DYING);
		return false;
	}
	binding_free(b, index);
	return true;
}

/* Take one more reference on the binding at index, if it still is key's. */
static __always_inline bool binding_hold(__u32 index, const struct mnat_bib_key *key)
{
	struct mnat_binding *b = bpf_map_lookup_elem(&bindings, &index);

	if (!b)
		return false;
	if (!(__sync_fetch_and_add(&b->refs, 1) & MNAT_BINDING_DYING) &&
	    mnat_owner_host(b->owner) == key->host && mnat_owner_port(b->owner) == key->port)
		return true;
	binding_drop(index);
	return false;
}

static __always_inline void note_tries(__u32 tries)
{
	__u32 bucket = 0;
	__u64 *n;

	for (int i = 1; i < MNAT_TRIES_BUCKETS; i++)
		if (tries >= 1u << i)
			bucket = i;
	n = bpf_map_lookup_elem(&port_tries, &bucket);
	if (n)
		(*n)++;
}

/*
 * One port of a block, from a random one on (RFC 6056). The first half of the tries keeps
 * the parity of the first, if the block has an even size.
 */
static long binding_try(__u32 i, void *ctx)
{
	struct search *s = ((struct search_ref *)ctx)->search;
	__u32 offset = s->port_start + 2 * i;
	struct mnat_binding *b;

	if (!(s->n_ports & 1) && i >= s->n_ports / 2)
		offset++;
	if (offset >= s->n_ports)
		offset -= s->n_ports;
	if (offset >= s->n_ports)
		offset -= s->n_ports;
	if (mnat_port_is_ours(s->first_port + offset))
		return 0;
	s->index = s->port_first + offset;
	b = bpf_map_lookup_elem(&bindings, &s->index);
	s->tries++;
	if (!b || b->owner)
		return 0;
	if (!(__sync_fetch_and_add(&b->refs, 1) & MNAT_BINDING_DYING) &&
	    !__sync_val_compare_and_swap(&b->owner, 0, s->owner)) {
		b->created = s->now;
		s->taken = s->index;
	} else {
		s->lost = s->index + 1; /* the caller drops the reference */
	}
	return 1;
}

/* Where to begin, so that the external port is odd as the inside one (RFC 4787 REQ-4). */
static __always_inline __u32 port_start(__u32 first_port, __u32 n, __u16 inside_port)
{
	__u32 start = bpf_get_prandom_u32() % n;

	if (((first_port + start) ^ inside_port) & 1)
		start = start ? start - 1 : n > 1;
	return start;
}

/* Its own function: each bpf_loop() has a price in stack where it stands. */
static __noinline int binding_search(struct search *s, struct search_ref *ref)
{
	if (!s || !ref)
		return -1;
	s->lost = 0;
	bpf_loop(s->n_ports, binding_try, ref, 0);
	if (s->taken >= 0)
		note_tries(s->tries);
	return 0;
}

static __noinline int binding_give_up(const struct search *s)
{
	if (!s)
		return -1;
	block_leave(s->found - 1, s->host, s->proto);
	return 0;
}

#define BINDING_ROUNDS 4 /* of a search that other CPUs disturb */

/*
 * Find and take a free external port for s->inside in a block of its host. Returns the index
 * with one reference held, or -1 with the reason.
 */
static __always_inline long binding_take(struct search *s, int *ret_reason)
{
	struct search_ref ref = { s };
	__u32 first;
	int r;

	s->host = s->inside.host;
	s->proto = s->inside.proto;
	s->class = block_class_of(s->host, s->inside.proto, s->inside.port);
	s->found = s->fresh = s->tries = 0;
	s->taken = -1;
	r = block_enter(s, &ref);
	if (r) {
		*ret_reason = r;
		return -1;
	}
	first = block_ports(s->found - 1, &s->n_ports);
	s->first_port = first;
	s->port_first = mnat_binding_at(&cfg, s->proto, s->found - 1, first);
	s->port_start = port_start(first, s->n_ports, bpf_ntohs(s->inside.port));
	s->owner = (__u64)s->host << 32 | (__u32)s->inside.port << 16 | 1;
	for (int i = 0; i < BINDING_ROUNDS && s->taken < 0; i++) {
		binding_search(s, &ref);
		if (!s->lost)
			break;
		binding_drop(s->lost - 1);
	}
	if (s->taken < 0) { /* its place is another's that was given back in this moment */
		binding_give_up(s);
		*ret_reason = MNAT_C_BINDING_DYING;
		return -1;
	}
	return s->taken;
}

#define BINDING_NONE (-2)

/* The published binding of key with one more reference, -1 with the reason, or BINDING_NONE. */
static __always_inline long binding_adopt(struct mnat_bib_key *key, int *ret_reason)
{
	__u32 *found = bpf_map_lookup_elem(&bib, key);

	if (!found)
		return BINDING_NONE;
	if (binding_hold(*found, key))
		return *found;
	*ret_reason = MNAT_C_BINDING_DYING;
	return -1;
}

/*
 * The binding of the inside endpoint s->inside, made if there is none, with one reference
 * held for a new session. Returns its index, or -1 with the reason.
 */
static __always_inline long binding_get(struct search *s, int *ret_reason)
{
	long index = binding_adopt(&s->inside, ret_reason), r;

	if (index != BINDING_NONE)
		return index;
	index = binding_take(s, ret_reason);
	if (index < 0)
		return -1;
	s->index = index;
	r = bpf_map_update_elem(&bib, &s->inside, &s->index, BPF_NOEXIST);
	if (!r) {
		count(MNAT_C_BINDING_NEW, 0);
		return index;
	}
	binding_drop(s->index);
	*ret_reason = MNAT_C_BINDINGS_FULL;
	if (r != -EEXIST)
		return -1;
	count(MNAT_C_CREATE_RACE, 0);
	*ret_reason = MNAT_C_BINDING_DYING;
	index = binding_adopt(&s->inside, ret_reason);
	return index == BINDING_NONE ? -1 : index;
}

#endif
