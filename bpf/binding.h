/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bindings: external ports and who holds them.
 *
 * Life of a binding, every step one atomic operation, so that CPUs and the sweep
 * may meet at any point:
 *
 *   take     owner: 0 -> host, port        compare-and-swap; losing means: next port
 *   hold     refs + 1, then owner checked  refused while refs says DYING
 *   publish  bib: inside endpoint -> index BPF_NOEXIST; losing means: adopt
 *   drop     refs - 1; at 0: refs 0 -> DYING, bib deleted, owner -> 0, DYING cleared
 */
#ifndef MNAT_BINDING_H
#define MNAT_BINDING_H

#include "host.h"

/* Index of the first port of a host's external address: paired pooling (RFC 4787 REQ-2). */
static __always_inline __u32 binding_base(__u32 host, __u8 proto)
{
	return (proto * cfg.n_ext + host % cfg.n_ext) * cfg.n_ports;
}

/* The external endpoint that index stands for. */
static __always_inline void binding_endpoint(__u32 index, __be32 *ret_addr, __be16 *ret_port)
{
	*ret_addr = bpf_htonl(cfg.ext_first + index / cfg.n_ports % cfg.n_ext);
	*ret_port = bpf_htons(cfg.port_first + index % cfg.n_ports);
}

/* The index of an external endpoint, or -1. addr is an external address. */
static __always_inline long binding_index(__u8 proto, __be32 addr, __be16 port)
{
	__u32 ext = bpf_ntohl(addr) - cfg.ext_first;
	__u32 offset = bpf_ntohs(port) - cfg.port_first;

	if (offset >= cfg.n_ports)
		return -1;
	return (proto * cfg.n_ext + ext) * cfg.n_ports + offset;
}

/* True if that was the last reference and the port is free again. */
static __noinline bool binding_drop(__u32 index)
{
	struct mnat_binding *b = bpf_map_lookup_elem(&bindings, &index);
	struct mnat_bib_key key = {};
	__u32 *published;

	if (!b || __sync_fetch_and_add(&b->refs, -1) != 1)
		return false;
	if (__sync_val_compare_and_swap(&b->refs, 0, MNAT_BINDING_DYING) != 0)
		return false;
	key.host = mnat_owner_host(b->owner);
	key.port = mnat_owner_port(b->owner);
	key.proto = index / (cfg.n_ext * cfg.n_ports);
	published = bpf_map_lookup_elem(&bib, &key);
	if (published && *published == index)
		bpf_map_delete_elem(&bib, &key);
	b->owner = 0;
	__sync_fetch_and_add(&b->refs, -MNAT_BINDING_DYING);
	count(MNAT_C_BINDING_FREED, 0);
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
 * Primes beyond any number of ports: a stride of one of them visits every port once.
 * volatile: clang 14 would put them in a mergeable section and describe it wrongly.
 */
static const volatile __u32 strides[] = { 65537, 65539, 65543, 65551, 65557, 65563, 65579, 65581 };

/*
 * Find and take a free external port for key: a random start and one of several
 * strides, so that neighbours do not cluster. Over an even number of ports the
 * stride is doubled: parity is kept (RFC 4787 REQ-4) for the first half of the
 * tries. Bounded: in softirq a full search would stall the machine. Returns the
 * index with one reference held, or -1.
 */
static __noinline long binding_take(struct mnat_bib_key *key)
{
	__u32 n = cfg.n_ports, tries, offset, stride, base;
	__u64 owner;

	if (!key || !n)
		return -1;
	base = binding_base(key->host, key->proto);
	owner = (__u64)key->host << 32 | (__u32)key->port << 16 | 1;
	offset = bpf_get_prandom_u32() % n;
	stride = strides[bpf_get_prandom_u32() % (sizeof(strides) / sizeof(strides[0]))];
	if (!(n & 1)) {
		stride <<= 1;
		offset = (offset & ~1u) | ((bpf_ntohs(key->port) ^ cfg.port_first) & 1);
	}
	for (tries = 1; tries <= MNAT_PORT_TRIES_MAX; tries++) {
		__u32 index = base + offset;
		struct mnat_binding *b = bpf_map_lookup_elem(&bindings, &index);

		if (b && !b->owner && !__sync_val_compare_and_swap(&b->owner, 0, owner)) {
			__sync_fetch_and_add(&b->refs, 1);
			b->created = now_seconds();
			note_tries(tries);
			return index;
		}
		offset = (offset + stride) % n;
		if (tries == MNAT_PORT_TRIES_MAX / 2 && !(n & 1))
			offset ^= 1;
	}
	return -1;
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
 * The binding of an inside endpoint, made if there is none, with one reference
 * held for a new session. Returns its index, or -1 with the reason.
 */
static __always_inline long binding_get(struct mnat_bib_key *key, int *ret_reason)
{
	long index = binding_adopt(key, ret_reason);
	__u32 value;
	long r;

	if (index != BINDING_NONE)
		return index;
	index = binding_take(key);
	if (index < 0) {
		*ret_reason = MNAT_C_PORTS_EXHAUSTED;
		return -1;
	}
	value = index;
	r = bpf_map_update_elem(&bib, key, &value, BPF_NOEXIST);
	if (!r) {
		count(MNAT_C_BINDING_NEW, 0);
		return index;
	}
	binding_drop(value);
	*ret_reason = MNAT_C_BINDINGS_FULL;
	if (r != -EEXIST)
		return -1;
	count(MNAT_C_CREATE_RACE, 0);
	*ret_reason = MNAT_C_BINDING_DYING;
	index = binding_adopt(key, ret_reason);
	return index == BINDING_NONE ? -1 : index;
}

#endif
