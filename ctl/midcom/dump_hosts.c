// SPDX-License-Identifier: GPL-2.0-only
/* dump hosts and blocks. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <stdio.h>

#include "dump_state.h"
#include "top.h"

#define SLOTS 65536 /* empty slots passed over in one piece */

/* ---- hosts ---- */

static json_t *count_or_null(bool counted, uint64_t n)
{
	return counted ? json_integer((json_int_t)n) : json_null();
}

/* What it uses, and has sent and got. */
static json_t *use_of(const struct dump_source *source, uint32_t id)
{
	const struct mnat_host_use *use = &source->gateway->use[id];
	struct mnat_host_traffic traffic = {0};
	bool counted = top_traffic(source->gateway, id, &traffic);
	json_int_t ports = 0;

	for (int i = 0; i < MNAT_N_PROTO; i++)
		ports += use->ports[i];
	return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "sessions",
			 (json_int_t)use->sessions, "ports", ports, "blocks",
			 (json_int_t)use->blocks, "packets_out",
			 count_or_null(counted, traffic.packets_out), "bytes_out",
			 count_or_null(counted, traffic.bytes_out), "packets_in",
			 count_or_null(counted, traffic.packets_in), "bytes_in",
			 count_or_null(counted, traffic.bytes_in));
}

static bool host_row(struct mnat_control_client *client, const struct dump_source *source,
		     uint32_t id)
{
	bool plain = hosts_is_plain(source->hosts, id);
	uint64_t word = source->gateway->hosts[id];
	struct mnat_host_info info;
	json_t *row, *use;

	if (plain && !word)
		return false;
	if (bpf_map_lookup_elem(source->gateway->host_info_fd, &id, &info) ||
	    (!word && !info.identity))
		return false;
	row = json_pack(
		"{s:I, s:o, s:o, s:o, s:I, s:s, s:o, s:b, s:b, s:I}", "id", (json_int_t)id,
		"virtual", dump_ip(info.identity), "shows",
		dump_ip(info.virt != info.identity ? info.virt : 0), "actual",
		dump_ip(hosts_actual_of(word)), "generation", (json_int_t)hosts_generation(&info),
		"path", dump_path(word), "endpoint",
		dump_ip(hosts_is_away(source->hosts, id) ? mnat_location_endpoint(word) : 0),
		"importing", (mnat_location_flags(word) & MNAT_HOST_IMPORTING) != 0, "plain", plain,
		"bound_at_us", (json_int_t)(info.bound_at_ns / 1000));
	use = use_of(source, id);
	json_object_update(row, use);
	json_decref(use);
	mnat_control_row(client, row);
	return true;
}

bool dump_hosts_step(struct mnat_control_client *client, void *user)
{
	struct dump_state *state = user;
	uint32_t end = state->source->gateway->n_hosts, rows = 0;

	for (uint32_t slots = 0; slots < SLOTS && rows < DUMP_BATCH; slots++) {
		if (state->next_id >= end) {
			mnat_control_done(client, NULL);
			return false;
		}
		rows += host_row(client, state->source, state->next_id++);
	}
	return true;
}

int dump_open_hosts(struct dump_state *state)
{
	state->next_id = 1;
	return 0;
}

/* ---- blocks ---- */

static bool block_row(struct mnat_control_client *client, const struct dump_source *source,
		      uint32_t index)
{
	const struct mnat_block *block = &source->gateway->blocks[index];
	uint64_t word = block->word;
	uint32_t host = mnat_block_host(word);
	bool used = mnat_block_counts(word);
	struct mnat_ports range;
	char text[DUMP_ENDPOINT_LEN + 8], ip[MNAT_IP_LEN];

	if (!host || (!used && dump_age(source, block->released) >=
					source->gateway->config.hold_down))
		return false;
	mnat_block_endpoints(&source->gateway->config, index, &range);
	snprintf(text, sizeof(text), "%s:%u-%u", mnat_ip((struct in_addr){htonl(range.addr)}, ip),
		 range.first, range.first + range.n - 1);
	mnat_control_row(
		client,
		json_pack("{s:s, s:s, s:o, s:i, s:i, s:i, s:I}", "external", text, "state",
			  !used ? "held" : host == MNAT_BLOCK_RULES ? "rules" : "used", "identity",
			  host == MNAT_BLOCK_RULES ? json_null()
						   : dump_ip(dump_identity(source, host)),
			  "tcp", (int)mnat_block_count(word, MNAT_TCP), "udp",
			  (int)mnat_block_count(word, MNAT_UDP), "icmp",
			  (int)mnat_block_count(word, MNAT_ICMP), "age_s",
			  (json_int_t)dump_age(source, used ? block->since : block->released)));
	return true;
}

bool dump_blocks_step(struct mnat_control_client *client, void *user)
{
	struct dump_state *state = user;
	uint32_t rows = 0;

	for (uint32_t slots = 0; slots < SLOTS && rows < DUMP_BATCH; slots++) {
		if (state->next_id >= state->source->gateway->n_blocks) {
			mnat_control_done(client, NULL);
			return false;
		}
		rows += block_row(client, state->source, state->next_id++);
	}
	return true;
}

int dump_open_blocks(struct dump_state *state)
{
	return 0;
}
