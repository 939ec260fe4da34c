// SPDX-License-Identifier: GPL-2.0-only
/* What a manager may ask of the gateway. */
#include <arpa/inet.h>
#include <errno.h>

#include "agent_session.h"
#include "anchors.h"
#include "ends.h"
#include "rules.h"

/* A request's handler: 0 with the reply's attributes filled in, or an enum simco_error. */
typedef int (*request_fn)(struct agent_session *session, const struct simco_message *request,
			  struct simco_message *reply);

static int error_of(int r)
{
	static const struct {
		int r;
		uint8_t error;
	} errors[] = {
		{0, 0},
		{-ESTALE, SIMCO_E_X_STALE},
		{-ERANGE, SIMCO_E_X_ADDRESS},
		{-EEXIST, SIMCO_E_X_TAKEN},
		{-EINVAL, SIMCO_E_MALFORMED},
		{-EBUSY, SIMCO_E_NOT_APPLICABLE},
		{-ENOENT, SIMCO_E_NOT_APPLICABLE},
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].r == r)
			return errors[i].error;
	return SIMCO_E_RESOURCES;
}

/* ---- Sessions ---- */

/* RFC 4540 section 4.3.1: the reply names our version, whatever theirs. */
static int establish(struct agent_session *session, const struct simco_message *request,
		     struct simco_message *reply)
{
	reply->version_major = SIMCO_VERSION_MAJOR;
	reply->version_minor = SIMCO_VERSION_MINOR;
	reply->has = SIMCO_HAS(SIMCO_A_VERSION);
	if (session->established)
		return SIMCO_E_NOT_APPLICABLE;
	if (request->version_major != SIMCO_VERSION_MAJOR)
		return SIMCO_E_VERSION;
	session->established = true;
	reply->capabilities = (struct simco_capabilities){
		.type = SIMCO_NAT, .flags = SIMCO_KEPT, .max_lifetime = htonl(RULES_LIFETIME_MAX)};
	reply->has |= SIMCO_HAS(SIMCO_A_CAPABILITIES);
	return 0;
}

/* The transport has shown who the manager is. */
static int authenticate(struct agent_session *session, const struct simco_message *request,
			struct simco_message *reply)
{
	return SIMCO_E_NOT_APPLICABLE;
}

static int terminate(struct agent_session *session, const struct simco_message *request,
		     struct simco_message *reply)
{
	session->terminated = true;
	return 0;
}

static int hello(struct agent_session *session, const struct simco_message *request,
		 struct simco_message *reply)
{
	struct hosts *hosts = session->agent->hosts;

	ends_tell_again(hosts);
	reply->epoch = hosts->epoch;
	reply->hosts = hosts->n_bound;
	reply->has = SIMCO_HAS(SIMCO_A_X_EPOCH) | SIMCO_HAS(SIMCO_A_X_HOSTS);
	return 0;
}

/* ---- Hosts ---- */

static bool asks_for_tunnel(const struct simco_message *request)
{
	return request->has & SIMCO_HAS(SIMCO_A_X_PATH) && request->path != MNAT_PATH_TRANSLATE;
}

/* To the host itself, here, or to where it is elsewhere: one of the two. */
static bool is_sane_tunnel(const struct simco_message *request)
{
	return request->path == MNAT_PATH_TUNNEL &&
	       !request->endpoint.s_addr != !request->new_actual.s_addr;
}

static int rebind(struct agent_session *session, const struct simco_message *request,
		  struct simco_message *reply)
{
	struct agent *agent = session->agent;
	struct rebind order = {
		.identity = request->identity.s_addr,
		.actual = request->new_actual.s_addr,
		.generation = request->generation,
		.plain = request->flags & SIMCO_HREB_PLAIN,
		.importing = request->flags & SIMCO_HREB_IMPORTING,
		.one_way = request->flags & SIMCO_HREB_ONE_WAY,
	};
	int r = 0;

	if (asks_for_tunnel(request)) {
		order.endpoint = request->endpoint.s_addr;
		order.tunnel = !order.endpoint;
		r = is_sane_tunnel(request) ? 0 : -EINVAL;
	}
	if (request->has & SIMCO_HAS(SIMCO_A_X_VIRTUAL) && request->virt.s_addr != order.identity)
		order.virt = request->virt.s_addr;
	if (!r)
		r = hosts_rebind(agent->hosts, &order, agent->now(), &reply->bound_at);
	if (r) {
		agent->refused++;
		return error_of(r);
	}
	agent->rebinds++;
	reply->has = SIMCO_HAS(SIMCO_A_X_BOUND_AT);
	return 0;
}

static int sync_hosts(struct agent_session *session, const struct simco_message *request,
		      struct simco_message *reply)
{
	struct agent *agent = session->agent;
	int r;

