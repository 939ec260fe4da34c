/* SPDX-License-Identifier: GPL-2.0-only */
/* Map "homes" (abi.h): what the shim knows of sessions that are not the preferred address's. */
#ifndef MNATC_HOMES_H
#define MNATC_HOMES_H

#include "sessions.h"

/*
 * Before a move: add what the sessions will need at place, so that the flip finds it,
 * and take nothing away from the place we are at. Returns how many entries are needed,
 * or -errno, printed.
 */
int homes_prepare(int fd, const struct sessions *sessions, struct roam *roam,
		  const struct place *place);

/* At place: make the map say this and no more. As above. */
int homes_sync(int fd, const struct sessions *sessions, struct roam *roam,
	       const struct place *place);

/* What the map says of a session. False: nothing. */
bool homes_get(int fd, const struct mnat_home_key *key, struct mnat_home *ret_home);

#endif
