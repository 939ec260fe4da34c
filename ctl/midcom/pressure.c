// SPDX-License-Identifier: GPL-2.0-only
#include "pressure.h"

#include <arpa/inet.h>
#include <stdbool.h>

#include "mnat/addr.h"

#define FEW 10 /* a table smaller than that is meant to be full */

struct used {
	uint64_t sessions; /* anchored here */
	uint64_t ports;
	uint64_t blocks;
};

static struct used count(const struct mnat_gateway *g)
{
	struct used used = {0};

	for (uint32_t id = 1; id < g->n_hosts; id++) {
		const struct mnat_host_use *use = &g->use[id];

		used.sessions += use->sessions;
		for (int i = 0; i < MNAT_N_PROTO; i++)
			used.ports += use->ports[i];
	}
	for (uint32_t i = 0; i < g->n_blocks; i++)
		used.blocks += mnat_block_counts(g->blocks[i].word) != 0;
	return used;
}

json_t *pressure_fields(const struct mnat_gateway *g)
{
	struct used used = count(g);

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "sessions", (json_int_t)used.sessions,
			 "max_sessions", (json_int_t)g->max_sessions, "ports",
			 (json_int_t)used.ports, "max_ports", (json_int_t)g->max_bindings, "blocks",
			 (json_int_t)used.blocks, "max_blocks", (json_int_t)g->n_blocks);
}

static bool is_nearly_full(uint64_t n, uint64_t max)
{
	return max >= FEW && n * 100 >= max * PRESSURE_WARN;
}

static void warn(json_t *problems, const char *what, uint64_t n, uint64_t max, const char *advice)
{
	if (is_nearly_full(n, max))
		json_array_append_new(problems,
				      json_sprintf("%llu of %llu %s are in use: %s",
						   (unsigned long long)n, (unsigned long long)max,
						   what, advice));
}

/* A host keeps to its address, so that one may be full while others are not. */
static void warn_of_addresses(const struct mnat_gateway *g, json_t *problems)
{
	uint32_t each = g->config.n_blocks;

	if (g->config.fixed)
		return;
	for (uint32_t i = 0; i < g->config.n_ext; i++) {
		struct mnat_block_range range;
		char text[MNAT_IP_LEN];
		uint32_t n = 0;

		for (uint32_t j = 0; j < each; j++)
			n += mnat_block_counts(g->blocks[i * each + j].word) != 0;
		if (!is_nearly_full(n, each))
			continue;
		mnat_block_endpoints(&g->config, i * each, &range);
		json_array_append_new(
			problems,
			json_sprintf("%u of %u port blocks of %s are in use: lower port-block, or "
				     "add addresses or ports",
				     n, each,
				     mnat_ip((struct in_addr){htonl(range.addr)}, text)));
	}
}

void pressure_warn(const struct mnat_gateway *g, json_t *problems)
{
	struct used used = count(g);

	warn(problems, "sessions", used.sessions, g->max_sessions, "raise limits { sessions }");
	warn(problems, "bindings", used.ports, g->max_bindings,
	     "raise limits { sessions }, or add addresses or ports");
	warn_of_addresses(g, problems);
}
