/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The node's sessions: which virtual address each uses, in which domain it began, and
 * what the shim must know of it (map "homes", abi.h). A session that is seen for the
 * first time began in the domain we have not left yet.
 */
#ifndef MNATC_SESSIONS_H
#define MNATC_SESSIONS_H

#include <uthash.h>

#include "roam.h"
#include "sockets.h"

struct session {
	struct mnat_home_key key;
	struct socket_info socket;
	uint32_t home; /* serial; 0: began where there is no domain */
	bool seen;     /* in the look that is under way */
	UT_hash_handle hh;
};

struct sessions {
	struct session *table;
};

/* A look at the sockets: begin, saw for each, end, which forgets those not seen. */
void sessions_begin(struct sessions *sessions);
/* home: serial of the domain it is in if it is new. 0 or -ENOMEM. */
int sessions_saw(struct sessions *sessions, const struct socket_info *socket, uint32_t home);
void sessions_end(struct sessions *sessions);
void sessions_done(struct sessions *sessions);

unsigned int sessions_on(const struct sessions *sessions, struct in_addr virt);
unsigned int sessions_of(const struct sessions *sessions, uint32_t home);

/* Where the shim shall find the sessions. */
struct place {
	struct in_addr preferred;
	bool public; /* tunnel to where they began */
};

/*
 * What map "homes" shall say of a session; false: nothing. One whose home gateway is
 * not known is not among them either: see session_is_stuck().
 */
bool session_entry(const struct session *session, struct roam *roam, const struct place *place,
		   struct mnat_home *ret_home);

#endif
