/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A move without DHCP on its path (seed paragraph 170): on a link that may be one it knows
 * the node tells its manager at once that it is at the address it had there, by a REBIND
 * (peering.h) through that link's gateway. On another link that gateway is not, and the
 * frame goes nowhere. One round trip; DHCP, which began at the same time, confirms.
 *
 * No sockets: datagrams go out by rebind_ops and come in by rebind_receive(); time is
 * mnat_clock_now().
 */
#ifndef MNATC_REBIND_H
#define MNATC_REBIND_H

#include "roam.h"
#include "state.h"

#define REBIND_MAX 4 /* networks tried at once, the last visited first */

struct rebind_ops {
	/* by network's gateway, from the address we had there, to manager's PEERING_PORT */
	void (*send)(const struct network *network, struct in_addr manager, const void *datagram,
		     size_t len, void *user);
	/* the next proof's number; false: none can be had now */
	bool (*count)(uint64_t *ret_counter, void *user);
	/* the gateways send to us at this network's address now */
	void (*accepted)(const struct network *network, void *user);
};

struct rebind {
	const struct rebind_ops *ops;
	void *user;
	uint32_t home; /* serial of the domain whose manager is asked; 0: nothing goes on */
	uint32_t transaction; /* of the first network; each has one of its own */
	struct network tried[REBIND_MAX];
	int n;
	unsigned int tries;
	uint64_t due_ns;
};

void rebind_init(struct rebind *rebind, const struct rebind_ops *ops, void *user);

/* A link has come up: ask for all networks it may be, which are those of our domain. */
void rebind_begin(struct rebind *rebind, const struct state *state);

/* DHCP was faster, or the link is gone. */
void rebind_end(struct rebind *rebind);

/* An ARP reply: does a network that we ask for begin at this router (RFC 4436 2.1)? */
bool rebind_knows(const struct rebind *rebind, struct in_addr router, uint64_t mac);

void rebind_tick(struct rebind *rebind, struct roam *roam);
uint64_t rebind_deadline(const struct rebind *rebind);

/* False: the datagram is no answer to us. */
bool rebind_receive(struct rebind *rebind, struct roam *roam, const void *datagram, size_t len);

#endif
