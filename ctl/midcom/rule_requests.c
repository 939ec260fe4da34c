// SPDX-License-Identifier: GPL-2.0-only
/* Policy rules as managers ask for them (simco.h; RFC 5189's transactions). */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "agent_session.h"
#include "rules.h"

#define HAS_RULE     SIMCO_HAS(SIMCO_A_RULE)
#define HAS_GROUP    SIMCO_HAS(SIMCO_A_GROUP)
#define HAS_LIFETIME SIMCO_HAS(SIMCO_A_LIFETIME)
#define HAS_TUPLE    SIMCO_HAS(SIMCO_A_TUPLE)
#define HAS_PROTOCOL SIMCO_HAS(SIMCO_A_PROTOCOL)

static const struct {
	uint8_t number; /* IANA's */
	enum mnat_proto_class proto;
} protocols[] = {{IPPROTO_TCP, MNAT_TCP}, {IPPROTO_UDP, MNAT_UDP}};

static int rule_error(int r)
{
	static const struct {
		int r;
		uint8_t error;
	} errors[] = {
		{0, 0},
		{-EADDRINUSE, SIMCO_E_TAKEN},
		{-EADDRNOTAVAIL, SIMCO_E_ADDRESS},
		{-EEXIST, SIMCO_E_CONFLICT},
		{-ENOSPC, SIMCO_E_NO_PORTS},
		{-EDQUOT, SIMCO_E_RULES_FULL},
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].r == r)
			return errors[i].error;
	return SIMCO_E_RESOURCES;
}

/* ---- From the wire ---- */

static int get_protocol(uint8_t number, enum mnat_proto_class *ret_proto)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (protocols[i].number == number) {
			*ret_proto = protocols[i].proto;
			return 0;
		}
	return SIMCO_E_PROTOCOL;
}

static const struct simco_tuple *find_tuple(const struct simco_message *request, uint8_t location)
{
	for (uint32_t i = 0; request->has & HAS_TUPLE && i < request->n_tuples; i++)
		if (request->tuples[i].location == location)
			return &request->tuples[i];
	return NULL;
}

/* One whole IPv4 address and one port, of a protocol that we have. */
static int check_tuple(const struct simco_tuple *tuple, enum mnat_proto_class *ret_proto)
{
	if (tuple->version != 4 || tuple->prefix != 32)
		return SIMCO_E_ADDRESS;
	if (ntohs(tuple->n_ports) != 1)
		return SIMCO_E_PORT;
	return get_protocol(tuple->protocol, ret_proto);
}

static int get_inside(const struct simco_tuple *tuple, struct rule_order *order)
{
	int error = check_tuple(tuple, &order->proto);

	if (error)
		return error;
	if (!tuple->address)
		return SIMCO_E_ADDRESS;
	if (!tuple->port)
		return SIMCO_E_PORT;
	order->inside = tuple->address;
	order->inside_port = tuple->port;
	return 0;
}

static int get_outside(const struct mnat_gateway *gateway, const struct simco_tuple *tuple,
		       struct rule_order *order)
{
	enum mnat_proto_class proto;
	int error = check_tuple(tuple, &proto);

	if (error)
		return error;
	if (order->inside && proto != order->proto)
		return SIMCO_E_INCONSISTENT;
	order->proto = proto;
	if (!tuple->port && !tuple->address)
		return 0;
	order->wish = mnat_binding_index(&gateway->config, proto, ntohl(tuple->address),
					 ntohs(tuple->port));
	return order->wish < 0 ? SIMCO_E_TAKEN : 0;
}

static int get_order(const struct agent_session *session, const struct simco_message *request,
		     struct rule_order *ret_order)
{
	const struct simco_tuple *inside = find_tuple(request, SIMCO_INSIDE);
	const struct simco_tuple *outside = find_tuple(request, SIMCO_OUTSIDE);
	struct rule_order order = {
		.owner = session->owner,
		.group = request->group,
		.lifetime = request->lifetime,
		.wish = PORT_ANY,
	};
	int error = inside ? get_inside(inside, &order) : 0;

	if (!error && outside)
		error = get_outside(session->agent->rules->gateway, outside, &order);
	if (!error)
		*ret_order = order;
	return error;
}

/* The rule a request names, if it is the manager's to change. */
static int get_rule(const struct agent_session *session, const struct simco_message *request,
		    const struct rule **ret_rule)
{
	const struct rule *rule = NULL;

	if (request->n_rules != 1)
		return SIMCO_E_MALFORMED;
	rule = rules_find(session->agent->rules, ntohl(request->rules[0]));
	if (!rule)
		return SIMCO_E_NO_RULE;
	if (strcmp(rule->owner, session->owner))
		return SIMCO_E_NOT_OWNER;
	*ret_rule = rule;
	return 0;
}

/* ---- To the wire ---- */

