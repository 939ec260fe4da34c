// SPDX-License-Identifier: GPL-2.0-only
#include "ports.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sys/random.h>

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

static enum mnat_proto_class proto_of(const struct mnat_gateway *g, uint32_t index)
{
	return index / (g->config.n_ext * g->config.n_ports);
}

/* ---- Dropping ---- */

static void unpublish(const struct mnat_gateway *g, uint32_t index, uint64_t word)
{
	const struct mnat_bib_key key = {mnat_owner_host(word), mnat_owner_port(word),
					 (uint8_t)proto_of(g, index), 0};
	uint32_t published;

	if (key.host && !bpf_map_lookup_elem(g->bib_fd, &key, &published) && published == index)
		bpf_map_delete_elem(g->bib_fd, &key);
}

/* One reference less; the last one frees the port. */
static void release(const struct mnat_gateway *g, uint32_t index)
{
	struct mnat_binding *b = &g->bindings[index];
	uint32_t none = 0;

	if (__atomic_sub_fetch(&b->refs, 1, __ATOMIC_SEQ_CST))
		return;
	if (!__atomic_compare_exchange_n(&b->refs, &none, MNAT_BINDING_DYING, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	unpublish(g, index, b->owner);
	__atomic_store_n(&b->owner, 0, __ATOMIC_SEQ_CST);
	__atomic_sub_fetch(&b->refs, MNAT_BINDING_DYING, __ATOMIC_SEQ_CST);
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

	if (b->owner || !swap(&b->owner, 0, word))
		return false;
	__atomic_add_fetch(&b->refs, 1, __ATOMIC_SEQ_CST);
	b->created = now;
	return true;
}

/* A free port of the host's external address (RFC 4787 REQ-2), from a random one on. */
static int64_t take_any(const struct mnat_gateway *g, const struct port_owner *owner, uint32_t now)
{
	uint32_t n = g->config.n_ports, start = 0;
	uint32_t base = (owner->proto * g->config.n_ext + owner->host % g->config.n_ext) * n;

	if (getrandom(&start, sizeof(start), GRND_NONBLOCK) < 0)
		start = now;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t index = base + (start % n + i) % n;

		if (take_index(g, index, word_of(owner), now))
			return index;
	}
	return -ENOSPC;
}

static int64_t take_free(const struct mnat_gateway *g, const struct port_owner *owner,
			 int64_t wish, uint32_t now)
{
	if (wish == PORT_ANY)
		return take_any(g, owner, now);
	return take_index(g, (uint32_t)wish, word_of(owner), now) ? wish : -EADDRINUSE;
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
	return r;
}

bool ports_is_held(const struct mnat_gateway *g, uint32_t index, const struct port_owner *owner)
{
	return index < g->n_bindings && proto_of(g, index) == owner->proto &&
	       __atomic_load_n(&g->bindings[index].owner, __ATOMIC_SEQ_CST) == word_of(owner);
}
