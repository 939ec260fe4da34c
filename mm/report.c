// SPDX-License-Identifier: GPL-2.0-only
#include "report.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "leasequery.h"
#include "manager.h"
#include "mnat/addr.h"
#include "mnat/clock.h"

#define ROWS 32 /* a piece */

static json_t *ip_or_null(struct in_addr addr)
{
	char text[MNAT_IP_LEN];

	return addr.s_addr ? json_string(mnat_ip(addr, text)) : json_null();
}

/* ---- status ---- */

static void add_gateway_problem(json_t *list, const struct manager *m, const struct gateway *g)
{
	const char *at = g->path ? g->path : g->address;

	if (!g->established)
		json_array_append_new(
			list, json_sprintf("gateway \"%s\" (%s) is not connected: %u hosts wait "
					   "for it; is mnat-midcomd running there?",
					   g->name, at, manager_count_pending(m, g->bit)));
	else if (!gateway_is_prompt(g, mnat_clock_now()))
		json_array_append_new(list, json_sprintf("gateway \"%s\" (%s) is connected but "
							 "does not answer",
							 g->name, at));
}

/* One sentence for all refusals, with one of them as example. */
static void add_refusals(json_t *list, const struct manager *m)
{
	const struct host *host, *next, *example = NULL;
	unsigned int n = 0;
	char ip[MNAT_IP_LEN];

	HASH_ITER(hh, m->registry.hosts, host, next) {
		if (!host->refused)
			continue;
		n++;
		example = host;
	}
	if (example)
		json_array_append_new(list, json_sprintf("%u hosts are refused by a gateway, such "
							 "as %s: %s",
							 n, mnat_ip(example->key.identity, ip),
							 simco_error_text(example->refusal)));
}

static json_t *problems(const struct manager *m)
{
	json_t *problem = m->feed ? feed_problem(m->feed) : NULL;
	json_t *list = json_array();

	if (problem)
		json_array_append_new(list, problem);
	else if (!m->registry.complete)
		json_array_append_new(list, json_string("no DHCP server has sent its leases yet; "
							"is mnat-dhcpd running?"));
	if (m->feed && m->dhcp_server && mnat_control_is_waiting(m->dhcp_server))
		json_array_append_new(list, json_string("a DHCP server tells its leases by the control "
							"socket while another is asked for them: "
							"set manager-socket = \"\" in dhcpd.conf, or "
							"take dhcp-server out of mmd.conf"));
	for (unsigned int i = 0; i < m->n_gateways; i++)
		add_gateway_problem(list, m, &m->gateways[i]);
	for (unsigned int i = 0; i < m->roam.n_peers; i++)
		if (!m->roam.peers[i].up && !m->roam.peers[i].revoked)
			json_array_append_new(list, json_sprintf("the manager of domain %u is not "
								 "connected; hosts that come from "
								 "there do not keep their sessions",
								 m->roam.peers[i].domain));
	add_refusals(list, m);
	return list;
}

void report_on_status(struct mnat_control_client *client, const json_t *request, void *user)
{
	const struct manager *m = user;
	json_int_t uptime_s = (json_int_t)((mnat_clock_now() - m->started_ns) / MNAT_NS_PER_SEC);
	json_t *list = problems(m);
	int connected = 0;

	for (unsigned int i = 0; i < m->n_gateways; i++)
		connected += m->gateways[i].established;
	mnat_control_done(
		client, json_pack("{s:s, s:I, s:b, s:o, s:i, s:i, s:i, s:i, s:o*}", "daemon", "mnat-mmd",
				  "uptime_s", uptime_s, "healthy", json_array_size(list) == 0,
				  "problems", list, "hosts", (int)HASH_COUNT(m->registry.hosts),
				  "pending", (int)manager_count_pending(m, m->registry.gateways), "gateways",
				  (int)m->n_gateways, "connected", connected, "feed",
				  feed_status(m->feed)));
}

/* ---- dump ---- */

static void gateway_row(struct mnat_control_client *client, const struct manager *m,
			const struct gateway *g)
{
	mnat_control_row(client, json_pack("{s:s, s:s, s:o, s:b, s:I, s:I, s:I}", "name", g->name,
					   "at", g->path ? g->path : g->address, "tunnel",
					   ip_or_null(g->tunnel_addr), "connected",
					   g->established, "hosts",
					   (json_int_t)g->hosts, "epoch", (json_int_t)g->epoch,
					   "pending",
					   (json_int_t)manager_count_pending(m, g->bit)));
}

static void dump_gateways(struct mnat_control_client *client, struct manager *m)
{
	for (unsigned int i = 0; i < m->n_gateways; i++)
		gateway_row(client, m, &m->gateways[i]);
	mnat_control_done(client, NULL);
}

static void counter_row(struct mnat_control_client *client, const char *upper, uint64_t n,
			const char *text)
{
	char name[32];
	size_t i;

	for (i = 0; upper[i] && i < sizeof(name) - 1; i++)
		name[i] = (char)tolower(upper[i]);
	name[i] = '\0';
	mnat_control_row(client, json_pack("{s:s, s:s, s:I, s:n, s:s}", "name", name, "class",
					   "event", "packets", (json_int_t)n, "bytes", "text",
					   text));
}

