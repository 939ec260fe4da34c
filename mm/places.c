// SPDX-License-Identifier: GPL-2.0-only
#include "places.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "link.h"
#include "manager.h"
#include "mnat/addr.h"
#include "mnat/cleanup.h"
#include "mnat/control.h"
#include "mnat/log.h"

static uint64_t wall_s(void *user)
{
	return (uint64_t)time(NULL);
}

/* ---- Hosts' rules ---- */

/* True: gateways must be told. */
static bool relocate(struct host *host, const struct roam_location *location)
{
	bool moved = host->away != location->away || host->shift != location->shift ||
		     host->endpoint.s_addr != location->endpoint.s_addr;
	bool told = moved || host->importing != location->importing;

	host->away = location->away;
	host->shift = location->shift;
	host->endpoint = location->endpoint;
	host->importing = location->importing;
	host->one_way = location->one_way;
	if (moved)
		host->confirmed = 0;
	return told;
}

static void locate(struct in_addr identity, const struct roam_location *location,
		   uint32_t generation, void *user)
{
	struct manager *m = user;
	struct host *host = registry_find(&m->registry, identity, false);

	if (!host && location->away)
		host = registry_adopt(&m->registry, identity, generation);
	if (!host || !relocate(host, location))
		return;
	if (host == m->applying) {
		m->relocated = true;
		return;
	}
	host_hold(host);
	manager_send_host(m, host, NULL);
	host_put(&m->registry, host);
}

static int lookup(struct in_addr identity, struct roam_lease *ret_lease, void *user)
{
	const struct manager *m = user;
	const struct host *host = registry_find(&m->registry, identity, false);

	/* of one that was away when we started we have not heard yet */
	if (host && !host->issued && !m->registry.complete)
		return -EAGAIN;
	/* nor does who shares its virtual address arrive elsewhere: it gets no ticket */
	if (!host || host_shares(host) || (host_has_left(host) && !host->away))
		return m->registry.complete ? -ENOENT : -EAGAIN;
	*ret_lease = (struct roam_lease){host->generation, host->issued};
	return 0;
}

/* ---- Where tunnels end: at every gateway ---- */

static void on_anchored(struct gateway *gateway, const struct simco_message *reply, void *user)
{
	struct manager *m = user;

	if (!reply || reply->basic == SIMCO_POSITIVE)
		return;
	m->counters[MM_C_ANCHORS_REFUSED]++;
	log_debug("gateway \"%s\" refuses an anchor or arrival: %s", gateway->name,
		  simco_error_text(reply->subtype));
}

static void tell_gateways(struct manager *m, uint8_t subtype, struct in_addr identity,
			 struct in_addr gateway, struct in_addr virt, uint32_t flags)
{
	struct simco_message message = {
		.subtype = subtype,
		.has = SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_GATEWAY) |
		       SIMCO_HAS(SIMCO_A_X_VIRTUAL) | SIMCO_HAS(SIMCO_A_X_FLAGS),
		.identity = identity,
		.gateway = gateway,
		.virt = virt,
		.flags = flags,
	};

	for (unsigned int i = 0; i < m->n_gateways; i++) {
		struct gateway *g = &m->gateways[i];

		if ((!m->only || m->only == g) && !gateway_ask(g, &message, on_anchored, m))
			m->counters[MM_C_ANCHORS]++;
	}
}

static void anchor(struct in_addr identity, struct in_addr gateway, struct in_addr virt,
		   uint32_t flags, void *user)
{
	tell_gateways(user, SIMCO_X_HANC, identity, gateway, virt, flags);
}

static void arrival(struct in_addr identity, struct in_addr gateway, struct in_addr virt,
		    uint32_t flags, void *user)
{
	tell_gateways(user, SIMCO_X_HARR, identity, gateway, virt, flags);
}

/* ---- Sessions ---- */

struct export
{
	struct manager *manager;
	struct roam_query query;
};

static struct gateway *find_gateway(struct manager *m, struct in_addr tunnel_addr)
{
	for (unsigned int i = 0; i < m->n_gateways; i++)
		if (m->gateways[i].tunnel_addr.s_addr == tunnel_addr.s_addr)
			return &m->gateways[i];
	return NULL;
}

/* Ask the gateway what the query is about. */
static int ask_for(struct manager *m, const struct roam_query *query,
		   struct simco_message *message, gateway_reply_fn replied)
{
	_cleanup_free_ struct export *export = malloc(sizeof(*export));
	struct gateway *gateway = find_gateway(m, query->gateway);
	int r;

	if (!export)
		return -ENOMEM;
	*export = (struct export){m, *query};
	r = gateway ? gateway_ask(gateway, message, replied, export) : -ENOTCONN;
	if (!r)
		TAKE_PTR(export);
	return r;
}

static void on_exported(struct gateway *gateway, const struct simco_message *reply, void *user)
{
	const uint32_t needs = SIMCO_HAS(SIMCO_A_X_FLOWS) | SIMCO_HAS(SIMCO_A_X_CURSOR);
	_cleanup_free_ struct export *export = user;
	bool ok = reply && reply->basic == SIMCO_POSITIVE && (reply->has & needs) == needs;

	roam_exported(&export->manager->roam, &export->query, ok, ok ? reply->flows : NULL,
		      ok ? reply->n_flows : 0, ok ? reply->cursor : 0);
}

