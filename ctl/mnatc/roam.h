/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The domains where this node has been and may have sessions, with what it needs to
 * prove to each that it has arrived elsewhere. Pure bookkeeping: no sockets, no files.
 */
#ifndef MNATC_ROAM_H
#define MNATC_ROAM_H

#include "lease.h"

#define ROAM_HOMES 8 /* the one visited the longest ago is given up for a ninth */

/* One domain. A serial names it while mnatc runs; 0 is none's. */
struct home {
	uint32_t serial;
	uint32_t domain; /* 0: its server does not tell */
	struct in_addr manager;
	struct in_addr virt; /* our address there */
	bool have_token;
	struct dhcp_mnat_token token;
	int64_t seen_s;		/* wall clock of the last lease there */
	unsigned int sockets;	/* sessions that began there */
	struct in_addr gateway; /* where to tunnel to; 0.0.0.0: not told yet */
};

struct roam {
	struct home homes[ROAM_HOMES]; /* the last visited first */
	int n;
	bool here; /* we are in the first one */
	/*
	 * Of proofs: strictly rising over all domains. Numbers up to reserved may be
	 * used, since the state file has it.
	 */
	uint64_t counter;
	uint64_t reserved;
	uint32_t last_serial;
};

/* A number for the first proof of a node that has none in its state file. */
uint64_t roam_first_counter(int64_t wall_s);

/*
 * A lease: we are in that domain now, the first of the list; in none when the server
 * does not speak MobileNAT. What it says anew is taken over. True: another domain than
 * before.
 */
bool roam_enter(struct roam *roam, const struct lease *lease, int64_t wall_s);

/* Where we are; NULL: in no domain. */
struct home *roam_here(struct roam *roam);
struct home *roam_by_serial(struct roam *roam, uint32_t serial);
/* The domain visited last where our address was virt, or NULL. */
struct home *roam_by_virtual(struct roam *roam, struct in_addr virt);

bool home_is(const struct home *home, const struct lease *lease);

/*
 * Whom an arrival is due to from the place of lease (NULL: it is not known which it
 * is): the domains elsewhere that gave a token, the last visited first. Returns how
 * many.
 */
int roam_arrivals(struct roam *roam, const struct lease *lease,
		  struct home *ret_homes[DHCP_MNAT_MAX_ARRIVALS]);

/* Forget a domain: no session is left there. */
void roam_drop(struct roam *roam, struct home *home);

/*
 * The next proof's number; false: none is reserved, reserve more. Reserving means: a
 * state file that has roam_reserve()'s number is written, then roam->reserved is set.
 */
bool roam_count(struct roam *roam, uint64_t *ret_counter);
uint64_t roam_reserve(const struct roam *roam);

/* What proves to home that we have arrived; counter from roam_count(). */
void roam_prove(const struct home *home, uint64_t counter, struct dhcp_mnat_arrival *ret_arrival);

/*
 * An arrival that announces only that there will be one: in a DISCOVER, which anybody
 * on the link can read and which no manager sees, a proof would be there to be stolen.
 */
void roam_announce(const struct home *home, struct dhcp_mnat_arrival *ret_arrival);

/* The tunnel address in a ticket (peering.h), which holds until the home manager speaks. */
struct in_addr roam_ticket_gateway(const struct home *home);

#endif
