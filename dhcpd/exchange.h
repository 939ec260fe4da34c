/* SPDX-License-Identifier: GPL-2.0-only */
/* One message being answered: what server.c, offer.c, request.c and reply.c share. */
#ifndef DHCPD_EXCHANGE_H
#define DHCPD_EXCHANGE_H

#include <arpa/inet.h>

#include "alloc.h"
#include "server.h"

struct exchange {
	struct server *server;
	const struct arrival *arrival;
	const struct dhcp_message *in;
	const struct subnet_conf *subnet; /* the client's current one; then its lease's */
	const struct host_conf *host;	  /* what is kept for this client; NULL: nothing */
	const struct class_conf *class;	  /* NULL: none */
	struct in_addr server_id;	  /* as the client knows us */
	struct place_key place;
	struct client *client;		  /* NULL: unknown */
	struct proof proof;
	const uint8_t *key;		  /* its identifier */
	size_t key_len;
	uint64_t now;
	struct reply *reply;
};

#define CLIENT_HARDWARE_LEN 7

/*
 * The identifier of a message's client: option 61 or else, in the same form, its hardware
 * address (RFC 2132 section 9.14), which is written to hardware. Its length.
 */
size_t client_identifier(const struct dhcp_message *message, uint8_t hardware[CLIENT_HARDWARE_LEN],
			 const uint8_t **ret_id);

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

/* The virtual address that it wants, or that is kept for it. */
struct wish virtual_wish(const struct exchange *x);

/* One function a message type; true: x->reply is to be sent. */
bool handle_discover(struct exchange *x);
bool handle_request(struct exchange *x);
bool handle_decline(struct exchange *x);
bool handle_release(struct exchange *x);
bool handle_inform(struct exchange *x);

/* Is address one that the client's pools, or what is kept for it, let it have here? */
bool may_hold(const struct exchange *x, uint32_t address);
/* The address that is kept for it on this link and that nobody else has; 0: none. */
uint32_t reserved_here(const struct exchange *x);

/* May one more client have an address where this one is? Counted if not. */
bool within_limits(struct exchange *x);

/* Its name, from option 12 or 81. */
void remember_name(struct exchange *x);
/* Options 12 and 81 of the answer. */
void put_names(struct exchange *x, struct dhcp_builder *b);

/* In an ACK, what a later FORCERENEW is proved by, for a client that takes one. */
void put_nonce(struct exchange *x, struct dhcp_builder *b);

/* What the option is for this client: its host's, class's, subnet's, or all clients'. */
const struct option_value *option_for(const struct exchange *x, uint8_t code);

/* Does the answer have room for an option that the client wants? */
bool is_wanted(const struct exchange *x, uint8_t code);
void offer_option(struct exchange *x, struct dhcp_builder *b, uint8_t code, const void *data,
		  size_t len);

/* Is the host of that virtual address to be reached by tunnel? It is told so in the answer. */
bool uses_tunnel(const struct exchange *x, const struct lease *virt);

/* Bind lease, and the virtual one with it, and write the ACK. */
bool acknowledge(struct exchange *x, struct lease *lease);

/* The address bound or offered to the client on its current link, or NULL. */
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
