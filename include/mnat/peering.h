/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between mobility managers of different domains, and from a node in public space to
 * its home manager.
 *
 * Framing as SIMCO's (simco.h: basic type, sub-type, length, transaction), over TLS
 * 1.3 with both sides verified (TCP port 7627), or, from a node, single datagrams
 * (UDP port 7627) of which only ARRIVE and REBIND are accepted and answered.
 *
 *   0x01 HELLO    DOMAIN, EPOCH                   both sides, first
 *   0x02 ARRIVE   visited -> home: a node is here. TICKET, COUNTER, PROOF, ENDPOINT
 *                 (where to tunnel: the visited gateway, or the node itself), OTHER (the
 *                 visited domain's other gateways, from which its packets may come too).
 *                 reply: VIRTUAL, GATEWAY (home's tunnel address), OTHER (of home's other
 *                 gateways), FLAGS (bit 0: direct allowed; bit 1: home would translate, see
 *                 FORWARD; bit 2: and leaves the correspondent's endpoint as source,
 *                 otherwise puts its own; or, where there is a tunnel, as its outer source),
 *                 LIFETIME (seconds the home domain will serve without a RENEW, or
 *                 another ARRIVE of a node's). From that reply on the home gateways forward.
 *                 In a node's datagram, and in the reply to it, PROOF is the last attribute
 *                 and a seal, HMAC with the node's key of all bytes before that attribute,
 *                 so that nobody on the way can change ENDPOINT.
 *   0x03 FLOWS    visited -> home: VIRTUAL, GATEWAY (which of home's; without it: the one
 *                 that ARRIVE's reply named so), CURSOR. reply: FLOWS, CURSOR (0: all)
 *   0x04 RENEW    visited -> home: VIRTUAL: the node is still here, keep its lease.
 *                 reply: LIFETIME
 *   0x05 LEFT     visited -> home: VIRTUAL, COUNTER: the node has left here (lease over)
 *   0x06 MOVED    home -> visited: VIRTUAL, COUNTER: it has arrived elsewhere, or came
 *                 home: forget this anchor
 *   0x07 ENDED    home -> visited: VIRTUAL, COUNTER: its last session here ended, or
 *                 (REASON) the home domain serves it no longer: forget this anchor
 *   0x08 FORWARD  visited -> home: VIRTUAL, COUNTER, FLOWS: these sessions have external
 *                 endpoints of their own at the visited gateway, to which home may translate
 *                 instead of using the tunnel; or, with port 0, their tunnel packets are taken
 *                 with the correspondent as outer source. Sent only if ARRIVE's reply
 *                 offered it, and for COUNTER the last arrival's. POLICY: home would not,
 *                 after all. The tunnel stays for all that is not named, and for who does
 *                 not know FORWARD.
 *
 *   0x10 REBIND   a node, at home, to its own manager, by a datagram sealed like ARRIVE's:
 *                 TICKET (of its last ACK, which this uses up), COUNTER, ENDPOINT (an actual
 *                 address it had here, and has again). reply: VIRTUAL, ENDPOINT: its lease
 *                 is extended, the gateways send there.
 *
 * COUNTER in LEFT, MOVED and ENDED is that of the arrival they end: about a later one they say
 * nothing, however late they come. Requests may be pipelined; replies come in any order.
 * A visited domain RENEWs what it has after every reconnection, and a negative reply
 * to it is as good as an ENDED that was lost.
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
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mnat/simco.h"

#define PEERING_PORT 7627
#define PEERING_TICKET_LEN 48
#define PEERING_MAC_LEN 16
#define PEERING_OTHERS_MAX 15

enum peering_subtype {
	PEERING_HELLO = 0x01,
	PEERING_ARRIVE,
	PEERING_FLOWS,
	PEERING_RENEW,
	PEERING_LEFT,
	PEERING_MOVED,
	PEERING_ENDED,
	PEERING_FORWARD,
	PEERING_REBIND = 0x10,
};

/* Attributes not in enum simco_attribute's extension range, which is used otherwise. */
enum peering_attribute {
	PEERING_A_DOMAIN = 0xe101,   /* 4 */
	PEERING_A_TICKET = 0xe102,   /* 48 */
	PEERING_A_COUNTER = 0xe103,  /* 8 */
	PEERING_A_PROOF = 0xe104,    /* 16 */
	PEERING_A_LIFETIME = 0xe105, /* 4 */
	PEERING_A_REASON = 0xe106,   /* text, at most 120 bytes */
	PEERING_A_OTHER = 0xe107,    /* 4, at most 15 times: a tunnel address */
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

const char *peering_error_text(uint8_t error);

/* ARRIVE's reply: packets may leave the visited gateway as the home gateway's (direct). */
#define PEERING_DIRECT (1u << 0)
#define PEERING_TRANSLATE (1u << 1)
#define PEERING_CORRESPONDENT (1u << 2)

/* struct peering_message.has */
enum peering_has {
	PEERING_HAS_DOMAIN = 1 << 0,
	PEERING_HAS_EPOCH = 1 << 1,
	PEERING_HAS_TICKET = 1 << 2,
	PEERING_HAS_COUNTER = 1 << 3,
	PEERING_HAS_ENDPOINT = 1 << 4,
	PEERING_HAS_VIRTUAL = 1 << 5,
	PEERING_HAS_GATEWAY = 1 << 6,
	PEERING_HAS_FLAGS = 1 << 7,
	PEERING_HAS_LIFETIME = 1 << 8,
	PEERING_HAS_CURSOR = 1 << 9,
	PEERING_HAS_FLOWS = 1 << 10,
	PEERING_HAS_REASON = 1 << 11,
	PEERING_HAS_PROOF = 1 << 12,
	PEERING_HAS_OTHER = 1 << 13,
};

#define PEERING_REASON_MAX 120

/* Tunnel addresses of a domain's gateways beside the first. */
struct peering_others {
	uint32_t n;
	struct in_addr addr[PEERING_OTHERS_MAX];
};

struct peering_message {
	uint8_t basic; /* enum simco_basic */
	uint8_t subtype;
	uint32_t transaction;
	uint32_t has;
	uint32_t domain;
	uint64_t epoch;
	uint8_t ticket[PEERING_TICKET_LEN];
	uint64_t counter;
	struct in_addr endpoint;
	struct in_addr virt;
	struct in_addr gateway;
	struct peering_others others;
	uint32_t flags;
	uint32_t lifetime;
	uint64_t cursor;
	const struct simco_flow *flows; /* into the decoded buffer; the caller's to encode */
	uint32_t n_flows;
	char reason[PEERING_REASON_MAX + 1];
	uint8_t proof[PEERING_MAC_LEN]; /* always the last attribute */
};

/* As simco_decode() and simco_encode(). */
int peering_decode(const uint8_t *buf, size_t len, struct peering_message *ret_message,
		   size_t *ret_skip);
int peering_encode(const struct peering_message *message, uint8_t *buf, size_t size);

/* What a node proves itself with: HMAC-SHA-256(key, ticket || counter), first 16 bytes. */
void peering_prove(const uint8_t key[PEERING_MAC_LEN], const uint8_t ticket[PEERING_TICKET_LEN],
		   uint64_t counter, uint8_t ret_proof[PEERING_MAC_LEN]);

/*
 * The PROOF that ends an encoded datagram: HMAC-SHA-256 with key of all bytes before that
 * attribute's header. seal fills it in, is_sealed compares in constant time.
 */
void peering_seal(const uint8_t key[PEERING_MAC_LEN], uint8_t *message, size_t len);
bool peering_is_sealed(const uint8_t key[PEERING_MAC_LEN], const uint8_t *message, size_t len);

#endif
