// SPDX-License-Identifier: GPL-2.0-only
#include "rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elsewhere.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

#define TICK_MS 1000

const struct rule *rules_find(const struct rules *rules, uint32_t id)
{
	struct rule *rule;

	HASH_FIND(hh, rules->all, &id, sizeof(id), rule);
	return rule;
}

static struct rule *own(struct rules *rules, const struct rule *rule)
{
	return (struct rule *)rules_find(rules, rule->id);
}

static uint32_t granted(const struct rules *rules, uint32_t lifetime)
{
	return rules->now() + (lifetime < RULES_LIFETIME_MAX ? lifetime : RULES_LIFETIME_MAX);
}

static uint32_t expiry(const struct rules *rules, const struct rule_order *order)
{
	return order->forever ? UINT32_MAX : granted(rules, order->lifetime);
}

/* A plain host is heard of by the data path when it sends; what comes for it may be first. */
static void make_known(struct rules *rules, uint32_t host, __be32 inside)
{
	volatile uint64_t *word = &rules->hosts->maps.hosts[host];

	if (hosts_is_plain(rules->hosts, host) && !*word && rules->gateway->config.plain_hosts)
		*word = mnat_location(inside, MNAT_PATH_TRANSLATE, MNAT_HOST_PLAIN, 0);
}

static void forget(struct rules *rules, struct rule *rule)
{
	HASH_DEL(rules->all, rule);
	free(rule);
}

static void end(struct rules *rules, struct rule *rule)
{
	ports_drop(rules->gateway, rule->index);
	forget(rules, rule);
}

/* ---- Making rules ---- */

/* An address inside is a plain host's, any other a mobile host's virtual one. */
static int find_host(struct rules *rules, __be32 inside, uint32_t *ret_id)
{
	int64_t index = mnat_actual_index(&rules->gateway->config, ntohl(inside));
	int r;

	if (index < 0) {
		r = hosts_find_or_add(rules->hosts, inside, rules->now(), ret_id);
		return r == -EEXIST ? -EADDRNOTAVAIL : r;
	}
	*ret_id = (uint32_t)index + 1;
	make_known(rules, *ret_id, inside);
	return 0;
}

static bool has_enough(const struct rules *rules, const char *owner)
{
	const struct rule *rule;
	unsigned int n = 0;

	for (rule = rules->all; rule; rule = rule->hh.next)
		n += !strcmp(rule->owner, owner);
	return n >= SIMCO_RULES_MAX || HASH_COUNT(rules->all) >= RULES_MAX;
}

static uint32_t next_id(struct rules *rules)
{
	do
		rules->last_id++;
	while (!rules->last_id || rules_find(rules, rules->last_id));
	return rules->last_id;
}

/* Another rule of the same endpoint would end with the first of the two. */
static bool has_rule(const struct rules *rules, const struct port_owner *port)
{
	const struct rule *rule;

	for (rule = rules->all; rule && port->host; rule = rule->hh.next)
		if (rule->port.host == port->host && rule->port.port == port->port &&
		    rule->port.proto == port->proto)
			return true;
	return false;
}

static int prepare(struct rules *rules, const struct rule_order *order,
		   struct port_owner *ret_port)
{
	struct port_owner port = {.port = order->inside_port, .proto = order->proto};
	int r = order->inside ? find_host(rules, order->inside, &port.host) : 0;

	if (r)
		return r == -ENOSPC ? -EDQUOT : r;
	if (has_rule(rules, &port))
		return -EEXIST;
	*ret_port = port;
	return 0;
}

