// SPDX-License-Identifier: GPL-2.0-only
/* mnat-midcomd: the Midcom agent of a gateway. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "agent.h"
#include "dump.h"
#include "forwards.h"
#include "mnat/addr.h"
#include "mnat/clock.h"
#include "mnat/control.h"
#include "mnat/daemon.h"
#include "mnat/log.h"
#include "mnat/role_conf.h"
#include "mnat/xdp.h"
#include "monitor.h"
#include "port_log.h"
#include "pressure.h"
#include "routes.h"
#include "rules.h"
#include "store.h"
#include "sweep.h"
#include "syns.h"
#include "top.h"
#include "whohad.h"

struct midcomd {
	uv_loop_t loop;
	const char *conf_path;
	struct mnat_gateway_conf conf;
	struct mnat_gateway gateway;
	struct hosts hosts;
	struct anchors anchors;
	struct rules rules;
	char rules_path[MNAT_PATH_MAX + 32];
	struct agent agent;
	struct sweep sweep;
	struct routes routes;
	struct syns syns;
	struct port_log log;
	struct monitor monitor;
	struct dump_source source;
	struct mnat_control *control;
	uint64_t started;
};

/* The clock of times in maps. */
static uint32_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint32_t)ts.tv_sec;
}

/* ---- commands ---- */

static json_t *problems(const struct midcomd *m)
{
	json_t *list = json_array();

	if (!m->agent.n_sessions)
		json_array_append_new(list,
				      json_string("no mobility manager is connected: moves do not "
						  "reach this gateway; is mnat-mmd running?"));
	if (!m->hosts.n_free)
		json_array_append_new(list,
				      json_sprintf("all %u host ids are taken: new mobile nodes "
						   "are refused; raise limits { hosts }",
						   m->hosts.n_slots));
	if (mnat_gateway_check(m->conf.pin, &m->gateway))
		json_array_append_new(list,
				      json_sprintf("the data path of %s was unloaded or loaded "
						   "anew: restart mnat-midcomd",
						   m->conf.pin));
	else if (m->sweep.last_error)
		json_array_append_new(list, json_sprintf("expired sessions are not removed: %s",
							 strerror(-m->sweep.last_error)));
	if (m->log.error)
		json_array_append_new(list,
				      json_sprintf("who has which ports is not being logged in %s: "
						   "%s",
						   m->log.path, strerror(-m->log.error)));
	pressure_warn(&m->gateway, list);
	return list;
}

static json_t *sweep_fields(const struct sweep *sweep)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "runs", (json_int_t)sweep->runs, "live",
			 (json_int_t)sweep->live, "deleted", (json_int_t)sweep->deleted, "freed",
			 (json_int_t)sweep->freed, "last_us", (json_int_t)sweep->last_us,
			 "worst_us", (json_int_t)sweep->worst_us, "longest_run_us",
			 (json_int_t)sweep->longest_run_ns / 1000);
}

/* interface -> how the gateway works there */
static json_t *mode_fields(const struct mnat_gateway_conf *conf)
{
	json_t *modes = json_object();

	for (int i = 0; i < conf->n_inside_if; i++)
		json_object_set_new(modes, conf->inside_if[i],
				    json_string(mnat_xdp_mode(conf->pin, conf->inside_if[i])));
	for (int i = 0; i < conf->n_outside_if; i++)
		json_object_set_new(modes, conf->outside_if[i],
				    json_string(mnat_xdp_mode(conf->pin, conf->outside_if[i])));
	return modes;
}

static json_t *syns_fields(const struct syns *syns)
{
	return json_pack("{s:I, s:I, s:I}", "waiting", (json_int_t)syns->n, "answered",
			 (json_int_t)syns->answered, "dropped", (json_int_t)syns->dropped);
}

static json_t *log_fields(const struct port_log *log)
{
	return json_pack("{s:I, s:I}", "written", (json_int_t)log->written, "lost_events",
			 (json_int_t)log->lost);
}

