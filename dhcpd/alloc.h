/* SPDX-License-Identifier: GPL-2.0-only */
/* Which address a client gets. */
#ifndef DHCPD_ALLOC_H
#define DHCPD_ALLOC_H

#include "lease.h"

/*
 * An actual address for the client: the requested one if free (in this subnet; under
 * strict-seed in any), else the one it held here before, else the lowest. Held until
 * `until`. 0 and the lease, -ENOSPC or -ENOMEM.
 */
int alloc_actual(struct leases *leases, struct client *client, const struct subnet_conf *subnet,
		 uint32_t requested, uint64_t until, struct lease **ret_lease);

/*
 * The client's virtual address: its own, whatever it asks for; for a new client the
 * wanted one if free, else the lowest. If it was not held, it is until `until`.
 */
int alloc_virtual(struct leases *leases, struct client *client, uint32_t wanted, uint64_t until,
		  struct lease **ret_lease);

#endif