static void dump_counters(struct mnat_control_client *client, struct manager *m)
{
#define X(name, text) counter_row(client, #name, m->counters[MM_C_##name], text);
	MM_COUNTERS(X)
#undef X
#define X(name, text) counter_row(client, #name, m->roam.counters[ROAM_C_##name], text);
	if (m->roam.domain) {
		ROAM_COUNTERS(X)
	}
#undef X
	mnat_control_done(client, NULL);
}

/* here, domain N, or its address in public space */
static json_t *where(const struct manager *m, const struct host *host)
{
	const struct roam_home *home = host->away ? roam_find_home(&m->roam, host->key.identity) :
						    NULL;

	if (!home)
		return host_has_left(host) ? json_null() : json_string("here");
	return home->r.domain ? json_sprintf("domain %u", home->r.domain) :
				ip_or_null(home->r.endpoint);
}

/* The domains its older sessions are anchored in; null: all are here. */
static json_t *anchors(const struct manager *m, const struct host *host)
{
	const struct roam_guest *guest =
		host->key.plain ? NULL : roam_find_guest(&m->roam, host->key.identity);
	const struct roam_visit *visit;
	char text[128] = "";
	size_t len = 0;

	DL_FOREACH(guest ? guest->visits : NULL, visit)
		if (visit->r.state != VISIT_LEAVING && len < sizeof(text))
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u%s",
						len ? ", " : "", visit->r.domain,
						visit->r.state == VISIT_SERVED ||
								visit->r.state == VISIT_FORWARDING
							? ""
							: " (asked)");
	return len ? json_string(text) : json_null();
}

static void host_row(struct mnat_control_client *client, const struct manager *m,
		     const struct host *host)
{
	const char *state = host_is_pending(&m->registry, host) ? "pending" : "bound";
	struct in_addr virtual = {host->key.plain ? 0 : host->key.identity.s_addr};

	mnat_control_row(client,
			 json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:s, s:s, s:I, s:I}", "virtual",
				   ip_or_null(virtual), "shows", ip_or_null(host->shows), "actual",
				   ip_or_null(host->actual), "where", where(m, host), "anchors",
				   anchors(m, host), "generation", (json_int_t)host->generation,
				   "state", host_has_left(host) && !host->away ? "left" : state,
				   "mac", host->mac, "bound_at_us",
				   (json_int_t)(host->bound_at_ns / 1000), "rule_us",
				   (json_int_t)host->rule_us));
}

/* The place in the table is a host that is held, so that it stays while we wait. */
struct hosts_dump {
	struct manager *manager;
	struct host *next;
};

static void hold_next(struct hosts_dump *dump, struct host *next)
{
	struct host *before = dump->next;

	dump->next = next ? host_hold(next) : NULL;
	if (before)
		host_put(&dump->manager->registry, before);
}

static void free_hosts_dump(void *state)
{
	struct hosts_dump *dump = state;

	hold_next(dump, NULL);
	free(dump);
}

static bool hosts_step(struct mnat_control_client *client, void *state)
{
	struct hosts_dump *dump = state;

	for (int i = 0; i < ROWS && dump->next; i++) {
		host_row(client, dump->manager, dump->next);
		hold_next(dump, dump->next->hh.next);
	}
	if (dump->next)
		return true;
	mnat_control_done(client, NULL);
	return false;
}

static void dump_hosts(struct mnat_control_client *client, struct manager *m)
{
	struct hosts_dump *dump = calloc(1, sizeof(*dump));

	if (!dump)
		return mnat_control_fail(client, MNAT_E_FAILED, "out of memory");
	dump->manager = m;
	hold_next(dump, m->registry.hosts);
	mnat_control_stream(client, hosts_step, free_hosts_dump, dump);
}

static void dump_peers(struct mnat_control_client *client, struct manager *m)
{
	for (unsigned int i = 0; i < m->roam.n_peers; i++) {
		const struct roam_peer *peer = &m->roam.peers[i];

		mnat_control_row(client, json_pack("{s:I, s:b, s:b, s:I, s:I, s:I}", "domain",
						   (json_int_t)peer->domain, "connected", peer->up,
						   "revoked", peer->revoked,
						   "visitors", (json_int_t)peer->visitors, "ours",
						   (json_int_t)peer->ours, "refused",
						   (json_int_t)peer->refused));
	}
	mnat_control_done(client, NULL);
}

static const struct table {
	const char *name;
	void (*dump)(struct mnat_control_client *client, struct manager *manager);
} tables[] = {
	{"hosts", dump_hosts},
	{"gateways", dump_gateways},
	{"peers", dump_peers},
	{"counters", dump_counters},
};

void report_on_dump(struct mnat_control_client *client, const json_t *request, void *user)
{
	const char *what = json_string_value(json_object_get(request, "what"));

	for (size_t i = 0; what && i < sizeof(tables) / sizeof(tables[0]); i++)
		if (!strcmp(tables[i].name, what))
			return tables[i].dump(client, user);
	mnat_control_fail(client, MNAT_E_ARGUMENT,
			  "mnat-mmd dumps what = hosts, gateways, peers or counters");
}
