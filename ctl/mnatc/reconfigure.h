/* SPDX-License-Identifier: GPL-2.0-only */
/* A server that has us renew: by the nonce it gave us, and never twice by one message. */
#ifndef MNATC_RECONFIGURE_H
#define MNATC_RECONFIGURE_H

#include <jansson.h>

#include "mnat/dhcp_nonce.h"

/* Why a FORCERENEW is ignored, and how often that has been. */
#define RECONFIGURE_CAUSES(X)                                                                      \
	X(unasked, "FORCERENEW, of which no server has given us a nonce")                          \
	X(forged, "FORCERENEW by another nonce than ours, or changed on its way")                  \
	X(replay, "FORCERENEW not newer than one before")

enum reconfigure_cause {
#define X(name, text) RECONFIGURE_##name,
	RECONFIGURE_CAUSES(X)
#undef X
	RECONFIGURE_N_CAUSES,
};

struct reconfigure {
	bool have;
	uint8_t nonce[DHCP_NONCE_LEN];
	uint64_t replay;       /* the highest so far */
	struct in_addr server; /* whose ACKs we go by */
	uint64_t obeyed;
	uint64_t ignored[RECONFIGURE_N_CAUSES];
};

/* What an ACK that was taken says of it; one of another server ends what was. */
void reconfigure_learn(struct reconfigure *r, const struct dhcp_message *ack,
		       struct in_addr server);

/* May a FORCERENEW be obeyed? NULL, or why not; it is counted. */
const char *reconfigure_check(struct reconfigure *r, const struct dhcp_message *message);

/* For status; new reference. */
json_t *reconfigure_fields(const struct reconfigure *r);

#endif
