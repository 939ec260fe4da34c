/* SPDX-License-Identifier: GPL-2.0-only */
/* A part of mnat/abi.h, which includes it in its place. Blocks of external addresses and ports, and the steps of one. */
#ifndef MNAT_ABI_BLOCKS_H
#define MNAT_ABI_BLOCKS_H

/* ---- Blocks of external addresses; the same sums in BPF and in user space ---- */

#ifdef __bpf__
#define MNAT_INLINE __attribute__((always_inline)) inline /* a call costs stack, which is short */
#else
#define MNAT_INLINE inline
#endif

/* The range of a block's address. */
static MNAT_INLINE const volatile struct mnat_external *
mnat_block_range(const volatile struct mnat_gateway_config *c, __u32 block)
{
	__u32 i = 0;

	while (i + 1 < MNAT_MAX_EXTERNAL_RANGES && i + 1 < c->n_external &&
	       c->external[i + 1].block_base <= block)
		i++;
	return &c->external[i];
}

/* First port of an address's nth block, and how many it has. */
static MNAT_INLINE __u32 mnat_block_ports(const volatile struct mnat_external *e, __u32 shift,
					  __u32 nth, __u32 *ret_n)
{
	__u32 first = ((e->port_first >> shift) + nth) << shift, last = first + (1u << shift) - 1;

	if (first < e->port_first)
		first = e->port_first;
	if (last > e->port_last)
		last = e->port_last;
	*ret_n = last - first + 1;
	return first;
}

/*
 * Ports at which the gateway's box itself may be spoken to, by its own external address:
 * an agent's (simco.h) and a manager's (peering.h). No host gets them.
 */
#define MNAT_PORT_AGENT 7626
#define MNAT_PORT_MANAGER 7627

static MNAT_INLINE int mnat_port_is_ours(__u32 port)
{
	return port == MNAT_PORT_AGENT || port == MNAT_PORT_MANAGER;
}

/* How many ports, of n from first on, hosts may have. */
static MNAT_INLINE __u32 mnat_block_room(__u32 first, __u32 n)
{
	__u32 ours = MNAT_PORT_AGENT - first < n;

	ours += MNAT_PORT_MANAGER - first < n;
	return n - ours;
}

static MNAT_INLINE __u32 mnat_binding_at(const volatile struct mnat_gateway_config *c, __u32 proto,
					 __u32 block, __u32 port)
{
	__u32 size = 1u << c->block_shift;

	return ((proto * c->n_blocks + block) << c->block_shift) + (port & (size - 1));
}

static MNAT_INLINE __u32 mnat_binding_proto(const volatile struct mnat_gateway_config *c,
					    __u32 index)
{
	return (index >> c->block_shift) / c->n_blocks;
}

static MNAT_INLINE __u32 mnat_binding_block(const volatile struct mnat_gateway_config *c,
					    __u32 index)
{
	return (index >> c->block_shift) % c->n_blocks;
}

/* The external endpoint of a binding, in host order. */
static MNAT_INLINE __u32 mnat_binding_endpoint(const volatile struct mnat_gateway_config *c,
					       __u32 index, __u32 *ret_port)
{
	__u32 shift = c->block_shift, block = mnat_binding_block(c, index);
	const volatile struct mnat_external *e = mnat_block_range(c, block);
	__u32 nth = block - e->block_base, address = nth / e->n_blocks;

	nth -= address * e->n_blocks;
	*ret_port = (((e->port_first >> shift) + nth) << shift) + (index & ((1u << shift) - 1));
	return e->first + address;
}

/* The index of an external endpoint (host order), or -1. */
static MNAT_INLINE long mnat_binding_index(const volatile struct mnat_gateway_config *c,
					   __u32 proto, __u32 addr, __u32 port)
{
	__u32 shift = c->block_shift;

	for (__u32 i = 0; i < MNAT_MAX_EXTERNAL_RANGES && i < c->n_external; i++) {
		const volatile struct mnat_external *e = &c->external[i];

		if (addr < e->first || addr > e->last)
			continue;
		if (port < e->port_first || port > e->port_last)
			return -1;
		return mnat_binding_at(c, proto,
				       e->block_base + (addr - e->first) * e->n_blocks +
					       (port >> shift) - (e->port_first >> shift),
				       port);
	}
	return -1;
}

/* By formula (RFC 7422), for mnat_block_home(): *ret_n 0: none, the host is no host. */
static MNAT_INLINE __u32 mnat_block_fixed(const volatile struct mnat_gateway_config *c, __u32 host,
					  __u32 *ret_n)
{
	__u32 place = host - 1;

	*ret_n = c->fixed;
	for (__u32 i = 0; i < MNAT_MAX_EXTERNAL_RANGES && i < c->n_external; i++) {
		const volatile struct mnat_external *e = &c->external[i];
		__u32 hosts = e->n_blocks / c->fixed; /* of one address */
		__u32 n = (e->last - e->first + 1) * hosts;

		if (place < n)
			return e->block_base + place / hosts * e->n_blocks +
			       place % hosts * c->fixed;
		place -= n;
	}
	*ret_n = 0;
	return 0;
}

/*
 * The first of the blocks where a host looks for ports, and how many there are: by
 * formula its own, else those of one external address (RFC 4787 REQ-2). Addresses get hosts
 * in proportion to their blocks.
 */
static MNAT_INLINE __u32 mnat_block_home(const volatile struct mnat_gateway_config *c, __u32 host,
					 __u32 *ret_n)
{
	const volatile struct mnat_external *e;
	__u32 block;

	if (c->fixed)
		return mnat_block_fixed(c, host, ret_n);
	block = (__u32)((__u64)host * c->step % c->n_blocks);
	e = mnat_block_range(c, block);
	*ret_n = e->n_blocks;
	return block - (block - e->block_base) % e->n_blocks;
}

/* ---- A block's steps, each atomic. b: a record of map "blocks" ---- */

#define MNAT_BLOCK_RETRIES 8 /* against other CPUs at the same block */

static MNAT_INLINE int mnat_block_enter(struct mnat_block *b, __u32 host, __u32 proto, __u32 size)
{
	for (int i = 0; i < MNAT_BLOCK_RETRIES; i++) {
		__u64 word = *(volatile __u64 *)&b->word;

		if (mnat_block_host(word) != host || !mnat_block_counts(word) ||
		    mnat_block_count(word, proto) >= size)
			return 0;
		if (__sync_val_compare_and_swap(&b->word, word,
						word + mnat_block_unit(proto)) == word)
			return 1;
	}
	return 0;
}

/* May host take the block, whose word was read, at this second? */
static inline int mnat_block_is_free(const struct mnat_block *b, __u64 word, __u32 host,
				     __u32 now, __u32 hold_down)
{
	if (mnat_block_counts(word))
		return 0;
	return mnat_block_host(word) == host || !b->released || now - b->released >= hold_down;
}

static inline int mnat_block_take(struct mnat_block *b, __u64 word, __u32 host, __u32 proto,
				  __u32 now)
{
	if (__sync_val_compare_and_swap(&b->word, word, host | mnat_block_unit(proto)) != word)
		return 0;
	b->since = now;
	return 1;
}

/* The host whose last port that was, or 0. */
static inline __u32 mnat_block_leave(struct mnat_block *b, __u32 proto, __u32 now)
{
	__u64 word;

	b->released = now ? now : 1;
	word = __sync_fetch_and_add(&b->word, -mnat_block_unit(proto)) - mnat_block_unit(proto);
	return mnat_block_counts(word) ? 0 : mnat_block_host(word);
}

#endif