int rules_add(struct rules *rules, const struct rule_order *order, const struct rule **ret_rule)
{
	_cleanup_free_ struct rule *rule = calloc(1, sizeof(*rule));
	struct rule *added;
	int64_t index;
	int r;

	if (!rule)
		return -ENOMEM;
	if (has_enough(rules, order->owner))
		return -EDQUOT;
	r = prepare(rules, order, &rule->port);
	if (r)
		return r;
	index = ports_take(rules->gateway, &rule->port, order->wish, rules->now());
	if (index < 0)
		return (int)index;
	rule->id = next_id(rules);
	rule->group = order->group;
	rule->inside = order->inside;
	rule->index = (uint32_t)index;
	rule->expires = expiry(rules, order);
	snprintf(rule->owner, sizeof(rule->owner), "%s", order->owner);
	added = TAKE_PTR(rule);
	HASH_ADD(hh, rules->all, id, sizeof(added->id), added);
	r = rules_save(rules);
	if (r) {
		end(rules, added);
		return r;
	}
	*ret_rule = added;
	return 0;
}

int rules_enable(struct rules *rules, const struct rule *reserved, const struct rule_order *order)
{
	struct rule *rule = own(rules, reserved);
	struct port_owner port;
	int r;

	if (rule->inside)
		return -EEXIST;
	r = prepare(rules, order, &port);
	if (!r)
		r = ports_assign(rules->gateway, rule->index, &port);
	if (r)
		return r;
	rule->port = port;
	rule->inside = order->inside;
	rule->expires = expiry(rules, order);
	return rules_save(rules);
}

/* ---- Ending rules ---- */

int rules_set_lifetime(struct rules *rules, const struct rule *which, uint32_t lifetime)
{
	struct rule *rule = own(rules, which);

	if (lifetime)
		rule->expires = granted(rules, lifetime);
	else
		end(rules, rule);
	return rules_save(rules);
}

uint32_t rules_end(struct rules *rules, const struct rule_order *order)
{
	struct rule *rule, *next;
	uint32_t n = 0;

	HASH_ITER(hh, rules->all, rule, next) {
		if (rule->inside != order->inside || rule->port.port != order->inside_port ||
		    rule->port.proto != order->proto || strcmp(rule->owner, order->owner))
			continue;
		end(rules, rule);
		n++;
	}
	if (n)
		rules_save(rules);
	return n;
}

void rules_expire(struct rules *rules)
{
	struct rule *rule, *next;
	uint32_t n = 0, now = rules->now();

	HASH_ITER(hh, rules->all, rule, next) {
		if (rule->expires > now)
			continue;
		rules->ended(rule, rules->user);
		end(rules, rule);
		n++;
	}
	if (n)
		rules_save(rules);
}

/* ---- Life ---- */

static void on_tick(uv_timer_t *timer)
{
	rules_expire(timer->data);
}

static int restore(struct rules *rules, const struct rule *saved)
{
	struct rule *rule;

	if (!ports_is_held(rules->gateway, saved->index, &saved->port) ||
	    rules_find(rules, saved->id))
		return 0; /* the agent was killed before it held the port, or after it let it go */
	rule = malloc(sizeof(*rule));
	if (!rule)
		return -ENOMEM;
	*rule = *saved;
	HASH_ADD(hh, rules->all, id, sizeof(rule->id), rule);
	if (rule->id > rules->last_id)
		rules->last_id = rule->id;
	return 0;
}

static bool has_port(uint32_t index, void *user)
{
	const struct rules *rules = user;
	const struct rule *rule;

	for (rule = rules->all; rule; rule = rule->hh.next)
		if (rule->index == index)
			return true;
	return elsewhere_holds(rules->gateway, index);
}

int rules_open(struct rules *rules, uv_loop_t *loop)
{
	uint32_t orphans;
	int r = rules_load(rules, restore);

	if (r)
		return r;
	orphans = ports_drop_orphans(rules->gateway, has_port, rules);
	if (orphans)
		log_warn("%u external ports of rules that are not in %s were freed", orphans,
			 rules->path);
	uv_timer_init(loop, &rules->timer);
	rules->timer.data = rules;
	uv_timer_start(&rules->timer, on_tick, TICK_MS, TICK_MS);
	rules->open = true;
	return 0;
}

void rules_close(struct rules *rules)
{
	struct rule *rule, *next;

	if (rules->open)
		uv_close((uv_handle_t *)&rules->timer, NULL);
	rules->open = false;
	HASH_ITER(hh, rules->all, rule, next)
		forget(rules, rule);
}
