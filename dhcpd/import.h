/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leases of another server, taken over by one that runs: collected first, then looked at
 * against what there is, then all taken or none. What is leased here already stays as it
 * is. Nothing here stores: the caller does, before it says that it is done.
 */
#ifndef DHCPD_IMPORT_H
#define DHCPD_IMPORT_H

#include "server.h"

#define IMPORT_MAX	   1000000 /* leases at once */
#define IMPORT_WHY_LEN	   192
#define IMPORT_CLOCK_SLACK 60 /* seconds by which two servers' clocks may differ */

struct import;

/* A lease that cannot be taken over: the line of its file, and why. */
typedef void (*import_refuse)(uint32_t line, const char *why, void *user);

/* NULL: no memory. */
struct import *import_new(void);
void import_free(struct import *import);

/*
 * One more lease. False: it is refused, by why: the file has its address, or another
 * lease of the kind for its client, twice. What is refused is left out of all that follows.
 */
bool import_add(struct import *import, const struct mnat_lease_record *record, uint32_t line,
		char why[IMPORT_WHY_LEN]);
/* ... and what a client has proved itself by: never refused but without memory. */
bool import_add_proof(struct import *import, const struct mnat_auth_record *record,
		      char why[IMPORT_WHY_LEN]);
/* A line that was neither. */
void import_add_refused(struct import *import);

/* Lines added, refused ones too. */
uint32_t import_lines(const struct import *import);

/* Refuse what cannot be had here. How many lines are refused by now. */
uint32_t import_check(struct import *import, struct server *s, import_refuse refuse, void *user);

struct import_result {
	uint32_t imported;
	uint32_t same; /* were here already */
	uint32_t proofs;
};

/* Take over what import_check() did not refuse, in its moment. 0, or -ENOMEM: not all of it. */
int import_apply(const struct import *import, struct server *s, struct import_result *ret_result);

#endif
