// SPDX-License-Identifier: GPL-2.0-only
#include "top.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>

#include "dump_state.h"
#include "mnat/cleanup.h"
#include "mnat/clock.h"

#define MAX_CPUS 1024
#define MAX_ROWS 1000
#define SAMPLE_MS 1000

enum order { BY_RATE, BY_SESSIONS, BY_PORTS };

static const char *const orders[] = {"rate", "sessions", "ports"};

/* A host that is known, and what it did between two samples. */
struct candidate {
	uint32_t id;
	struct mnat_host_traffic traffic;
	uint64_t key;
};

struct top {
	uv_timer_t timer;
	uv_work_t work;
	struct mnat_control_client *client;
	const struct dump_source *source;
	enum order order;
	uint32_t rows;
	struct candidate *candidates;
	uint32_t n;
	uint64_t sampled_ns; /* then how long ago it was */
	bool second;
};

bool top_traffic(const struct mnat_gateway *gateway, uint32_t host,
		 struct mnat_host_traffic *ret_traffic)
{
	static __thread struct mnat_host_traffic values[MAX_CPUS];
	struct mnat_host_traffic sum = {0};
	int cpus = libbpf_num_possible_cpus();

	if (!gateway->config.accounting || cpus < 1 || cpus > MAX_CPUS ||
	    bpf_map_lookup_elem(gateway->traffic_fd, &host, values))
		return false;
	for (int i = 0; i < cpus; i++) {
		sum.packets_out += values[i].packets_out;
		sum.bytes_out += values[i].bytes_out;
		sum.packets_in += values[i].packets_in;
		sum.bytes_in += values[i].bytes_in;
	}
	*ret_traffic = sum;
	return true;
}

static uint64_t ports_of(const struct mnat_host_use *use)
{
	uint64_t n = 0;

	for (int i = 0; i < MNAT_N_PROTO; i++)
		n += use->ports[i];
	return n;
}

/* ---- In the thread ---- */

static void sample_first(struct top *top)
{
	const struct mnat_gateway *g = top->source->gateway;

	for (uint32_t id = 1; id < g->n_hosts; id++) {
		if (!g->hosts[id] && !g->use[id].sessions)
			continue;
		top->candidates[top->n] = (struct candidate){.id = id};
		top_traffic(g, id, &top->candidates[top->n++].traffic);
	}
}

/* What was a sum becomes what has been added to it. */
static void sample_second(struct top *top)
{
	const struct mnat_gateway *g = top->source->gateway;

	for (uint32_t i = 0; i < top->n; i++) {
		struct mnat_host_traffic *first = &top->candidates[i].traffic, now = {0};

		top_traffic(g, top->candidates[i].id, &now);
		*first = (struct mnat_host_traffic){
			now.packets_out - first->packets_out, now.bytes_out - first->bytes_out,
			now.packets_in - first->packets_in, now.bytes_in - first->bytes_in};
	}
}

static int compare(const void *a, const void *b)
{
	const struct candidate *left = a, *right = b;

	if (left->key != right->key)
		return left->key < right->key ? 1 : -1;
	return left->id < right->id ? -1 : left->id > right->id;
}

static void sort(struct top *top)
{
	const struct mnat_gateway *g = top->source->gateway;

	for (uint32_t i = 0; i < top->n; i++) {
		struct candidate *c = &top->candidates[i];
		const struct mnat_host_use *use = &g->use[c->id];

		c->key = top->order == BY_RATE	   ? c->traffic.bytes_out + c->traffic.bytes_in
			 : top->order == BY_SESSIONS ? use->sessions
						     : ports_of(use);
	}
	qsort(top->candidates, top->n, sizeof(*top->candidates), compare);
}

static void work(uv_work_t *request)
{
	struct top *top = request->data;

	if (!top->second) {
		sample_first(top);
	} else {
		sample_second(top);
		sort(top);
	}
	top->sampled_ns = mnat_clock_now() - top->sampled_ns;
}

/* ---- In the loop ---- */

