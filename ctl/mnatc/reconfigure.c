// SPDX-License-Identifier: GPL-2.0-only
#include "reconfigure.h"

static const struct {
	const char *name;
	const char *text;
} causes[RECONFIGURE_N_CAUSES] = {
#define X(name, text) [RECONFIGURE_##name] = {#name, text},
	RECONFIGURE_CAUSES(X)
#undef X
};

void reconfigure_learn(struct reconfigure *r, const struct dhcp_message *ack, struct in_addr server)
{
	if (server.s_addr != r->server.s_addr)
		r->have = false;
	r->server = server;
	if (dhcp_get_nonce(ack, r->nonce, &r->replay))
		r->have = true;
}

static enum reconfigure_cause judge(struct reconfigure *r, const struct dhcp_message *message)
{
	uint64_t replay;

	if (!r->have)
		return RECONFIGURE_unasked;
	if (!dhcp_forcerenew_verify(message->bytes, message->len, r->nonce, &replay))
		return RECONFIGURE_forged;
	if (replay <= r->replay)
		return RECONFIGURE_replay;
	r->replay = replay;
	return RECONFIGURE_N_CAUSES;
}

const char *reconfigure_check(struct reconfigure *r, const struct dhcp_message *message)
{
	enum reconfigure_cause cause = judge(r, message);

	if (cause == RECONFIGURE_N_CAUSES) {
		r->obeyed++;
		return NULL;
	}
	r->ignored[cause]++;
	return causes[cause].text;
}

json_t *reconfigure_fields(const struct reconfigure *r)
{
	json_t *fields = json_pack("{s:I}", "obeyed", (json_int_t)r->obeyed);

	for (int i = 0; i < RECONFIGURE_N_CAUSES; i++)
		json_object_set_new(fields, causes[i].name,
				    json_integer((json_int_t)r->ignored[i]));
	return fields;
}
