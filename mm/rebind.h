/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Direct rebinds (peering.h, REBIND; seed paragraph 170): a node tells us where it is
 * before DHCP does. The DHCP server has the last word on the address: it is asked, its
 * lease event goes to the gateways as always, and when they have it the node is answered.
 *
 * A ticket is good for one move: the event that comes of it makes it old, so that whoever
 * repeats the datagram later moves nobody.
 */
#ifndef MM_REBIND_H
#define MM_REBIND_H

#include "roam.h"

#define REBIND_MAX 4096 /* at once */

struct manager;
struct host;

struct rebind_wait {
	struct roam_rebind asked;
	bool answered;
	uint64_t until_ns;
	UT_hash_handle hh; /* by asked.virt */
};

/* Authentic, and from asked->actual. */
void rebind_ask(struct manager *manager, const struct roam_rebind *asked);

/* A gateway has confirmed the host's rule. */
void rebind_confirmed(struct manager *manager, const struct host *host);

/* Forget those that got no answer, or had one, a while ago. */
void rebind_expire(struct manager *manager);
void rebind_free(struct manager *manager);

#endif
