/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The seed's figure 15 for a REQUEST, as a table of rows tried in order; no state,
 * no packets. Where RFC 2131 wants something else the default policy follows it:
 *
 *                                      strict-seed          rfc2131
 *   REQUEST to another server          judged as ours       ignored
 *   no lease, wrong subnet             ignored              NAK
 *   no lease, answer to our offer      ignored              NAK (section 4.3.2)
 *   no lease, and we are authoritative ignored              NAK
 *   REQUEST with shim 0.0.0.0          a DISCOVER           a REQUEST
 *   DISCOVER asking for an address     any free one         if of this subnet
 */
#ifndef DHCPD_DECIDE_H
#define DHCPD_DECIDE_H

#include "conf.h"

enum verdict {
	VERDICT_ACK,
	VERDICT_NAK_SUBNET,
	VERDICT_NAK_ADDRESS,
	VERDICT_NAK_NO_OFFER,
	VERDICT_NAK_NO_LEASE,
	VERDICT_IGNORE_NO_LEASE,
	VERDICT_IGNORE_OTHER_SERVER,
	VERDICT_AS_DISCOVER,
};

/* What is known about a REQUEST. Addresses: host order, 0 for none. */
struct facts {
	bool shim_zero; /* shim option present, asking to allocate */
	uint32_t lease; /* bound or offered to the client, here rather than elsewhere */
	uint32_t requested;
	uint32_t ciaddr;
	bool server_named; /* option 54 */
	bool server_ours;
	bool authoritative;
	bool inside; /* the address spoken of is in range of the client's current subnet */
};

enum verdict decide_request(enum policy policy, const struct facts *facts);

#endif
