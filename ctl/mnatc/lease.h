/* SPDX-License-Identifier: GPL-2.0-only */
/* What the DHCP server has granted this node: an actual and a virtual address. */
#ifndef MNATC_LEASE_H
#define MNATC_LEASE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "mnat/clock.h"
#include "mnat/dhcp.h"

#define LEASE_INFINITE UINT32_MAX /* RFC 2131 3.3 */
#define NEVER	       UINT64_MAX /* a deadline that does not come */

#define LEASE_MAX_DNS	 3   /* as many as resolv.conf takes */
#define LEASE_DOMAIN_MAX 254 /* RFC 1035 2.3.4, and the end */

struct lease_dns {
	struct in_addr servers[LEASE_MAX_DNS];
	int n;
	char search[LEASE_DOMAIN_MAX]; /* the domain; "": not told */
};

/* Addresses: network order. Durations: seconds, counted from since_ns. */
struct lease {
	struct in_addr actual;
	struct in_addr mask;
	struct in_addr router; /* 0.0.0.0: the server named none */
	struct in_addr server;
	struct in_addr manager; /* the mobility manager; 0.0.0.0: not named */
	struct in_addr virt;	/* the actual one when the server gives no virtual address */
	struct in_addr tunnel;	/* the gateway's end in tunnel mode; 0.0.0.0: translate */
	bool mobile;		/* the server speaks MobileNAT: virt outlives actual */
	struct lease_dns dns;
	uint32_t domain;	/* whose server it is; 0: not told */
	bool have_token;	/* for arrivals in other domains */
	struct dhcp_mnat_token token;
	uint32_t lease_s;
	uint32_t t1_s;
	uint32_t t2_s;
	uint64_t since_ns; /* CLOCK_BOOTTIME when the request that got it was sent */
};

/* The moment `seconds` of the lease have passed; NEVER for an infinite lease. */
static inline uint64_t lease_at(const struct lease *lease, uint32_t seconds)
{
	if (lease->lease_s == LEASE_INFINITE)
		return NEVER;
	return lease->since_ns + seconds * MNAT_NS_PER_SEC;
}

static inline uint64_t lease_expiry(const struct lease *lease)
{
	return lease_at(lease, lease->lease_s);
}

#endif
