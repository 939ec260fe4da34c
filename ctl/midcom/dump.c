// SPDX-License-Identifier: GPL-2.0-only
#include "dump.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump_state.h"
#include "mnat/addr.h"
#include "mnat/cleanup.h"

static void free_state(void *user)
{
	struct dump_state *state = user;

	batch_close(&state->batch);
	free(state->counts);
	free(state);
}

json_t *dump_ip(__be32 addr)
{
	char text[MNAT_IP_LEN];

	return addr ? json_string(mnat_ip((struct in_addr){addr}, text)) : json_null();
}

uint32_t dump_age(const struct dump_source *source, uint32_t since)
{
	uint32_t now = source->now();

	return now > since ? now - since : 0;
}

/* A host as people know it: its virtual address, or a plain host's own. */
__be32 dump_identity(const struct dump_source *source, uint32_t id)
{
	struct mnat_host_info info;

	if (hosts_is_plain(source->hosts, id))
		return id ? htonl(mnat_actual_address(&source->gateway->config, id - 1)) : 0;
	if (bpf_map_lookup_elem(source->gateway->host_info_fd, &id, &info))
		return 0;
	return info.identity;
}

const char *dump_path(uint64_t word)
{
	static const char *const names[] = {
		[MNAT_PATH_NONE] = "none",
		[MNAT_PATH_TRANSLATE] = "translate",
		[MNAT_PATH_TUNNEL] = "tunnel",
	};
	uint8_t path = mnat_location_path(word);

	return path < sizeof(names) / sizeof(names[0]) ? names[path] : "none";
}

/* ---- bindings ---- */

static void binding_row(struct mnat_control_client *client, struct dump_state *state,
			const void *raw_key, const void *raw_value)
{
	const struct mnat_bib_key *key = raw_key;
	const struct dump_source *source = state->source;
	char external[DUMP_ENDPOINT_LEN];
	struct mnat_binding binding;
	uint32_t index;

	memcpy(&index, raw_value, sizeof(index));
	if (key->proto >= MNAT_N_PROTO ||
	    bpf_map_lookup_elem(source->gateway->bindings_fd, &index, &binding))
		return;
	dump_external(source, index, external);
	mnat_control_row(
		client,
		json_pack("{s:s, s:o, s:i, s:s, s:I, s:I}", "proto", dump_protos[key->proto],
			  "identity", dump_ip(dump_identity(source, key->host)), "port",
			  ntohs(key->port), "external", external, "sessions",
			  (json_int_t)(binding.refs & ~MNAT_BINDING_DYING) -
				  !!(binding.owner & MNAT_OWNER_RULE),
			  "age_s",
			  (json_int_t)dump_age(source, binding.created)));
}

bool dump_batch_step(struct mnat_control_client *client, void *user)
{
	struct dump_state *state = user;
	struct batch *batch = &state->batch;
	int more = batch_next(batch);

	if (more < 0) {
		mnat_control_fail(client, MNAT_E_FAILED, "the map cannot be read: %s",
				  strerror(-more));
		return false;
	}
	for (uint32_t i = 0; i < batch->n; i++)
		state->row(client, state, batch->keys + i * batch->key_size,
			   batch->values + i * batch->value_size);
	if (!more)
		mnat_control_done(client, NULL);
	return more;
}

static int open_bindings(struct dump_state *state)
{
	state->row = binding_row;
	return batch_open(&state->batch, state->source->gateway->bib_fd,
			  sizeof(struct mnat_bib_key), sizeof(uint32_t), DUMP_BATCH);
}

/* ---- counters ---- */

static bool counters_step(struct mnat_control_client *client, void *user)
{
	const struct dump_state *state = user;
	int r = mnat_counters_dump(client, state->source->gateway->counters_fd, MNAT_ROLE_GATEWAY);

	if (r)
		mnat_control_fail(client, MNAT_E_FAILED, "the counters cannot be read: %s",
				  strerror(-r));
	else
		mnat_control_done(client, NULL);
	return false;
}

static int open_counters(struct dump_state *state)
{
	return 0;
}

static const struct table {
	const char *name;
	int (*open)(struct dump_state *state);
	bool (*step)(struct mnat_control_client *client, void *state);
} tables[] = {
	{"hosts", dump_open_hosts, dump_hosts_step},
	{"sessions", dump_open_sessions, dump_batch_step},
	{"bindings", open_bindings, dump_batch_step},
	{"blocks", dump_open_blocks, dump_blocks_step},
	{"anchors", dump_open_anchors, dump_anchors_step},
	{"counters", open_counters, counters_step},
};

void dump(struct mnat_control_client *client, const json_t *request,
	  const struct dump_source *source)
{
	const char *what = json_string_value(json_object_get(request, "what"));
	struct dump_state *state;

	if (what && !strcmp(what, "rules"))
		return dump_rules(client, source);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (!what || strcmp(tables[i].name, what))
			continue;
		state = calloc(1, sizeof(*state));
		if (state)
			state->source = source;
		if (!state || tables[i].open(state)) {
			free(state);
			return mnat_control_fail(client, MNAT_E_FAILED, "out of memory");
		}
		return mnat_control_stream(client, tables[i].step, free_state, state);
	}
	mnat_control_fail(client, MNAT_E_ARGUMENT,
			  "mnat-midcomd dumps what = hosts, sessions, bindings, blocks, anchors, "
			  "rules or counters");
}
