// SPDX-License-Identifier: GPL-2.0-only
#include "roam.h"

#include <endian.h>
#include <string.h>

#include "mnat/peering.h"

#define RESERVE	       256 /* proofs between two writings of the state file */
#define TICKET_GATEWAY 8   /* offset in a ticket: after domain and virtual address */

_Static_assert(sizeof(((struct dhcp_mnat_token *)0)->key) == PEERING_MAC_LEN, "a node's key");

/* A second has room for a million numbers: a lost state file does not take us back. */
uint64_t roam_first_counter(int64_t wall_s)
{
	return wall_s > 0 ? (uint64_t)wall_s << 20 : 0;
}

bool home_is(const struct home *home, const struct lease *lease)
{
	if (!lease->mobile)
		return false;
	if (home->domain && lease->domain)
		return home->domain == lease->domain;
	return home->manager.s_addr == lease->manager.s_addr;
}

struct home *roam_here(struct roam *roam)
{
	return roam->here && roam->n ? &roam->homes[0] : NULL;
}

struct home *roam_by_serial(struct roam *roam, uint32_t serial)
{
	for (int i = 0; serial && i < roam->n; i++)
		if (roam->homes[i].serial == serial)
			return &roam->homes[i];
	return NULL;
}

struct home *roam_by_virtual(struct roam *roam, struct in_addr virt)
{
	for (int i = 0; i < roam->n; i++)
		if (roam->homes[i].virt.s_addr == virt.s_addr)
			return &roam->homes[i];
	return NULL;
}

/* Make the domain of lease the first; a new one if it is not known. */
static struct home *to_front(struct roam *roam, const struct lease *lease)
{
	struct home home;
	int i = 0;

	while (i < roam->n && !home_is(&roam->homes[i], lease))
		i++;
	if (i == roam->n) {
		home = (struct home){.serial = ++roam->last_serial};
		if (roam->n < ROAM_HOMES)
			roam->n++;
		else
			i--;
	} else {
		home = roam->homes[i];
	}
	memmove(&roam->homes[1], &roam->homes[0], (size_t)i * sizeof(home));
	roam->homes[0] = home;
	return &roam->homes[0];
}

bool roam_enter(struct roam *roam, const struct lease *lease, int64_t wall_s)
{
	const struct home *was = roam_here(roam);
	uint32_t serial = was ? was->serial : 0;
	struct home *home;

	roam->here = lease->mobile && lease->manager.s_addr;
	if (!roam->here)
		return was != NULL;
	home = to_front(roam, lease);
	home->domain = lease->domain;
	home->manager = lease->manager;
	home->virt = lease->virt;
	home->seen_s = wall_s;
	if (lease->have_token) {
		home->have_token = true;
		home->token = lease->token;
		home->gateway.s_addr = 0;
	}
	return home->serial != serial;
}

int roam_arrivals(struct roam *roam, const struct lease *lease,
		  struct home *ret_homes[DHCP_MNAT_MAX_ARRIVALS])
{
	int n = 0;

	for (int i = 0; i < roam->n && n < DHCP_MNAT_MAX_ARRIVALS; i++)
		if (roam->homes[i].have_token && !(lease && home_is(&roam->homes[i], lease)))
			ret_homes[n++] = &roam->homes[i];
	return n;
}

void roam_drop(struct roam *roam, struct home *home)
{
	int i = (int)(home - roam->homes);

	if (i == 0)
		roam->here = false;
	roam->n--;
	memmove(home, home + 1, (size_t)(roam->n - i) * sizeof(*home));
	explicit_bzero(&roam->homes[roam->n], sizeof(*home));
}

bool roam_count(struct roam *roam, uint64_t *ret_counter)
{
	if (roam->counter >= roam->reserved)
		return false;
	*ret_counter = ++roam->counter;
	return true;
}

uint64_t roam_reserve(const struct roam *roam)
{
	return roam->counter + RESERVE;
}

void roam_announce(const struct home *home, struct dhcp_mnat_arrival *ret_arrival)
{
	*ret_arrival = (struct dhcp_mnat_arrival){.manager = home->manager};
	memcpy(ret_arrival->ticket, home->token.ticket, sizeof(ret_arrival->ticket));
}

void roam_prove(const struct home *home, uint64_t counter, struct dhcp_mnat_arrival *ret_arrival)
{
	roam_announce(home, ret_arrival);
	ret_arrival->counter = htobe64(counter);
	peering_prove(home->token.key, home->token.ticket, counter, ret_arrival->proof);
}

struct in_addr roam_ticket_gateway(const struct home *home)
{
	struct in_addr gateway;

	memcpy(&gateway, home->token.ticket + TICKET_GATEWAY, sizeof(gateway));
	return gateway;
}
