// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual addresses of hosts that are away in another domain. Their sessions here are
 * served on, so the mobility manager keeps the address for them, and gives it back.
 */
#include <sys/param.h>

#include "mnat/clock.h"

#include "exchange.h"

/* One that has run out meanwhile is its holder's again if nobody has taken it. */
static bool hold_again(struct server *s, struct lease *lease, uint64_t until)
{
	if (!lease->client || lease->client->virt != lease || lease->foreign ||
	    !pool_is_free(leases_virtual_pool_of(&s->leases, lease->address), lease->address))
		return false;
	return lease_offer(&s->leases, lease->client, lease->address, true, until);
}

bool server_renew_virtual(struct server *s, uint32_t address, uint32_t seconds)
{
	uint64_t until = mnat_clock_now() + seconds * MNAT_NS_PER_SEC;
	struct lease *lease = lease_find(&s->leases, address);

	if (!lease || !lease->is_virtual || lease->state == MNAT_LEASE_DECLINED)
		return false;
	if (lease_is_held(lease))
		until = MAX(until, lease->expiry.when);
	else if (!hold_again(s, lease, until))
		return false;
	lease_bind(&s->leases, lease, until);
	server_count(s, COUNTER_virtual_renewed);
	return true;
}

bool server_release_virtual(struct server *s, uint32_t address)
{
	struct lease *lease = lease_find(&s->leases, address);
	struct client *client = lease ? lease->client : NULL;

	if (!client || !lease->is_virtual || lease->state != MNAT_LEASE_BOUND ||
	    (client->bound && client->bound->virt == address))
		return false;
	lease_end(&s->leases, lease, MNAT_LEASE_RELEASED, 0);
	client_tidy(&s->leases, client);
	server_count(s, COUNTER_virtual_released);
	return true;
}
