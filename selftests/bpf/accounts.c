// SPDX-License-Identifier: GPL-2.0-only
#include "accounts.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway.skel.h"
#include "mnat/maps.h"

#define N_HOSTS (TEST_HOST + 16)

struct mnat_gateway_config accounts_config(struct gateway *g)
{
	struct mnat_gateway_config cfg;

	memcpy(&cfg, (const void *)&g->rodata->cfg, sizeof(cfg));
	return cfg;
}

static void *area(struct bpf_map *map)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = (size_t)bpf_map__max_entries(map) * ((bpf_map__value_size(map) + 7u) & ~7u);
	void *at = mmap(NULL, (size + page - 1) & ~(page - 1), PROT_READ | PROT_WRITE, MAP_SHARED,
			bpf_map__fd(map), 0);

	cr_assert_neq(at, MAP_FAILED);
	return at;
}

struct mnat_block *accounts_blocks(struct gateway *g)
{
	return area(g->maps.blocks);
}

struct mnat_host_use accounts_use(struct gateway *g, uint32_t host)
{
	const struct mnat_host_use *use = area(g->maps.host_use);

	return use[host];
}

struct books {
	struct mnat_gateway_config cfg;
	struct mnat_binding *bindings;
	struct mnat_block *blocks;
	uint32_t n_bindings;
	uint32_t n_blocks;
	uint32_t *refs;			   /* a binding */
	uint32_t (*counts)[MNAT_N_PROTO];  /* a block */
	struct mnat_host_use *use;	   /* a host, as it should be */
};

static void count_sessions(struct gateway *g, struct books *b)
{
	struct mnat_session_key keys[MNAT_BUCKET_SLOTS];
	struct mnat_session sessions[MNAT_BUCKET_SLOTS];
	uint32_t bucket = 0;

	while (bucket < g->rodata->cfg.n_buckets) {
		uint32_t n = mnat_sessions_read(gateway_table(g), &bucket, keys, sessions,
						MNAT_BUCKET_SLOTS);

		for (uint32_t i = 0; i < n; i++) {
			uint32_t binding = sessions[i].binding;

			if (binding & MNAT_BINDING_ANCHOR)
				continue;
			b->refs[binding]++;
			b->use[keys[i].host].sessions++;
			cr_assert_eq(mnat_owner_host(b->bindings[binding].owner), keys[i].host);
		}
	}
}

static void check_binding(struct gateway *g, struct books *b, uint32_t index)
{
	struct mnat_bib_key key = { mnat_owner_host(b->bindings[index].owner),
				    mnat_owner_port(b->bindings[index].owner),
				    (uint8_t)(mnat_binding_proto(&b->cfg, index)), 0 };
	uint32_t block = mnat_binding_block(&b->cfg, index), published;

	cr_assert_eq(b->bindings[index].refs, b->refs[index], "binding %u has %x references, not %u",
		     index, b->bindings[index].refs, b->refs[index]);
	if (!b->bindings[index].owner)
		return;
	cr_assert(b->refs[index], "binding %u is nobody's", index);
	cr_assert_eq(bpf_map_lookup_elem(bpf_map__fd(g->maps.bib), &key, &published), 0);
	cr_assert_eq(published, index);
	b->counts[block][key.proto]++;
	cr_assert_eq(mnat_block_host(b->blocks[block].word), key.host);
	b->use[key.host].ports[key.proto]++;
}

static void check_block(struct books *b, uint32_t index)
{
	uint64_t word = b->blocks[index].word;

	for (uint32_t proto = 0; proto < MNAT_N_PROTO; proto++)
		cr_assert_eq(mnat_block_count(word, proto), b->counts[index][proto],
			     "block %u counts %u of protocol %u, not %u", index,
			     mnat_block_count(word, proto), proto, b->counts[index][proto]);
	if (mnat_block_counts(word))
		b->use[mnat_block_host(word)].blocks++;
}

void accounts_check(struct gateway *g)
{
	const struct mnat_host_use *use = area(g->maps.host_use);
	struct books b = { .cfg = accounts_config(g),
			   .bindings = area(g->maps.bindings),
			   .blocks = accounts_blocks(g),
			   .n_bindings = bpf_map__max_entries(g->maps.bindings),
			   .n_blocks = bpf_map__max_entries(g->maps.blocks) };

	b.refs = calloc(b.n_bindings, sizeof(*b.refs));
	b.counts = calloc(b.n_blocks, sizeof(*b.counts));
	b.use = calloc(N_HOSTS, sizeof(*b.use));
	count_sessions(g, &b);
	for (uint32_t i = 0; i < b.n_bindings; i++)
		check_binding(g, &b, i);
	for (uint32_t i = 0; i < b.n_blocks; i++)
		check_block(&b, i);
	for (uint32_t i = 0; i < N_HOSTS; i++) {
		b.use[i].current = use[i].current;
		cr_assert_arr_eq(&b.use[i], &use[i], sizeof(use[i]),
				 "host %u: %u blocks, %u sessions, not %u, %u", i, use[i].blocks,
				 use[i].sessions, b.use[i].blocks, b.use[i].sessions);
	}
	free(b.refs);
	free(b.counts);
	free(b.use);
}
