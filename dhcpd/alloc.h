/* SPDX-License-Identifier: GPL-2.0-only */
/* Which address a client gets. */
#ifndef DHCPD_ALLOC_H
#define DHCPD_ALLOC_H

#include "lease.h"

/*
 * An actual address for the client: the requested one if free (on this link; under
 * strict-seed in any subnet), else the one it held here before, else the lowest, of this
 * subnet before the others on its link. Held until `until`. 0 and the lease, -ENOSPC or
 * -ENOMEM.
 */
int alloc_actual(struct leases *leases, struct client *client, const struct subnet_conf *subnet,
		 uint32_t requested, uint64_t until, struct lease **ret_lease);

/* A virtual address that a client wants, 0: any; arrives: from another domain. */
struct wish {
	uint32_t address;
	bool arrives;
	bool is_public; /* one of the public pool, if there is one left */
	const struct share_conf *share; /* ... or an identity with which to share this; NULL */
	bool tunnels; /* it can be told to use a tunnel, without which nothing is shared */
	uint32_t reserved; /* for this client, which gets it unless another still has it; or 0 */
};

/*
 * The client's virtual address: its own, whatever it asks for; for a new client the
 * wanted one if free, else the lowest. One of another domain's pool only if it arrives
 * from there. If it was not held, it is until `until`. 0, -ENOSPC or -ENOMEM; -EOPNOTSUPP:
 * it is one that is shared, and the client cannot be told of the tunnel that this needs.
 */
int alloc_virtual(struct leases *leases, struct client *client, const struct wish *wish,
		  uint64_t until, struct lease **ret_lease);

/* Can it be a virtual address of another domain's pool? */
bool alloc_is_foreign(const struct leases *leases, uint32_t address);

#define FOREIGN_MAX 65536 /* addresses of other domains that are kept in mind */

#endif
