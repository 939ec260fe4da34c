/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is somebody at an address that we are about to offer (RFC 2131 section 3.1)? An ICMP echo
 * request goes there, also behind relays; the offer waits for so long. A host that does not
 * answer pings is not found.
 */
#ifndef DHCPD_PROBE_H
#define DHCPD_PROBE_H

#include <uv.h>

#include "io.h"

#define PROBES_MAX 256 /* at a time; further offers do not wait */

struct prober;

struct prober_ops {
	/* out->reply.probe is free, for all that is known, or taken: then out is not to be sent */
	void (*done)(const struct outgoing *out, bool taken, void *user);
};

/* Needs CAP_NET_RAW. 0 or -errno, logged. */
int prober_open(uv_loop_t *loop, const struct prober_ops *ops, void *user,
		struct prober **ret_prober);
void prober_close(struct prober *prober); /* what is held is dropped */

/*
 * Look for somebody at out->reply.probe, for wait_ms. If that is being done already the
 * answer is for this message, the client's latest. False: it cannot be, now.
 */
bool prober_hold(struct prober *prober, const struct outgoing *out, uint32_t wait_ms);

/*
 * An echo reply as a raw socket brings it, with its IP header: the address it comes from
 * (host order), or 0. id, payload: what it has to return.
 */
uint32_t probe_answer(const uint8_t *buf, size_t len, uint16_t id, uint64_t payload);

#endif
