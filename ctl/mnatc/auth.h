/* SPDX-License-Identifier: GPL-2.0-only */
/* Who we are to the DHCP server, and whether an answer is its: include/mnat/dhcp_auth.h. */
#ifndef MNATC_AUTH_H
#define MNATC_AUTH_H

#include <jansson.h>

#include "mnat/dhcp_auth.h"
#include "mnat/role_conf.h"

/* Why an answer is refused, and how often that has been. */
#define AUTH_CAUSES(X)                                                                             \
	X(missing, "is not authenticated")                                                         \
	X(unknown_key, "is authenticated by another key than ours")                                \
	X(bad_mac, "is authenticated by a wrong secret, or was changed on its way")                \
	X(replay, "answers an earlier message of ours")

enum auth_cause {
#define X(name, text) AUTH_##name,
	AUTH_CAUSES(X)
#undef X
	AUTH_N_CAUSES,
};

struct auth {
	enum mnat_node_auth policy;
	bool rfc3118;
	uint32_t id;
	struct dhcp_secret secret;
	/* the exchange that goes on, and the counters of its first and last message */
	uint32_t xid;
	uint64_t first;
	uint64_t last;
	uint64_t refused[AUTH_N_CAUSES];
	enum auth_cause cause; /* of the last one */
	struct in_addr server; /* it said it was */
	uint64_t refused_ns;   /* 0: none yet */
};

/* 0 or -errno, printed. */
int auth_open(const struct mnat_node_conf *conf, struct auth *ret_auth);
void auth_close(struct auth *auth);

static inline bool auth_is_on(const struct auth *auth)
{
	return auth->policy != MNAT_AUTH_OFF;
}

/* Proofs of arrivals that a message has room for. */
unsigned int auth_max_arrivals(const struct auth *auth);

/* Does a message of this type bear a counter? One for each such, ever rising. */
bool auth_counts(const struct auth *auth, enum dhcp_type type);

/* A message that is finished, in buf of DHCP_MAX_MESSAGE bytes. 0 or -EMSGSIZE. */
int auth_sign(struct auth *auth, const struct dhcp_codec *codec, uint64_t counter, uint8_t *buf,
	      size_t *len);

/*
 * May an answer be acted upon? NULL, or why not, and it is counted. *replay: the highest
 * value of RFC 3118's answers so far, which the state file keeps.
 */
const char *auth_check(struct auth *auth, const struct dhcp_codec *codec,
		       const struct dhcp_message *message, uint64_t *replay);

/* For status: the counts (new reference), and the problem if there was one in the last hour. */
json_t *auth_fields(const struct auth *auth);
bool auth_problem(const struct auth *auth, char *buf, size_t size);

#endif
