// SPDX-License-Identifier: GPL-2.0-only
#include "auth.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mnat/addr.h"
#include "mnat/clock.h"
#include "mnat/log.h"

#define PROBLEM_FOR (3600 * MNAT_NS_PER_SEC)

static const struct {
	const char *name;
	const char *text;
} causes[AUTH_N_CAUSES] = {
#define X(name, text) [AUTH_##name] = {#name, text},
	AUTH_CAUSES(X)
#undef X
};

int auth_open(const struct mnat_node_conf *conf, struct auth *ret_auth)
{
	struct auth auth = {
		.policy = conf->auth, .rfc3118 = conf->auth_rfc3118, .id = conf->auth_id};
	const struct dhcp_key *key;
	struct dhcp_keys *keys;
	int r = 0;

	*ret_auth = auth;
	if (!auth_is_on(&auth))
		return 0;
	r = dhcp_keys_load(conf->auth_key_file, &keys);
	if (r)
		return r;
	key = dhcp_keys_find(keys, auth.id);
	if (!key || key->master) {
		log_err("%s: has no key %u of this node's own: the line \"%u SECRET\"",
			conf->auth_key_file, auth.id, auth.id);
		r = -ENOKEY;
	} else {
		dhcp_key_secret(key, NULL, 0, &auth.secret);
		*ret_auth = auth;
	}
	dhcp_keys_free(keys);
	explicit_bzero(&auth.secret, sizeof(auth.secret));
	return r;
}

void auth_close(struct auth *auth)
{
	explicit_bzero(&auth->secret, sizeof(auth->secret));
}

unsigned int auth_max_arrivals(const struct auth *auth)
{
	return auth_is_on(auth) && !auth->rfc3118 ? DHCP_AUTH_ARRIVALS : DHCP_MNAT_MAX_ARRIVALS;
}

bool auth_counts(const struct auth *auth, enum dhcp_type type)
{
	return auth_is_on(auth) && !(auth->rfc3118 && type == DHCP_DISCOVER);
}

int auth_sign(struct auth *auth, const struct dhcp_codec *codec, uint64_t counter, uint8_t *buf,
	      size_t *len)
{
	const struct dhcp_auth proof = {
		.how = auth->rfc3118 ? DHCP_AUTH_RFC3118 : DHCP_AUTH_MNAT,
		.asks = !counter,
		.id = auth->id,
		.counter = counter,
	};
	struct dhcp_header header;

	memcpy(&header, buf, sizeof(header));
	if (header.xid != auth->xid) {
		auth->xid = header.xid;
		auth->first = counter;
	}
	auth->last = counter;
	return dhcp_auth_sign(codec, buf, DHCP_MAX_MESSAGE, &proof, &auth->secret, len);
}

/* Ours: to a message of this exchange. RFC 3118's: newer than any before. */
static bool is_fresh(const struct auth *auth, const struct dhcp_auth *proof,
		     const struct dhcp_message *message, uint64_t replay)
{
	if (proof->how == DHCP_AUTH_RFC3118)
		return proof->counter > replay;
	return message->header.xid == auth->xid && proof->counter >= auth->first &&
	       proof->counter <= auth->last;
}

/* AUTH_N_CAUSES: it is good. */
static enum auth_cause judge(const struct auth *auth, const struct dhcp_codec *codec,
			     const struct dhcp_message *message, uint64_t *replay)
{
	struct dhcp_auth proof;
	int r = dhcp_auth_find(codec, message->bytes, message->len, &proof);

	if (r == -ENOENT && auth->policy == MNAT_AUTH_ALLOW)
		return AUTH_N_CAUSES;
	if (r || proof.asks)
		return AUTH_missing;
	if (proof.id != auth->id)
		return AUTH_unknown_key;
	if (!dhcp_auth_verify(message->bytes, message->len, &proof, &auth->secret))
		return AUTH_bad_mac;
	if (!is_fresh(auth, &proof, message, *replay))
		return AUTH_replay;
	if (proof.how == DHCP_AUTH_RFC3118)
		*replay = proof.counter;
	return AUTH_N_CAUSES;
}

const char *auth_check(struct auth *auth, const struct dhcp_codec *codec,
		       const struct dhcp_message *message, uint64_t *replay)
{
	enum auth_cause cause = AUTH_N_CAUSES;

	if (auth_is_on(auth))
		cause = judge(auth, codec, message, replay);
	if (cause == AUTH_N_CAUSES)
		return NULL;
	auth->refused[cause]++;
	auth->cause = cause;
	auth->refused_ns = mnat_clock_now();
	auth->server.s_addr = 0;
	dhcp_get_ip(message, DHCP_OPT_SERVER_ID, &auth->server);
	return causes[cause].text;
}

json_t *auth_fields(const struct auth *auth)
{
	static const char *const policies[] = {[MNAT_AUTH_OFF] = "off",
					       [MNAT_AUTH_ALLOW] = "allow",
					       [MNAT_AUTH_REQUIRE] = "require"};
	json_t *refused = json_object();

	for (int i = 0; i < AUTH_N_CAUSES; i++)
		json_object_set_new(refused, causes[i].name,
				    json_integer((json_int_t)auth->refused[i]));
	return json_pack("{s:s,s:o}", "policy", policies[auth->policy], "refused", refused);
}

bool auth_problem(const struct auth *auth, char *buf, size_t size)
{
	char server[MNAT_IP_LEN];

	if (!auth->refused_ns || mnat_clock_now() - auth->refused_ns > PROBLEM_FOR)
		return false;
	snprintf(buf, size,
		 "an answer of the DHCP server %s was refused: it %s; an impostor, or it does not "
		 "have key %u",
		 mnat_ip(auth->server, server), causes[auth->cause].text, auth->id);
	return true;
}
