/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does somebody else have our new address (RFC 2131 4.4.1, RFC 5227 2.1.1)? ARP probes,
 * sent while the address is in use already: a move does not wait for what is hardly
 * ever so.
 */
#ifndef MNATC_CONFLICT_H
#define MNATC_CONFLICT_H

#include <stdbool.h>

#include "lease.h"
#include "port.h"

struct conflict {
	struct in_addr address; /* 0.0.0.0: nothing is asked */
	uint64_t deadline_ns;
	unsigned int probes;
};

/* Ask, unless this address has been asked for since conflict_end(). */
void conflict_begin(struct conflict *conflict, struct in_addr address);
void conflict_end(struct conflict *conflict);

/* Send a probe if one is due, at deadline_ns. */
void conflict_tick(struct conflict *conflict, const struct port *port);

/*
 * An ARP reply, owner is at mac; ours: our own MAC address. True: it answers a probe of a
 * moment ago, somebody has the address.
 */
bool conflict_is(const struct conflict *conflict, struct in_addr owner, const uint8_t mac[6],
		 const uint8_t ours[6]);

#endif
