/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FORCERENEW (RFC 3203): a server has a client renew its lease at once. It proves itself by
 * a nonce that it has given the client in an earlier ACK (RFC 6704): option 90 with protocol
 * 3, algorithm 1 (HMAC-MD5). The client has to say by option 145 that it understands.
 */
#ifndef MNAT_DHCP_NONCE_H
#define MNAT_DHCP_NONCE_H

#include "mnat/dhcp.h"

#define DHCP_NONCE_LEN 16

/* Option 90 of protocol 3; big-endian. */
struct dhcp_rfc6704 {
	uint8_t protocol;
	uint8_t algorithm;
	uint8_t rdm;
	uint64_t replay;
	uint8_t type;			/* 1: in an ACK, the nonce; 2: in a FORCERENEW, its MAC */
	uint8_t value[DHCP_NONCE_LEN];
} __attribute__((packed));

_Static_assert(sizeof(struct dhcp_rfc6704) == 28, "RFC 6704 section 3.1.2");

/* Client: DISCOVER and REQUEST. Server: has it said so? */
void dhcp_put_nonce_capable(struct dhcp_builder *b);
bool dhcp_takes_nonce(const struct dhcp_message *message);

/* Of an ACK. replay: what a FORCERENEW's is to exceed. */
void dhcp_put_nonce(struct dhcp_builder *b, const uint8_t nonce[DHCP_NONCE_LEN], uint64_t replay);
bool dhcp_get_nonce(const struct dhcp_message *ack, uint8_t ret_nonce[DHCP_NONCE_LEN],
		    uint64_t *ret_replay);

/* A FORCERENEW to be finished: the option with room for the MAC, the end, the MAC. */
int dhcp_finish_forcerenew(struct dhcp_builder *b, const uint8_t nonce[DHCP_NONCE_LEN],
			   uint64_t replay, size_t *ret_len);
/* Is it by that nonce? In constant time. Whether *ret_replay is new is for the caller to see. */
bool dhcp_forcerenew_verify(const uint8_t *buf, size_t len, const uint8_t nonce[DHCP_NONCE_LEN],
			    uint64_t *ret_replay);

#endif
