/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Questions about leases over TCP: bulk leasequery (RFC 6926) and active leasequery
 * (RFC 7724), for the server (dhcpd/leasequery.h) and the requestor (mm/leasequery.h).
 *
 * Each message is a DHCP message (dhcp.h) after its length, two bytes in network order. A
 * query is a BOOTREQUEST; each answer to it is a BOOTREPLY with its xid:
 *
 *   BULKLEASEQUERY    every binding, or those of one chaddr or client identifier (61):
 *                     a LEASEACTIVE each, then LEASEQUERYDONE
 *   ACTIVELEASEQUERY  every change from now on: LEASEACTIVE, or LEASEUNASSIGNED when an
 *                     address has become free. With query-start-time, those since then come
 *                     first, and then LEASEQUERYSTATUS, CatchUpComplete; or DataMissing, if
 *                     some of them are known no more: ask for all by a bulk query.
 *                     LEASEQUERYSTATUS, ConnectionActive, when there was nothing to say.
 *   TLS               answered by TLS, TLSConnectionRefused: there is none here
 *
 * Who may not ask, or asks nonsense, gets LEASEQUERYDONE with its status.
 *
 * A binding is ciaddr's. It has chaddr, and the options 61, 51 (active ones), 82, 91, 92
 * (all addresses of that client), 152 (when this was said; by the server's clock in seconds
 * since 1970, never falling), 153 and 91 in seconds before that, 156, 157, and 125 under our
 * enterprise number: the host's virtual address and generation (dhcp.h), its mode and
 * what it proved of other domains. Of a host that shares its virtual address 125 has the
 * identity (mnat/abi.h) and 92 the address. A mobile host that moves is LEASEACTIVE at its new
 * address first, and then the old one is LEASEUNASSIGNED, without option 125.
 *
 * Message types and options are IANA's, as Wireshark's dissector and Kea have them. The
 * texts of the RFCs were not at hand: status codes 5 to 8 are by a third party's list of
 * IANA's, what is sent when, and the times, are as recalled.
 */
#ifndef MNAT_LEASEQUERY_H
#define MNAT_LEASEQUERY_H

#include "mnat/dhcp.h"
#include "mnat/stream.h"

#define LEASEQUERY_PREFIX  2
#define LEASEQUERY_MAX_IN  (LEASEQUERY_PREFIX + UINT16_MAX)
#define LEASEQUERY_TEXT	   128 /* of a status, with its NUL */
#define LEASEQUERY_ALIVE_S 60  /* a server that has nothing to say says so */
#define LEASEQUERY_DEAD_S  120 /* neither side waits longer for the other */

#define LEASEQUERY_STATUSES(X)                                                                     \
	X(0, SUCCESS, "Success")                                                                   \
	X(1, FAIL, "UnspecFail")                                                                   \
	X(2, TERMINATED, "QueryTerminated")                                                        \
	X(3, MALFORMED, "MalformedQuery")                                                          \
	X(4, NOT_ALLOWED, "NotAllowed")                                                            \
	X(5, DATA_MISSING, "DataMissing")                                                          \
	X(6, ALIVE, "ConnectionActive")                                                            \
	X(7, CAUGHT_UP, "CatchUpComplete")                                                         \
	X(8, TLS_REFUSED, "TLSConnectionRefused")

enum leasequery_status {
#define X(number, name, text) LEASEQUERY_##name = number,
	LEASEQUERY_STATUSES(X)
#undef X
};

const char *leasequery_status_name(enum leasequery_status status); /* "NotAllowed" */

/* Option 156: dhcp-state */
enum leasequery_state {
	LEASEQUERY_AVAILABLE = 1,
	LEASEQUERY_ACTIVE,
	LEASEQUERY_EXPIRED,
	LEASEQUERY_RELEASED,
	LEASEQUERY_ABANDONED,
};

/*
 * The first message of len bytes received, which may be empty or no DHCP message: that is
 * dhcp_parse_query()'s to say. Bytes it takes with its prefix; 0: it is not all here.
 */
size_t leasequery_next(const uint8_t *buf, size_t len, const uint8_t **ret_message,
		       size_t *ret_len);

/* Append one to the output. 0 or -ENOMEM. */
int leasequery_send(struct mnat_stream *stream, const void *message, size_t len);

/* Option 151: the code and a text for people. */
void leasequery_put_status(struct dhcp_builder *b, enum leasequery_status status, const char *text);

/* Success, if there is none. text: what is printable of it. */
enum leasequery_status leasequery_get_status(const struct dhcp_message *message,
					     char ret_text[LEASEQUERY_TEXT]);

#endif