	if (request->flags == SIMCO_HSYNC_BEGIN) {
		r = hosts_sync_begin(agent->hosts);
		if (r)
			return error_of(r);
		r = anchors_sync_begin(agent->anchors);
		if (r) {
			hosts_sync_cancel(agent->hosts);
			return error_of(r);
		}
		agent->syncing = session;
	} else if (request->flags == SIMCO_HSYNC_END) {
		if (agent->syncing != session)
			return SIMCO_E_NOT_APPLICABLE;
		hosts_sync_end(agent->hosts, agent->now());
		anchors_sync_end(agent->anchors);
		agent->syncing = NULL;
	} else {
		return SIMCO_E_MALFORMED;
	}
	reply->hosts = agent->hosts->n_bound;
	reply->has = SIMCO_HAS(SIMCO_A_X_HOSTS);
	return 0;
}

/* ---- Between domains ---- */

/* adding: a host that is not known yet gets its id. -ENOENT: it is not, and gets none. */
static int name_anchor(struct agent *agent, const struct simco_message *request, bool adding,
		       struct anchor_name *ret_name)
{
	struct anchor_name name = {.gateway = request->gateway.s_addr,
				   .virt = request->virt.s_addr};
	__be32 identity = request->identity.s_addr;
	int r;

	if (!identity || !name.gateway || !name.virt)
		return -EINVAL;
	r = adding ? hosts_find_or_add(agent->hosts, identity, agent->now(), &name.host)
		   : hosts_find(agent->hosts, identity, &name.host);
	if (!r)
		*ret_name = name;
	return r;
}

/* HANC and HARR: make what the request names, or remove it; what is not there is removed. */
static int make_or_remove(struct agent_session *session, const struct simco_message *request,
			  int (*make)(struct anchors *anchors, const struct anchor_name *name,
				      uint32_t flags),
			  void (*remove)(struct anchors *anchors, const struct anchor_name *name))
{
	struct anchors *anchors = session->agent->anchors;
	bool removing = request->flags & SIMCO_REMOVE;
	struct anchor_name name;
	int r = name_anchor(session->agent, request, !removing, &name);

	if (!removing)
		return error_of(r ? r : make(anchors, &name, request->flags));
	if (!r)
		remove(anchors, &name);
	return r == -ENOENT ? 0 : error_of(r);
}

static int set_anchor(struct anchors *anchors, const struct anchor_name *name, uint32_t flags)
{
	uint32_t bits = (flags & SIMCO_HANC_DIRECT ? MNAT_ANCHOR_DIRECT : 0) |
			(flags & SIMCO_HANC_TRANSLATE ? MNAT_ANCHOR_TRANSLATE : 0) |
			(flags & SIMCO_HANC_CORRESPONDENT ? MNAT_ANCHOR_CORRESPONDENT : 0);

	return anchors_set(anchors, name, bits, flags & SIMCO_HANC_DEFAULT);
}

static int admit_arrival(struct anchors *anchors, const struct anchor_name *name, uint32_t flags)
{
	return anchors_admit(anchors, name);
}

static int anchor(struct agent_session *session, const struct simco_message *request,
		  struct simco_message *reply)
{
	return make_or_remove(session, request, set_anchor, anchors_remove);
}

static int arrival(struct agent_session *session, const struct simco_message *request,
		   struct simco_message *reply)
{
	return make_or_remove(session, request, admit_arrival, anchors_dismiss);
}

static int export_flows(struct agent_session *session, const struct simco_message *request,
			struct simco_message *reply)
{
	struct agent *agent = session->agent;
	uint32_t host;
	int r = hosts_find(agent->hosts, request->identity.s_addr, &host);

	reply->cursor = request->cursor;
	if (r == -ENOENT)
		reply->cursor = 0; /* who is not known has no sessions */
	else if (!r)
		r = anchors_export(agent->anchors, host, &reply->cursor, agent->flows,
				   &reply->n_flows);
	if (r && r != -ENOENT)
		return error_of(r);
	reply->flows = agent->flows;
	reply->has = SIMCO_HAS(SIMCO_A_X_FLOWS) | SIMCO_HAS(SIMCO_A_X_CURSOR);
	return 0;
}

static int import_flows(struct agent_session *session, const struct simco_message *request,
			struct simco_message *reply)
{
	struct agent *agent = session->agent;
	struct anchor_name name;
	int r = name_anchor(agent, request, false, &name);

	if (!r)
		r = anchors_import(agent->anchors, &name, request->flows, request->n_flows,
				   agent->now(), &reply->hosts);
	if (r)
		return error_of(r);
	reply->has = SIMCO_HAS(SIMCO_A_X_HOSTS);
	return 0;
}

/* What the session's gateway shall forward to: ports here. */
static int relay_flows(struct agent_session *session, const struct simco_message *request,
		       struct simco_message *reply)
{
	struct agent *agent = session->agent;
	struct anchor_name name;
	int r = name_anchor(agent, request, false, &name);

