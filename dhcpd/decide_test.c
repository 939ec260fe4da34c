// SPDX-License-Identifier: GPL-2.0-only
/* The seed's figure 15, steps 1506 to 1540, row by row, under both policies. */
#include <criterion/criterion.h>

#include "decide.h"

#define A 0x0a000105 /* the lease */
#define B 0x0a000109

struct expected {
	const char *row;
	struct facts facts;
	enum verdict strict;
	enum verdict rfc;
};

static const struct expected table[] = {
	{"4: no lease, INIT-REBOOT on the right subnet",
	 {.requested = B, .inside = true},
	 VERDICT_IGNORE_NO_LEASE,
	 VERDICT_IGNORE_NO_LEASE},
	{"4: no lease, renewing",
	 {.ciaddr = B, .inside = true},
	 VERDICT_IGNORE_NO_LEASE,
	 VERDICT_IGNORE_NO_LEASE},
	{"4, C6b: no lease, wrong subnet",
	 {.requested = B},
	 VERDICT_IGNORE_NO_LEASE,
	 VERDICT_NAK_SUBNET},
	{"4: no lease, answers an offer that is over",
	 {.requested = B, .server_named = true, .server_ours = true, .inside = true},
	 VERDICT_IGNORE_NO_LEASE,
	 VERDICT_NAK_NO_OFFER},
	{"4: no lease, authoritative",
	 {.requested = B, .authoritative = true, .inside = true},
	 VERDICT_IGNORE_NO_LEASE,
	 VERDICT_NAK_NO_LEASE},
	{"5: lease elsewhere, requests it",
	 {.lease = A, .requested = A},
	 VERDICT_NAK_SUBNET,
	 VERDICT_NAK_SUBNET},
	{"5: lease elsewhere, rebinds",
	 {.lease = A, .ciaddr = A},
	 VERDICT_NAK_SUBNET,
	 VERDICT_NAK_SUBNET},
	{"6: takes our offer",
	 {.lease = A, .requested = A, .server_named = true, .server_ours = true, .inside = true},
	 VERDICT_ACK,
	 VERDICT_ACK},
	{"6 no: takes our offer, asks another address",
	 {.lease = A, .requested = B, .server_named = true, .server_ours = true, .inside = true},
	 VERDICT_NAK_ADDRESS,
	 VERDICT_NAK_ADDRESS},
	{"7: INIT-REBOOT", {.lease = A, .requested = A, .inside = true}, VERDICT_ACK, VERDICT_ACK},
	{"7, C6a: another server, our address",
	 {.lease = A, .requested = A, .server_named = true, .inside = true},
	 VERDICT_ACK,
	 VERDICT_IGNORE_OTHER_SERVER},
	{"8, C6a: another server, its address",
	 {.lease = A, .requested = B, .server_named = true, .inside = true},
	 VERDICT_NAK_ADDRESS,
	 VERDICT_IGNORE_OTHER_SERVER},
	{"8: INIT-REBOOT, not the lease",
	 {.lease = A, .requested = B, .inside = true},
	 VERDICT_NAK_ADDRESS,
	 VERDICT_NAK_ADDRESS},
	{"9: renews or rebinds",
	 {.lease = A, .ciaddr = A, .inside = true},
	 VERDICT_ACK,
	 VERDICT_ACK},
	{"10: renews another address",
	 {.lease = A, .ciaddr = B, .inside = true},
	 VERDICT_NAK_ADDRESS,
	 VERDICT_NAK_ADDRESS},
	{"10: says no address at all",
	 {.lease = A, .inside = true},
	 VERDICT_NAK_ADDRESS,
	 VERDICT_NAK_ADDRESS},
	{"C6d: asks for a virtual address while taking our offer",
	 {.shim_zero = true,
	  .lease = A,
	  .requested = A,
	  .server_named = true,
	  .server_ours = true,
	  .inside = true},
	 VERDICT_AS_DISCOVER,
	 VERDICT_ACK},
};

Test(decide, every_row)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		cr_expect_eq(decide_request(POLICY_STRICT_SEED, &table[i].facts), table[i].strict,
			     "strict-seed, row %s", table[i].row);
		cr_expect_eq(decide_request(POLICY_RFC2131, &table[i].facts), table[i].rfc,
			     "rfc2131, row %s", table[i].row);
	}
}
