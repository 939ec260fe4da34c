// SPDX-License-Identifier: GPL-2.0-only
/* The file of rules: JSON, replaced whole. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mnat/cleanup.h"
#include "mnat/log.h"
#include "rules.h"

static json_t *to_json(const struct rule *rule)
{
	return json_pack("{s:I, s:I, s:s, s:I, s:I, s:i, s:i, s:I, s:I}", "id",
			 (json_int_t)rule->id, "group", (json_int_t)rule->group, "owner",
			 rule->owner, "inside", (json_int_t)rule->inside, "host",
			 (json_int_t)rule->port.host, "port", (int)rule->port.port, "proto",
			 (int)rule->port.proto, "index", (json_int_t)rule->index, "expires",
			 (json_int_t)rule->expires);
}

int rules_save(const struct rules *rules)
{
	json_t *list = json_array();
	json_t *all = json_pack("{s:I, s:o}", "epoch", (json_int_t)rules->hosts->epoch, "rules",
				list);
	const struct rule *rule;
	char path[4096];
	int r = 0;

	for (rule = rules->all; rule; rule = rule->hh.next)
		json_array_append_new(list, to_json(rule));
	if (!all || json_array_size(list) != HASH_COUNT(rules->all))
		r = -ENOMEM;
	snprintf(path, sizeof(path), "%s.new", rules->path);
	if (!r && (json_dump_file(all, path, JSON_COMPACT) || rename(path, rules->path)))
		r = errno ? -errno : -EIO;
	if (r)
		log_err("%s cannot be written: %s; rules made now are lost at a restart",
			rules->path, strerror(-r));
	json_decref(all);
	return r;
}

static bool from_json(json_t *json, struct rule *ret_rule)
{
	struct rule rule = {0};
	json_int_t id, group, inside, host, index, expires;
	const char *owner;
	int port, proto;

	if (json_unpack(json, "{s:I, s:I, s:s, s:I, s:I, s:i, s:i, s:I, s:I}", "id", &id, "group",
			&group, "owner", &owner, "inside", &inside, "host", &host, "port", &port,
			"proto", &proto, "index", &index, "expires", &expires) ||
	    strlen(owner) > SIMCO_OWNER_MAX || proto < 0 || proto >= MNAT_N_PROTO)
		return false;
	rule.id = (uint32_t)id;
	rule.group = (uint32_t)group;
	rule.inside = (__be32)inside;
	rule.port = (struct port_owner){(uint32_t)host, (__be16)port, (enum mnat_proto_class)proto};
	rule.index = (uint32_t)index;
	rule.expires = (uint32_t)expires;
	strcpy(rule.owner, owner);
	*ret_rule = rule;
	return true;
}

int rules_load(struct rules *rules, int (*add)(struct rules *rules, const struct rule *rule))
{
	json_error_t error;
	json_t *all, *json;
	struct rule rule;
	size_t i;
	int r = 0;

	if (access(rules->path, F_OK))
		return 0;
	all = json_load_file(rules->path, 0, &error);
	if (!all)
		log_warn("%s cannot be read (%s): its rules end", rules->path, error.text);
	if (json_integer_value(json_object_get(all, "epoch")) == (json_int_t)rules->hosts->epoch)
		json_array_foreach(json_object_get(all, "rules"), i, json)
			if (!r && from_json(json, &rule))
				r = add(rules, &rule);
	json_decref(all);
	return r;
}
