// SPDX-License-Identifier: GPL-2.0-only
#include "monitor.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "dump_state.h"

#define TICK_MS	    1000
#define BACKLOG_MAX (1 << 18) /* bytes that a reader may be behind */

struct monitor_watcher {
	struct mnat_control_client *client;
	__be32 host; /* 0: all */
	uint64_t lost;
	struct monitor_watcher *prev, *next;
};

/* Whose event it is: a watcher of one host wants to know. */
struct subject {
	__be32 virt, actual, from;
};

static json_int_t now_ms(void)
{
	uv_timeval64_t now;

	uv_gettimeofday(&now);
	return (json_int_t)now.tv_sec * 1000 + now.tv_usec / 1000;
}

/* ---- Telling ---- */

static json_t *event_of(const char *name)
{
	return json_pack("{s:s, s:I}", "event", name, "at_ms", now_ms());
}

static json_t *lost_of(uint64_t n, const char *by)
{
	json_t *row = event_of("lost");

	json_object_set_new(row, "events", json_integer((json_int_t)n));
	json_object_set_new(row, "by", json_string(by));
	return row;
}

/* row is borrowed; a reader that does not read is told how much it has missed. */
static void tell_one(struct monitor_watcher *w, json_t *row)
{
	if (mnat_control_backlog(w->client) > BACKLOG_MAX) {
		w->lost++;
		return;
	}
	if (w->lost)
		mnat_control_row(w->client, lost_of(w->lost, "reader"));
	w->lost = 0;
	mnat_control_row(w->client, json_incref(row));
}

static bool wants(const struct monitor_watcher *w, const struct subject *subject)
{
	if (!w->host)
		return true;
	return subject && (w->host == subject->virt || w->host == subject->actual ||
			   w->host == subject->from);
}

/* Steals row. Everybody, whatever they watch. */
static void tell_all(struct monitor *m, json_t *row)
{
	struct monitor_watcher *w;

	DL_FOREACH(m->watchers, w)
		tell_one(w, row);
	json_decref(row);
}

/* Steals fields. subject NULL: the event is the gateway's. */
static void tell(struct monitor *m, const char *event, const struct subject *subject,
		 json_t *fields)
{
	struct monitor_watcher *w;
	json_t *row = event_of(event);

	json_object_update(row, fields);
	json_decref(fields);
	DL_FOREACH(m->watchers, w)
		if (wants(w, subject))
			tell_one(w, row);
	json_decref(row);
}

/* ---- Hosts and their blocks ---- */

static json_t *elsewhere_of(uint64_t word)
{
	return dump_ip(mnat_location_is_away(word) ? mnat_location_endpoint(word) : 0);
}

void monitor_host(struct monitor *m, uint32_t id, const struct mnat_host_info *info, uint64_t was)
{
	uint64_t word = m->source->gateway->hosts[id];
	const struct subject who = {info->identity, hosts_actual_of(word), hosts_actual_of(was)};
	json_t *virt;

	if (!m->n || (mnat_location_endpoint(word) == mnat_location_endpoint(was) &&
		      mnat_location_path(word) == mnat_location_path(was)))
		return;
	virt = dump_ip(info->identity);
	if (!word)
		tell(m, "left", &who, json_pack("{s:o, s:o}", "virtual", virt, "from",
						dump_ip(who.from)));
	else if (!was)
		tell(m, "arrived", &who,
		     json_pack("{s:o, s:o, s:o}", "virtual", virt, "actual", dump_ip(who.actual),
			       "elsewhere", elsewhere_of(word)));
	else
		tell(m, "moved", &who,
		     json_pack("{s:o, s:o, s:o, s:o}", "virtual", virt, "actual",
			       dump_ip(who.actual), "elsewhere", elsewhere_of(word), "from",
			       dump_ip(who.from)));
}

/* Who and where a host is now. */
static struct subject subject_of(const struct monitor *m, uint32_t id)
{
	__be32 identity = dump_identity(m->source, id);

	if (hosts_is_plain(m->source->hosts, id))
		return (struct subject){.actual = identity};
	return (struct subject){.virt = identity,
				.actual = hosts_actual_of(m->source->gateway->hosts[id])};
}

void monitor_block(struct monitor *m, const struct mnat_event *event)
{
	const struct mnat_gateway *g = m->source->gateway;
	struct mnat_ports range;
	struct subject who;

	if (!m->n || event->block >= g->n_blocks || event->host >= g->n_hosts)
		return;
	who = subject_of(m, event->host);
	mnat_block_endpoints(&g->config, event->block, &range);
	tell(m, event->kind == MNAT_EVENT_BLOCK_TAKEN ? "block-taken" : "block-freed", &who,
	     json_pack("{s:o, s:o, s:o, s:i, s:i}", "virtual", dump_ip(who.virt), "actual",
		       dump_ip(who.actual), "address", dump_ip(htonl(range.addr)), "first",
		       range.first, "last", (int)(range.first + range.n - 1)));
}

/* ---- Once a second ---- */

static int sample(const struct monitor *m, struct monitor_sample *ret_sample)
{
	const struct mnat_gateway *g = m->source->gateway;
	uint32_t zero = 0;
	int r = mnat_counters_read(g->counters_fd, ret_sample->counters);

	pressure_read(g, ret_sample->pressure);
	if (!r)
		r = bpf_map_lookup_elem(g->events_lost_fd, &zero, &ret_sample->lost);
	return r;
}

static uint64_t growth(const struct monitor *m, enum mnat_counter_id id)
{
	return m->sample.counters[id].packets - m->told.counters[id].packets;
}

