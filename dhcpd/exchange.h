/* SPDX-License-Identifier: GPL-2.0-only */
/* One message being answered: what server.c, offer.c, request.c and reply.c share. */
#ifndef DHCPD_EXCHANGE_H
#define DHCPD_EXCHANGE_H

#include <arpa/inet.h>

#include "server.h"

struct exchange {
	struct server *server;
	const struct arrival *arrival;
	const struct dhcp_message *in;
	const struct subnet_conf *subnet; /* the client's current one */
	struct client *client;		  /* NULL: unknown */
	const uint8_t *key;		  /* its identifier */
	size_t key_len;
	uint64_t now;
	struct reply *reply;
};

/* An address of the message in host order; 0: the option is absent. */
static inline uint32_t requested_address(const struct exchange *x)
{
	struct in_addr addr = {0};

	dhcp_get_ip(x->in, DHCP_OPT_REQUESTED_IP, &addr);
	return ntohl(addr.s_addr);
}

static inline uint32_t client_address(const struct exchange *x)
{
	return ntohl(x->in->header.ciaddr.s_addr);
}

/* Does the client come from another domain? Its arrivals that name our own manager say no. */
bool arrives(const struct exchange *x);

/* One function a message type; true: x->reply is to be sent. */
bool handle_discover(struct exchange *x);
bool handle_request(struct exchange *x);
bool handle_decline(struct exchange *x);
bool handle_release(struct exchange *x);
bool handle_inform(struct exchange *x);

/* The address bound or offered to the client in its current subnet, or NULL. */
struct lease *lease_here(const struct exchange *x);

/* Lease time: what the client asks for, at most what its subnet gives. */
uint32_t lease_seconds(const struct exchange *x);

/* Write x->reply. false: it does not fit (counted). lease, virt: may be NULL. */
bool reply_lease(struct exchange *x, enum dhcp_type type, const struct lease *lease,
		 const struct lease *virt, uint32_t seconds);
bool reply_nak(struct exchange *x, const char *why);
bool reply_inform(struct exchange *x);

/*
 * Has the client's binding changed? Then make the events that say so. in: the message
 * that did it, or NULL. A mobile client is told of again even when nothing has changed:
 * the manager's answer has a fresh token, and learns of arrivals it may have missed.
 */
void binding_update(struct server *s, struct client *client, const struct dhcp_message *in);

#endif