static void on_status(struct mnat_control_client *client, const json_t *request, void *user)
{
	const struct midcomd *m = user;
	json_int_t uptime_s = (json_int_t)((mnat_clock_now() - m->started) / MNAT_NS_PER_SEC);
	json_t *list = problems(m), *tables = pressure_fields(&m->gateway);
	json_t *fields = json_pack(
		"{s:s, s:I, s:b, s:o, s:I, s:i, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "daemon",
		"mnat-midcomd", "uptime_s", uptime_s, "healthy", json_array_size(list) == 0,
		"problems", list, "epoch", (json_int_t)m->hosts.epoch, "managers",
		(int)m->agent.n_sessions, "hosts", (json_int_t)m->hosts.n_bound, "left",
		(json_int_t)m->hosts.n_left, "free", (json_int_t)m->hosts.n_free, "rebinds",
		(json_int_t)m->agent.rebinds, "refused", (json_int_t)m->agent.refused, "sweep",
		sweep_fields(&m->sweep), "modes", mode_fields(&m->conf), "log",
		log_fields(&m->log), "syns", syns_fields(&m->syns));

	json_object_update(fields, tables);
	json_decref(tables);
	mnat_control_done(client, fields);
}

static void on_dump(struct mnat_control_client *client, const json_t *request, void *user)
{
	struct midcomd *m = user;

	dump(client, request, &m->source);
}

static void on_whohad(struct mnat_control_client *client, const json_t *request, void *user)
{
	struct midcomd *m = user;

	whohad(client, request, &m->log);
}

static void on_top(struct mnat_control_client *client, const json_t *request, void *user)
{
	struct midcomd *m = user;

	top(&m->loop, client, request, &m->source);
}

static void on_monitor(struct mnat_control_client *client, const json_t *request, void *user)
{
	struct midcomd *m = user;

	monitor(&m->monitor, client, request);
}

struct sweep_request {
	struct sweep_waiter waiter; /* first */
	struct mnat_control_client *client;
};

static void on_swept(struct sweep_waiter *waiter, const struct mnat_sweep *result, int error)
{
	struct sweep_request *request = (struct sweep_request *)waiter;

	if (error)
		mnat_control_fail(request->client, MNAT_E_FAILED, "the sweep failed: %s",
				  strerror(-error));
	else
		mnat_control_done(request->client,
				  json_pack("{s:I, s:I, s:I, s:I}", "live",
					    (json_int_t)result->live, "marked",
					    (json_int_t)result->marked, "deleted",
					    (json_int_t)result->deleted, "freed",
					    (json_int_t)result->freed));
	mnat_control_client_unref(request->client);
	free(request);
}

static void on_sweep(struct mnat_control_client *client, const json_t *json, void *user)
{
	struct midcomd *m = user;
	struct sweep_request *request = calloc(1, sizeof(*request));

	if (!request)
		return mnat_control_fail(client, MNAT_E_FAILED, "out of memory");
	request->waiter.done = on_swept;
	request->client = mnat_control_client_ref(client);
	sweep_now(&m->sweep, &request->waiter);
}

static bool get_ip(const json_t *request, const char *name, struct in_addr *ret_addr)
{
	const char *text = json_string_value(json_object_get(request, name));

	return text && !mnat_parse_ip(text, ret_addr);
}

static void on_replace(struct mnat_control_client *client, const json_t *request, void *user)
{
	struct midcomd *m = user;
	struct in_addr from, to;
	int r;

	if (!get_ip(request, "old", &from) || !get_ip(request, "new", &to))
		return mnat_control_fail(client, MNAT_E_ARGUMENT,
					 "replace needs \"old\" and \"new\", an IPv4 address each");
	r = hosts_replace(&m->hosts, from.s_addr, to.s_addr, monotonic());
	if (r == 0)
		mnat_control_done(client, NULL);
	else if (r == -ENOENT)
		mnat_control_fail(client, MNAT_E_NOT_FOUND, "no host is at the old address");
	else if (r == -ERANGE)
		mnat_control_fail(client, MNAT_E_ARGUMENT,
				  "an address is outside the gateway's inside prefixes");
	else if (r == -EEXIST)
		mnat_control_fail(client, MNAT_E_FAILED, "the new address is another host's");
	else if (r == -EOPNOTSUPP)
		mnat_control_fail(client, MNAT_E_FAILED,
				  "the host there is a plain one: its address is all it is");
	else
		mnat_control_fail(client, MNAT_E_FAILED, "the map cannot be written: %s",
				  strerror(-r));
}

