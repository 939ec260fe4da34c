/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tickets (peering.h): what a node shows in another domain so that its home manager
 * knows the virtual address is its own. Made with a secret that no other program has.
 */
#ifndef MM_TICKET_H
#define MM_TICKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "mnat/peering.h"

#define SECRET_LEN 32

struct secret {
	uint8_t bytes[SECRET_LEN];
};

/* What a ticket says; anybody may read it, only ticket_verify() makes it true. */
struct ticket {
	uint32_t domain;
	struct in_addr virt;
	struct in_addr gateway;
	uint32_t generation;
	uint64_t expires; /* seconds since 1970 */
};

/* The secret kept in path, made (mode 0600) if there is none. 0 or -errno, printed. */
int secret_load(const char *path, struct secret *ret_secret);

/* 0, or -EIO: no random numbers. */
int ticket_make(const struct secret *secret, const struct ticket *ticket,
		uint8_t ret_bytes[PEERING_TICKET_LEN]);

void ticket_read(const uint8_t bytes[PEERING_TICKET_LEN], struct ticket *ret_ticket);

/* Is it ours, of that domain, and not expired? Takes as long for any wrong one. */
bool ticket_verify(const struct secret *secret, uint32_t domain, uint64_t now_s,
		   const uint8_t bytes[PEERING_TICKET_LEN], struct ticket *ret_ticket);

/* The node's key, which goes with the ticket. */
void ticket_key(const struct secret *secret, const uint8_t bytes[PEERING_TICKET_LEN],
		uint8_t ret_key[PEERING_MAC_LEN]);

/* Does the proof show knowledge of the ticket's key? */
bool ticket_proves(const struct secret *secret, const uint8_t bytes[PEERING_TICKET_LEN],
		   uint64_t counter, const uint8_t proof[PEERING_MAC_LEN]);

#endif
