// SPDX-License-Identifier: GPL-2.0-only
/* What there is to log: blocks, by events and by the map; rules' ports; moves. */
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "port_log.h"

static int64_t wall(const struct port_log *log, uint32_t seconds)
{
	return time(NULL) - (int64_t)(int32_t)(log->now() - seconds);
}

/* Who a host is, as far as is known now. */
static void identify(const struct port_log *log, uint32_t host, struct port_record *record)
{
	const struct mnat_gateway_config *config = &log->gateway->config;
	struct mnat_host_info info;

	record->host = host;
	if (hosts_is_plain(log->hosts, host)) {
		record->actual = mnat_actual_address(config, host - 1);
	} else if (!log->hosts->maps.ops->get_info(log->hosts->maps.store, host, &info)) {
		record->virt = ntohl(info.identity);
		record->actual = ntohl(info.actual);
	}
}

/* ---- Blocks ---- */

static bool is_logged(const struct port_log *log, uint32_t host)
{
	const struct mnat_gateway_config *config = &log->gateway->config;

	/* whose address tells which ports it has needs no log */
	return log->days && host && host != MNAT_BLOCK_RULES && host < log->gateway->n_hosts &&
	       !(config->fixed && host <= config->n_actuals);
}

static void push_block(struct port_log *log, enum port_record_kind kind, uint32_t block,
		       uint32_t host, uint32_t seconds)
{
	struct port_record record = {.kind = kind, .proto = PORT_DB_ANY_PROTO,
				     .at = wall(log, seconds)};
	struct mnat_ports range;

	mnat_block_endpoints(&log->gateway->config, block, &range);
	record.addr = range.addr;
	record.first = range.first;
	record.last = (uint16_t)(range.first + range.n - 1);
	if (kind == PORT_TAKEN)
		identify(log, host, &record);
	else
		record.host = host;
	port_log_push(log, &record);
}

static void note_freed(struct port_log *log, uint32_t block, uint32_t host, uint32_t seconds)
{
	struct port_seen *seen = &log->seen[block];

	if (seen->host != host || seen->since > seconds)
		return;
	seen->host = 0;
	push_block(log, PORT_FREED, block, host, seconds);
}

static void note_taken(struct port_log *log, uint32_t block, uint32_t host, uint32_t since)
{
	struct port_seen *seen = &log->seen[block];

	if ((seen->host == host && seen->since == since) || !is_logged(log, host))
		return;
	if (seen->host)
		note_freed(log, block, seen->host, since);
	*seen = (struct port_seen){host, since};
	push_block(log, PORT_TAKEN, block, host, since);
}

int port_log_on_event(void *user, void *data, size_t size)
{
	struct port_log *log = user;
	struct mnat_event event;

	if (size < sizeof(event))
		return 0;
	memcpy(&event, data, sizeof(event));
	log->lost = event.lost;
	if (log->heard)
		log->heard(&event, log->user);
	if (event.block >= log->gateway->n_blocks)
		return 0;
	if (event.kind == MNAT_EVENT_BLOCK_TAKEN)
		note_taken(log, event.block, event.host, event.seconds);
	else if (event.kind == MNAT_EVENT_BLOCK_FREED)
		note_freed(log, event.block, event.host, event.seconds);
	return 0;
}

/* The map's word of each block is the last one. */
static void look_at_blocks(struct port_log *log)
{
	for (uint32_t i = 0; i < log->gateway->n_blocks; i++) {
		const volatile struct mnat_block *block = &log->gateway->blocks[i];
		uint64_t word = block->word;
		uint32_t host = mnat_block_host(word);

		if (mnat_block_counts(word))
			note_taken(log, i, host, block->since);
		else if (log->seen[i].host)
			note_freed(log, i, log->seen[i].host, block->released);
		else if (log->afresh && is_logged(log, host))
			push_block(log, PORT_FREED, i, host, block->released);
	}
}

/* ---- Rules ---- */

static void push_port(struct port_log *log, enum port_record_kind kind, const struct port_held *held,
		      int64_t at)
{
	struct port_record record = {.kind = kind, .host = held->host, .at = at};
	uint32_t port;

	record.addr = mnat_binding_endpoint(&log->gateway->config, held->index, &port);
	record.first = record.last = (uint16_t)port;
	record.proto = (int)mnat_binding_proto(&log->gateway->config, held->index);
	if (kind == PORT_TAKEN)
		identify(log, held->host, &record);
	port_log_push(log, &record);
}

static bool is_held(const struct port_log *log, const struct port_held *held)
{
	uint64_t owner = __atomic_load_n(&log->gateway->bindings[held->index].owner,
					 __ATOMIC_SEQ_CST);

	return mnat_owner_host(owner) == held->host && mnat_owner_port(owner) == held->port;
}

static bool is_known(const struct port_log *log, const struct port_held *held)
{
	for (size_t i = 0; i < log->n_held; i++)
		if (!memcmp(&log->held[i], held, sizeof(*held)))
			return true;
	return false;
}

static void note_rule(struct port_log *log, const struct rule *rule)
{
	struct port_held held;

	memset(&held, 0, sizeof(held));
	held.index = rule->index;
	held.host = rule->port.host;
	held.port = rule->port.port;
	if (!held.host || is_known(log, &held))
		return;
	if (log->n_held == log->held_size) {
		size_t size = log->held_size ? 2 * log->held_size : 16;
		struct port_held *more = realloc(log->held, size * sizeof(*more));

		if (!more)
			return; /* at the next look */
		log->held = more;
		log->held_size = size;
	}
	log->held[log->n_held++] = held;
	push_port(log, PORT_TAKEN, &held,
		  wall(log, log->gateway->bindings[rule->index].created));
}

static void look_at_rules(struct port_log *log)
{
	const struct rule *rule;
	size_t kept = 0;

	for (size_t i = 0; i < log->n_held; i++) {
		if (is_held(log, &log->held[i]))
			log->held[kept++] = log->held[i];
		else
			push_port(log, PORT_FREED, &log->held[i], time(NULL));
	}
	log->n_held = kept;
	for (rule = log->rules->all; rule; rule = rule->hh.next)
		note_rule(log, rule);
}

/* ---- Moves ---- */

void port_log_moved(struct port_log *log, uint32_t id, const struct mnat_host_info *info)
{
	const struct port_record record = {.kind = PORT_MOVED,
					   .host = id,
					   .virt = ntohl(info->identity),
					   .actual = ntohl(info->actual),
					   .at = time(NULL)};

	if (log->days && info->identity && log->gateway->use[id].blocks)
		port_log_push(log, &record);
}

void port_log_look(struct port_log *log)
{
	const struct port_record settled = {.kind = PORT_SETTLED};

	ring_buffer__consume(log->ring);
	look_at_blocks(log);
	look_at_rules(log);
	if (log->afresh)
		port_log_push(log, &settled);
	log->afresh = false;
}
