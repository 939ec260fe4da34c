// SPDX-License-Identifier: GPL-2.0-only
/*
 * A host that came back to a link where it has been has told its mobility manager at once,
 * without DHCP (peering.h, REBIND); the manager has seen to it that it is who it says.
 */
#include <sys/param.h>

#include "mnat/clock.h"

#include "exchange.h"

/* An address that the client had, in a pool that still has it, and that is free. */
static struct lease *earlier_lease(struct server *s, struct client *client, uint32_t actual)
{
	const struct subnet_conf *subnet = leases_subnet(&s->leases, actual);
	struct lease *lease = lease_find(&s->leases, actual);

	if (!subnet || !lease || lease->client != client || lease->is_virtual ||
	    lease->state == MNAT_LEASE_DECLINED)
		return NULL;
	if (lease == client->bound || lease == client->offer)
		return lease;
	return pool_is_free(leases_pool(&s->leases, subnet), actual) ? lease : NULL;
}

bool server_rebind(struct server *s, uint32_t virt, uint32_t actual)
{
	struct lease *identity = lease_find(&s->leases, virt), *lease, *was;
	struct client *client = identity ? identity->client : NULL;
	uint64_t now = mnat_clock_now(), until;

	if (!client || client->virt != identity || !client->bound || client->bound->virt != virt)
		return false;
	lease = earlier_lease(s, client, actual);
	if (!lease)
		return false;
	was = client->bound;
	until = now + leases_subnet(&s->leases, actual)->lease_time * MNAT_NS_PER_SEC;
	if (lease != was && lease != client->offer)
		lease = lease_offer(&s->leases, client, actual, false, until);
	if (!lease)
		return false;
	lease->tunnel = was->tunnel;
	if (lease != was)
		lease_end(&s->leases, was, MNAT_LEASE_RELEASED, 0);
	lease_bind(&s->leases, lease, until);
	lease->virt = virt;
	/* never shorter than the actual one's: a bound host keeps its identity */
	lease_bind(&s->leases, identity, MAX(identity->expiry.when, until));
	server_count(s, COUNTER_rebound);
	binding_update(s, client, NULL);
	return true;
}