static const struct mnat_control_command commands[] = {
	{"status", true, on_status},
	{"dump", true, on_dump},
	{"top", true, on_top},
	{"monitor", true, on_monitor},
	{"whohad", false, on_whohad},
	{"sweep", false, on_sweep},
	{"replace", false, on_replace},
	{0},
};

/* ---- life ---- */

static void reload(void *user)
{
	struct midcomd *m = user;
	struct mnat_gateway_conf conf;

	if (mnat_gateway_conf_load(m->conf_path, &conf)) {
		log_err("the configuration stays as it was");
		return;
	}
	if (m->agent.tls)
		mnat_tls_reload(m->agent.tls);
	m->hosts.grace = conf.grace;
	sweep_set_interval(&m->sweep, conf.sweep_interval);
	log_info("grace %u s, sweep interval %u s, %u forwards and certificates are in force; the "
		 "rest is mnat-load's or waits for a restart",
		 conf.grace, conf.sweep_interval,
		 forwards_apply(&m->rules, conf.forwards, conf.n_forwards));
}

static void stop(void *user)
{
	struct midcomd *m = user;

	agent_close(&m->agent);
	monitor_close(&m->monitor);
	mnat_control_close(m->control);
	sweep_close(&m->sweep);
	routes_close(&m->routes);
	syns_close(&m->syns);
	anchors_close(&m->anchors);
	port_log_close(&m->log);
	rules_close(&m->rules);
}

static void on_host_released(uint32_t id, void *user)
{
	const struct midcomd *m = user;

	ports_forget_host(&m->gateway, id);
}

static void on_host_moved(uint32_t id, const struct mnat_host_info *info, uint64_t was, void *user)
{
	struct midcomd *m = user;

	if (m->gateway.hosts[id])
		port_log_moved(&m->log, id, info);
	monitor_host(&m->monitor, id, info, was);
}

static void on_block_event(const struct mnat_event *event, void *user)
{
	struct midcomd *m = user;

	monitor_block(&m->monitor, event);
}

static void on_swept_all(void *user)
{
	struct midcomd *m = user;

	port_log_tick(&m->log);
}

static int open_hosts(struct midcomd *m)
{
	const struct hosts_maps maps = {
		.hosts = m->gateway.hosts,
		.actuals = m->gateway.actuals,
		.n_hosts = m->gateway.n_hosts,
		.config = &m->gateway.config,
		.ops = &bpf_store,
		.store = &m->gateway,
	};
	int r = hosts_open(&m->hosts, &maps, m->conf.grace, monotonic());

	if (r)
		log_err("the host tables of %s cannot be read: %s", m->conf.pin, strerror(-r));
	m->hosts.released = on_host_released;
	m->hosts.moved = on_host_moved;
	m->hosts.user = m;
	return r;
}

static int serve(struct midcomd *m)
{
	int r = agent_listen(&m->agent, m->conf.run_dir);

	if (!r)
		r = agent_listen_remote(&m->agent, &m->conf.midcom);
	if (!r)
		r = syns_open(&m->syns, &m->loop);
	if (r) {
		agent_close(&m->agent);
		return r;
	}
	r = routes_start(&m->routes, &m->loop, m->gateway.route_state);
	if (r)
		log_warn("changes of routes take a second to be in force: %s", strerror(-r));
	sweep_start(&m->sweep, &m->loop, m->conf.sweep_interval);
	log_info("serving %u inside addresses, %u hosts known", m->gateway.n_actuals,
		 m->hosts.n_bound);
	mnat_daemon_run(&m->loop, reload, stop, m);
	return 0;
}