static uint8_t protocol_number(enum mnat_proto_class proto)
{
	return proto == MNAT_TCP ? IPPROTO_TCP : IPPROTO_UDP;
}

static void put_tuple(struct simco_message *reply, enum simco_location location,
		      const struct rule *rule, __be32 address, __be16 port)
{
	reply->tuples[reply->n_tuples++] = (struct simco_tuple){
		.location = (uint8_t)location,
		.version = 4,
		.protocol = protocol_number(rule->port.proto),
		.prefix = 32,
		.port = port,
		.n_ports = htons(1),
		.address = address,
	};
}

static void put_rule(const struct rules *rules, const struct rule *rule,
		     struct simco_message *reply)
{
	uint32_t port, addr = mnat_binding_endpoint(&rules->gateway->config, rule->index, &port);
	uint32_t now = rules->now();

	reply->rules[reply->n_rules++] = htonl(rule->id);
	reply->group = rule->group;
	reply->lifetime = rule->expires > now ? rule->expires - now : 0;
	if (rule->inside)
		put_tuple(reply, SIMCO_INSIDE, rule, rule->inside, rule->port.port);
	put_tuple(reply, SIMCO_OUTSIDE, rule, htonl(addr), htons((uint16_t)port));
	reply->has = HAS_RULE | HAS_GROUP | HAS_LIFETIME | HAS_TUPLE;
}

/* ---- Transactions ---- */

static int add(struct agent_session *session, const struct rule_order *order,
	       struct simco_message *reply)
{
	struct rules *rules = session->agent->rules;
	const struct rule *rule;
	int r;

	if (!order->lifetime)
		return SIMCO_E_INCONSISTENT;
	r = rules_add(rules, order, &rule);
	if (!r)
		put_rule(rules, rule, reply);
	return rule_error(r);
}

int rule_reserve(struct agent_session *session, const struct simco_message *request,
		 struct simco_message *reply)
{
	struct rule_order order;
	int error = get_order(session, request, &order);

	if (!error && !find_tuple(request, SIMCO_OUTSIDE))
		error = request->has & HAS_PROTOCOL
				? get_protocol(request->protocol[0], &order.proto)
				: SIMCO_E_MALFORMED;
	if (!error && order.inside)
		error = SIMCO_E_INCONSISTENT;
	return error ? error : add(session, &order, reply);
}

int rule_enable(struct agent_session *session, const struct simco_message *request,
		struct simco_message *reply)
{
	struct rule_order order;
	int error = get_order(session, request, &order);

	if (!error && !order.inside)
		error = SIMCO_E_MALFORMED;
	return error ? error : add(session, &order, reply);
}

int rule_enable_reserved(struct agent_session *session, const struct simco_message *request,
			 struct simco_message *reply)
{
	struct rules *rules = session->agent->rules;
	const struct rule *rule;
	struct rule_order order;
	int error = get_rule(session, request, &rule), r;

	if (!error)
		error = get_order(session, request, &order);
	if (error)
		return error;
	if (!order.inside || !order.lifetime || order.proto != rule->port.proto)
		return SIMCO_E_INCONSISTENT;
	r = rules_enable(rules, rule, &order);
	if (!r)
		put_rule(rules, rule, reply);
	return rule_error(r);
}

int rule_disable(struct agent_session *session, const struct simco_message *request,
		 struct simco_message *reply)
{
	struct rule_order order;
	int error = get_order(session, request, &order);

	if (error)
		return error;
	if (!order.inside)
		return SIMCO_E_MALFORMED;
	return rules_end(session->agent->rules, &order) ? 0 : SIMCO_E_NO_RULE;
}

int rule_change_lifetime(struct agent_session *session, const struct simco_message *request,
			 struct simco_message *reply)
{
	const struct rule *rule;
	int error = get_rule(session, request, &rule);

	if (error)
		return error;
	reply->lifetime = request->lifetime < RULES_LIFETIME_MAX ? request->lifetime
								 : RULES_LIFETIME_MAX;
	reply->has = HAS_LIFETIME;
	return rule_error(rules_set_lifetime(session->agent->rules, rule, request->lifetime));
}

int rule_status(struct agent_session *session, const struct simco_message *request,
		struct simco_message *reply)
{
	const struct rule *rule;
	int error = get_rule(session, request, &rule);

	if (error)
		return error;
	put_rule(session->agent->rules, rule, reply);
	strcpy(reply->owner, rule->owner);
	reply->has |= SIMCO_HAS(SIMCO_A_OWNER);
	return 0;
}

int rule_list(struct agent_session *session, const struct simco_message *request,
	      struct simco_message *reply)
{
	const struct rule *rule;

	for (rule = session->agent->rules->all; rule; rule = rule->hh.next)
		if (!strcmp(rule->owner, session->owner))
			reply->rules[reply->n_rules++] = htonl(rule->id);
	if (reply->n_rules)
		reply->has = HAS_RULE;
	return 0;
}
