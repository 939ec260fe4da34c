/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When the last session of a host that is away ends: managers are told (HEND), once
 * in each of their sessions, so that one that had died meanwhile hears of it too.
 */
#ifndef MIDCOM_ENDS_H
#define MIDCOM_ENDS_H

#include "hosts.h"

/* Is any host away? Otherwise nobody needs to know who has sessions here. */
bool ends_are_awaited(const struct hosts *hosts);

/*
 * Tell of the hosts that were away before the given second and have no session here:
 * bit i of anchored says that id n_actuals + 1 + i has. tell: false if nobody heard.
 */
void ends_tell(struct hosts *hosts, const uint8_t *anchored, uint32_t before,
	       bool (*tell)(__be32 virt, void *user), void *user);

/* A new session of a manager: what was told may be news to it. */
void ends_tell_again(struct hosts *hosts);

#endif