static json_t *rate(const struct top *top, uint64_t n)
{
	return top->source->gateway->config.accounting
		       ? json_integer((json_int_t)((double)n * 1e9 / (double)top->sampled_ns))
		       : json_null();
}

static void put_row(const struct top *top, const struct candidate *c)
{
	const struct mnat_host_use *use = &top->source->gateway->use[c->id];
	uint64_t word = top->source->gateway->hosts[c->id];
	bool plain = hosts_is_plain(top->source->hosts, c->id);

	mnat_control_row(
		top->client,
		json_pack("{s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o}", "virtual",
			  plain ? json_null() : dump_ip(dump_identity(top->source, c->id)),
			  "actual", dump_ip(hosts_actual_of(word)), "sessions",
			  (json_int_t)use->sessions, "ports", (json_int_t)ports_of(use),
			  "bits_out_s", rate(top, 8 * c->traffic.bytes_out), "bits_in_s",
			  rate(top, 8 * c->traffic.bytes_in), "packets_out_s",
			  rate(top, c->traffic.packets_out), "packets_in_s",
			  rate(top, c->traffic.packets_in)));
}

static void on_closed(uv_handle_t *handle)
{
	struct top *top = handle->data;

	mnat_control_client_unref(top->client);
	free(top->candidates);
	free(top);
}

static void answer(struct top *top)
{
	for (uint32_t i = 0; i < top->n && i < top->rows && top->candidates[i].key; i++)
		put_row(top, &top->candidates[i]);
	mnat_control_done(top->client, NULL);
	uv_close((uv_handle_t *)&top->timer, on_closed);
}

static void after_work(uv_work_t *request, int status);

static void on_timer(uv_timer_t *timer)
{
	struct top *top = timer->data;

	top->second = true;
	uv_queue_work(timer->loop, &top->work, work, after_work);
}

static void after_work(uv_work_t *request, int status)
{
	struct top *top = request->data;
	bool rates = top->source->gateway->config.accounting;

	if (top->second) {
		answer(top);
		return;
	}
	top->sampled_ns = mnat_clock_now();
	uv_timer_start(&top->timer, on_timer, rates ? SAMPLE_MS : 0, 0);
}

static int parse(const json_t *request, struct top *top)
{
	const char *by = json_string_value(json_object_get(request, "by"));
	const json_t *rows = json_object_get(request, "rows");

	for (size_t i = 0; by && i < sizeof(orders) / sizeof(orders[0]); i++)
		if (!strcmp(by, orders[i])) {
			top->order = (enum order)i;
			by = NULL;
		}
	top->rows = rows ? (uint32_t)json_integer_value(rows) : 10;
	return by || !top->rows || top->rows > MAX_ROWS ? -1 : 0;
}

void top(uv_loop_t *loop, struct mnat_control_client *client, const json_t *request,
	 const struct dump_source *source)
{
	_cleanup_free_ struct top *top = calloc(1, sizeof(*top));
	struct top *kept;

	if (!top)
		return mnat_control_fail(client, MNAT_E_FAILED, "out of memory");
	if (parse(request, top))
		return mnat_control_fail(client, MNAT_E_ARGUMENT,
					 "top takes by = rate, sessions or ports, and rows from 1 "
					 "to %d",
					 MAX_ROWS);
	if (top->order == BY_RATE && !source->gateway->config.accounting)
		return mnat_control_fail(client, MNAT_E_FAILED,
					 "no rates: accounting = false in gateway.conf; ask by "
					 "sessions or ports");
	top->candidates = calloc(source->gateway->n_hosts, sizeof(*top->candidates));
	if (!top->candidates)
		return mnat_control_fail(client, MNAT_E_FAILED, "out of memory");
	kept = TAKE_PTR(top);
	kept->source = source;
	kept->client = mnat_control_client_ref(client);
	uv_timer_init(loop, &kept->timer);
	kept->timer.data = kept;
	kept->work.data = kept;
	uv_queue_work(loop, &kept->work, work, after_work);
}