	reply->cursor = request->cursor;
	if (!r)
		r = anchors_relay(agent->anchors, &name, &reply->cursor, agent->now(),
				  agent->flows, &reply->n_flows);
	if (r)
		return error_of(r);
	reply->flows = agent->flows;
	reply->has = SIMCO_HAS(SIMCO_A_X_FLOWS) | SIMCO_HAS(SIMCO_A_X_CURSOR);
	return 0;
}

static int forward_flows(struct agent_session *session, const struct simco_message *request,
			 struct simco_message *reply)
{
	struct agent *agent = session->agent;
	uint32_t host;
	int r = hosts_find(agent->hosts, request->identity.s_addr, &host);

	if (!r)
		r = anchors_forward(agent->anchors, host, request->endpoint.s_addr,
				    request->flags & SIMCO_HFWD_KEEP_SOURCE, request->flows,
				    request->n_flows, &reply->hosts);
	if (r)
		return error_of(r);
	reply->has = SIMCO_HAS(SIMCO_A_X_HOSTS);
	return 0;
}

/* ---- The table ---- */

#define ANCHOR_NEEDS                                                                           \
	(SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_GATEWAY) |                        \
	 SIMCO_HAS(SIMCO_A_X_VIRTUAL))

#define PEA_NEEDS                                                                              \
	(SIMCO_HAS(SIMCO_A_RULE) | SIMCO_HAS(SIMCO_A_TUPLE) | SIMCO_HAS(SIMCO_A_LIFETIME))

#define HFWD_NEEDS                                                                             \
	(SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_ENDPOINT) |                       \
	 SIMCO_HAS(SIMCO_A_X_FLAGS) | SIMCO_HAS(SIMCO_A_X_FLOWS))

static const struct request {
	uint8_t subtype;
	uint32_t needs; /* attributes */
	request_fn handle;
} requests[] = {
	{SIMCO_SE, SIMCO_HAS(SIMCO_A_VERSION), establish},
	{SIMCO_SA, 0, authenticate},
	{SIMCO_ST, 0, terminate},
	{SIMCO_PRR, SIMCO_HAS(SIMCO_A_LIFETIME), rule_reserve},
	{SIMCO_PER, SIMCO_HAS(SIMCO_A_TUPLE) | SIMCO_HAS(SIMCO_A_LIFETIME), rule_enable},
	{SIMCO_PEA, PEA_NEEDS, rule_enable_reserved},
	{SIMCO_PDR, SIMCO_HAS(SIMCO_A_TUPLE), rule_disable},
	{SIMCO_PLC, SIMCO_HAS(SIMCO_A_RULE) | SIMCO_HAS(SIMCO_A_LIFETIME), rule_change_lifetime},
	{SIMCO_PRS, SIMCO_HAS(SIMCO_A_RULE), rule_status},
	{SIMCO_PRL, 0, rule_list},
	{SIMCO_X_HELLO, SIMCO_HAS(SIMCO_A_X_EPOCH), hello},
	{SIMCO_X_HREB,
	 SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_GENERATION) |
		 SIMCO_HAS(SIMCO_A_X_NEW_ACTUAL),
	 rebind},
	{SIMCO_X_HSYNC, SIMCO_HAS(SIMCO_A_X_FLAGS), sync_hosts},
	{SIMCO_X_HANC, ANCHOR_NEEDS | SIMCO_HAS(SIMCO_A_X_FLAGS), anchor},
	{SIMCO_X_HARR, ANCHOR_NEEDS | SIMCO_HAS(SIMCO_A_X_FLAGS), arrival},
	{SIMCO_X_FEXP, SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_CURSOR), export_flows},
	{SIMCO_X_FIMP, ANCHOR_NEEDS | SIMCO_HAS(SIMCO_A_X_FLOWS), import_flows},
	{SIMCO_X_FREL, ANCHOR_NEEDS | SIMCO_HAS(SIMCO_A_X_CURSOR), relay_flows},
	{SIMCO_X_HFWD, HFWD_NEEDS, forward_flows},
};

static const struct request *find_request(uint8_t subtype)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (requests[i].subtype == subtype)
			return &requests[i];
	return NULL;
}

int request_handle(struct agent_session *session, const struct simco_message *message,
		   bool damaged, struct simco_message *reply)
{
	const struct request *request;

	if (message->basic != SIMCO_REQUEST)
		return SIMCO_E_BASIC_TYPE;
	request = find_request(message->subtype);
	if (!request)
		return SIMCO_E_SUBTYPE;
	if (damaged || (message->has & request->needs) != request->needs)
		return SIMCO_E_MALFORMED;
	if (!session->established && message->subtype != SIMCO_SE)
		return SIMCO_E_NOT_APPLICABLE;
	return request->handle(session, message, reply);
}