static int serve_rules(struct midcomd *m)
{
	int r;

	snprintf(m->rules_path, sizeof(m->rules_path), "%s/midcom-rules.json", m->conf.run_dir);
	r = rules_open(&m->rules, &m->loop);
	if (!r)
		r = port_log_open(&m->log);
	if (!r) {
		forwards_apply(&m->rules, m->conf.forwards, m->conf.n_forwards);
		r = serve(m);
	}
	if (r) {
		port_log_close(&m->log);
		rules_close(&m->rules);
	}
	return r;
}

static int serve_hosts(struct midcomd *m)
{
	int r = open_hosts(m);

	if (r)
		return r;
	r = anchors_open(&m->anchors, &m->loop, &m->gateway, &m->hosts);
	if (r)
		log_err("the anchors of %s cannot be read: %s", m->conf.pin, strerror(-r));
	else
		r = serve_rules(m);
	if (r)
		anchors_close(&m->anchors);
	hosts_close(&m->hosts);
	return r;
}

static int serve_gateway(struct midcomd *m)
{
	int r = mnat_gateway_open(m->conf.pin, &m->gateway);

	if (r)
		return r;
	r = serve_hosts(m);
	mnat_gateway_close(&m->gateway);
	return r;
}

/* The control socket comes first: it tells whether another agent holds the maps. */
static int run(struct midcomd *m)
{
	int r;

	uv_loop_init(&m->loop);
	m->agent = (struct agent){.loop = &m->loop,
				  .hosts = &m->hosts,
				  .anchors = &m->anchors,
				  .rules = &m->rules,
				  .now = monotonic};
	m->rules = (struct rules){.gateway = &m->gateway,
				  .hosts = &m->hosts,
				  .now = monotonic,
				  .path = m->rules_path,
				  .ended = agent_tell_rule_ended,
				  .user = &m->agent};
	m->syns = (struct syns){.gateway = &m->gateway, .now = monotonic};
	m->source = (struct dump_source){&m->gateway, &m->hosts, &m->anchors, &m->rules, monotonic};
	m->sweep = (struct sweep){.pin = m->conf.pin,
				  .gateway = &m->gateway,
				  .hosts = &m->hosts,
				  .anchors = &m->anchors,
				  .now = monotonic,
				  .tell_end = agent_tell_end,
				  .user = &m->agent,
				  .swept = on_swept_all,
				  .swept_user = m};
	m->log = (struct port_log){.loop = &m->loop,
				   .gateway = &m->gateway,
				   .hosts = &m->hosts,
				   .rules = &m->rules,
				   .now = monotonic,
				   .path = m->conf.log_file,
				   .days = m->conf.log_days,
				   .heard = on_block_event,
				   .user = m};
	m->monitor = (struct monitor){.loop = &m->loop, .source = &m->source};
	monitor_open(&m->monitor);
	m->started = mnat_clock_now();
	r = mnat_control_listen(&m->loop, m->conf.run_dir, "midcomd", "mnat-midcomd", commands, m,
				&m->control);
	if (r)
		return r;
	r = serve_gateway(m);
	if (r) {
		mnat_control_close(m->control);
		uv_run(&m->loop, UV_RUN_DEFAULT);
	}
	return r;
}

int main(int argc, char **argv)
{
	static const struct mnat_daemon_info info = {
		.name = "mnat-midcomd",
		.summary = "Midcom agent of a MobileNAT gateway: keeps its tables of hosts and "
			   "sessions.",
		.conf = "/etc/mobilenat/gateway.conf",
	};
	static struct midcomd midcomd;
	struct mnat_daemon_args args;
	int status;

	if (!mnat_daemon_args(argc, argv, &info, &args, &status))
		return status;
	midcomd.conf_path = args.conf;
	if (mnat_gateway_conf_load(args.conf, &midcomd.conf))
		return 1;
	if (args.check)
		return 0;
	return run(&midcomd) ? 1 : 0;
}
