/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What other gateways have to do with sessions: the maps "elsewhere" and "relays", of
 * which this is the only writer besides the sweep, which empties them. All state is in
 * the maps. Whoever deletes a relay drops its port, so that nobody does it twice.
 */
#ifndef MIDCOM_ELSEWHERE_H
#define MIDCOM_ELSEWHERE_H

#include <stdbool.h>
#include <stdint.h>

#include "mnat/maps.h"

struct elsewhere_endpoint {
	__be32 addr;
	__be16 port;
};

/* The session is anchored elsewhere, where that is its external endpoint. 0 or -errno. */
int elsewhere_anchor(const struct mnat_gateway *gateway, const struct mnat_session_key *key,
		     struct elsewhere_endpoint external);

bool elsewhere_is_anchored(const struct mnat_gateway *gateway,
			   const struct mnat_session_key *key);

/*
 * A port here of the session's own, for its anchor to forward to: made once, its index
 * told each time. virt: the host's address at the anchor. Packets come from the session's
 * external endpoint there, or from the correspondent's.
 * -ENOENT: the session is not one that is anchored elsewhere; -ENOSPC: no port is free.
 */
int64_t elsewhere_give_port(const struct mnat_gateway *gateway,
			    const struct mnat_session_key *key, __be32 virt,
			    bool from_correspondent, uint32_t now);

/*
 * Forward a session that is anchored here to that endpoint at the gateway its host visits,
 * during that stay; port 0: by tunnel, but with the correspondent as its outer source.
 * 0, -ENOENT: it is not anchored here; or -errno.
 */
int elsewhere_forward(const struct mnat_gateway *gateway, const struct mnat_session_key *key,
		      struct elsewhere_endpoint there, uint32_t stay, bool keep_source);

/* The session is gone. */
void elsewhere_forget(const struct mnat_gateway *gateway, const struct mnat_session_key *key);

/* Is the port with that index a session's, as given? */
bool elsewhere_holds(const struct mnat_gateway *gateway, uint32_t index);

#endif
