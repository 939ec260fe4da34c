// SPDX-License-Identifier: GPL-2.0-only
#include "pressure.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "mnat/addr.h"

#define FEW 10 /* a table smaller than that is meant to be full */

void pressure_read(const struct mnat_gateway *g, struct pressure ret_tables[PRESSURE_N])
{
	uint64_t sessions = 0, ports = 0, blocks = 0;

	for (uint32_t id = 1; id < g->n_hosts; id++) {
		const struct mnat_host_use *use = &g->use[id];

		sessions += use->sessions;
		for (int i = 0; i < MNAT_N_PROTO; i++)
			ports += use->ports[i];
	}
	for (uint32_t i = 0; i < g->n_blocks; i++)
		blocks += mnat_block_counts(g->blocks[i].word) != 0;
	ret_tables[PRESSURE_SESSIONS] = (struct pressure){"sessions", sessions, g->max_sessions};
	ret_tables[PRESSURE_PORTS] = (struct pressure){"ports", ports, g->max_bindings};
	ret_tables[PRESSURE_BLOCKS] = (struct pressure){"blocks", blocks, g->n_blocks};
}

json_t *pressure_fields(const struct mnat_gateway *g)
{
	struct pressure tables[PRESSURE_N];
	json_t *fields = json_object();

	pressure_read(g, tables);
	for (int i = 0; i < PRESSURE_N; i++) {
		char max[32];

		snprintf(max, sizeof(max), "max_%s", tables[i].table);
		json_object_set_new(fields, tables[i].table, json_integer((json_int_t)tables[i].used));
		json_object_set_new(fields, max, json_integer((json_int_t)tables[i].max));
	}
	return fields;
}

bool pressure_is_high(const struct pressure *p)
{
	return p->max >= FEW && p->used * 100 >= p->max * PRESSURE_WARN;
}

static void warn(json_t *problems, const struct pressure *p, const char *what, const char *advice)
{
	if (pressure_is_high(p))
		json_array_append_new(problems,
				      json_sprintf("%llu of %llu %s are in use: %s",
						   (unsigned long long)p->used,
						   (unsigned long long)p->max, what, advice));
}

static void warn_of_address(const struct mnat_gateway *g, uint32_t first, uint32_t n_blocks,
			    json_t *problems)
{
	struct pressure p = {"blocks", 0, n_blocks};
	struct mnat_ports ports;
	char text[MNAT_IP_LEN];

	for (uint32_t i = first; i < first + n_blocks; i++)
		p.used += mnat_block_counts(g->blocks[i].word) != 0;
	if (!pressure_is_high(&p))
		return;
	mnat_block_endpoints(&g->config, first, &ports);
	json_array_append_new(
		problems, json_sprintf("%u of %u port blocks of %s are in use: lower port-block, or "
				       "add addresses or ports",
				       (unsigned int)p.used, n_blocks,
				       mnat_ip((struct in_addr){htonl(ports.addr)}, text)));
}

/* A host keeps to its address, so that one may be full while others are not. */
static void warn_of_addresses(const struct mnat_gateway *g, json_t *problems)
{
	uint32_t block = 0;

	while (!g->config.fixed && block < g->config.n_blocks) {
		uint32_t n = mnat_block_range(&g->config, block)->n_blocks;

		warn_of_address(g, block, n, problems);
		block += n;
	}
}

void pressure_warn(const struct mnat_gateway *g, json_t *problems)
{
	struct pressure tables[PRESSURE_N];

	pressure_read(g, tables);
	warn(problems, &tables[PRESSURE_SESSIONS], "sessions", "raise limits { sessions }");
	warn(problems, &tables[PRESSURE_PORTS], "bindings",
	     "raise limits { sessions }, or add addresses or ports");
	warn_of_addresses(g, problems);
}
