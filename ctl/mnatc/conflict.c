// SPDX-License-Identifier: GPL-2.0-only
#include "conflict.h"

#include <string.h>

#define PROBES	    3			   /* PROBE_NUM of RFC 5227 1.1 */
#define PROBE_EVERY (500 * MNAT_NS_PER_MS) /* nobody waits for them */

void conflict_end(struct conflict *conflict)
{
	*conflict = (struct conflict){.deadline_ns = NEVER};
}

void conflict_begin(struct conflict *conflict, struct in_addr address)
{
	if (address.s_addr == conflict->address.s_addr)
		return;
	*conflict = (struct conflict){.address = address, .deadline_ns = mnat_clock_now()};
}

void conflict_tick(struct conflict *conflict, const struct port *port)
{
	const struct in_addr nobody = {};

	if (mnat_clock_now() < conflict->deadline_ns)
		return;
	if (++conflict->probes > PROBES) {
		conflict->deadline_ns = NEVER;
		return;
	}
	conflict->deadline_ns = mnat_clock_now() + PROBE_EVERY;
	port_send_arp(port, nobody, conflict->address);
}

bool conflict_is(const struct conflict *conflict, struct in_addr owner, const uint8_t mac[6],
		 const uint8_t ours[6])
{
	return conflict->address.s_addr && conflict->probes <= PROBES &&
	       owner.s_addr == conflict->address.s_addr && memcmp(mac, ours, 6);
}
