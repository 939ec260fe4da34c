// SPDX-License-Identifier: GPL-2.0-only
#include "ports.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sys/random.h>
#include <time.h>

#define MAX_TRIES 8 /* against the data path doing the same at the same moment */

/* owner word: host, inside port, serial 1 as the data path's, and the mark */
static uint64_t word_of(const struct port_owner *owner)
{
	return (uint64_t)owner->host << 32 | (uint32_t)owner->port << 16 | MNAT_OWNER_RULE | 1;
}

static bool swap(__u64 *word, __u64 from, __u64 to)
{
	return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

static struct mnat_bib_key bib_key(const struct port_owner *owner)
{
	return (struct mnat_bib_key){owner->host, owner->port, (uint8_t)owner->proto, 0};
}

/* ---- Dropping ---- */

/* The clock of times in maps. */
static uint32_t now_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint32_t)ts.tv_sec;
}

static void add(uint32_t *count, uint32_t n)
{
	__atomic_add_fetch(count, n, __ATOMIC_SEQ_CST);
}

/* The ports a host has in blocks of its own are counted against its quota. */
static void count_port(const struct mnat_gateway *g, uint32_t block, uint32_t host,
		       enum mnat_proto_class proto, uint32_t n)
{
	if (host && mnat_block_host(g->blocks[block].word) == host)
		add(&g->use[host].ports[proto], n);
}

static void leave_block(const struct mnat_gateway *g, uint32_t block, uint32_t host,
			enum mnat_proto_class proto)
{
	count_port(g, block, host, proto, -1u);
	host = mnat_block_leave(&g->blocks[block], proto, now_seconds());
	if (host && host != MNAT_BLOCK_RULES)
		add(&g->use[host].blocks, -1u);
}

static void unpublish(const struct mnat_gateway *g, uint32_t index, uint64_t word)
{
	const struct mnat_bib_key key = {mnat_owner_host(word), mnat_owner_port(word),
					 (uint8_t)mnat_binding_proto(&g->config, index), 0};
	uint32_t published;

	if (key.host && !bpf_map_lookup_elem(g->bib_fd, &key, &published) && published == index)
		bpf_map_delete_elem(g->bib_fd, &key);
}