static int export_flows(const struct roam_query *query, uint64_t cursor, void *user)
{
	struct manager *m = user;
	struct simco_message message = {
		.subtype = SIMCO_X_FEXP,
		.has = SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_CURSOR),
		.identity = query->virt,
		.cursor = cursor,
	};

	return ask_for(m, query, &message, on_exported);
}

static void on_imported(struct gateway *gateway, const struct simco_message *reply, void *user)
{
	struct manager *m = user;

	if (!reply || reply->basic == SIMCO_POSITIVE)
		return;
	m->counters[MM_C_IMPORTS_REFUSED]++;
	log_warn("gateway \"%s\" refuses sessions of a visiting host: %s", gateway->name,
		 simco_error_text(reply->subtype));
}

static void import_flows(struct in_addr identity, struct in_addr gateway, struct in_addr virt,
			 const struct simco_flow *flows, uint32_t n, void *user)
{
	struct manager *m = user;
	struct simco_message message = {
		.subtype = SIMCO_X_FIMP,
		.has = SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_GATEWAY) |
		       SIMCO_HAS(SIMCO_A_X_VIRTUAL) | SIMCO_HAS(SIMCO_A_X_FLOWS),
		.identity = identity,
		.gateway = gateway,
		.virt = virt,
		.flows = flows,
		.n_flows = n,
	};

	for (unsigned int i = 0; i < m->n_gateways; i++)
		gateway_ask(&m->gateways[i], &message, on_imported, m);
}

/* ---- Ports instead of tunnels ---- */

static void on_relayed(struct gateway *gateway, const struct simco_message *reply, void *user)
{
	const uint32_t needs = SIMCO_HAS(SIMCO_A_X_FLOWS) | SIMCO_HAS(SIMCO_A_X_CURSOR);
	_cleanup_free_ struct export *export = user;
	bool ok = reply && reply->basic == SIMCO_POSITIVE && (reply->has & needs) == needs;

	roam_relayed(&export->manager->roam, &export->query, ok, ok ? reply->flows : NULL,
		     ok ? reply->n_flows : 0, ok ? reply->cursor : 0);
}

static void relay_flows(const struct roam_query *query, struct in_addr identity,
			struct in_addr gateway, uint64_t cursor, void *user)
{
	struct simco_message message = {
		.subtype = SIMCO_X_FREL,
		.has = SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_GATEWAY) |
		       SIMCO_HAS(SIMCO_A_X_VIRTUAL) | SIMCO_HAS(SIMCO_A_X_CURSOR),
		.identity = identity,
		.gateway = gateway,
		.virt = query->virt,
		.cursor = cursor,
	};

	ask_for(user, query, &message, on_relayed);
}

static void on_forwarded(struct gateway *gateway, const struct simco_message *reply, void *user)
{
	_cleanup_free_ struct export *export = user;
	bool ok = reply && reply->basic == SIMCO_POSITIVE;

	roam_forwarded(&export->manager->roam, &export->query, ok, ok ? reply->hosts : 0);
}

static int forward_flows(const struct roam_query *query, struct in_addr endpoint, uint32_t flags,
			 const struct simco_flow *flows, uint32_t n, void *user)
{
	struct simco_message message = {
		.subtype = SIMCO_X_HFWD,
		.has = SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_ENDPOINT) |
		       SIMCO_HAS(SIMCO_A_X_FLAGS) | SIMCO_HAS(SIMCO_A_X_FLOWS),
		.identity = query->virt,
		.endpoint = endpoint,
		.flags = flags,
		.flows = flows,
		.n_flows = n,
	};

	return ask_for(user, query, &message, on_forwarded);
}

/* ---- The DHCP server ---- */

static void keep(struct in_addr virt, uint32_t seconds, void *user)
{
	struct manager *m = user;
	char ip[MNAT_IP_LEN];

	if (!m->dhcp_server)
		return;
	mnat_ip(virt, ip);
	mnat_control_notify(m->dhcp_server,
			    seconds ? json_pack("{s:s, s:s, s:I}", "notify", "renew", "virtual", ip,
						"seconds", (json_int_t)seconds)
				    : json_pack("{s:s, s:s}", "notify", "release", "virtual", ip));
}

static void rebind(const struct roam_rebind *asked, void *user)
{
	rebind_ask(user, asked);
}

static int send_to_peer(unsigned int peer, const struct peering_message *message, void *user)
{
	struct manager *m = user;

	return m->links ? links_send(m->links, peer, message) : -ENOTCONN;
}

const struct roam_ops manager_roam_ops = {
	.wall_s = wall_s,
	.send = send_to_peer,
	.locate = locate,
	.anchor = anchor,
	.arrival = arrival,
	.export_flows = export_flows,
	.import_flows = import_flows,
	.relay_flows = relay_flows,
	.forward_flows = forward_flows,
	.rebind = rebind,
	.keep = keep,
	.lookup = lookup,
};
