// SPDX-License-Identifier: GPL-2.0-only
#include "whohad.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dump_state.h"
#include "mnat/addr.h"

struct whohad {
	struct port_query query; /* first */
	struct mnat_control_client *client;
};

static json_t *time_or_null(int64_t at)
{
	return at ? json_integer(at) : json_null();
}

static void row(struct mnat_control_client *client, const struct port_holder *holder,
		const char *by)
{
	mnat_control_row(client,
			 json_pack("{s:s, s:o, s:o, s:i, s:i, s:o, s:o, s:s}", "protocol",
				   holder->proto < 0 ? "any" : dump_protos[holder->proto],
				   "virtual", dump_ip(htonl(holder->virt)), "actual",
				   dump_ip(htonl(holder->actual)), "first", (int)holder->first,
				   "last", (int)holder->last, "since",
				   time_or_null(holder->since), "until",
				   time_or_null(holder->until), "by", by));
}

static void on_answer(struct port_query *query, int error)
{
	struct whohad *whohad = (struct whohad *)query;

	for (size_t i = 0; !error && i < query->n; i++)
		row(whohad->client, &query->holders[i],
		    query->holders[i].proto < 0 ? "log" : "rule");
	if (error)
		mnat_control_fail(whohad->client, MNAT_E_FAILED, "the log cannot be read: %s",
				  strerror(-error));
	else
		mnat_control_done(whohad->client, NULL);
	mnat_control_client_unref(whohad->client);
	free(whohad);
}

static void ask_log(struct mnat_control_client *client, struct port_log *log, uint32_t addr,
		    uint16_t port, int64_t at)
{
	struct whohad *whohad;

	if (!log->days)
		return mnat_control_fail(client, MNAT_E_FAILED,
					 "nothing is logged: log { days = 0 } in gateway.conf");
	whohad = calloc(1, sizeof(*whohad));
	if (!whohad)
		return mnat_control_fail(client, MNAT_E_FAILED, "out of memory");
	whohad->query = (struct port_query){
		.addr = addr, .port = port, .at = at, .done = on_answer};
	whohad->client = mnat_control_client_ref(client);
	port_log_ask(log, &whohad->query);
}

/* The host whose block it is by formula, the inverse of mnat_block_home(); 0: nobody's. */
static uint32_t host_by_formula(const struct mnat_gateway_config *config, uint32_t block)
{
	const volatile struct mnat_external *e = mnat_block_range(config, block);
	uint32_t nth = block - e->block_base, hosts = e->n_blocks / config->fixed;
	uint32_t place = nth % e->n_blocks / config->fixed, before = 0;

	for (const struct mnat_external *o = config->external; o != e; o++)
		before += (o->last - o->first + 1) * (o->n_blocks / config->fixed);
	return place < hosts ? before + nth / e->n_blocks * hosts + place + 1 : 0;
}

/* True if that was an answer: the host is its address, and has had it always. */
static bool answer_by_formula(struct mnat_control_client *client, const struct port_log *log,
			      uint32_t block)
{
	const struct mnat_gateway_config *config = &log->gateway->config;
	struct port_holder holder = {.proto = PORT_DB_ANY_PROTO};
	struct mnat_ports range;
	uint32_t host;

	if (!config->fixed)
		return false;
	host = host_by_formula(config, block);
	if (host > config->n_actuals)
		return false;
	if (host) {
		mnat_block_endpoints(config, block, &range);
		holder.first = range.first;
		holder.last = (uint16_t)(range.first + range.n - 1);
		holder.actual = mnat_actual_address(config, host - 1);
		row(client, &holder, "formula");
	}
	mnat_control_done(client, NULL);
	return true;
}

void whohad(struct mnat_control_client *client, const json_t *request, struct port_log *log)
{
	const char *text = json_string_value(json_object_get(request, "address"));
	const json_t *port = json_object_get(request, "port");
	const json_t *at = json_object_get(request, "time");
	struct in_addr addr;
	int64_t index;

	if (!text || mnat_parse_ip(text, &addr) || !json_is_integer(port) ||
	    json_integer_value(port) < 1 || json_integer_value(port) > 65535 ||
	    (at && !json_is_integer(at)))
		return mnat_control_fail(client, MNAT_E_ARGUMENT,
					 "whohad needs \"address\", \"port\" and, if it is not now, "
					 "\"time\" in seconds since 1970");
	index = mnat_binding_index(&log->gateway->config, MNAT_TCP, ntohl(addr.s_addr),
				   (uint16_t)json_integer_value(port));
	if (index < 0)
		return mnat_control_fail(client, MNAT_E_NOT_FOUND,
					 "%s:%d is not in this gateway's external pool", text,
					 (int)json_integer_value(port));
	if (!answer_by_formula(client, log,
			       mnat_binding_block(&log->gateway->config, (uint32_t)index)))
		ask_log(client, log, ntohl(addr.s_addr), (uint16_t)json_integer_value(port),
			at ? json_integer_value(at) : time(NULL));
}
