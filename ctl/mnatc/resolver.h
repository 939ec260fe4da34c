/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gateway's MAC address, asked for by mnatc itself (the stack knows nothing of
 * this gateway). An answer counts only while a question is open, so that nobody on
 * the link can change it unasked. Asked again every minute.
 */
#ifndef MNATC_RESOLVER_H
#define MNATC_RESOLVER_H

#include <stdbool.h>

#include "lease.h"
#include "port.h"

struct resolver {
	struct in_addr target; /* 0.0.0.0: nothing to resolve */
	struct in_addr sender; /* 0.0.0.0 while the address is only offered (RFC 5227) */
	uint64_t mac;	       /* shim_mac_word(); 0: not known */
	uint64_t deadline_ns;
	unsigned int tries; /* questions since the last answer or refresh */
	bool asking;
};

/* Forget everything: another link. */
void resolver_reset(struct resolver *resolver);

/*
 * Have the question asked, until there is an answer: resolver_tick() sends it. False:
 * the very same is open or answered already. target 0.0.0.0: as reset.
 */
bool resolver_ask(struct resolver *resolver, struct in_addr sender, struct in_addr target);

/* The answer is known from before; it is asked for again all the same, in a minute. */
void resolver_know(struct resolver *resolver, struct in_addr sender, struct in_addr target,
		   uint64_t mac);

/* Ask anew what is answered already. */
void resolver_again(struct resolver *resolver);

/* Send the question if it is due: at once after resolver_ask(), then at deadline_ns. */
void resolver_tick(struct resolver *resolver, const struct port *port);

/* An ARP reply: owner is at mac. True: that was our open question. */
bool resolver_take(struct resolver *resolver, struct in_addr owner, const uint8_t mac[6]);

/* Has the gateway left several questions in a row unanswered? */
bool resolver_is_silent(const struct resolver *resolver);

#endif
