/* SPDX-License-Identifier: GPL-2.0-only */
/* What a server's message says, checked for sense (dhcp_parse() has checked its form). */
#ifndef MNATC_REPLY_H
#define MNATC_REPLY_H

#include "lease.h"
#include "mnat/dhcp.h"

#define REPLY_TEXT_MAX 64

struct reply {
	enum dhcp_type type; /* OFFER, ACK or NAK */
	uint32_t xid;
	struct in_addr server;
	bool rapid_commit; /* ACK to a DISCOVER (RFC 4039) */
	struct lease lease;	   /* OFFER, ACK; since_ns is the receiver's to set */
	char text[REPLY_TEXT_MAX]; /* NAK: the server's reason, printable, may be empty */
};

/*
 * 0, or -EBADMSG for a message no sound server sends; *ret_why then says what is
 * wrong with it (a static string).
 */
int reply_decode(const struct dhcp_message *message, struct reply *ret_reply, const char **ret_why);

#endif