/* One reference less; the last one frees the port. */
static void release(const struct mnat_gateway *g, uint32_t index)
{
	struct mnat_binding *b = &g->bindings[index];
	uint32_t none = 0;
	uint64_t owner;

	if (__atomic_sub_fetch(&b->refs, 1, __ATOMIC_SEQ_CST))
		return;
	if (!__atomic_compare_exchange_n(&b->refs, &none, MNAT_BINDING_DYING, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	owner = b->owner;
	if (owner) {
		unpublish(g, index, owner);
		b->created = now_seconds();
	}
	__atomic_store_n(&b->owner, 0, __ATOMIC_SEQ_CST);
	__atomic_sub_fetch(&b->refs, MNAT_BINDING_DYING, __ATOMIC_SEQ_CST);
	if (owner)
		leave_block(g, mnat_binding_block(&g->config, index), mnat_owner_host(owner),
			    mnat_binding_proto(&g->config, index));
}

void ports_drop(const struct mnat_gateway *g, uint32_t index)
{
	/* the mark first: a reference lost with a killed agent is better than one too few */
	__atomic_and_fetch(&g->bindings[index].owner, ~MNAT_OWNER_RULE, __ATOMIC_SEQ_CST);
	release(g, index);
}

uint32_t ports_drop_orphans(const struct mnat_gateway *g, bool (*keep)(uint32_t index, void *user),
			    void *user)
{
	uint32_t dropped = 0;

	for (uint32_t i = 0; i < g->n_bindings; i++) {
		if (!(g->bindings[i].owner & MNAT_OWNER_RULE) || keep(i, user))
			continue;
		ports_drop(g, i);
		dropped++;
	}
	return dropped;
}

/* ---- Taking ---- */

static bool take_index(const struct mnat_gateway *g, uint32_t index, uint64_t word, uint32_t now)
{
	struct mnat_binding *b = &g->bindings[index];

	if (b->owner)
		return false;
	if (!(__atomic_fetch_add(&b->refs, 1, __ATOMIC_SEQ_CST) & MNAT_BINDING_DYING) &&
	    swap(&b->owner, 0, word)) {
		b->created = now;
		return true;
	}
	release(g, index);
	return false;
}

/* What still comes for the last holder is not to reach another. */
static bool is_held_down(const struct mnat_gateway *g, uint32_t index,
			 const struct port_owner *owner, uint32_t now)
{
	uint32_t freed = g->bindings[index].created;

	return !owner->host && freed && (int32_t)(now - freed) < (int32_t)g->config.hold_down;
}

/*
 * A place in a block, from there on, that the host has, or takes now: for rules there is no
 * quota.
 */
static int64_t enter_any(const struct mnat_gateway *g, uint32_t host, enum mnat_proto_class proto,
			 uint32_t from, uint32_t now)
{
	const struct mnat_gateway_config *c = &g->config;
	uint32_t n = c->n_blocks;
	uint32_t first = host == MNAT_BLOCK_RULES ? 0 : mnat_block_home(c, host, &n);
	uint32_t end = first + n;

	if (first < from)
		first = from;
	for (uint32_t i = first; i < end; i++) {
		struct mnat_ports range;

		mnat_block_endpoints(c, i, &range);
		if (mnat_block_enter(&g->blocks[i], host, proto,
				     mnat_block_room(range.first, range.n)))
			return i;
	}
	for (uint32_t i = first; i < end; i++) {
		uint64_t word = g->blocks[i].word;
		struct mnat_ports range;

		mnat_block_endpoints(c, i, &range);
		if (!mnat_block_room(range.first, range.n) ||
		    !mnat_block_is_free(&g->blocks[i], word, host, now, c->hold_down) ||
		    !mnat_block_take(&g->blocks[i], word, host, proto, now))
			continue;
		if (host != MNAT_BLOCK_RULES)
			add(&g->use[host].blocks, 1);
		return i;
	}
	return -ENOSPC;
}

/* A place in that block, whoever has it; nobody's becomes the rules'. */
static bool enter_wished(const struct mnat_gateway *g, uint32_t block, enum mnat_proto_class proto,
			 uint32_t now)
{
	struct mnat_block *b = &g->blocks[block];
	struct mnat_ports range;

	mnat_block_endpoints(&g->config, block, &range);
	range.n = mnat_block_room(range.first, range.n);
	for (int i = 0; i < MAX_TRIES; i++) {
		uint64_t word = __atomic_load_n(&b->word, __ATOMIC_SEQ_CST);

		if (mnat_block_counts(word)
			    ? mnat_block_enter(b, mnat_block_host(word), proto, range.n)
			    : mnat_block_take(b, word, MNAT_BLOCK_RULES, proto, now))
			return true;
		if (mnat_block_count(word, proto) >= range.n)
			return false;
	}
	return false;
}

/* A free port of the block, from a random one on. */
static int64_t take_of(const struct mnat_gateway *g, uint32_t block, const struct port_owner *owner,
		       uint32_t now)
{
	const struct mnat_gateway_config *c = &g->config;
	struct mnat_ports range;
	uint32_t start = 0, base;

	mnat_block_endpoints(c, block, &range);
	base = mnat_binding_at(c, owner->proto, block, range.first);
	if (getrandom(&start, sizeof(start), GRND_NONBLOCK) < 0)
		start = now;
	for (uint32_t i = 0; i < range.n; i++) {
		uint32_t offset = (start % range.n + i) % range.n, index = base + offset;

		if (!mnat_port_is_ours(range.first + offset) && !is_held_down(g, index, owner, now) &&
		    take_index(g, index, word_of(owner), now))
			return index;
	}
	return -ENOSPC;
}

/* A free port of the block in which a place was taken for it, or the wished one. */
static int64_t take_in(const struct mnat_gateway *g, uint32_t block,
		       const struct port_owner *owner, int64_t wish, uint32_t now)
{
	int64_t index = -EADDRINUSE;

	count_port(g, block, owner->host, owner->proto, 1);
	if (wish == PORT_ANY)
		index = take_of(g, block, owner, now);
	else if (take_index(g, (uint32_t)wish, word_of(owner), now))
		index = wish;
	if (index < 0)
		leave_block(g, block, owner->host, owner->proto);
	return index;
}

/* All free ports of a block may be held down: then one of the next. */
static int64_t take_any(const struct mnat_gateway *g, const struct port_owner *owner, uint32_t now)
{
	uint32_t host = owner->host ? owner->host : MNAT_BLOCK_RULES, from = 0;
	int64_t block, index;

	do {
		block = enter_any(g, host, owner->proto, from, now);
		if (block < 0)
			return block;
		index = take_in(g, (uint32_t)block, owner, PORT_ANY, now);
		from = (uint32_t)block + 1;
	} while (index == -ENOSPC);
	return index;
}

static int64_t take_free(const struct mnat_gateway *g, const struct port_owner *owner,
			 int64_t wish, uint32_t now)
{
	uint32_t block, port;

	if (wish == PORT_ANY)
		return take_any(g, owner, now);
	block = mnat_binding_block(&g->config, (uint32_t)wish);
	mnat_binding_endpoint(&g->config, (uint32_t)wish, &port);
	if (mnat_port_is_ours(port) || !enter_wished(g, block, owner->proto, now))
		return -EADDRINUSE;
	return take_in(g, block, owner, wish, now);
}

/* Make traffic from inside use the port. -EEXIST: it has one already. */
static int publish(const struct mnat_gateway *g, const struct port_owner *owner, uint32_t index)
{
	const struct mnat_bib_key key = bib_key(owner);

	if (!owner->host || !bpf_map_update_elem(g->bib_fd, &key, &index, BPF_NOEXIST))
		return 0;
	return errno == EEXIST ? -EEXIST : -ENOSPC;
}

/* The port the endpoint has by its traffic. -ENOENT: none, or it is just being freed. */
static int64_t adopt(const struct mnat_gateway *g, const struct port_owner *owner, int64_t wish)
{
	const struct mnat_bib_key key = bib_key(owner);
	uint64_t marked = word_of(owner);
	uint32_t index;

	if (!owner->host || bpf_map_lookup_elem(g->bib_fd, &key, &index))
		return -ENOENT;
	if (wish != PORT_ANY && wish != index)
		return -EEXIST;
	if (!(__atomic_fetch_add(&g->bindings[index].refs, 1, __ATOMIC_SEQ_CST) &
	      MNAT_BINDING_DYING) &&
	    swap(&g->bindings[index].owner, marked & ~MNAT_OWNER_RULE, marked))
		return index;
	release(g, index);
	return ports_is_held(g, index, owner) ? -EEXIST : -ENOENT;
}

int64_t ports_take(const struct mnat_gateway *g, const struct port_owner *owner, int64_t wish,
		   uint32_t now)
{
	for (int i = 0; i < MAX_TRIES; i++) {
		int64_t index = adopt(g, owner, wish);
		int r;

		if (index != -ENOENT)
			return index;
		index = take_free(g, owner, wish, now);
		if (index < 0)
			return index;
		r = publish(g, owner, (uint32_t)index);
		if (!r)
			return index;
		ports_drop(g, (uint32_t)index);
		if (r != -EEXIST)
			return r;
	}
	return -EEXIST;
}

int ports_assign(const struct mnat_gateway *g, uint32_t index, const struct port_owner *owner)
{
	const struct port_owner nobody = {.proto = owner->proto};
	int r;

	if (!swap(&g->bindings[index].owner, word_of(&nobody), word_of(owner)))
		return -EEXIST;
	r = publish(g, owner, index);
	if (r)
		swap(&g->bindings[index].owner, word_of(owner), word_of(&nobody));
	else
		count_port(g, mnat_binding_block(&g->config, index), owner->host, owner->proto, 1);
	return r;
}

bool ports_is_held(const struct mnat_gateway *g, uint32_t index, const struct port_owner *owner)
{
	return index < g->n_bindings && mnat_binding_proto(&g->config, index) == owner->proto &&
	       __atomic_load_n(&g->bindings[index].owner, __ATOMIC_SEQ_CST) == word_of(owner);
}

void ports_forget_host(const struct mnat_gateway *g, uint32_t host)
{
	for (uint32_t i = 0; i < g->n_blocks; i++) {
		uint64_t word = g->blocks[i].word;

		if (mnat_block_host(word) == host && !mnat_block_counts(word))
			swap(&g->blocks[i].word, word, 0);
	}
	g->use[host].current = 0;
}