static void tell_sessions(struct monitor *m)
{
	uint64_t begun = growth(m, MNAT_C_SESSION_NEW), ended = growth(m, MNAT_C_SESSION_SWEPT);

	if (begun || ended)
		tell(m, "sessions", NULL,
		     json_pack("{s:I, s:I, s:I}", "new", (json_int_t)begun, "ended",
			       (json_int_t)ended, "open",
			       (json_int_t)m->sample.pressure[PRESSURE_SESSIONS].used));
}

static void tell_refusals(struct monitor *m)
{
	for (enum mnat_counter_id id = 0; id < MNAT_N_COUNTERS; id++)
		if (mnat_counter_class(id) == MNAT_CLASS_DROP && growth(m, id))
			tell(m, "refused", NULL,
			     json_pack("{s:s, s:I, s:s}", "reason", mnat_counter_name(id),
				       "packets", (json_int_t)growth(m, id), "text",
				       mnat_counter_text(id)));
}

static json_t *pressure_row(const struct pressure *p)
{
	return json_pack("{s:s, s:I, s:I}", "table", p->table, "used", (json_int_t)p->used, "max",
			 (json_int_t)p->max);
}

static void tell_pressure(struct monitor *m)
{
	for (int i = 0; i < PRESSURE_N; i++) {
		bool high = pressure_is_high(&m->sample.pressure[i]);

		if (high != pressure_is_high(&m->told.pressure[i]))
			tell(m, high ? "pressure" : "relieved", NULL,
			     pressure_row(&m->sample.pressure[i]));
	}
}

static void remove_watcher(struct monitor *m, struct monitor_watcher *w)
{
	DL_DELETE(m->watchers, w);
	m->n--;
	mnat_control_client_unref(w->client);
	free(w);
}

/* Those who have gone, or wait for nothing more. */
static void remove_gone(struct monitor *m)
{
	struct monitor_watcher *w, *next;

	DL_FOREACH_SAFE(m->watchers, w, next) {
		if (mnat_control_is_waiting(w->client))
			continue;
		mnat_control_done(w->client, NULL);
		remove_watcher(m, w);
	}
	if (!m->n && m->open)
		uv_timer_stop(&m->timer);
}

static void work(uv_work_t *request)
{
	struct monitor *m = request->data;

	m->error = sample(m, &m->sample);
}

static void after_work(uv_work_t *request, int status)
{
	struct monitor *m = request->data;

	m->working = false;
	if (m->error || !m->open)
		return;
	tell_sessions(m);
	tell_refusals(m);
	tell_pressure(m);
	if (m->sample.lost != m->told.lost)
		tell_all(m, lost_of(m->sample.lost - m->told.lost, "ring"));
	m->told = m->sample;
}

static void on_tick(uv_timer_t *timer)
{
	struct monitor *m = timer->data;

	tell_all(m, event_of("tick"));
	remove_gone(m);
	if (!m->n || m->working)
		return;
	m->working = true;
	uv_queue_work(m->loop, &m->work, work, after_work);
}

/* ---- The command ---- */

static bool parse(const json_t *request, __be32 *ret_host)
{
	const json_t *value = json_object_get(request, "host");
	struct in_addr host = {0};

	if (value && (!json_is_string(value) || mnat_parse_ip(json_string_value(value), &host)))
		return false;
	*ret_host = host.s_addr;
	return true;
}

/* The state now, and what is amiss in it. */
static void tell_beginning(struct monitor *m, struct monitor_watcher *w)
{
	struct pressure now[PRESSURE_N];
	json_t *row = event_of("began");

	pressure_read(m->source->gateway, now);
	json_object_set_new(row, "hosts", json_integer(m->source->hosts->n_bound));
	for (int i = 0; i < PRESSURE_N; i++)
		json_object_set_new(row, now[i].table, json_integer((json_int_t)now[i].used));
	tell_one(w, row);
	json_decref(row);
	for (int i = 0; i < PRESSURE_N && !w->host; i++)
		if (pressure_is_high(&now[i])) {
			row = event_of("pressure");
			json_object_update_new(row, pressure_row(&now[i]));
			tell_one(w, row);
			json_decref(row);
		}
}

static int begin(struct monitor *m)
{
	int r = m->n || m->working ? 0 : sample(m, &m->told);

	if (!r && !m->n)
		uv_timer_start(&m->timer, on_tick, TICK_MS, TICK_MS);
	return r;
}

void monitor(struct monitor *m, struct mnat_control_client *client, const json_t *request)
{
	struct monitor_watcher *w;
	__be32 host;

	if (!parse(request, &host))
		return mnat_control_fail(client, MNAT_E_ARGUMENT,
					 "monitor takes \"host\", an IPv4 address, or nothing");
	remove_gone(m);
	if (m->n >= MONITOR_MAX)
		return mnat_control_fail(client, MNAT_E_FAILED,
					 "%d watch already, which is as many as may: end one",
					 MONITOR_MAX);
	w = calloc(1, sizeof(*w));
	if (!w || begin(m)) {
		free(w);
		return mnat_control_fail(client, MNAT_E_FAILED, "the counters cannot be read");
	}
	w->client = mnat_control_client_ref(client);
	w->host = host;
	DL_APPEND(m->watchers, w);
	m->n++;
	tell_beginning(m, w);
}

void monitor_open(struct monitor *m)
{
	uv_timer_init(m->loop, &m->timer);
	m->timer.data = m;
	m->work.data = m;
	m->open = true;
}

void monitor_close(struct monitor *m)
{
	struct monitor_watcher *w, *next;

	if (!m->open)
		return;
	m->open = false;
	DL_FOREACH_SAFE(m->watchers, w, next) {
		mnat_control_fail(w->client, MNAT_E_FAILED, "the daemon was told to end");
		remove_watcher(m, w);
	}
	uv_close((uv_handle_t *)&m->timer, NULL);
}
