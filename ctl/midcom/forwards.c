// SPDX-License-Identifier: GPL-2.0-only
#include "forwards.h"

#include <errno.h>
#include <string.h>

#include "mnat/control.h"
#include "mnat/log.h"

static int64_t index_of(const struct rules *rules, const struct mnat_forward *f)
{
	return mnat_binding_index(&rules->gateway->config, f->proto, f->address, f->port);
}

static bool is_made(const struct rules *rules, const struct rule *rule,
		    const struct mnat_forward *f)
{
	return rule->index == index_of(rules, f) && rule->inside == f->host &&
	       rule->port.port == f->host_port && rule->port.proto == f->proto;
}

static bool is_ours(const struct rule *rule)
{
	return !strcmp(rule->owner, FORWARDS_OWNER);
}

static void end_others(struct rules *rules, const struct mnat_forward *forwards, unsigned int n)
{
	struct rule *rule, *next;

	HASH_ITER(hh, rules->all, rule, next) {
		unsigned int i = 0;

		while (i < n && !is_made(rules, rule, &forwards[i]))
			i++;
		if (is_ours(rule) && i == n)
			rules_set_lifetime(rules, rule, 0);
	}
}

static bool is_in_force(const struct rules *rules, const struct mnat_forward *f)
{
	const struct rule *rule = rules->all;

	while (rule && !(is_ours(rule) && is_made(rules, rule, f)))
		rule = rule->hh.next;
	return rule;
}

static const char *why(int r)
{
	switch (-r) {
	case EADDRINUSE:
		return "the external port is in use; make mnat-midcomd reload when its sessions "
		       "have ended";
	case EEXIST:
		return "the host has another external port for it, a session's or a manager's; make "
		       "mnat-midcomd reload when that has ended";
	case EADDRNOTAVAIL:
		return "several hosts share that address: name the one by its identity, which "
		       "\"mnatctl dump hosts\" shows";
	case ERANGE:
		return "the programs in force have another external pool: reload them with mnat-load";
	case EDQUOT:
		return "there are too many rules or hosts";
	}
	return strerror(-r);
}

static int make(struct rules *rules, const struct mnat_forward *f)
{
	const struct rule_order order = {
		.owner = FORWARDS_OWNER,
		.forever = true,
		.proto = f->proto,
		.inside = f->host,
		.inside_port = f->host_port,
		.wish = index_of(rules, f),
	};
	const struct rule *rule;

	return order.wish < 0 ? -ERANGE : rules_add(rules, &order, &rule);
}

unsigned int forwards_apply(struct rules *rules, const struct mnat_forward *forwards,
			    unsigned int n)
{
	unsigned int in_force = 0;

	end_others(rules, forwards, n);
	for (unsigned int i = 0; i < n; i++) {
		int r = is_in_force(rules, &forwards[i]) ? 0 : make(rules, &forwards[i]);

		if (r)
			log_err("forward \"%s\" is not in force: %s", forwards[i].name, why(r));
		in_force += !r;
	}
	return in_force;
}
