/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between mobility managers of different domains, and from a node in public space to
 * its home manager.
 *
 * Framing as SIMCO's (simco.h: basic type, sub-type, length, transaction), over TLS
 * 1.3 with both sides verified (TCP port 7627), or, from a node, single datagrams
 * (UDP port 7627) of which only ARRIVE is accepted and answered.
 *
 *   0x01 HELLO    DOMAIN, EPOCH                   both sides, first
 *   0x02 ARRIVE   visited -> home: a node is here. TICKET, COUNTER, PROOF, ENDPOINT
 *                 (where to tunnel: the visited gateway, or the node itself).
 *                 reply: VIRTUAL, GATEWAY (home's tunnel address), FLAGS (direct allowed),
 *                 LIFETIME (seconds the home domain will serve). From that reply on the
 *                 home gateway forwards. To a node's datagram the reply carries PROOF:
 *                 HMAC over the reply's bytes before it, with the node's key.
 *   0x03 FLOWS    visited -> home: VIRTUAL, CURSOR. reply: FLOWS, CURSOR (0: all)
 *   0x04 RENEW    visited -> home: VIRTUAL: the node is still here, keep its lease.
 *                 reply: LIFETIME
 *   0x05 LEFT     visited -> home: VIRTUAL: the node has left here (lease over)
 *   0x06 MOVED    home -> visited: VIRTUAL: it has arrived elsewhere, or came home:
 *                 forget this anchor
 *   0x07 ENDED    home -> visited: VIRTUAL: its last session here ended, or (REASON) the
 *                 home domain serves it no longer: forget this anchor
 *
 * A visited domain may ask about a virtual address only while the home domain has
 * its last valid ARRIVE from that very domain.
 *
 * Ticket (48 bytes, big-endian): domain 4, virtual 4, gateway (tunnel address) 4,
 * generation 4, expiry 8 (seconds since 1970), nonce 8, and HMAC-SHA-256 of all
 * that with the manager's secret, first 16 bytes. A visited manager may read the first
 * four fields to prepare its gateway; it believes nothing of it before ARRIVE's reply.
 * key = HMAC-SHA-256(secret, "key" || ticket), first 16 bytes.
 */
#ifndef MNAT_PEERING_H
#define MNAT_PEERING_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define PEERING_PORT 7627
#define PEERING_TICKET_LEN 48
#define PEERING_MAC_LEN 16

enum peering_subtype {
	PEERING_HELLO = 0x01,
	PEERING_ARRIVE,
	PEERING_FLOWS,
	PEERING_RENEW,
	PEERING_LEFT,
	PEERING_MOVED,
	PEERING_ENDED,
};

/* Attributes not in enum simco_attribute's extension range, which is used otherwise. */
enum peering_attribute {
	PEERING_A_DOMAIN = 0xe101,   /* 4 */
	PEERING_A_TICKET = 0xe102,   /* 48 */
	PEERING_A_COUNTER = 0xe103,  /* 8 */
	PEERING_A_PROOF = 0xe104,    /* 16 */
	PEERING_A_LIFETIME = 0xe105, /* 4 */
	PEERING_A_REASON = 0xe106,   /* text, at most 120 bytes */
};

/* Sub-types of negative replies. */
enum peering_error {
	PEERING_E_MALFORMED = 0x12,
	PEERING_E_UNKNOWN = 0xd1,  /* no such virtual address here */
	PEERING_E_TICKET = 0xd2,   /* ticket forged or expired */
	PEERING_E_PROOF = 0xd3,	   /* proof wrong: the node has not been there */
	PEERING_E_REPLAY = 0xd4,   /* counter not newer than the last */
	PEERING_E_POLICY = 0xd5,   /* this domain may not ask, or not so much */
	PEERING_E_BUSY = 0xd6,
};

#endif
