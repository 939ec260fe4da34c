// SPDX-License-Identifier: GPL-2.0-only
/* dump rules: what managers have reserved and enabled, and for how long. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "dump_state.h"
#include "rules.h"

/* Rules come and go while the dump waits: it holds their identifiers only. */
struct rules_dump {
	const struct dump_source *source;
	uint32_t n, next;
	uint32_t ids[];
};

static json_t *inside_of(const struct rule *rule)
{
	char ip[MNAT_IP_LEN];

	return rule->inside ? json_sprintf("%s:%u", mnat_ip((struct in_addr){rule->inside}, ip),
					   ntohs(rule->port.port))
			    : json_null();
}

static void rule_row(struct mnat_control_client *client, const struct dump_source *source,
		     const struct rule *rule)
{
	uint32_t now = source->now();
	char external[DUMP_ENDPOINT_LEN];

	dump_external(source, rule->index, external);
	mnat_control_row(client,
			 json_pack("{s:I, s:s, s:I, s:s, s:s, s:o, s:s, s:I}", "rule",
				   (json_int_t)rule->id, "owner", rule->owner, "group",
				   (json_int_t)rule->group, "state",
				   rule->inside ? "enabled" : "reserved", "proto",
				   dump_protos[rule->port.proto], "inside", inside_of(rule),
				   "external", external, "lifetime_s",
				   (json_int_t)(rule->expires > now ? rule->expires - now : 0)));
}

static bool step(struct mnat_control_client *client, void *user)
{
	struct rules_dump *dump = user;

	for (int i = 0; i < DUMP_BATCH && dump->next < dump->n; i++) {
		const struct rule *rule = rules_find(dump->source->rules, dump->ids[dump->next++]);

		if (rule)
			rule_row(client, dump->source, rule);
	}
	if (dump->next < dump->n)
		return true;
	mnat_control_done(client, NULL);
	return false;
}

void dump_rules(struct mnat_control_client *client, const struct dump_source *source)
{
	uint32_t n = HASH_COUNT(source->rules->all);
	struct rules_dump *dump = calloc(1, sizeof(*dump) + n * sizeof(dump->ids[0]));

	if (!dump)
		return mnat_control_fail(client, MNAT_E_FAILED, "out of memory");
	dump->source = source;
	for (const struct rule *rule = source->rules->all; rule; rule = rule->hh.next)
		dump->ids[dump->n++] = rule->id;
	mnat_control_stream(client, step, free, dump);
}
